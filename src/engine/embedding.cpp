#include "engine/embedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace freehold::engine {

Result<> validate(const EmbedRequest& r, const RequestLimits& limits) {
  if (limits.width == 0) return fail(Errc::unsupported, "this model gives no hidden states, so no embeddings");
  FH_TRY_VOID(check_prompt(r.tokens, limits));
  if (r.tokens.size() > limits.context) {
    return fail(Errc::exhausted,
                fmt::format("the text has {} tokens, but the context holds {}", r.tokens.size(), limits.context));
  }
  if (r.dimensions > limits.width) {
    return fail(Errc::invalid,
                fmt::format("dimensions is {}, must be at most the model's {}", r.dimensions, limits.width));
  }
  FH_TRY_VOID(check_waiting(r.priority, r.deadline_seconds));
  return check_adapter(r.adapter.get(), limits);
}

Result<> normalise(std::span<float> vector) {
  double squares = 0;
  for (float v : vector) squares += double{v} * double{v};
  const double length = std::sqrt(squares);
  if (!(length > 0) || std::isinf(length)) {
    return fail(Errc::corrupt, fmt::format("the model gave a hidden state of length {}: its weights are damaged, or "
                                           "its numbers overflow",
                                           length));
  }
  for (float& v : vector) v = static_cast<float>(double{v} / length);
  return {};
}

Result<> shorten(std::vector<float>& vector, std::uint32_t dimensions) {
  if (dimensions >= vector.size()) return {};
  vector.resize(dimensions);
  return normalise(vector);
}

Pooler::Pooler(Pooling pooling, std::uint32_t width, std::uint32_t dimensions)
    : pooling_(pooling), dimensions_(dimensions == 0 ? width : dimensions), sum_(width, 0.0) {}

std::uint32_t Pooler::wanted(std::uint32_t begin, std::uint32_t count, std::uint32_t total) const {
  switch (pooling_) {
    case Pooling::last:
      return begin + count == total ? 1 : 0;
    case Pooling::mean:
      return count;
    case Pooling::first:
      return begin == 0 ? count : 0;
  }
  return 0;
}

void Pooler::add(std::span<const float> hidden) {
  const std::size_t C = sum_.size();
  std::size_t n = hidden.size() / C;
  if (pooling_ == Pooling::first) n = std::min<std::size_t>(n, 1);
  for (std::size_t r = 0; r < n; ++r, ++rows_) {
    for (std::size_t c = 0; c < C; ++c) sum_[c] += double{hidden[r * C + c]};
  }
}

Result<std::span<const float>> Pooler::finish() {
  vector_.resize(sum_.size());
  for (std::size_t c = 0; c < sum_.size(); ++c) {
    vector_[c] = static_cast<float>(sum_[c] / static_cast<double>(rows_));
  }
  FH_TRY_VOID(normalise(vector_));
  FH_TRY_VOID(shorten(vector_, dimensions_));
  return vector_;
}

}  // namespace freehold::engine
