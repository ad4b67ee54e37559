// Cards and accounts by their own checks.
#pragma once

#include <string_view>

namespace freehold::pii {

bool is_iban(std::string_view plain);  // capitals and digits
// How sure digits are a card: Luhn, the schemes' ranges and lengths; 0: none. `grouped`: not in one piece.
int card_score(std::string_view digits, bool grouped);

}  // namespace freehold::pii
