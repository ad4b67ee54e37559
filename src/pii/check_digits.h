// Check digits: the few algorithms that most numbers of people share. Each takes ASCII digits only (the caller has
// checked that).
#pragma once

#include <initializer_list>
#include <string_view>

namespace freehold::pii {

// ISO/IEC 7812-1 annex B: doubled from the right, the last digit is the check digit.
bool luhn(std::string_view digits);
// Verhoeff, "Error Detecting Decimal Codes", 1969: dihedral group of order 10; the last digit is the check digit.
bool verhoeff(std::string_view digits);
// ISO/IEC 7064 MOD 11,10; the last digit is the check digit.
bool iso7064_mod11_10(std::string_view digits);
// The number modulo `m` (at most 4 * 10^7); letters count as 10 to 35 (ISO 13616: IBAN). `before`: the same of what
// stands before it.
unsigned modulo(std::string_view alphanumeric, unsigned m, unsigned before = 0);
// Sum of digit times weight, from the left, over as many as there are weights.
int weighted(std::string_view digits, std::initializer_list<int> weights);
// A day that exists. `year` 0: any, also 29 February.
bool is_day(int year, int month, int day);
// The number that the digits at [begin, begin + count) make.
int number_at(std::string_view digits, std::size_t begin, std::size_t count);

}  // namespace freehold::pii
