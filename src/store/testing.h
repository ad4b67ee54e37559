// For the store's tests: small models of our own making.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "store/store.h"
#include "store/synth/synth.h"

namespace freehold::store::testing {

// The bytes of a tiny GGUF; other seeds give other weights. Made once.
inline const std::string& tiny_gguf(std::uint64_t seed = 0, std::string_view type = "q4_0") {
  static std::map<std::pair<std::uint64_t, std::string>, std::string> made;
  std::string& bytes = made[{seed, std::string(type)}];
  if (!bytes.empty()) return bytes;
  ThreadPool pool(1);
  auto done = synthesise({*shape_from_name("tiny-llama"), weight_type_from_name(type).value(), seed}, pool,
                         [&](Bytes part) -> Result<> {
                           bytes.append(as_text(part));
                           return {};
                         });
  EXPECT_TRUE(done);
  return bytes;
}

inline void put(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

// Stands in for the layout of the kernels: the file's name and some bytes. Good as long as it begins with `mark`.
inline Preparation fake_preparation(std::string mark = "prepared") {
  return {[](const format::Checkpoint&) -> Result<std::uint64_t> { return 5000; },
          [mark](const format::Checkpoint& checkpoint, const format::Sink& sink, const Progress&) -> Result<> {
            FH_TRY_VOID(sink(as_bytes(mark)));
            return sink(as_bytes(std::string(5000, static_cast<char>('a' + checkpoint.total_bytes() % 26))));
          },
          [mark](const std::filesystem::path& path) {
            auto bytes = read_file(path);
            return bytes && bytes->starts_with(mark);
          }};
}

// A safetensors file with one F32 tensor of `elems` zeros.
inline std::string safetensors(const std::string& tensor, std::size_t elems) {
  std::string header = "{\"" + tensor + "\":{\"dtype\":\"F32\",\"shape\":[" + std::to_string(elems) +
                       "],\"data_offsets\":[0," + std::to_string(4 * elems) + "]}}";
  while (header.size() % 8 != 0) header += ' ';
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(header.size() >> 8 * i & 0xFF);
  return out + header + std::string(4 * elems, '\0');
}

// Two shards, a configuration and a template: enough for the store, which leaves the rest to the validator.
inline void put_hf_folder(const std::filesystem::path& folder) {
  put(folder / "config.json", R"({"model_type": "llama", "hidden_size": 8})");
  put(folder / "tokenizer_config.json", R"({"chat_template": "{{ messages }}"})");
  put(folder / "LICENSE", "ours");
  put(folder / "unrelated.bin", "stays outside");
  put(folder / "model-00001-of-00002.safetensors", safetensors("a", 4000));
  put(folder / "model-00002-of-00002.safetensors", safetensors("b", 5000));
  put(folder / "model.safetensors.index.json",
      R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})");
}

inline ModelName name(std::string_view text) {
  return ModelName::parse(text).value();
}

// Everything below a folder but the lock, to compare states.
inline std::map<std::string, std::string> snapshot(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder)) {
    if (e.path().filename() == "lock" || e.is_directory()) continue;
    out[e.path().lexically_relative(folder).string()] =
        e.is_symlink() ? std::filesystem::read_symlink(e.path()).string() : read_file(e.path()).value();
  }
  return out;
}

}  // namespace freehold::store::testing
