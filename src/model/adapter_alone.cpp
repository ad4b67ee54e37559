// Reads an adapter over the smallest base that its tensors leave room for.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/utf8.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "model/adapter_file.h"
#include "model/family/family.h"
#include "model/gguf_adapter.h"

namespace freehold::model {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kMostBlocks = 1024;
constexpr std::uint64_t kMostSize = 1u << 24;
constexpr std::uint64_t kMostExperts = 1u << 16;  // of all blocks together

// How many blocks the names speak of: 12 if the highest is "….layers.11.…", `before` being ".layers."; or how many
// experts.
std::uint32_t count_named(const std::vector<tensor::View>& tensors, std::string_view before) {
  std::uint32_t most = 0;
  for (const tensor::View& view : tensors) {
    const std::size_t at = view.name.find(before);
    if (at == std::string::npos) continue;
    std::uint32_t n = 0;
    const char* digits = view.name.data() + at + before.size();
    const auto read = std::from_chars(digits, view.name.data() + view.name.size(), n);
    if (read.ec == std::errc() && n < kMostBlocks) most = std::max(most, n + 1);
  }
  return most;
}

// The base's sizes, each from the first layer that has it; what no layer tells stays 0, and is not asked for. Heads are
// of size 1: only their sum counts here.
void take_size(std::uint32_t& size, const tensor::View* half, bool inputs) {
  if (size != 0 || half == nullptr || half->shape.empty()) return;
  // A stack of all experts has their number in front.
  const std::size_t dims = half->shape.size();
  const std::uint64_t n = inputs ? half->shape.back() : dims < 2 ? 1 : half->shape[dims - 2];
  if (n <= kMostSize) size = static_cast<std::uint32_t>(n);
}

void take_sizes(Spec& spec, Site site, const tensor::View* a, const tensor::View* b, bool gguf) {
  const auto sizes = [&](std::uint32_t& outputs, std::uint32_t& inputs) {
    take_size(inputs, a, true);
    take_size(outputs, b, false);
  };
  switch (site) {
    case Site::q:
      return sizes(spec.heads, spec.width);
    case Site::k:
    case Site::v:
      return sizes(spec.kv_heads, spec.width);
    case Site::o:
      return sizes(spec.width, spec.heads);
    case Site::gate:
    case Site::up:
      return sizes(spec.ffn, spec.width);
    case Site::down:
      return sizes(spec.width, spec.ffn);
    case Site::router:
      return sizes(spec.experts, spec.width);
    case Site::head:
      return sizes(spec.vocab, spec.width);
    case Site::embedding:
      take_size(spec.vocab, a, !gguf);  // a GGUF's lora_a is turned
      return take_size(spec.width, b, false);
  }
}

// `half(place, a)`: the tensor of A or of B, null if there is none.
template <typename Half>
Result<Spec> base_of(std::uint32_t blocks, std::uint32_t experts, bool gguf, const Half& half) {
  if (std::uint64_t{blocks} * experts > kMostExperts) {
    return fail(Errc::unsupported, fmt::format("it is for {} blocks of {} experts", blocks, experts));
  }
  Spec spec;
  spec.head_size = 1;
  spec.experts = experts;
  spec.blocks.resize(blocks);
  for (const Place& place : all_places(blocks, experts)) {
    take_sizes(spec, place.site, half(place, true), half(place, false), gguf);
  }
  return spec;
}

// The experts that the router's or a stack's tensors tell of, 0 if there are none.
std::uint32_t experts_told(const std::vector<tensor::View>& tensors, std::string_view router_b,
                           std::string_view stack) {
  for (const tensor::View& view : tensors) {
    std::uint64_t n = 0;
    if (view.name.ends_with(router_b) && !view.shape.empty()) n = view.shape.size() < 2 ? 1 : view.shape.front();
    if (!stack.empty() && view.name.find(stack) != std::string::npos)
      n = view.shape.size() < 3 ? 1 : view.shape.front();
    if (n != 0) return static_cast<std::uint32_t>(std::min(n, kMostExperts + 1));
  }
  return 0;
}

Result<> check_peft(const fs::path& folder) {
  FH_TRY_VOID(read_peft_config(folder));  // also that the files are the folder's own
  Spec spec;
  if (const auto file = format::open_safetensors(folder / "adapter_model.safetensors")) {
    std::map<std::string_view, const tensor::View*> named;
    for (const tensor::View& view : file->tensors) named.emplace(view.name, &view);
    const auto half = [&](const Place& place, bool a) {
      const auto it = named.find(peft_module(place) + std::string(peft_half(place.site, a)));
      return it != named.end() ? it->second : nullptr;
    };
    std::uint32_t experts = experts_told(file->tensors, ".block_sparse_moe.gate.lora_B.weight", "");
    if (experts == 0) experts = count_named(file->tensors, ".block_sparse_moe.experts.");
    FH_TRY(spec, base_of(count_named(file->tensors, ".layers."), experts, false, half));
  }
  FH_TRY_VOID(read_peft(folder, spec).map([](auto&&) {}));  // which also says why the tensors cannot be opened
  return {};
}

Result<> check_gguf(const fs::path& path) {
  FH_TRY(const format::Gguf file, format::open_gguf(path));
  FH_TRY(const auto architecture, file.metadata.string("general.architecture"));
  const auto all = families();
  if (std::none_of(all.begin(), all.end(), [&](const Family& f) { return f.gguf == architecture; })) {
    return fail(Errc::unsupported,
                fmt::format("it is for architecture '{}', which is none of ours", printable(architecture)));
  }
  const std::uint32_t experts = experts_told(file.tensors, ".ffn_gate_inp.weight.lora_b", "_exps.weight.lora_");
  FH_TRY(Spec spec, base_of(count_named(file.tensors, "blk."), experts, true, [&](const Place& place, bool a) {
           return file.find(gguf_tensor(place) + (a ? ".lora_a" : ".lora_b"));
         }));
  if (architecture == "llama") spec.ropes.push_back({.style = kernel::RopeStyle::interleaved});
  FH_TRY_VOID(read_gguf_adapter(file, spec, architecture).map([](auto&&) {}));
  return {};
}

}  // namespace

Result<> check_alone(const fs::path& path) {
  const auto check = [&]() -> Result<> {
    switch (adapter_kind(path)) {
      case AdapterKind::peft:
        return check_peft(path);
      case AdapterKind::gguf:
        return check_gguf(path);
      case AdapterKind::none:
        break;
    }
    return fail(Errc::invalid, "it is no adapter");
  };
  auto checked = check();
  if (!checked) return in_context(std::move(checked).error(), fmt::format("adapter {}", printable(path.string())));
  return {};
}

}  // namespace freehold::model
