#include "pii/check_digits.h"

#include <cstdint>

namespace freehold::pii {

bool luhn(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (std::size_t i = digits.size(); i-- > 0; twice = !twice) {
    int d = digits[i] - '0';
    if (twice) d = d > 4 ? 2 * d - 9 : 2 * d;
    sum += d;
  }
  return sum % 10 == 0;
}

bool verhoeff(std::string_view digits) {
  static constexpr std::uint8_t kProduct[10][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
                                                    {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
                                                    {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
                                                    {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
                                                    {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
  static constexpr std::uint8_t kPermutation[8][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
                                                       {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
                                                       {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
                                                       {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
  std::uint8_t c = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    c = kProduct[c][kPermutation[i % 8][digits[digits.size() - 1 - i] - '0']];
  }
  return c == 0;
}

bool iso7064_mod11_10(std::string_view digits) {
  if (digits.empty()) return false;
  int product = 10;
  for (std::size_t i = 0; i + 1 < digits.size(); ++i) {
    int sum = (digits[i] - '0' + product) % 10;
    if (sum == 0) sum = 10;
    product = sum * 2 % 11;
  }
  return (11 - product) % 10 == digits.back() - '0';
}

unsigned modulo(std::string_view alphanumeric, unsigned m, unsigned before) {
  std::uint32_t rest = before;
  for (const char c : alphanumeric) {
    if (c >= '0' && c <= '9') {
      rest = (rest * 10 + static_cast<unsigned>(c - '0')) % m;
    } else {
      rest = (rest * 100 + static_cast<unsigned>((c | 0x20) - 'a' + 10)) % m;
    }
  }
  return rest;
}

int weighted(std::string_view digits, std::initializer_list<int> weights) {
  int sum = 0;
  std::size_t i = 0;
  for (const int weight : weights) sum += (digits[i++] - '0') * weight;
  return sum;
}

bool is_day(int year, int month, int day) {
  static constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
  if (month != 2 || day != 29 || year == 0) return true;
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int number_at(std::string_view digits, std::size_t begin, std::size_t count) {
  int n = 0;
  for (std::size_t i = begin; i < begin + count; ++i) n = n * 10 + (digits[i] - '0');
  return n;
}

}  // namespace freehold::pii
