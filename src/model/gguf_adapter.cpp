#include "model/gguf_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/file.h"
#include "base/utf8.h"
#include "format/gguf_writer.h"
#include "kernel/blocks/dequantise.h"
#include "model/family/family.h"

namespace freehold::model {
namespace {

using format::Value;

constexpr const char* kAlpha = "adapter.lora.alpha";

// Only architecture llama rotates neighbours.
bool in_pairs(std::string_view architecture) {
  return architecture == "llama";
}
bool in_pairs(const Spec& spec) {
  return !spec.ropes.empty() && spec.ropes.front().style == kernel::RopeStyle::interleaved;
}

Result<double> read_head(const format::Metadata& head, std::string_view architecture) {
  FH_TRY(const auto type, head.string("adapter.type"));
  if (type != "lora") {
    return fail(Errc::unsupported, fmt::format("key 'adapter.type' is '{}', not 'lora'", printable(type)));
  }
  FH_TRY(const auto own, head.string("general.architecture"));
  if (own != architecture) {
    return fail(Errc::invalid, fmt::format("the adapter is for a base model of architecture '{}', not '{}'",
                                           printable(own), architecture));
  }
  for (const format::Member& m : head.entries()) {
    if (!m.key.starts_with("adapter.") || m.key == "adapter.type" || m.key == kAlpha ||
        m.key == "adapter.lora.task_name") {
      continue;
    }
    return fail(Errc::unsupported,
                fmt::format("key '{}' is {}, which we do not do", printable(m.key), m.value.describe()));
  }
  const Value* alpha = head.find(kAlpha);
  if (alpha == nullptr) return fail(Errc::corrupt, fmt::format("key '{}' is missing", kAlpha));
  if (!alpha->as_f64() || !std::isfinite(static_cast<float>(*alpha->as_f64())) || *alpha->as_f64() == 0) {
    return fail(Errc::corrupt, fmt::format("key '{}' is {}, not a number other than 0", kAlpha, alpha->describe()));
  }
  return *alpha->as_f64();
}

Result<std::vector<float>> floats_of(const tensor::View& view) {
  std::vector<float> out(view.elems());
  kernel::dequantise(view.type, view.bytes.data(), out.data(), out.size());
  const bool finite = std::all_of(out.begin(), out.end(), [](float f) { return std::isfinite(f); });
  if (!finite) return fail(Errc::corrupt, fmt::format("tensor '{}': an infinity or NaN", printable(view.name)));
  return out;
}

// A shape that was written without its first dimension of 1.
std::vector<std::uint64_t> two_dimensions(const tensor::View& view) {
  if (view.shape.size() == 1) return {1, view.shape[0]};
  return view.shape;
}

// (rows, cols) to (cols, rows)
std::vector<float> turned(const std::vector<float>& values, std::size_t rows, std::size_t cols) {
  std::vector<float> out(values.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) out[j * rows + i] = values[i * cols + j];
  }
  return out;
}

// `looked_up`: A's rows are its columns, as of an embedding.
Result<LowRankValues> read_layer(const tensor::View& a, const tensor::View& b, SiteShape shape, double alpha,
                                 bool looked_up) {
  auto of_a = two_dimensions(a);
  const auto of_b = two_dimensions(b);
  if (looked_up && of_a.size() == 2) std::swap(of_a[0], of_a[1]);
  const auto misfit = [&](const tensor::View& view) {
    return fail(Errc::corrupt,
                fmt::format("tensor '{}' ({}) does not fit the base model's layer of {} outputs and {} inputs",
                            printable(view.name), fmt::join(view.shape, " x "), shape.N, shape.K));
  };
  if (of_a.size() != 2 || of_a[1] != shape.K) return misfit(a);
  if (of_a[0] == 0 || of_a[0] > kMostRank) {
    return fail(Errc::corrupt,
                fmt::format("tensor '{}': a rank of {}, not 1 to {}", printable(a.name), of_a[0], kMostRank));
  }
  const bool fits = of_b == std::vector<std::uint64_t>{shape.N, of_a[0]};
  if (!fits) return misfit(b);
  LowRankValues v;
  v.rank = static_cast<std::uint32_t>(of_a[0]);
  v.scale = static_cast<float>(alpha / v.rank);
  FH_TRY(v.a, floats_of(a));
  if (looked_up) v.a = turned(v.a, shape.K, v.rank);
  FH_TRY(v.b, floats_of(b));
  return v;
}

// Of all experts in two tensors (E, r, K) and (E, N, r), as llama.cpp's convert_lora_to_gguf.py stacks them.
Result<std::vector<LowRankValues>> read_stack(const tensor::View& a, const tensor::View& b, std::size_t experts,
                                              SiteShape shape, double alpha) {
  const auto one = [&](const tensor::View& stack, std::size_t e) -> Result<tensor::View> {
    std::vector<std::uint64_t> dims = stack.shape;
    if (experts == 1 && dims.size() == 2) dims.insert(dims.begin(), 1);
    if (dims.size() != 3 || dims[0] != experts) {
      return fail(Errc::corrupt, fmt::format("tensor '{}' ({}) is not one of {} experts", printable(stack.name),
                                             fmt::join(stack.shape, " x "), experts));
    }
    const std::size_t bytes = stack.bytes.size() / experts;
    return tensor::View{stack.name, stack.type, {dims[1], dims[2]}, stack.bytes.subspan(e * bytes, bytes)};
  };
  std::vector<LowRankValues> out;
  for (std::size_t e = 0; e < experts; ++e) {
    FH_TRY(const tensor::View own_a, one(a, e));
    FH_TRY(const tensor::View own_b, one(b, e));
    FH_TRY(LowRankValues v, read_layer(own_a, own_b, shape, alpha, false));
    out.push_back(std::move(v));
  }
  return out;
}

// One layer's, or one after the other those of all experts in its stack, which must be of one rank.
struct Stacked {
  std::uint32_t rank = 0;
  std::vector<float> a, b;
};
Result<Stacked> stacked(const AdapterValues& values, Place place, std::uint32_t experts) {
  const std::uint32_t count = place.mixture && of_experts(place.site) ? experts : 1;
  Stacked out{.rank = values.at(place).rank};
  for (; place.expert < count; ++place.expert) {
    const LowRankValues& v = values.at(place);
    if (v.rank != out.rank) {
      return fail(Errc::unsupported,
                  fmt::format("{}: rank {}, and a GGUF has one rank for all experts of a layer, the first one's is {}",
                              name_of(place), v.rank, out.rank));
    }
    out.a.insert(out.a.end(), v.a.begin(), v.a.end());
    out.b.insert(out.b.end(), v.b.begin(), v.b.end());
  }
  return out;
}

}  // namespace

std::string gguf_tensor(const Place& place) {
  const TensorNames& n = kGgufNames;
  const std::string_view patterns[] = {n.q,
                                       n.k,
                                       n.v,
                                       n.o,
                                       place.mixture ? n.stacked_gate : n.gate,
                                       place.mixture ? n.stacked_up : n.up,
                                       place.mixture ? n.stacked_down : n.down,
                                       n.router,
                                       n.output,
                                       n.embedding};
  return tensor_name(patterns[static_cast<std::size_t>(place.site)], static_cast<std::uint32_t>(place.block));
}

bool is_adapter(const format::Gguf& file) {
  const Value* type = file.metadata.find("general.type");
  return type != nullptr && type->as_string() == "adapter";
}

Result<std::string> gguf_architecture(const format::Checkpoint& base) {
  FH_TRY(const Family* family, family_of(base));
  return std::string(family->gguf.empty() ? "llama" : family->gguf);  // Mistral and Mixtral are "llama" there
}

Result<PeftAdapter> read_gguf_adapter(const format::Gguf& file, const Spec& spec, std::string_view architecture) {
  if (!is_adapter(file)) return fail(Errc::invalid, "it is no adapter: key 'general.type' is not 'adapter'");
  FH_TRY(const double alpha, read_head(file.metadata, architecture));
  PeftAdapter out;
  out.config.r = 0;
  out.config.alpha = alpha;
  out.values = no_values(spec);
  std::set<std::string_view> used;
  for (const Place& place : all_places(spec.blocks.size(), spec.experts)) {
    const Site site = place.site;
    if (place.expert != 0) continue;  // read with the first one's
    const std::string name = gguf_tensor(place);
    const tensor::View *a = file.find(name + ".lora_a"), *b = file.find(name + ".lora_b");
    if (a == nullptr && b == nullptr) continue;
    if (a == nullptr || b == nullptr) {
      return fail(Errc::corrupt, fmt::format("tensor '{}.lora_{}' is missing", name, a == nullptr ? 'a' : 'b'));
    }
    used.insert(a->name);
    used.insert(b->name);
    if (std::find(out.config.targets.begin(), out.config.targets.end(), site) == out.config.targets.end()) {
      out.config.targets.push_back(site);
    }
    if (place.mixture && of_experts(site)) {
      FH_TRY(std::vector<LowRankValues> each, read_stack(*a, *b, spec.experts, shape_of(spec, site), alpha));
      out.config.r = std::max(out.config.r, each.front().rank);
      for (std::uint32_t e = 0; e < each.size(); ++e) {
        out.values.at({place.block, site, e, true}) = std::move(each[e]);
      }
      continue;
    }
    FH_TRY(LowRankValues v, read_layer(*a, *b, shape_of(spec, site), alpha, site == Site::embedding));
    if ((site == Site::q || site == Site::k) && in_pairs(architecture) != in_pairs(spec)) {
      reorder_rows(spec.head_size, v.b, v.rank,
                   in_pairs(architecture) ? RowOrder::to_hugging_face : RowOrder::to_model);
    }
    out.config.r = std::max(out.config.r, v.rank);
    out.values.at(place) = std::move(v);
  }
  for (const tensor::View& view : file.tensors) {
    if (used.contains(view.name)) continue;
    return fail(Errc::unsupported, fmt::format("tensor '{}' belongs to no layer of the base model that can be adapted",
                                               printable(view.name)));
  }
  if (used.empty()) return fail(Errc::corrupt, "the adapter has no tensors");
  return out;
}

Result<GgufAdapterWritten> write_gguf_adapter(const std::filesystem::path& path, const Spec& spec,
                                              std::string_view architecture, const PeftAdapter& adapter,
                                              const std::string& name) {
  if (adapter.config.dora) return fail(Errc::unsupported, "a GGUF cannot hold DoRA's magnitudes");
  GgufAdapterWritten written;
  const std::vector<Place> places = all_places(adapter.values);
  // One alpha for all layers.
  float alpha = 0;
  for (const Place& place : places) {
    const LowRankValues& v = adapter.values.at(place);
    if (v.rank == 0) continue;
    if (is_end(place.site) && spec.tied) {
      return fail(Errc::unsupported, fmt::format("{} of a model whose output is its embedding, which llama.cpp cannot "
                                                 "adapt: merge the adapter instead (tune merge)",
                                                 name_of(place)));
    }
    if (!v.magnitude.empty()) return fail(Errc::unsupported, "a GGUF cannot hold DoRA's magnitudes");
    const double exact = static_cast<double>(v.scale) * v.rank;
    if (alpha == 0) alpha = static_cast<float>(adapter.config.rslora ? exact : adapter.config.alpha);
    if (alpha == 0) return fail(Errc::unsupported, "a scale of 0, which llama.cpp would take for 1");
    if (std::abs(exact - static_cast<double>(alpha)) > 1e-6 * std::abs(exact)) {
      return fail(Errc::unsupported, "layers whose scales are not one alpha divided by their ranks");
    }
    written.exact = written.exact && static_cast<float>(static_cast<double>(alpha) / v.rank) == v.scale;
  }
  format::Metadata head;
  head.set("general.architecture", Value::string(std::string(architecture)));
  head.set("general.type", Value::string("adapter"));
  head.set("general.name", Value::string(name));
  head.set("adapter.type", Value::string("lora"));
  head.set(kAlpha, Value::f32(alpha));
  std::vector<format::GgufTensor> tensors;
  std::vector<std::vector<float>> contents;
  for (const Place& place : places) {
    const Site site = place.site;
    if (place.expert != 0) continue;  // written with the first one's
    FH_TRY(Stacked v, stacked(adapter.values, place, spec.experts));
    if (v.rank == 0) continue;
    if ((site == Site::q || site == Site::k) && in_pairs(architecture) != in_pairs(spec)) {
      reorder_rows(spec.head_size, v.b, v.rank,
                   in_pairs(architecture) ? RowOrder::to_model : RowOrder::to_hugging_face);
    }
    const std::uint64_t N = shape_of(spec, site).N, K = shape_of(spec, site).K, r = v.rank;
    const bool looked_up = site == Site::embedding;
    const std::string tensor = gguf_tensor(place);
    std::vector<std::uint64_t> of_a = {looked_up ? K : r, looked_up ? r : K}, of_b = {N, r};
    if (place.mixture && of_experts(site)) {
      of_a.insert(of_a.begin(), spec.experts);
      of_b.insert(of_b.begin(), spec.experts);
    }
    tensors.push_back({tensor + ".lora_a", tensor::DType::f32, std::move(of_a)});
    tensors.push_back({tensor + ".lora_b", tensor::DType::f32, std::move(of_b)});
    contents.push_back(looked_up ? turned(v.a, r, K) : std::move(v.a));
    contents.push_back(std::move(v.b));
  }
  FH_TRY(AtomicFile file, AtomicFile::create(path));
  FH_TRY(auto writer,
         format::GgufWriter::start([&](Bytes bytes) { return file.write(bytes); }, head, std::move(tensors)));
  for (const auto& content : contents) FH_TRY_VOID(writer.append(std::as_bytes(std::span(content))));
  FH_TRY_VOID(writer.finish());
  FH_TRY_VOID(file.commit());
  return written;
}

}  // namespace freehold::model
