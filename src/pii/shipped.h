// The data that comes with the program: what is known of words, and the tagger's weights. tools/pii/ makes them.
#pragma once

#include <span>
#include <string_view>

namespace freehold::pii {

std::string_view shipped_lexicon();
std::span<const signed char> shipped_tagger();

}  // namespace freehold::pii
