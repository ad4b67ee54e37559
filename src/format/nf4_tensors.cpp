#include "format/nf4_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <new>
#include <set>
#include <string>

#include "base/utf8.h"
#include "format/json.h"

namespace freehold::format {
namespace {

constexpr std::string_view kState = ".quant_state.bitsandbytes__nf4";
constexpr std::size_t kLarge = std::size_t{1} << 20;
constexpr std::size_t kBlock = 64, kNested = 256, kBlockBytes = 36;
// NF4's levels as bits of float32: what a quant_map must hold.
constexpr std::uint32_t kLevels[16] = {0xBF800000, 0xBF3239B1, 0xBF066B30, 0xBECA32A0, 0xBE91A24D, 0xBE3D353F,
                                       0xBDBA7871, 0x00000000, 0x3DA2FAFF, 0x3E24CAE3, 0x3E7C04DD, 0x3EAD033A,
                                       0x3EE1A4B8, 0x3F1007AB, 0x3F3913B3, 0x3F800000};

struct State {
  std::uint64_t N = 0, K = 0;
  float offset = 0;
};

Result<State> read_state(Bytes json_bytes) {
  auto json = parse_json(as_text(json_bytes));
  if (!json) return in_context(std::move(json).error(), "quant_state");
  auto text = [&](std::string_view key) {
    const Value* v = json->member(key);
    return v != nullptr ? v->as_string().value_or("") : std::string_view();
  };
  auto number = [&](std::string_view key) {
    const Value* v = json->member(key);
    return v != nullptr ? v->as_u64().value_or(0) : 0;
  };
  if (text("quant_type") != "nf4") return fail(Errc::unsupported, "quant_type is not 'nf4'");
  if (number("blocksize") != kBlock || number("nested_blocksize") != kNested) {
    return fail(Errc::unsupported,
                fmt::format("blocks are not of {} weights and {} blocks (double quantisation)", kBlock, kNested));
  }
  const Value* shape = json->member("shape");
  const auto dims = shape != nullptr ? shape->as_i64s() : std::nullopt;
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (!dims || dims->size() != 2 || (*dims)[0] <= 0 || (*dims)[1] <= 0 || (*dims)[0] > kMost || (*dims)[1] > kMost) {
    return fail(Errc::corrupt, "shape is not of two dimensions");
  }
  State s{static_cast<std::uint64_t>((*dims)[0]), static_cast<std::uint64_t>((*dims)[1])};
  if (s.K % kBlock != 0) {
    return fail(Errc::unsupported, fmt::format("rows of {} weights are no whole number of blocks of {}", s.K, kBlock));
  }
  const Value* offset = json->member("nested_offset");
  if (offset == nullptr || !offset->as_f64() || !std::isfinite(*offset->as_f64())) {
    return fail(Errc::corrupt, "nested_offset is not a number");
  }
  s.offset = static_cast<float>(*offset->as_f64());
  return s;
}

class Joiner {
 public:
  explicit Joiner(Safetensors& file) : file_(file) {
    for (const OtherTensor& t : file.others) others_.emplace(t.name, &t);
    for (const tensor::View& t : file.tensors) floats_.emplace(t.name, &t);
  }

  Result<> join(const std::string& name) {
    const OtherTensor* codes = other(name);
    const OtherTensor* absmax = other(name + ".absmax");
    const OtherTensor* state = other(name + std::string(kState));
    const tensor::View* nested = f32(name + ".nested_absmax");
    const tensor::View* map = f32(name + ".nested_quant_map");
    const tensor::View* levels = f32(name + ".quant_map");
    if (codes == nullptr || state == nullptr || levels == nullptr)
      return fail(Errc::corrupt, "a part of it is missing");
    FH_TRY(const State s, read_state(state->bytes));
    if (absmax == nullptr || nested == nullptr || map == nullptr) {
      return fail(Errc::unsupported, "its absmax is not quantised in turn (double quantisation)");
    }
    const std::uint64_t blocks = s.N * s.K / kBlock;
    if (codes->bytes.size() != blocks * kBlock / 2 || absmax->bytes.size() != blocks ||
        nested->elems() != (blocks + kNested - 1) / kNested || map->elems() != 256 || levels->elems() != 16) {
      return fail(Errc::corrupt, fmt::format("its parts do not fit a shape of ({}, {})", s.N, s.K));
    }
    if (std::memcmp(levels->bytes.data(), kLevels, sizeof kLevels) != 0) {
      return fail(Errc::unsupported, "its quant_map is not NF4's");
    }
    FH_TRY(const std::span<std::byte> memory, take(blocks * kBlockBytes));
    auto value = [](const tensor::View& view, std::uint64_t i) {
      float f;
      std::memcpy(&f, view.bytes.data() + i * sizeof f, sizeof f);
      return f;
    };
    for (std::uint64_t b = 0; b < blocks; ++b) {
      const float scaled = value(*map, std::to_integer<std::uint64_t>(absmax->bytes[b])) * value(*nested, b / kNested);
      const float d = scaled + s.offset;
      std::memcpy(memory.data() + b * kBlockBytes, &d, sizeof d);
      std::memcpy(memory.data() + b * kBlockBytes + sizeof d, codes->bytes.data() + b * (kBlock / 2), kBlock / 2);
    }
    joined_.push_back({name, tensor::DType::nf4, {s.N, s.K}, memory});
    file_.forget(memory);
    file_.forget(codes->bytes);
    for (const char* part : {"", ".absmax", ".nested_absmax", ".nested_quant_map", ".quant_map"})
      used_.insert(name + part);
    used_.insert(name + std::string(kState));
    return {};
  }

  void finish() {
    for (const tensor::View& view : joined_) used_.erase(view.name);
    file_.joined.assign(used_.begin(), used_.end());
    for (const tensor::View& view : joined_) used_.insert(view.name);
    std::erase_if(file_.others, [&](const OtherTensor& t) { return used_.contains(t.name); });
    std::erase_if(file_.tensors, [&](const tensor::View& t) { return used_.contains(t.name); });
    file_.tensors.insert(file_.tensors.end(), joined_.begin(), joined_.end());
  }

 private:
  // Where a joined tensor goes. A model's together are as large as its weights, which are soon in memory once more, as
  // panels: so the large ones lie in files that the system may write out. Without such a file, in memory.
  Result<std::span<std::byte>> take(std::size_t bytes) {
    if (bytes >= kLarge) {
      if (auto scratch = ScratchFile::create(bytes)) {
        file_.scratch.push_back(std::move(*scratch));
        return file_.scratch.back().span();
      }
    }
    try {
      file_.copies.emplace_back(bytes);
    } catch (const std::bad_alloc&) {
      return fail(Errc::exhausted, fmt::format("no memory for {} bytes", bytes));
    }
    return file_.copies.back().span();
  }

  const OtherTensor* other(const std::string& name) const {
    const auto it = others_.find(name);
    return it != others_.end() && it->second->dtype == "U8" ? it->second : nullptr;
  }
  const tensor::View* f32(const std::string& name) const {
    const auto it = floats_.find(name);
    return it != floats_.end() && it->second->type == tensor::DType::f32 ? it->second : nullptr;
  }

  Safetensors& file_;  // owner: the caller
  std::map<std::string, const OtherTensor*, std::less<>> others_;
  std::map<std::string, const tensor::View*, std::less<>> floats_;
  std::vector<tensor::View> joined_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace

Result<> join_nf4_tensors(Safetensors& file) {
  std::vector<std::string> names;
  for (const OtherTensor& t : file.others) {
    if (t.name.ends_with(kState)) names.push_back(t.name.substr(0, t.name.size() - kState.size()));
  }
  if (names.empty()) return {};
  Joiner joiner(file);
  for (const std::string& name : names) {
    auto joined = joiner.join(name);
    if (!joined) return in_context(std::move(joined).error(), fmt::format("tensor '{}'", printable(name)));
  }
  joiner.finish();
  return {};
}

}  // namespace freehold::format
