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

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

// What a hint shows of a byte within a value: signs as they are.
constexpr auto kHints = [] {
  std::array<char, 256> out{};
  out.fill('*');
  for (const char c : std::string_view(" -./:@,()+")) out[static_cast<unsigned char>(c)] = c;
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

void append_hint(std::string& out, Kind kind, std::string_view value) {
  constexpr std::size_t kMost = 48, kLeastShown = 6;
  const bool secret = info(kind).group == Group::secret;
  if (const std::size_t size = value.size(); size > 0 && is_ascii(value)) {
    char hint[kMost];
    const std::size_t shown = std::min(size, kMost);
    for (std::size_t i = 0; i < shown; ++i) hint[i] = kHints[static_cast<unsigned char>(value[i])];
    if (!secret && size >= kLeastShown) {
      hint[0] = value[0];
      if (shown == size) hint[size - 1] = value[size - 1];
    }
    out.append(hint, shown);
    return;
  }
  std::size_t characters = 0;
  for (const char c : value) characters += !is_inner(c);
  const bool ends = !secret && characters >= kLeastShown && is_utf8(value);
  const std::size_t before = out.size();
  std::size_t at = 0;
  for (std::size_t i = 0; i < value.size() && out.size() < before + kMost; ++at) {
    std::size_t n = 1;
    while (i + n < value.size() && is_inner(value[i + n])) ++n;
    const bool sign = n == 1 && kHints[static_cast<unsigned char>(value[i])] != '*';
    if (sign || (ends && (at == 0 || at + 1 == characters))) {
      out += value.substr(i, n);
    } else {
      out += '*';
    }
    i += n;
  }
}

std::string hint_of(Kind kind, std::string_view value) {
  std::string out;
  append_hint(out, kind, value);
  return out;
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
