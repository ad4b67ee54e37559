#include "pdf/text.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/utf8.h"

namespace freehold::pdf {
namespace {

// Thousandths of the size. 0x20 to 0x7e.
constexpr std::array<std::uint16_t, 95> kHelvetica = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};
constexpr std::array<std::uint16_t, 95> kHelveticaBold = {
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667,
    611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584};
constexpr std::uint16_t kCourier = 600;

// What code page 1252 has at 0x80 to 0x9f; 0: nothing.
constexpr std::array<std::uint16_t, 32> kHigh = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                                 0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

// The plain letter that an accented one of 0xc0 to 0xff is as wide as; '~': answered before.
constexpr std::string_view kBase = "AAAAAA~CEEEEIIIIDNOOOOO+OUUUUYPoaaaaaa~ceeeeiiiionooooo+ouuuuypy";

std::uint16_t thousandths(Face face, unsigned char c) {
  if (face == Face::mono) return kCourier;
  const auto& table = face == Face::bold ? kHelveticaBold : kHelvetica;
  if (c >= 0x20 && c < 0x7F) return table[c - 0x20U];
  if (c == 0xC6) return 1000;              // AE
  if (c == 0xE6) return 889;               // ae
  if (c == 0xDF) return 611;               // sharp s, the same in both
  if (c >= 0xEC && c <= 0xEF) return 278;  // dotless i with an accent
  if (c >= 0xC0) return table[static_cast<unsigned char>(kBase[c - 0xC0U]) - 0x20U];
  switch (c) {
    case 0x80:  // euro
    case 0x96:  // en dash
      return 556;
    case 0x85:  // ellipsis
    case 0x89:  // per mille
    case 0x97:  // em dash
    case 0x99:  // trade mark
      return 1000;
    case 0x91:
    case 0x92:  // single quotation marks
      return face == Face::bold ? 278 : 222;
    case 0x93:
    case 0x94:  // double ones
      return face == Face::bold ? 500 : 333;
    case 0x95:  // bullet
      return 350;
    case 0xA0:
      return 278;
    case 0xB7:  // middle dot
      return 278;
    case 0xB0:
      return 400;
    case 0xAB:
    case 0xBB:
      return 556;
    default:
      return 667;  // the widest of what is left, but for a few: a line is broken early rather than late
  }
}

}  // namespace

std::string win_ansi(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const CodePoint at = decode_utf8(utf8);
    const std::uint32_t c = at.length == 0 ? 0xFFFD : at.value;
    utf8.remove_prefix(at.length == 0 ? 1 : at.length);
    if (c == '\n') {
      out += '\n';
    } else if (c < 0x20 || c == 0x7F) {
      out += ' ';
    } else if (c < 0x7F || (c >= 0xA0 && c <= 0xFF)) {
      out += static_cast<char>(c);
    } else {
      std::size_t i = 0;
      while (i < kHigh.size() && kHigh[i] != c) ++i;
      if (i < kHigh.size()) {
        out += static_cast<char>(0x80 + i);
      } else {
        out += fmt::format("[U+{:04X}]", c);
      }
    }
  }
  return out;
}

double width(Face face, double size, std::string_view text) {
  std::uint64_t sum = 0;
  for (const char c : text) sum += thousandths(face, static_cast<unsigned char>(c));
  return static_cast<double>(sum) * size / 1000;
}

std::vector<std::string> wrapped(Face face, double size, std::string_view text, double most) {
  std::vector<std::string> out;
  std::string line;
  const auto place = [&](std::string_view word) {
    // A word that is too wide for any line is cut where it is full.
    while (width(face, size, word) > most && word.size() > 1) {
      std::size_t n = 1;
      while (n < word.size() && width(face, size, word.substr(0, n + 1)) <= most) ++n;
      out.emplace_back(word.substr(0, n));
      word.remove_prefix(n);
    }
    line = word;
  };
  while (true) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, end);
    line.clear();
    while (!rest.empty()) {
      const std::size_t blank = std::min(rest.find(' ', 1), rest.size());  // a word with the blank before it
      const std::string_view word = rest.substr(0, blank);
      rest.remove_prefix(blank);
      if (width(face, size, line + std::string(word)) <= most) {
        line += word;
        continue;
      }
      if (!line.empty()) out.push_back(std::exchange(line, {}));
      place(word.front() == ' ' ? word.substr(1) : word);
    }
    out.push_back(line);
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

}  // namespace freehold::pdf
