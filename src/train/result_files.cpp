#include "train/result_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "format/gguf_writer.h"
#include "format/safetensors_writer.h"
#include "model/peft.h"
#include "train/full_model.h"
#include "train/lora.h"

namespace freehold::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAdapter[] = {"adapter_model.safetensors", "adapter_config.json"};
constexpr const char* kGguf = "model.gguf";
constexpr std::string_view kOutput = "output.weight";
constexpr const char* kTensors = "model.safetensors";
constexpr const char* kConfig = "config.json";
// Of a Hugging Face folder, beside weights and configuration.
constexpr const char* kCopied[] = {"generation_config.json", "tokenizer.json",      "tokenizer_config.json",
                                   "tokenizer.model",        "chat_template.jinja", "special_tokens_map.json",
                                   "added_tokens.json",      "vocab.json",          "merges.txt"};

constexpr std::uint64_t kFloat32 = 0;  // general.file_type of a GGUF (llama.cpp's enum llama_ftype)

Result<ResultFile> hashed(const fs::path& folder, const std::string& name) {
  FH_TRY(const MappedFile file, MappedFile::open(folder / name));
  return ResultFile{name, sha256(file.bytes()).hex()};
}

Result<> write_gguf(const fs::path& path, std::span<const Parameter> parameters, const format::Gguf& base) {
  format::Metadata metadata = base.metadata;
  for (const char* key : {"split.no", "split.count", "split.tensors.count"}) metadata.erase(key);
  metadata.set("general.file_type", format::Value::u32(kFloat32));
  metadata.erase("general.quantization_version");
  std::vector<format::GgufTensor> table;
  std::vector<Bytes> contents;
  for (const tensor::View& view : base.tensors) {
    const auto found =
        std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == view.name; });
    if (found != parameters.end()) {
      table.push_back({view.name, tensor::DType::f32, view.shape});
      contents.push_back(std::as_bytes(std::span<const float>(found->value)));
    } else if (view.name != kOutput) {  // rope's factors; of a tied model, a copy of the embedding is left out
      table.push_back({view.name, view.type, view.shape});
      contents.push_back(view.bytes);
    }
  }
  FH_TRY(AtomicFile file, AtomicFile::create(path));
  FH_TRY(auto writer, format::GgufWriter::start([&](Bytes bytes) { return file.write(bytes); }, metadata, table));
  for (const Bytes content : contents) FH_TRY_VOID(writer.append(content));
  FH_TRY_VOID(writer.finish());
  return file.commit();
}

// The base's config.json, which must not send a reader to another type than the weights have.
Result<std::string> config_of(const fs::path& folder) {
  FH_TRY(const std::string text, read_file(folder / kConfig));
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object())
    return fail(Errc::corrupt, fmt::format("{}: not JSON", printable((folder / kConfig).string())));
  json[json.contains("dtype") ? "dtype" : "torch_dtype"] = "float32";
  json.erase("quantization_config");
  return json.dump(2) + "\n";
}

}  // namespace

Result<std::vector<ResultFile>> write_adapter(const fs::path& folder, const LoraModel& model) {
  FH_TRY_VOID(model::write_peft(folder, model.spec(), model.values()));
  std::vector<ResultFile> files;
  for (const char* name : kAdapter) {
    FH_TRY(ResultFile file, hashed(folder, name));
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<ResultFile>> write_model(const fs::path& folder, FullModel& model, const format::Checkpoint& base) {
  std::vector<std::string> names;
  if (base.gguf() != nullptr) {
    FH_TRY_VOID(write_gguf(folder / kGguf, model.parameters(), *base.gguf()));
    names.emplace_back(kGguf);
  } else {
    std::vector<format::F32Tensor> tensors;
    for (const Parameter& p : model.parameters()) tensors.push_back({p.name, p.shape, p.value});
    const fs::path& from = base.hf()->path;
    FH_TRY(const std::string config, config_of(from));
    FH_TRY_VOID(format::write_safetensors(folder / kTensors, tensors));
    names.emplace_back(kTensors);
    std::error_code ec;
    for (const char* name : kCopied) {
      if (!fs::exists(from / name, ec)) continue;
      FH_TRY(const std::string content, read_file(from / name));
      FH_TRY_VOID(write_file_atomically(folder / name, content));
      names.emplace_back(name);
    }
    FH_TRY_VOID(write_file_atomically(folder / kConfig, config));
    names.emplace_back(kConfig);
  }
  std::vector<ResultFile> files;
  for (const std::string& name : names) {
    FH_TRY(ResultFile file, hashed(folder, name));
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<std::string> result_names() {
  return {kAdapter[0], kAdapter[1], kGguf, kTensors, kConfig};
}

}  // namespace freehold::train
