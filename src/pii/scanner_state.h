// What a scanner knows between two tokens. scanner.cpp goes from sign to sign, scanner_tokens.cpp looks at what begins
// with a letter or a digit.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "pii/members.h"
#include "pii/phrases.h"
#include "pii/recognisers.h"
#include "pii/scanner.h"
#include "pii/tagger.h"

namespace freehold::pii {

inline bool is_cut_here(unsigned char left) {
  return left == '_' || is_alphanumeric(left);
}

// The byte before `i` and the underscores that stand before it, as far as a stream remembers.
inline unsigned char before_underscores(const Text& text, std::size_t i) {
  std::size_t back = 1;
  while (back < kHistory && text.before(i, back) == '_') ++back;
  return text.before(i, back);
}

// What stands behind a word that says that it was given.
enum class Given : unsigned char { nothing, password, secret, user, number };

struct Scanner::State {
  Profile profile;
  Chooser* chooser;
  Context context;
  std::array<std::uint32_t, kCues + 1> seen{};  // the context's; behind the cues, of all that names_number
  std::uint32_t telling = 0;                    // the index after the last word of one that is_telling
  std::string buffer;
  WordMemo memo;           // words of the buffer
  std::uint64_t base = 0;  // of buffer[0] in the whole text
  std::size_t at = 0;      // in buffer: before it everything is decided, but for an open name
  bool ended = false;
  // A name that may go on.
  Tag open = Tag::none;
  bool open_word = false;                    // it has more than initials
  std::size_t open_begin = 0, open_end = 0;  // in buffer
  // Little words and letters, "van der Meer", "C. Meer": the name that may follow begins here, in buffer.
  static constexpr std::size_t kNoLead = static_cast<std::size_t>(-1);
  std::size_t lead = kNoLead;
  Phrase phrase;              // the words before its end, in buffer, are what it says
  Member member;              // the value that begins at or before here, its position in buffer
  unsigned abbreviated = 0;   // single letters with full stops between that went by: "N.A.S."
  std::uint32_t spelled = 0;  // their hash
  // What stood between the last token and here.
  unsigned blanks = 0, newlines = 0;
  bool stop = false, hyphen = false, apart = false;
  bool escaped = false;     // the letter before is an escape's
  bool skipping = false;    // inside a token that is too long
  std::size_t element = 0;  // in buffer: the value of an element that is a password begins here
  bool in_value = false;    // inside of one that may be long, which began at open_begin
  Match followed;           // it, of which the end is not known
  std::size_t at_sign = 0;  // in buffer: the next '@', or as far as none is; behind us: not looked for
  std::vector<Finding>* out = nullptr;

  State(Profile p, Chooser* c) : profile(p), chooser(c) {
    context.least = threshold(p);
    context.seen = seen.data();
  }

  void emit(Kind kind, std::size_t begin, std::size_t end, int score) {
    if (takes(profile, kind)) out->push_back({kind, base + begin, base + end, score});
  }

  void close_name() {
    if (open == Tag::none) return;
    if (open_word) emit(open == Tag::person ? Kind::person : Kind::place, open_begin, open_end, 60);
    open = Tag::none;
  }

  // The token ends at `end`; nothing is known of it but that.
  void past(std::size_t end) {
    at = end;
    blanks = newlines = 0;
    stop = hyphen = apart = escaped = false;
  }

  void forget_words() {
    context.previous = context.before_previous = {};
    context.abbreviated = 0;
    context.tag = context.before_tag = Tag::none;
  }

  // A number or a finding: counts as one word, of which nothing is known.
  void past_other(std::size_t end) {
    close_name();
    forget_words();
    lead = kNoLead;
    ++context.index;
    context.sentence_start = false;
    past(end);
  }

  // What lies between the last token and this one decides what goes together. Once more at the same place changes
  // nothing: a step that does not hold may leave it.
  void arrive(Context& now) const {
    if (newlines == 0 && !stop && !hyphen && !apart) {  // nothing or blanks: nearly always
      now.joined = now.previous.letters != 0 && blanks == 1;
      now.listed_here = now.option_here = false;
      return;
    }
    arrive_behind_signs(now);
  }
  [[gnu::noinline]] void arrive_behind_signs(Context& now) const {
    now.listed_here = apart && newlines == 0;
    now.option_here = hyphen && (apart || (now.option && blanks == 0));  // "--root-password"
    const bool abbreviation = now.previous.letters == 1 || (now.previous.flags & kTitle) != 0 ||
                              (now.previous.letters == 2 && now.previous.shape == Shape::capital);
    const bool ends = newlines > 1 || (stop && (blanks > 0 || newlines > 0) && !(abbreviation && newlines == 0));
    now.joined = now.previous.letters != 0 && newlines == 0 && !apart &&
                 ((blanks == 1 && !hyphen && (!stop || abbreviation)) || (hyphen && blanks == 0 && !stop) ||
                  (stop && !hyphen && blanks == 0 && now.previous.shape == Shape::initial));  // "A.Y. Li"
    if (newlines > 1) now.floor = now.index;
    if (ends || newlines > 0) now.sentence_start = true;
    if (ends) {
      // "Pat. Nr.", "rod. č.": the sentence may as well go on.
      if (now.previous.letters != 0)
        now.abbreviated = stop && !apart && newlines == 0 && now.previous.letters <= 4 ? now.previous.hash : 0;
      now.previous = now.before_previous = {};
      now.tag = now.before_tag = Tag::none;
    }
  }

  // A word of `cue` ended.
  void see(Cue cue) {
    seen[static_cast<std::size_t>(cue)] = context.index;
    if (is_telling(cue)) telling = context.index;
    if (names_number(cue)) seen[kCues] = context.index;
  }

  // Behind "user=" and the like.
  bool is_users() const { return apart && (context.previous.roles & kUserWord) != 0; }

  // "user kovacsb": what no ordinary word is.
  bool follows_user(const Word& w) const {
    return (context.previous.roles & kUserWord) != 0 && context.joined && (w.flags & (kCommon | kFiller)) == 0;
  }

  void forget_programs() {
    for (const Cue cue : {Cue::glued_password, Cue::password_option, Cue::user_option})
      seen[static_cast<std::size_t>(cue)] = 0;
  }

  // Cues of which single words behind them are asked.
  static bool is_telling(Cue cue) {
    return cue == Cue::password || cue == Cue::secret || cue == Cue::user || cue == Cue::docket || cue == Cue::login ||
           cue == Cue::use;
  }

  // Whether an e-mail address may begin at `i`: whether there is an '@' near enough, or what is there has not arrived.
  bool may_be_email(std::size_t i) {
    if (at_sign < i) at_sign = std::min(buffer.find('@', i), buffer.size());
    return at_sign < i + kEmailReach;
  }

  // In buffer: no finding that is still to come begins before it.
  std::size_t held() const { return std::min(open != Tag::none || in_value ? std::min(at, open_begin) : at, lead); }

  bool steps(const Text& text);
  bool step_inside(const Text& text);
  bool step_value(const Text& text);
  bool step_block(const Text& text);
  void follow(const Match& match);
  bool letters(const Text& text);
  bool digits(const Text& text);
  bool token(const Text& text, const Word& w, bool plain);
  bool word(const Text& text, const Word& w);
  bool ordinary_word(const Text& text, const Word& w);
  void past_word(const Text& text, const Word& w, Tag tag, std::size_t end);
  void see_abbreviation(const Text& text, const Word& w);
  bool sign(const Text& text, unsigned char c);
  void pass_sign(unsigned char c);
  void see_number_sign();
  void see_again();
  Given given_behind(const Text& text, const Word& w) const;
  void see_given(Given given);
  void see_cues(const Text& text, const Word& w);
  bool is_record(const Text& text, const Context& now, const Code& code) const;
  Match at_word(const Text& text, const Context& now, const Word& w, std::size_t& rest);
  Match at_number(const Text& text, const Context& now, std::size_t begin, std::size_t& rest);
  bool full_width(const Text& text);
  bool found(const Text& text, const Match& match);
  void run(bool final);
};

}  // namespace freehold::pii
