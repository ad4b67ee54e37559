// Names of several words that are one thing whatever each of them alone would be: "Morgan Stanley" is nobody, "British
// Columbia" a place; and firms that are named by what stands behind a name: "Weber KG", "Harper, Lowe and Sons".
#pragma once

#include <cstddef>

#include "pii/tagger.h"

namespace freehold::pii {

struct Phrase {
  std::size_t end = 0;  // 0: none begins here
  Tag tag = Tag::none;  // what all its words are
};

// Whether one may begin with `word`: with none of small letters but a few short ones.
bool may_begin_phrase(const Text& text, const Word& word);
// The phrase that begins with `word`: of a list, a surname with an article or an apostrophe ("al-Ghamdi",
// "Dell'Acqua"), a state with full stops ("in the U.S.").
Phrase phrase_at(const Text& text, const Context& now, const Word& word);
// Whether the name that begins with `word`, which would be `tag`, is a firm's: its end, or 0.
std::size_t firm_at(const Text& text, const PastWord& previous, const Word& word, Tag tag);

}  // namespace freehold::pii
