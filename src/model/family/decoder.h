// What the metadata of all families has in common.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "model/reader.h"
#include "model/spec.h"

namespace freehold::model {

// Sizes, norms, activation, one rope of the given style with its scaling, and blocks without windows. Families change
// what differs.
Result<Spec> read_decoder(Reader& reader, kernel::RopeStyle style);

// Which blocks have the window: layer_types where a config.json has it, otherwise `usual`. Errors: a list of another
// length, or of other mechanisms.
Result<std::vector<bool>> read_windowed(Reader& reader, const Spec& spec,
                                        const std::function<bool(std::size_t)>& usual);

// Window sizes are whole positions up to this.
inline constexpr std::uint32_t kMostPositions = 1u << 26;

}  // namespace freehold::model
