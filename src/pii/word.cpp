#include "pii/word.h"

#include <algorithm>
#include <array>

#include "pii/context.h"
#include "pii/letters.h"
#include "pii/lexicon.h"

namespace freehold::pii {
namespace {

// U+00C0 to U+017F, two characters each: the letters that they are folded to, '.' for none.
constexpr std::string_view kFolded =
    "a.a.a.a.a.a.aec.e.e.e.e.i.i.i.i.d.n.o.o.o.o.o...o.u.u.u.u.y.thss"
    "a.a.a.a.a.a.aec.e.e.e.e.i.i.i.i.d.n.o.o.o.o.o...o.u.u.u.u.y.thy."
    "a.a.a.a.a.a.c.c.c.c.c.c.c.c.d.d.d.d.e.e.e.e.e.e.e.e.e.e.g.g.g.g.g.g.g.g.h.h.h.h."
    "i.i.i.i.i.i.i.i.i.i.ijijj.j.k.k.k.l.l.l.l.l.l.l.l.l.l.n.n.n.n.n.n.n.n.n.o.o.o.o.o.o.oeoe"
    "r.r.r.r.r.r.s.s.s.s.s.s.s.s.t.t.t.t.t.t.u.u.u.u.u.u.u.u.u.u.u.u.w.w.y.y.y.z.z.z.z.z.z.s.";
static_assert(kFolded.size() == 2 * (0x180 - 0xC0));

struct Letter {
  std::size_t bytes = 0;
  bool upper = false;
  bool mark = false;                      // belongs to the letter before it
  std::array<unsigned char, 4> folded{};  // up to two letters, or the bytes as they are
  std::size_t count = 0;
};

std::size_t sequence_length(unsigned char lead) {
  return lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
}

// Folds by one of the tables in letters.h.
bool fold_by(std::string_view table, std::size_t number, Letter& out) {
  if (table[2 * number] == '.') return false;
  for (std::size_t k = 2 * number; k < 2 * number + 2 && table[k] != '.'; ++k) {
    const auto c = static_cast<unsigned char>(table[k]);
    out.upper = c < 'a';
    out.folded[out.count++] = c | 0x20;
  }
  return true;
}

// Folds Latin letters with marks (U+00C0 to U+02AF, U+1E00 to U+1EFF), and marks that stand behind their letter (U+0300
// to U+036F, as decomposed texts have them): those are no letters of their own.
bool fold_code(unsigned code, Letter& out) {
  if (code >= 0x300 && code < 0x370) {
    out.mark = true;
    return true;
  }
  if (code >= 0x180 && code < 0x2B0) return fold_by(kFoldedExtended, code - 0x180, out);
  if (code >= 0x1E00 && code < 0x1F00) return fold_by(kFoldedAdditional, code - 0x1E00, out);
  if (code < 0xC0 || code >= 0x180) return false;
  const std::size_t at = 2 * (code - 0xC0);
  for (std::size_t k = at; k < at + 2; ++k) {
    if (kFolded[k] != '.') out.folded[out.count++] = static_cast<unsigned char>(kFolded[k]);
  }
  if (code < 0x100) {
    out.upper = code < 0xDF;
  } else if ((code >= 0x139 && code <= 0x148) || code >= 0x179) {
    out.upper = code % 2 == 1 && code != 0x17F;
  } else {
    out.upper = code % 2 == 0 || code == 0x178;
  }
  return true;
}

// The letter that begins with a byte of 0x80 or more.
Letter high_letter(const Text& text, std::size_t i) {
  Letter out;
  const unsigned char lead = text[i];
  const std::size_t length = sequence_length(lead);
  if (length == 1) return out;  // no UTF-8: a separator
  const unsigned char second = text[i + 1];
  if ((second & 0xC0) != 0x80) return out;
  if (lead == 0xC2 && second != 0xAA && second != 0xB5 && second != 0xBA) return out;
  if (lead == 0xC3 && (second == 0x97 || second == 0xB7)) return out;
  if (lead == 0xE2 || (lead == 0xE3 && second == 0x80) || lead >= 0xF0) return out;  // signs, pictures
  if (lead == 0xEF && second >= 0xB8) return out;                                    // forms of signs, full width
  out.bytes = length;
  const unsigned code = length == 2    ? (lead & 31u) << 6 | (second & 63u)
                        : lead == 0xE1 ? (lead & 15u) << 12 | (second & 63u) << 6 | (text[i + 2] & 63u)
                                       : 0;
  if (fold_code(code, out)) return out;
  out.upper = (code >= 0x386 && code < 0x3AC) || (code >= 0x400 && code < 0x430);  // Greek, Cyrillic
  for (std::size_t k = 0; k < length; ++k) out.folded[out.count++] = text[i + k];
  return out;
}

// JSON's and Python's "\u00e9" at `i`, where a backslash stands; up to three of them, for JSON within JSON. Only what
// has a marked letter's number, and marks: others may be a folder's name.
Letter escaped_letter(const Text& text, std::size_t i) {
  Letter out;
  std::size_t at = i + 1;
  while (at < i + 3 && text[at] == '\\') ++at;
  if (text[at] != 'u' || text[at + 1] != '0') return out;
  unsigned code = 0;
  for (std::size_t k = at + 1; k < at + 5; ++k) {
    const unsigned char c = text[k];
    if (!is_hex(c)) return out;
    code = code << 4 | (c <= '9' ? c - '0' : (c | 0x20u) - 'a' + 10);
  }
  if (code != 0xD7 && code != 0xF7 && fold_code(code, out)) out.bytes = at + 5 - i;
  return out;
}

bool is_ascii_letter(unsigned char c) {
  return (kByteKinds[c] & kLetterByte) != 0;
}

// Bytes of an apostrophe at `i` (' or U+2019), 0 if there is none.
std::size_t apostrophe_at(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c == '\'') return 1;
  return c == 0xE2 && text[i + 1] == 0x80 && text[i + 2] == 0x99 ? 3 : 0;
}

}  // namespace

std::size_t letter_beyond_ascii(const Text& text, std::size_t i) {
  return text[i] == '\\' ? escaped_letter(text, i).bytes : high_letter(text, i).bytes;
}

std::size_t blank_beyond_ascii(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c == 0xC2) return text[i + 1] == 0xA0 ? 2 : 0;
  if (c != 0xE2) return 0;
  const unsigned char second = text[i + 1], third = text[i + 2];
  if (second == 0x81) return third == 0x9F ? 3 : 0;
  return second == 0x80 && ((third >= 0x80 && third <= 0x8B) || third == 0xAF) ? 3 : 0;
}

std::size_t dash_beyond_ascii(const Text& text, std::size_t i) {
  if (text[i] != 0xE2) return 0;
  const unsigned char second = text[i + 1], third = text[i + 2];
  return (second == 0x80 && third >= 0x90 && third <= 0x95) || (second == 0x88 && third == 0x92) ? 3 : 0;
}

namespace {

// A word as far as it was read.
struct Reading {
  std::size_t at = 0;
  std::uint32_t hash = kHashStart;
  std::uint32_t last = 0;  // three folded letters
  unsigned count = 0, upper = 0;
  bool first_upper = false;
};

// Goes on behind ASCII's letters: marked letters, apostrophes.
[[gnu::noinline]] void read_on(const Text& text, std::size_t begin, Reading& r) {
  for (;;) {
    const unsigned char c = text[r.at];
    if (is_ascii_letter(c)) {
      const bool is_upper = c < 'a';
      r.upper += is_upper;
      if (r.count++ == 0) r.first_upper = is_upper;
      r.hash = hash_on(r.hash, c | 0x20);
      r.last = r.last << 8 | (c | 0x20u);
      ++r.at;
    } else if (c >= 0x80 || c == '\\') {
      const Letter letter = c == '\\' ? escaped_letter(text, r.at) : high_letter(text, r.at);
      if (letter.bytes != 0) {
        r.upper += letter.upper;
        if (!letter.mark && r.count++ == 0) r.first_upper = letter.upper;
        for (std::size_t k = 0; k < letter.count; ++k) {
          r.hash = hash_on(r.hash, letter.folded[k]);
          r.last = r.last << 8 | letter.folded[k];
        }
        r.at += letter.bytes;
      } else if (const std::size_t quote = c == '\\' ? 0 : apostrophe_at(text, r.at);
                 quote != 0 && letter_at(text, r.at + quote) != 0 && r.count < 3) {
        r.at += quote;
      } else {
        break;
      }
    } else if (c == '\'' && letter_at(text, r.at + 1) != 0) {
      // "O'Brien" and "d'Angelo" are one word, "John's" and "don't" end here.
      if (r.count > 2) break;
      ++r.at;
    } else {
      break;
    }
    if (r.at - begin >= kLongestWord) break;
  }
}

}  // namespace

namespace {

// ASCII's letters folded, 0 for all other bytes.
constexpr auto kFoldedAscii = [] {
  std::array<unsigned char, 256> out{};
  for (unsigned c = 'a'; c <= 'z'; ++c) out[c] = out[c - 0x20] = static_cast<unsigned char>(c);
  return out;
}();

[[gnu::always_inline]] inline Word known_word(std::size_t begin, const Reading& r) {
  const Lexicon& words = lexicon();
  const Lexicon::Entry& known = words.find(r.hash);
  Word word;
  word.hash = r.hash;
  word.flags = known.flags;
  word.letters = static_cast<std::uint8_t>(r.count < 255 ? r.count : 255);
  word.shape = r.upper == 0                    ? Shape::lower
               : r.count == 1                  ? Shape::initial
               : r.upper == r.count            ? Shape::upper
               : r.first_upper && r.upper == 1 ? Shape::capital
                                               : Shape::mixed;
  word.cue = known.cue;
  word.roles = words.roles(known);
  word.suffix = r.last & 0xFFFFFF;
  word.begin = begin;
  word.end = r.at;
  return word;
}

// From where ASCII's letters end.
[[gnu::noinline]] Word read_on_from(const Text& text, std::size_t begin, std::size_t at, std::uint32_t hash,
                                    std::uint32_t last, unsigned upper) {
  Reading r{.at = at,
            .hash = hash,
            .last = last,
            .count = static_cast<unsigned>(at - begin),
            .upper = upper,
            .first_upper = at > begin && text[begin] < 'a'};
  read_on(text, begin, r);
  return known_word(begin, r);
}

}  // namespace

Word read_word(const Text& text, std::size_t begin) {
  const unsigned char* const bytes = text.data();
  const std::size_t most = std::min(text.size(), begin + kLongestWord);
  std::uint32_t hash = kHashStart, last = 0;
  unsigned upper = 0;
  std::size_t at = begin;
  for (; at < most; ++at) {
    const unsigned char c = bytes[at], folded = kFoldedAscii[c];
    if (folded == 0) break;
    upper += c != folded;
    hash = hash_on(hash, folded);
  }
  const std::size_t count = at - begin;
  if (count >= 3) [[likely]] {
    last = (bytes[at - 3] << 16 | bytes[at - 2] << 8 | bytes[at - 1]) | 0x202020u;
  } else {
    for (std::size_t k = begin; k < at; ++k) last = last << 8 | (bytes[k] | 0x20u);
  }
  if (count < kLongestWord) {
    const unsigned char c = text[at];
    if (c >= 0x80 || c == '\\' || c == '\'') [[unlikely]]
      return read_on_from(text, begin, at, hash, last, upper);
  }
  return known_word(begin, {.at = at,
                            .hash = hash,
                            .last = last,
                            .count = static_cast<unsigned>(count),
                            .upper = upper,
                            .first_upper = count > 0 && bytes[begin] < 'a'});
}

Word word_at(const Text& text, std::size_t i) {
  WordMemo* const memo = text.memo();
  if (memo == nullptr) return read_word(text, i);
  if (const Word* kept = memo->find(i); kept != nullptr) return *kept;
  const Word word = read_word(text, i);
  if (!text.starved()) memo->keep(word);
  return word;
}

void fold(std::string_view word, std::string& out) {
  const Text text(word, true);
  for (std::size_t i = 0; i < word.size();) {
    const unsigned char c = text[i];
    if (c < 0x80) {
      if (is_ascii_letter(c)) out += static_cast<char>(c | 0x20);
      ++i;
      continue;
    }
    const Letter letter = high_letter(text, i);
    out.append(reinterpret_cast<const char*>(letter.folded.data()), letter.count);
    i += letter.bytes == 0 ? 1 : letter.bytes;
  }
}

}  // namespace freehold::pii
