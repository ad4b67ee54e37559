// The copy of a base's own weight that PEFT saves beside an adapter on lm_head or embed_tokens.
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "model/peft.h"
#include "model/tensor_names.h"

namespace freehold::model {
namespace {

// How far a copy may be from the base's weight, root mean square over the weight's own: BF16 and F16 round by at most
// 2^-8, a block of two bits by a quarter or so. Another model's weights are off by more than 1.
constexpr double kRounded = 1.0 / 128, kQuantised = 0.4;

// Null if the base has none (its matrices have other names there).
const tensor::View* weight_of(const format::Checkpoint& base, Site site) {
  const TensorNames& names = base.kind() == format::Checkpoint::Kind::gguf ? kGgufNames : kLlamaHfNames;
  const tensor::View* output = site == Site::head ? base.find(tensor_name(names.output)) : nullptr;
  return output != nullptr ? output : base.find(tensor_name(names.embedding));
}

// Root mean square of a - b over that of b; both of one shape.
double distance(const tensor::View& a, const tensor::View& b) {
  const std::size_t rows = a.rows(), C = a.row_elems();
  std::vector<float> x(C), y(C);
  double differences = 0, squares = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    kernel::dequantise(a.type, a.bytes.data() + i * (a.bytes.size() / rows), x.data(), C);
    kernel::dequantise(b.type, b.bytes.data() + i * (b.bytes.size() / rows), y.data(), C);
    for (std::size_t k = 0; k < C; ++k) {
      const double d = static_cast<double>(x[k]) - static_cast<double>(y[k]);
      differences += d * d;
      squares += static_cast<double>(y[k]) * static_cast<double>(y[k]);
    }
  }
  return squares > 0 ? std::sqrt(differences / squares) : std::sqrt(differences);
}

}  // namespace

Result<> check_saved_weight(const tensor::View& saved, const Spec& spec, Site site, const format::Checkpoint* base) {
  const std::vector<std::uint64_t> shape = {spec.vocab, spec.width};
  if (saved.shape != shape) {
    return fail(Errc::corrupt,
                fmt::format("tensor '{}' ({}) is not the base model's {}, which has {} x {}", printable(saved.name),
                            fmt::join(saved.shape, " x "), name_of(site), spec.vocab, spec.width));
  }
  const tensor::View* own = base == nullptr ? nullptr : weight_of(*base, site);
  if (own == nullptr || own->shape != shape) return {};
  const bool quantised = tensor::info(own->type).block_elems > 1;
  if (distance(saved, *own) <= (quantised ? kQuantised : kRounded)) return {};
  return fail(Errc::unsupported, fmt::format("tensor '{}' is another weight than the base model's {}: an adapter that "
                                             "replaces weights cannot be used",
                                             printable(saved.name), name_of(site)));
}

}  // namespace freehold::model
