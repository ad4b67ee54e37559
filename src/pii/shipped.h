// The data that comes with the program: what is known of words, the tagger's weights, and those of
// what words look like. tools/pii/ makes them.
#pragma once

#include <span>
#include <string_view>

namespace freehold::pii {

std::string_view shipped_lexicon();
std::span<const signed char> shipped_tagger();
std::span<const signed char> shipped_looks();

}  // namespace freehold::pii
