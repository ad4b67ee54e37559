// What the form of a code tells: plates and numbers of vehicles, licences and identity cards.
#pragma once

#include <cstddef>
#include <string_view>

#include "pii/code.h"
#include "pii/context.h"

namespace freehold::pii {

// Capitals and digits. "KA 27 MS 8774", "22 BH 6517 AA": India's, by the letters of its states.
bool is_indian_plate(std::string_view plain);
// "ABC 1234", "B-AB 1234": a plate as it is written anywhere, and India's, which are longer.
bool is_plate(std::string_view plain, std::size_t digits);
// Capitals that no word has: five consonants in a row, or no vowel at all.
bool is_unpronounceable(std::string_view capitals);
// How much the first `n` groups look like a plate: 2 as only plates are written ("AB12 CDE", "B-AB 1234"), 1 as others
// are, too ("ABC 1234"), 0 otherwise.
int plate_look(const Code& code, std::size_t n, std::string_view plain);
// "GÖ-MK 1554": Germany's, where the district has an umlaut, beside the word for it.
Match match_umlaut_plate(const Text& text, const Context& context, const Word& district);
// ISO 3779 and 49 CFR 565: seventeen characters without I, O and Q; North America's have a check digit in the ninth
// place.
bool is_vin(std::string_view plain, bool& checked);
// Britain's of a driver: five of the surname, the date of birth, initials and a check.
bool is_british_licence(std::string_view plain);
// A letter of the surname and its sound, and figures in the groups of Florida, Illinois, Wisconsin and others.
int soundex_licence_score(const Written& written);
// Nine characters of Germany's documents, which have no vowels, and mostly a check digit behind.
bool is_german_document(std::string_view plain);

}  // namespace freehold::pii
