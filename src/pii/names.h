// What goes together in a name, and what the words around decide where the tagger, which looks at one word after the
// other, does not.
#pragma once

#include "pii/tagger.h"

namespace freehold::pii {

// Whether `word`, of which the tagger knows nothing, may be the beginning of a name that follows: "van", "Al", "C.".
bool leads_name(const Text& text, const PastWord& previous, const Word& word);
// Whether `word` belongs to the name before it, to which nothing but a hyphen joins it: "Ji-hoon".
bool is_second_half(const Text& text, const PastWord& previous, const Word& word);
// Whether the little word `word` may stand within a name that is `open`: "van", "am"; "and" in some countries' names.
bool joins(const Text& text, Tag open, const Word& word);
// Whether `word`, of which nothing is known, is a name because "van" or a title and "de" stand before it.
bool follows_particle(const Context& now, const Word& word);
// "HttpOnly", "firstName": several words without a blank, as programs have them; not "McAllister".
bool is_written_together(const Text& text, const Word& word);
// "I've", "We'll", "J'ai", "D'accord": two words, none of them a name.
bool is_contraction(const Text& text, const Word& word);
// "NY" in "12 Elm Way, Ithaca, NY 14850", "(TO)" behind a street, a postal code and a town: part of the address.
bool is_state_code(const Text& text, const Context& now, const Word& word);
// What stands behind a person's name that ends at `end` and belongs to it: the end of ", MD", " Jr."; or `end`.
std::size_t name_suffix(const Text& text, std::size_t end);
// `open` is what the name before is, if one goes on, `chosen` what the tagger says.
Tag tag_beside(const Window& window, Tag open, Tag chosen);
// Whether the place before and the person that goes on right behind it are one person: "Phoenix Güneş".
bool is_one_person(const PastWord& place);

}  // namespace freehold::pii
