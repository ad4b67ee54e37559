// What the metadata of all families has in common.
#pragma once

#include "base/result.h"
#include "model/reader.h"
#include "model/spec.h"

namespace freehold::model {

// Sizes, norms, activation, one rope of the given style with its scaling, and blocks without windows. Families change
// what differs.
Result<Spec> read_decoder(Reader& reader, kernel::RopeStyle style);

// Window sizes are whole positions up to this.
inline constexpr std::uint32_t kMostPositions = 1u << 26;

}  // namespace freehold::model
