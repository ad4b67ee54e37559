#include "pii/scanner.h"

#include "pii/lexicon.h"
#include "pii/scanner_state.h"
#include "pii/shipped.h"

namespace freehold::pii {
namespace {

constexpr std::size_t kForgetFrom = 256 << 10;  // bytes behind us before they are dropped

Chooser& shipped_chooser() {
  static Tagger tagger(shipped_tagger());
  return tagger;
}

// A letter that is an escape's in a program's or a JSON text, "\\n4111 …": the letter at `i`, behind a backslash.
// Before small letters it may as well be a folder's name.
bool is_escape(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  return (c == 'n' || c == 't' || c == 'r') && static_cast<unsigned char>(text[i + 1] - 'a') >= 26;
}

// Whether the underscores before `i` are no part of a name: Markdown's "_10.20.30.40_".
bool is_marked(const Text& text, std::size_t i) {
  return text.before(i, 1) == '_' && !is_alphanumeric(before_underscores(text, i));
}

// What may begin with a byte.
enum class Start : unsigned char { sign, plain_sign, blank, digit, letter, maybe_letter };

constexpr auto kStarts = [] {
  constexpr std::string_view kTelling = "-+(_:@";
  std::array<Start, 256> out{};
  for (unsigned c = 0; c < out.size(); ++c) {
    const auto byte = static_cast<unsigned char>(c);
    out[c] = c == ' '                                                        ? Start::blank
             : is_digit(byte)                                                ? Start::digit
             : c >= 0x80 || c == '\\'                                        ? Start::maybe_letter
             : is_alphanumeric(byte)                                         ? Start::letter
             : kTelling.find(static_cast<char>(c)) != std::string_view::npos ? Start::sign
                                                                             : Start::plain_sign;
  }
  return out;
}();

}  // namespace

bool Scanner::State::sign(const Text& text, unsigned char c) {
  if (c >= 0x80) {
    if (c == 0xEF && text[at + 1] == 0xBC && profile != Profile::secrets) {
      if (full_width(text)) return true;
      if (text.starved()) return false;
    }
    const std::size_t blank = blank_at(text, at);
    const bool numero = c == 0xE2 && text[at + 1] == 0x84 && text[at + 2] == 0x96;  // U+2116
    if (text.starved()) return false;
    if (numero) see_number_sign();
    blanks += blank != 0;
    apart = apart || blank == 0;
    at += blank != 0 ? blank : 1;
    return true;
  }
  if (c == '-' && text[at + 1] == '-' && text[at + 2] == '-') {
    const Match match = private_key_begins(text, at);
    if (text.starved()) return false;
    if (match) return found(text, match);
  }
  // "client_secret: /RlW…": base64 may begin with a sign.
  if ((c == '/' || c == '+') && (blanks > 0 || apart) && is_alphanumeric(text[at + 1]) && text.before(at, 1) != '/' &&
      context.near(Cue::secret, kSecretReach)) {
    if (const Match match = match_secret(text, at, context); match.kind == Kind::secret && match.score >= context.least)
      return found(text, match);
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
  } else if (c > ' ' && c < 0x7F && c != '"' && c != '\'' && c != ':' && c != '=' && c != '`' && c != '(' &&
             context.near(Cue::password, 0) && (blanks > 0 || apart)) {
    Context now = context;
    const Match match = at == element ? match_element(text, at) : match_secret(text, at, now);
    if (match.score >= now.least) return found(text, match);
  }
  if (c == '@' && context.near(Cue::user, 0) && profile != Profile::secrets && !is_cut_here(text.before(at, 1))) {
    Context now = context;
    arrive(now);
    if (const Match match = match_user(text, at, now); match.score >= now.least) return found(text, match);
  }
  const bool escape = c == '\\' && is_escape(text, at + 1);
  if (text.starved()) return false;
  pass_sign(c);
  escaped = escape;
  if (escape) ++at;
  return true;
}

// A sign of which nothing begins.
void Scanner::State::pass_sign(unsigned char c) {
  if (member.tag != Tag::none && at >= member.begin && ends_member(member, c)) member = {};
  if (c != '.') lead = kNoLead;
  switch (c) {
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
    case '#':
      see_number_sign();
      apart = true;
      break;
    case '>':
      if (at + 1 == element) see(Cue::password);
      apart = true;
      break;
    default:
      apart = true;
  }
  ++at;
  escaped = false;
}

// Inside of what is not looked at token by token.
bool Scanner::State::step_inside(const Text& text) {
  if (skipping) {
    while (at < text.size() && (is_alphanumeric(text[at]) || text[at] == '_')) ++at;
    skipping = at >= text.size();
    return true;
  }
  return followed.rest == Rest::block ? step_block(text) : step_value(text);
}

// As far as it goes; false where more text is needed.
bool Scanner::State::steps(const Text& text) {
  const unsigned char* const bytes = text.data();
  for (const std::size_t size = text.size(); at < size;) {
    if (skipping || in_value) [[unlikely]] {
      if (!step_inside(text)) return false;
      text.feed_again();
      continue;
    }
    const unsigned char c = bytes[at];
    bool done = false;
    switch (kStarts[c]) {
      case Start::blank:
        ++blanks;
        ++at;
        escaped = false;
        continue;
      case Start::plain_sign:
        // Behind "password" anything may begin one.
        if ((telling >= context.earliest(0) && context.near(Cue::password, 0)) ||
            (c == '/' && telling >= context.earliest(kSecretReach))) {
          done = sign(text, c);
          break;
        }
        pass_sign(c);
        continue;
      case Start::digit:
        done = digits(text);
        break;
      case Start::letter:
        done = letters(text);
        break;
      case Start::maybe_letter:
        done = letter_at(text, at) != 0 ? letters(text) : sign(text, c);
        break;
      case Start::sign:
        done = sign(text, c);
        break;
    }
    if (!done) return false;
    text.feed_again();
  }
  return true;
}

void Scanner::State::run(bool final) {
  const Text text(buffer, final, &memo);
  steps(text);
  if (final && in_value) step_inside(text);
  if (final) close_name(), lead = kNoLead;
  const std::size_t kept = held();
  if (kept > kForgetFrom || (kept > kHistory && kept * 2 > buffer.size() && buffer.size() > 4096)) {
    const std::size_t drop = kept - kHistory;
    buffer.erase(0, drop);
    memo.clear();
    base += drop;
    at -= drop;
    at_sign -= std::min(drop, at_sign);
    element -= std::min(drop, element);
    member.begin -= std::min(drop, member.begin);
    phrase.end -= std::min(drop, phrase.end);
    if (lead != kNoLead) lead -= drop;
    if (open != Tag::none || in_value) open_begin -= drop, open_end -= std::min(drop, open_end);
  }
}

Scanner::Scanner(Profile profile, Chooser* chooser)
    : state_(std::make_unique<State>(profile, chooser != nullptr ? chooser : &shipped_chooser())) {}
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
  return state_->base + state_->held();
}

std::vector<Finding> scan(std::string_view text, Profile profile) {
  constexpr std::size_t kPiece = 256 << 10;
  constexpr std::size_t kDense = 32;  // bytes a finding: room that costs nothing until it is used
  std::vector<Finding> out;
  out.reserve(text.size() / kDense);
  Scanner scanner(profile);
  for (std::size_t i = 0; i < text.size(); i += kPiece) scanner.feed(text.substr(i, kPiece), out);
  scanner.finish(out);
  return out;
}

}  // namespace freehold::pii
