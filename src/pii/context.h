// What recognisers know besides the text at hand: the words that came before, and how sure a finding must be.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>

#include "pii/kinds.h"
#include "pii/text.h"
#include "pii/word.h"

namespace freehold::pii {

// How a value goes on that is longer than a recogniser reads: the scanner follows it to its end (long_values.cpp).
enum class Rest : std::uint8_t {
  none,      // it ends where the match says
  block,     // to the line that says END
  lines,     // lines of base64
  token,     // base64 and the joints of tokens
  jwt,       // base64url with full stops between
  password,  // up to a blank or a closing quotation mark
  argument,  // of a command line
};

// What a recogniser found; none if the score is 0.
struct Match {
  Kind kind = Kind::other_id;
  std::size_t begin = 0, end = 0;
  int score = 0;  // 0 to 100
  Rest rest = Rest::none;
  unsigned char quote = 0;  // the sign that ends the rest, if one does
  explicit operator bool() const { return score > 0; }
};

enum class Tag : std::uint8_t { none, person, place };

inline constexpr std::array<std::uint32_t, kCues + 1> kNothingSeen{};

// Words that came before. Little words ("is", "number", "the") do not count as distance.
struct Context {
  int least = 50;           // the score that a finding must have
  std::uint32_t index = 1;  // of the next word that counts
  std::uint32_t floor = 0;  // the paragraph began here: cues before do not count
  // The index after each cue's last word, and behind the cues of all that names_number() (recognisers.h); 0: never.
  // Borrowed: contexts are copied.
  const std::uint32_t* seen = kNothingSeen.data();
  PastWord previous, before_previous;  // of this sentence; no letters: there is none
  std::uint32_t abbreviated = 0;  // the hash of a short word with a full stop that ended the sentence before this one
  Tag tag = Tag::none, before_tag = Tag::none;  // theirs
  bool sentence_start = true;
  // Of `previous`: a sign stood before it that parts ("Lovelace, Ada"), and two hyphens did ("--password").
  bool listed = false, option = false;
  bool listed_here = false, option_here = false;  // and of the word that comes now
  bool joined = false;  // nothing but one blank, hyphen or full stop of an abbreviation since `previous`

  // Whether any word that names a number may be near: as near() for all of them.
  bool near_named(std::uint32_t words) const { return seen[kCues] >= earliest(words); }
  // Counting words since `cue`; only if it is near().
  std::uint32_t distance(Cue cue) const { return index - seen[static_cast<std::size_t>(cue)]; }
  // Whether `cue` stood at most `words` counting words back.
  bool near(Cue cue, std::uint32_t words = 8) const {
    const std::uint32_t at = seen[static_cast<std::size_t>(cue)];
    return at > floor && index - at <= words;
  }
  // The index after a cue's last word is at least this if it stood at most `words` counting words back; but for that of
  // a birth, which may be before the beginning.
  std::uint32_t earliest(std::uint32_t words) const { return std::max(floor + 1, index > words ? index - words : 0); }
};

// The cues that follow within four words of the same sentence after `end`.
using CueSet = std::bitset<kCues>;
CueSet cues_after(const Text& text, std::size_t end);
// The cues of what is said of something that ends at `end`: "is my …", "- that is the …", "(…)"; and whether there is
// any such thing, told by few bytes. `asked`: "is" stands right before it, and "a valid …" behind.
CueSet cues_said_of(const Text& text, std::size_t end, bool asked = false);
struct Said {
  CueSet cues;
  bool as = false;    // "as account number": nothing else is
  bool paid = false;  // "for the passport": entered, or paid
};
Said said_of(const Text& text, std::size_t end, bool asked = false);
bool is_counted(const Text& text, std::size_t end);  // "115200 baud", "48000 euros": so many of something
bool is_as_word(std::uint32_t hash);                 // "as", "als", "comme" and their likes
bool is_saying(std::uint32_t hash);                  // "is", "was", "that" and their likes
bool is_said_of(const Text& text, std::size_t end);

}  // namespace freehold::pii
