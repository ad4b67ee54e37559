// Whether a word is somebody's name or a place's, by the words that stand right beside it: greetings, labels,
// prepositions, titles, numbers, and given names that are made of syllables.
#pragma once

#include "pii/tagger.h"

namespace freehold::pii {

// What `chosen` becomes; `open` is what the name before is, if one goes on.
Tag tag_by_neighbours(const Window& window, Tag open, Tag chosen);
// Whether a place follows `word` rather than a person: "in", "near", "nach", "w"; "in the".
bool is_preposition(const Context& now, const PastWord& word);

}  // namespace freehold::pii
