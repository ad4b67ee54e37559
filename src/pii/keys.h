// Keys and tokens that their form tells: makers publish how theirs begin, how long they are and of which letters.
#pragma once

#include "pii/context.h"

namespace freehold::pii {

// The key at `i`, where a token begins.
Match match_key(const Text& text, std::size_t i);
bool may_be_key(const Text& text, std::size_t i);  // by its first bytes: few tokens are
// Whether an address has one between `begin` and `end`: such a key in its path or query, or at services whose addresses
// are keys themselves.
bool has_key(const Text& text, std::size_t begin, std::size_t end);

// How random a token is: bits a character, from how often each occurs; and whether it has letters and digits.
double entropy(std::string_view token);
bool is_mixed(std::string_view token);

}  // namespace freehold::pii
