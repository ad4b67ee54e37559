// "Did you mean …?": the known word nearest to what somebody typed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freehold {

// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment) that turn a into b.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, if it is near enough to be what was meant: at most a third of the word wrong, or one begins
// with the other.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace freehold
