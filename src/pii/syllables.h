// Names that are made of few syllables, by those: Chinese, Korean and Vietnamese ones.
#pragma once

#include "pii/word.h"

namespace freehold::pii {

// Whether a word of which nothing is known is two syllables of Chinese, as given names are: "Haoran", "Meiling".
bool is_two_syllables(const Text& text, const Word& word);
// Whether "Sung" in "Sung-min" begins a Korean given name, and whether `second` behind it ends one.
bool begins_korean(const Text& text, const Word& word);
bool ends_korean(const PastWord& first, const PastWord& second);
// Whether `word` begins a Vietnamese name of three words and more, "Duc Anh Tran", and whether it goes on in one.
bool begins_vietnamese(const Text& text, const Word& word, const Word& next);
bool goes_on_vietnamese(const PastWord& before, const PastWord& previous, const Word& word);

}  // namespace freehold::pii
