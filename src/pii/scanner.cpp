#include "pii/scanner.h"

#include <algorithm>
#include <array>

#include "pii/lexicon.h"
#include "pii/recognisers.h"
#include "pii/shipped.h"
#include "pii/tagger.h"

namespace freehold::pii {
namespace {

constexpr std::size_t kLongestPlain = 256;      // what is longer and no secret is skipped unread
constexpr std::size_t kLongestKey = 64 << 10;   // a private key's block
constexpr std::size_t kForgetFrom = 256 << 10;  // bytes behind us before they are dropped

Chooser& shipped_chooser() {
  static thread_local Tagger tagger(shipped_tagger());
  return tagger;
}

bool is_blank_byte(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Behind a lower-case word: nothing that could make it the beginning of an address or a key.
bool is_plain_end(const Text& text, std::size_t end) {
  const unsigned char c = text[end];
  switch (c) {
    case ' ':
    case '\n':
    case '\r':
    case '\t':
    case ',':
    case ';':
    case '!':
    case '?':
    case ')':
    case '"':
    case '(':
    case ']':
      return true;
    case '.':
    case ':':
      return is_blank_byte(text[end + 1]) || text[end + 1] == '"' ||
             (c == ':' && !is_alphanumeric(text[end + 1]) && text[end + 1] != '/' && text[end + 1] != ':');
    case 0:
      return text.final() || end < text.size();
    default:
      return false;
  }
}

// A word between names that are two as often as one.
bool is_and(const Word& word) {
  static const std::uint32_t kAnd[] = {hash_folded("und"), hash_folded("y"), hash_folded("e")};
  return word.shape == Shape::lower && (word.hash == kAnd[0] || word.hash == kAnd[1] || word.hash == kAnd[2]);
}

// A letter that is an escape's in a program's or a JSON text, "\\n4111 …": the letter at `i`, behind a backslash.
// Before small letters it may as well be a folder's name.
bool is_escape(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  return (c == 'n' || c == 't' || c == 'r') && static_cast<unsigned char>(text[i + 1] - 'a') >= 26;
}

bool is_cut_here(unsigned char left) {
  return left == '_' || is_alphanumeric(left);
}

// The byte before `i` and the underscores that stand before it, as far as a stream remembers.
unsigned char before_underscores(const Text& text, std::size_t i) {
  std::size_t back = 1;
  while (back < kHistory && text.before(i, back) == '_') ++back;
  return text.before(i, back);
}

// Whether the underscores before `i` are no part of a name: Markdown's "_10.20.30.40_".
bool is_marked(const Text& text, std::size_t i) {
  return text.before(i, 1) == '_' && !is_alphanumeric(before_underscores(text, i));
}

}  // namespace

struct Scanner::State {
  Profile profile;
  Chooser* chooser;
  Context context;
  std::array<std::uint32_t, kCues> seen{};  // the context's
  std::string buffer;
  std::uint64_t base = 0;  // of buffer[0] in the whole text
  std::size_t at = 0;      // in buffer: before it everything is decided, but for an open name
  bool ended = false;
  // A name that may go on.
  Tag open = Tag::none;
  std::size_t open_begin = 0, open_end = 0;  // in buffer
  // What stood between the last token and here.
  unsigned blanks = 0, newlines = 0;
  bool stop = false, hyphen = false, apart = false;
  bool escaped = false;     // the letter before is an escape's
  bool skipping = false;    // inside a token that is too long
  bool in_key = false;      // inside a private key's block, which began at open_begin
  std::size_t at_sign = 0;  // in buffer: the next '@', or as far as none is; behind us: not looked for
  std::vector<Finding>* out = nullptr;

  State(Profile p, Chooser* c) : profile(p), chooser(c != nullptr ? c : &shipped_chooser()) {
    context.least = threshold(p);
    context.seen = seen.data();
  }

  void emit(Kind kind, std::size_t begin, std::size_t end, int score) {
    if (takes(profile, kind)) out->push_back({kind, base + begin, base + end, score});
  }

  void close_name() {
    if (open == Tag::none) return;
    emit(open == Tag::person ? Kind::person : Kind::place, open_begin, open_end, 60);
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
    context.tag = context.before_tag = Tag::none;
  }

  // A number or a finding: counts as one word, of which nothing is known.
  void past_other(std::size_t end) {
    close_name();
    forget_words();
    ++context.index;
    context.sentence_start = false;
    past(end);
  }

  // What lies between the last token and this one decides what goes together. Kept apart from the state until the step
  // holds.
  void arrive(Context& now) const {
    const bool abbreviation = now.previous.letters == 1 || (now.previous.flags & kTitle) != 0 ||
                              (now.previous.letters == 2 && now.previous.shape == Shape::capital);
    const bool ends = newlines > 1 || (stop && (blanks > 0 || newlines > 0) && !(abbreviation && newlines == 0));
    now.joined = now.previous.letters != 0 && newlines == 0 && !apart &&
                 ((blanks == 1 && !hyphen && (!stop || abbreviation)) || (hyphen && blanks == 0 && !stop));
    if (newlines > 1) now.floor = now.index;
    if (ends || newlines > 0) now.sentence_start = true;
    if (ends) {
      now.previous = now.before_previous = {};
      now.tag = now.before_tag = Tag::none;
    }
  }

  // Whether an e-mail address may begin at `i`: whether there is an '@' near enough, or what is there has not arrived.
  bool may_be_email(std::size_t i) {
    if (at_sign < i) at_sign = std::min(buffer.find('@', i), buffer.size());
    return at_sign < i + kEmailReach;
  }

  bool step(const Text& text);
  bool token(const Text& text, bool letter);
  bool word(const Text& text, Context& now, const Word& w);
  bool sign(const Text& text, unsigned char c);
  Match at_word(const Text& text, const Context& now, const Word& w, std::size_t& rest);
  Match at_number(const Text& text, const Context& now, std::size_t& rest);
  bool found(const Text& text, const Match& match);
  void run(bool final);
};

bool Scanner::State::found(const Text& text, const Match& match) {
  if (text.starved()) return false;
  arrive(context);
  close_name();
  emit(match.kind, match.begin, match.end, match.score);
  past_other(match.end);
  // What follows a street is its town.
  if (match.kind == Kind::address) seen[static_cast<std::size_t>(Cue::address)] = context.index;
  return true;
}

// What a code at this place may be besides a word; `rest`: where to go on if it is nothing.
Match Scanner::State::at_number(const Text& text, const Context& now, std::size_t& rest) {
  const Code code = code_at(text, at);
  rest = code.rest();
  // A UUID is nobody's number, whatever its last group looks like.
  if (code.count >= 5 && code.groups[0].size() == 8 && code.groups[1].size() == 4 && code.groups[2].size() == 4 &&
      code.groups[3].size() == 4 && code.groups[4].size() == 12 && code.groups[0].separator == '-' &&
      code.groups[3].separator == '-') {
    rest = code.groups[4].end;
    return {};
  }
  auto sure = [&](const Match& match) { return match.score >= now.least; };
  if (code.underscored) return match_code(text, now, code);  // part of a name: only what is telling of itself
  if (code.groups[0].digits == code.groups[0].size()) {
    if (const Match match = match_date(text, now, code); sure(match)) return match;
    if (const Match match = match_age(text, now, code); sure(match)) return match;
    if (const Match match = match_address(text, now, code); sure(match)) return match;
    if (code.groups[0].size() <= 3 && (text[code.end(1)] == '(' || text[code.end(1) + 1] == '(')) {  // 1 (555) 123-4567
      if (const Match match = match_phone(text, at, now); sure(match)) return match;
    }
  } else {
    if (code.groups[0].digits > 0 && code.groups[0].digits <= 2 && code.groups[0].size() <= 4) {  // "3rd of March"
      if (const Match match = match_date(text, now, code); sure(match)) return match;
    }
    if (const Match match = match_address(text, now, code); sure(match)) return match;
  }
  if (const Match match = match_postcode(text, now, code); sure(match)) return match;
  return match_code(text, now, code);
}

Match Scanner::State::at_word(const Text& text, const Context& now, const Word& w, std::size_t& rest) {
  const unsigned char next = text[w.end];
  auto sure = [&](const Match& match) { return match.score >= now.least; };
  if (is_digit(next)) {  // a token of letters and digits
    if (const Match match = match_wallet(text, at, now); sure(match)) return match;
    if (const Match match = at_number(text, now, rest); sure(match)) return match;
  } else if (w.letters == 17 && w.shape == Shape::upper && now.near(Cue::vin, 3)) {
    std::size_t ignored = 0;
    if (const Match match = at_number(text, now, ignored); sure(match)) return match;
  } else if (w.letters <= 6 && w.shape != Shape::lower) {
    const std::size_t gap = gap_at(text, w.end);
    if (gap != 0 && (is_digit(text[w.end + gap]) || (now.near(Cue::plate, 3) && is_alphanumeric(text[w.end + gap]))) &&
        (w.flags & kMonth) == 0) {
      std::size_t ignored = 0;
      if (const Match match = at_number(text, now, ignored); sure(match)) return match;
    }
  }
  return {};
}

bool Scanner::State::word(const Text& text, Context& now, const Word& w) {
  Tag tag = Tag::none;
  if (w.shape != Shape::lower && profile != Profile::secrets) {
    if (const Match match = match_month(text, now, w); match.score >= now.least) return found(text, match);
    if (const Match match = match_street(text, w); match.score >= now.least) return found(text, match);
    constexpr unsigned kNames = kGiven | kSurname | kPlace | kPlacePart;
    // The first word of a sentence that is an ordinary one; letters that stand for something; "IBAN", "Konto".
    const bool ordinary =
        ((w.flags & kNames) == 0 &&
         ((w.cue != Cue::none && w.letters > 1) || (w.flags & kProper) != 0 ||
          (w.shape == Shape::upper && w.letters <= 5) ||
          ((w.flags & (kCommon | kFiller)) != 0 && now.sentence_start && w.shape == Shape::capital))) ||
        (w.cue != Cue::none && w.shape == Shape::upper && w.letters <= 5);
    if (!ordinary && w.end - w.begin < kLongestWord) tag = chooser->choose(window_at(text, now, w));
  }
  if (text.starved()) return false;
  // Names: one word after the other.
  const bool goes_on = open != Tag::none && now.joined;
  // "Anna und Jonas" are two; "Ortega y Gasset" is one.
  const bool another = goes_on && is_and(now.previous) && ((w.flags & kGiven) != 0 || (w.flags & kSurname) == 0);
  if (goes_on && tag == open && !another) {
    open_end = w.end;
  } else if (!(goes_on && tag == Tag::none && (w.flags & kParticle) != 0 && w.shape == Shape::lower)) {
    close_name();
    if (tag != Tag::none) {
      open = tag;
      open_begin = w.begin;
      open_end = w.end;
    }
  }
  if ((w.flags & kFiller) == 0) ++now.index;
  if (w.cue != Cue::none) {
    const std::uint32_t before = now.previous.letters != 0 ? now.previous.hash : 0;
    lexicon().each_cue(before, w.hash, [&](Cue cue) { seen[static_cast<std::size_t>(cue)] = now.index; });
  }
  now.before_previous = now.previous;
  now.before_tag = now.tag;
  now.previous = w;
  now.tag = tag;
  now.sentence_start = false;
  context = now;
  past(w.end);
  return true;
}

bool Scanner::State::token(const Text& text, bool letter) {
  const std::size_t begin = at;
  Context now = context;
  arrive(now);
  const bool near_secret = now.near(Cue::password, 1) || now.near(Cue::secret, 2);
  Word w;
  if (letter) {
    w = word_at(text, begin);
    if (w.shape == Shape::lower && !near_secret && is_plain_end(text, w.end)) return word(text, now, w);
  }
  auto sure = [&](const Match& match) { return match.score >= now.least; };
  const unsigned char left = escaped ? ' ' : text.before(begin, 1);
  const bool inside = is_cut_here(left);  // behind '_', or behind letters that a word did not take
  // A word alone is no key: those have a digit or a sign in them, or are long.
  const bool alone = letter && !near_secret && w.letters < 16 && is_plain_end(text, w.end);
  if (!alone) {
    if (const Match match = match_secret(text, begin, now); sure(match)) return found(text, match);
  }
  std::size_t rest = 0;
  if (profile == Profile::secrets && letter && text[w.end] == ':') {  // an address with a password in it
    if (const Match match = match_url(text, begin); match.kind == Kind::password && sure(match))
      return found(text, match);
  }
  if (profile != Profile::secrets && (!inside || left == '_')) {
    const unsigned char next = letter ? text[w.end] : 0;
    // "_name@example.org_" and "__name@example.org__", but not the rest of "first_name@example.org"
    const bool fresh = left != '_' || !is_alphanumeric(before_underscores(text, begin));
    if (fresh && (!letter || !is_plain_end(text, w.end))) {
      if (may_be_email(begin)) {
        if (const Match match = match_email(text, begin); sure(match)) return found(text, match);
      }
      if (const Match match = match_url(text, begin); sure(match)) return found(text, match);
    }
    if (left != '_' || fresh) {
      const bool hex = is_hex(text[begin]);
      if (hex && (!letter || is_digit(next) || next == ':' || next == '-' || next == '.')) {
        if (const Match match = match_mac(text, begin, now); sure(match)) return found(text, match);
        if (const Match match = match_ip(text, begin, now); sure(match)) return found(text, match);
      }
    }
    if (letter) {
      if (const Match match = at_word(text, now, w, rest); sure(match)) return found(text, match);
    } else {
      if (const Match match = match_wallet(text, begin, now); sure(match)) return found(text, match);
      if (const Match match = at_number(text, now, rest); sure(match)) return found(text, match);
    }
  }
  if (letter && !is_digit(text[w.end])) return word(text, now, w);
  // Digits, or letters and digits together, that are nothing: go on behind them.
  std::size_t end = begin;
  while (end < begin + kLongestPlain && is_alphanumeric(text[end])) ++end;
  if (end == begin) end = begin + 1;
  if (rest > end && !letter) end = rest;
  if (text.starved()) return false;
  skipping = end >= begin + kLongestPlain;
  now.sentence_start = false;
  context = now;
  past_other(end);
  return true;
}

bool Scanner::State::sign(const Text& text, unsigned char c) {
  if (c >= 0x80) {
    const std::size_t blank = blank_at(text, at);
    if (text.starved()) return false;
    blanks += blank != 0;
    apart = apart || blank == 0;
    at += blank != 0 ? blank : 1;
    return true;
  }
  if (c == '-' && text[at + 1] == '-' && text.has(at, "-----begin ")) {
    const std::size_t end = private_key_begins(text, at + 11);
    if (text.starved()) return false;
    if (end != 0) {
      close_name();
      in_key = true;
      open_begin = at;
      at = end;
      return true;
    }
  }
  if (profile != Profile::secrets && (c == '+' || c == '(')) {
    const unsigned char second = text[at + 1];  // "+(49", "(+49"
    const std::size_t digit = (c == '+' && second == '(') || (c == '(' && second == '+') ? at + 2 : at + 1;
    const unsigned char left = text.before(at, 1);
    if (is_digit(text[digit]) && (!is_cut_here(left) || escaped || is_marked(text, at))) {
      Context now = context;
      arrive(now);
      if (const Match match = match_phone(text, at, now); match.score >= now.least) return found(text, match);
    }
  } else if (profile != Profile::secrets && c == '_' && !is_cut_here(text.before(at, 1)) &&
             (is_alphanumeric(text[at + 1]) || text[at + 1] == '_')) {  // "_name@example.org"
    const Match match = match_email(text, at);
    if (match.score >= context.least && text[match.end] != '_') return found(text, match);
  } else if (profile != Profile::secrets && c == ':' && text[at + 1] == ':' && is_hex(text[at + 2]) &&
             (!is_cut_here(text.before(at, 1)) || escaped || is_marked(text, at))) {
    if (const Match match = match_ip(text, at, context); match.score >= context.least) return found(text, match);
  } else if (c > ' ' && c < 0x7F && c != '"' && c != '\'' && c != ':' && c != '=' && c != '`' &&
             context.near(Cue::password, 0) && (blanks > 0 || apart)) {
    Context now = context;
    if (const Match match = match_secret(text, at, now); match.score >= now.least) return found(text, match);
  }
  const bool escape = c == '\\' && is_escape(text, at + 1);
  if (text.starved()) return false;
  switch (c) {
    case ' ':
    case '\t':
      ++blanks;
      break;
    case '\r':
      break;
    case '\n':
      ++newlines;
      break;
    case '.':
      if (stop || apart) apart = true;
      stop = true;
      break;
    case '!':
    case '?':
      stop = apart = true;
      break;
    case '-':
      if (hyphen) apart = true;
      hyphen = true;
      break;
    default:
      apart = true;
  }
  ++at;
  escaped = escape;
  if (escape) ++at;
  return true;
}

bool Scanner::State::step(const Text& text) {
  const unsigned char c = text[at];
  if (skipping) {
    while (at < text.size() && (is_alphanumeric(text[at]) || text[at] == '_')) ++at;
    skipping = at >= text.size();
    return true;
  }
  if (in_key) {
    const std::string_view rest = text.part(at, text.size());
    const std::size_t end = rest.find("-----END");
    std::size_t to = 0;
    if (end != std::string_view::npos && at + end - open_begin <= kLongestKey) {
      // The line's end, or what of it is there.
      to = at + end + 8;
      while (to < at + end + 64 && text[to] != '\n' && (text[to] >= ' ' && text[to] != '"')) ++to;
      while (text[to - 1] == ' ') --to;
      if (text.starved()) return false;
    } else if (text.size() - open_begin > kLongestKey + 8) {
      to = open_begin + kLongestKey;
    } else if (text.final()) {
      to = text.size();
    } else {
      // What was looked at holds no mark, but for its last bytes.
      if (rest.size() > 8) at = text.size() - 8;
      return false;
    }
    in_key = false;
    return found(text, {Kind::private_key, open_begin, to, 97});
  }
  if (is_digit(c)) return token(text, false);
  if (c < 0x80 ? static_cast<unsigned char>((c | 0x20) - 'a') < 26 : letter_at(text, at) != 0) return token(text, true);
  return sign(text, c);
}

void Scanner::State::run(bool final) {
  const Text text(buffer, final);
  while (at < buffer.size()) {
    text.feed_again();
    if (!step(text)) break;
  }
  if (final) close_name();
  const std::size_t held = open != Tag::none || in_key ? std::min(at, open_begin) : at;
  if (held > kForgetFrom || (held > kHistory && held * 2 > buffer.size() && buffer.size() > 4096)) {
    const std::size_t drop = held - kHistory;
    buffer.erase(0, drop);
    base += drop;
    at -= drop;
    at_sign -= std::min(drop, at_sign);
    if (open != Tag::none || in_key) open_begin -= drop, open_end -= std::min(drop, open_end);
  }
}

Scanner::Scanner(Profile profile, Chooser* chooser) : state_(std::make_unique<State>(profile, chooser)) {}
Scanner::~Scanner() = default;
Scanner::Scanner(Scanner&&) noexcept = default;
Scanner& Scanner::operator=(Scanner&&) noexcept = default;

void Scanner::feed(std::string_view chunk, std::vector<Finding>& out) {
  state_->out = &out;
  state_->buffer.append(chunk);
  state_->run(false);
}

void Scanner::finish(std::vector<Finding>& out) {
  state_->out = &out;
  state_->run(true);
}

std::uint64_t Scanner::decided() const {
  const State& s = *state_;
  return s.base + (s.open != Tag::none || s.in_key ? std::min(s.at, s.open_begin) : s.at);
}

std::vector<Finding> scan(std::string_view text, Profile profile) {
  constexpr std::size_t kPiece = 256 << 10;
  std::vector<Finding> out;
  Scanner scanner(profile);
  for (std::size_t i = 0; i < text.size(); i += kPiece) scanner.feed(text.substr(i, kPiece), out);
  scanner.finish(out);
  return out;
}

}  // namespace freehold::pii
