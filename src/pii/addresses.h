// Parts of addresses that several recognisers read: house numbers, flats and floors, what streets are called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pii/recognisers.h"
#include "pii/word_set.h"

namespace freehold::pii {

inline bool begins_with_capital(const Word& word) {
  return word.shape == Shape::capital || word.shape == Shape::initial || word.shape == Shape::mixed;
}

// Small words that streets' names begin with: "ul. Kwiatowa 57", "in via Roma, 5"; "po box 12".
inline constexpr FewWords kSmallLeads(
    "ul ulica ulicy ulice ulici al aleja aleje alei pl plac placu os osiedle osiedlu via viale vicolo corso piazza "
    "piazzale "
    "largo strada contrada lungotevere lungomare calle avenida avda av paseo plaza carrera ronda camino carretera "
    "glorieta travesia pasaje calzada rua travessa praca alameda estrada rodovia beco nam namesti tr trida nabrezi "
    "jalan am im zum zur auf an rue avenue boulevard chaussee impasse place quai chemin route allee cours square cite "
    "passage po str bulevardul calea soseaua cra cll c");

// address_parts.cpp
// The word behind exactly one blank after `end`, and a full stop of an abbreviation; no letters if there is none.
Word next_word(const Text& text, std::size_t end, bool over_stop);
// " 12", " 12a", " 12-14", ", 5", " n. 80/A", " nº 6", " 108/4/2", ", s/n" after `end`: a house number's end, or `end`.
std::size_t house_number(const Text& text, std::size_t end);
// ", Apt. 5", " Suite 120", " #4", ", 3º B", " - Apto 52", " m. 7", ", 2. OG" after `end`, up to three of them: their
// end, or `end`.
std::size_t units(const Text& text, std::size_t end);
// Whether what stands at `i` is a postal code of four or five digits, "1316 JV" and "401 54" too, and a word.
bool is_postcode_here(const Text& text, std::size_t i);
// The house number that ends at `number`, if a postal code follows; 0 otherwise: "Im Jahr 1990" is no street.
std::size_t with_postcode(const Text& text, std::size_t number);
// "XX Settembre", "3 Maja", "9 de Julio", "17. Juni" behind a blank at `end`: the month; no letters if there is none.
Word day_in_name(const Text& text, std::size_t end);

// street_names.cpp: streets whose kind stands last, or is part of the word. The end of the number, 0 if it is none.
std::size_t street_by_its_end(const Text& text, const Context& context, const Word& word);

// premises.cpp: "Flat 18, 85a Mill Road", "H.No. 5-69/16, Banjara Hills", "PO Box 12". The end, 0 if it is none.
std::size_t premises(const Text& text, const Context& context, const Word& word);
// ", Lotus Residency, MG Road" behind a number that ends there: the end, 0 if none of it says that it is a part of a
// town.
std::size_t town_behind_number(const Text& text, std::size_t number);
// "Unit 1234 Box 5678, APO AE", "PSC 12, Box 34", "USNS Mercy, FPO AP": military mail. The end, 0 if it is none.
std::size_t military_mail(const Text& text, const Word& word);
std::size_t post_box(const Text& text, const Word& word);

}  // namespace freehold::pii
