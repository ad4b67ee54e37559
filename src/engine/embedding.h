// Embeddings: what is asked for, and how the final hidden states of a prompt become one vector of length 1. Sums go in
// double over positions and components in increasing order, so a vector does not depend on batch or chunks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/request.h"
#include "model/spec.h"

namespace freehold::engine {

using Pooling = model::Pooling;

// Its events are one Started, then one Embedded, or one Failed (Errc::cancelled if somebody cancelled it).
struct EmbedRequest {
  std::vector<std::int32_t> tokens;               // at least one, at most the context
  std::string tenant;                             // as Request::tenant
  std::shared_ptr<const model::Adapter> adapter;  // as Request::adapter
  std::optional<Pooling> pooling;                 // empty = what the model's file says, or the last token
  std::uint32_t dimensions = 0;                   // keep so many of the vector's components (`shorten`); 0 = all
  std::int32_t priority = 0;                      // as Request::priority
  double deadline_seconds = 0;                    // as Request::deadline_seconds
};

// Errors: invalid naming the field, its value and the legal range; exhausted if the tokens exceed the context;
// unsupported if the decoder gives no hidden states.
Result<> validate(const EmbedRequest& request, const RequestLimits& limits);

// Divides by the length. Error: corrupt (no length, or a component that is not a number).
Result<> normalise(std::span<float> vector);
// Keeps the first `dimensions` components of a vector, at most all, and normalises what is left. Only models that were
// trained for it (Kusupati et al. 2022, "Matryoshka Representation Learning") keep their quality. Error: as normalise.
Result<> shorten(std::vector<float>& vector, std::uint32_t dimensions);

// Takes in the hidden states of one text as they are computed.
class Pooler {
 public:
  Pooler(Pooling pooling, std::uint32_t width, std::uint32_t dimensions);

  // How many rows of hidden states it needs of the chunk [begin, begin + count) of `total` tokens: its last so many.
  std::uint32_t wanted(std::uint32_t begin, std::uint32_t count, std::uint32_t total) const;
  // Those rows, (n, C).
  void add(std::span<const float> hidden);
  // The vector, once all were added. Errors: as normalise.
  Result<std::span<const float>> finish();
  // Whether positions that were computed earlier may be left out.
  bool may_continue() const { return pooling_ == Pooling::last; }

 private:
  Pooling pooling_;
  std::uint32_t dimensions_;
  std::uint64_t rows_ = 0;
  std::vector<double> sum_;  // (C)
  std::vector<float> vector_;
};

}  // namespace freehold::engine
