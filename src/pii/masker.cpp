#include "pii/masker.h"

#include <algorithm>

#include "base/utf8.h"

namespace freehold::pii {
namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// The four digits of a year in a date, "" if it says none.
std::string_view year_in(std::string_view date) {
  for (std::size_t i = 0; i + 4 <= date.size(); ++i) {
    if ((i > 0 && digit(date[i - 1])) || (i + 4 < date.size() && digit(date[i + 4]))) continue;
    if (digit(date[i]) && digit(date[i + 1]) && digit(date[i + 2]) && digit(date[i + 3])) return date.substr(i, 4);
  }
  return {};
}

// Three-digit areas of at most 20,000 people by the 2000 census (HHS, Guidance on De-identification, 2012): 000
// instead.
constexpr std::string_view kSmallAreas = " 036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893 ";

std::string zip_mask(std::string_view value) {
  const bool zip = (value.size() == 5 || value.size() == 10) && std::all_of(value.begin(), value.begin() + 5, digit);
  if (!zip) return "[postcode]";
  const std::string area(value.substr(0, 3));
  return (kSmallAreas.find(" " + area + " ") != std::string_view::npos ? "000" : area) + "**";
}

// Whether a byte goes on with a character.
bool is_inner(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Signs that hints show.
constexpr auto kShownSigns = [] {
  std::array<bool, 256> out{};
  for (const char c : std::string_view(" -./:@,()+")) out[static_cast<unsigned char>(c)] = true;
  return out;
}();

}  // namespace

std::string mask_of(Kind kind, std::string_view value, MaskStyle style) {
  if (style == MaskStyle::safe_harbor) {
    if (kind == Kind::postcode) return zip_mask(value);
    if (kind == Kind::age) return "90+";
    if (kind == Kind::date) {
      const std::string_view year = year_in(value);
      if (!year.empty()) return std::string(year);
    }
  }
  return "[" + std::string(info(kind).name) + "]";
}

std::string hint_of(Kind kind, std::string_view value) {
  constexpr std::size_t kMost = 48;
  const bool secret = info(kind).group == Group::secret;
  std::size_t characters = 0;
  for (const char c : value) characters += !is_inner(c);
  const bool ends = !secret && characters >= 6 && is_utf8(value);
  std::array<char, kMost + 4> out;
  std::size_t size = 0, at = 0;
  for (std::size_t i = 0; i < value.size() && size < kMost; ++at) {
    std::size_t n = 1;
    while (i + n < value.size() && is_inner(value[i + n])) ++n;
    const char c = value[i];
    const bool shown = n == 1 && kShownSigns[static_cast<unsigned char>(c)];
    if (shown) {
      out[size++] = c;
    } else if (ends && (at == 0 || at + 1 == characters)) {
      std::copy_n(value.begin() + static_cast<std::ptrdiff_t>(i), n, out.begin() + static_cast<std::ptrdiff_t>(size));
      size += n;  // a character has four bytes at most: it is UTF-8
    } else {
      out[size++] = '*';
    }
    i += n;
  }
  return {out.data(), size};
}

std::string Masker::mask(Kind kind, std::string_view value) {
  ++counts_[static_cast<std::size_t>(kind)];
  return mask_of(kind, value, style_);
}

std::string Masker::feed(std::string_view chunk) {
  return rewriter_.feed(chunk, [this](Kind kind, std::string_view value) { return mask(kind, value); });
}

std::string Masker::finish() {
  return rewriter_.finish([this](Kind kind, std::string_view value) { return mask(kind, value); });
}

}  // namespace freehold::pii
