// A whole number split by weights into whole numbers that add up to it exactly.
#pragma once

#include <cstdint>
#include <span>

namespace freehold {

// parts[i] = total * weights[i] / (sum of weights), by the method of the largest remainder: each is rounded down, and
// what is left goes one by one to the largest remainders, among equals to the first. All parts are 0 if all weights
// are. `order` is scratch; the three spans have one length. Allocates nothing.
void apportion(std::uint64_t total, std::span<const std::uint64_t> weights, std::span<std::uint64_t> parts,
               std::span<std::uint32_t> order);

}  // namespace freehold
