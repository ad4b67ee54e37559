// For tests: builds GGUF files byte by byte, also wrong ones. Every number that a file states can be overridden.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::format::testing {

template <typename T>
std::string raw(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

struct TestTensor {
  std::string name;
  std::vector<std::uint64_t> dims;  // as the file lists them: innermost first
  std::uint32_t type = 0;
  std::string data;
  std::optional<std::uint64_t> offset;    // otherwise where the data is
  std::optional<std::uint32_t> n_dims;    // otherwise dims.size()
  std::optional<std::uint64_t> name_len;  // otherwise name.size()
};

struct TestGguf {
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of the layout; state it with u32("general.alignment", …)
  std::string magic = "GGUF";
  std::optional<std::uint64_t> n_tensors;
  std::optional<std::uint64_t> n_entries;
  std::vector<std::string> entries;
  std::vector<TestTensor> tensors;
  std::string tail;
  bool pad_last = true;

  std::string length(std::uint64_t n) const { return version == 1 ? raw(static_cast<std::uint32_t>(n)) : raw(n); }
  std::string str(std::string_view s) const { return length(s.size()) + std::string(s); }

  TestGguf& entry(std::string_view key, std::uint32_t type, const std::string& payload) {
    entries.push_back(str(key) + raw(type) + payload);
    return *this;
  }
  TestGguf& u32(std::string_view key, std::uint32_t n) { return entry(key, 4, raw(n)); }
  TestGguf& string(std::string_view key, std::string_view s) { return entry(key, 8, str(s)); }
  TestGguf& array(std::string_view key, std::uint32_t type, std::uint64_t count, const std::string& elements) {
    return entry(key, 9, raw(type) + length(count) + elements);
  }
  TestGguf& strings(std::string_view key, const std::vector<std::string>& items) {
    std::string elements;
    for (const auto& s : items) elements += str(s);
    return array(key, 8, items.size(), elements);
  }
  TestGguf& tensor(TestTensor t) {
    tensors.push_back(std::move(t));
    return *this;
  }
  // F32, all elements 1, 2, 3, …
  TestGguf& f32(std::string_view name, std::vector<std::uint64_t> dims) {
    std::uint64_t n = 1;
    for (auto d : dims) n *= d;
    std::string data;
    for (std::uint64_t i = 0; i < n; ++i) data += raw(static_cast<float>(i + 1));
    return tensor({std::string(name), std::move(dims), 0, data, {}, {}, {}});
  }

  std::string build() const {
    std::string out =
        magic + raw(version) + length(n_tensors.value_or(tensors.size())) + length(n_entries.value_or(entries.size()));
    for (const auto& e : entries) out += e;
    std::uint64_t at = 0;
    for (const auto& t : tensors) {
      out += length(t.name_len.value_or(t.name.size())) + t.name;
      out += raw(t.n_dims.value_or(static_cast<std::uint32_t>(t.dims.size())));
      for (auto d : t.dims) out += length(d);
      out += raw(t.type) + raw(t.offset.value_or(at));
      at += t.data.size() + padding(t.data.size());
    }
    if (!tensors.empty()) out.append(padding(out.size()), '\0');
    for (const auto& t : tensors) {
      out += t.data;
      if (&t != &tensors.back() || pad_last) out.append(padding(t.data.size()), '\0');
    }
    return out + tail;
  }

 private:
  std::uint64_t padding(std::uint64_t n) const { return (alignment - n % alignment) % alignment; }
};

// A small model-like file with one of everything.
inline TestGguf sample(std::uint32_t version = 3) {
  TestGguf g;
  g.version = version;
  g.string("general.architecture", "llama");
  g.u32("llama.block_count", 1);
  g.entry("llama.attention.layer_norm_rms_epsilon", 6, raw(1e-5f));
  g.entry("a.u8", 0, raw(std::uint8_t{200})).entry("a.i8", 1, raw(std::int8_t{-5}));
  g.entry("a.u16", 2, raw(std::uint16_t{65535})).entry("a.i16", 3, raw(std::int16_t{-300}));
  g.entry("a.i32", 5, raw(std::int32_t{-70000})).entry("a.bool", 7, raw(std::uint8_t{1}));
  g.entry("a.u64", 10, raw(~std::uint64_t{0})).entry("a.i64", 11, raw(std::int64_t{-1})).entry("a.f64", 12, raw(0.25));
  g.strings("tokenizer.ggml.tokens", {"<unk>", "", "\xe2\x96\x81the", "the"});
  g.array("tokenizer.ggml.scores", 6, 4, raw(0.f) + raw(-1.f) + raw(-2.f) + raw(-3.f));
  g.array("tokenizer.ggml.token_type", 5, 4, raw(2) + raw(1) + raw(1) + raw(6));
  g.array("a.bools", 7, 3, std::string("\0\1\1", 3));
  g.array("a.empty", 8, 0, "").string("a.empty_string", "");
  g.array("a.nested", 9, 2, raw(5) + g.length(2) + raw(7) + raw(-8) + raw(8) + g.length(1) + g.str("x"));
  g.f32("token_embd.weight", {8, 4}).f32("output_norm.weight", {8});
  g.tensor({"blk.0.attn_q.weight", {32, 2}, 8, std::string(68, '\1'), {}, {}, {}});
  return g;
}

}  // namespace freehold::format::testing
