// Names of users with their passwords, and passwords of which it is said behind them what they are.
#include <algorithm>
#include <iterator>

#include "pii/keys.h"
#include "pii/lexicon.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

constexpr std::size_t kLeastPassword = 6, kMostPassword = 64, kMostToken = 256;

// The end of what stands up to a blank, without the sentence's marks.
std::size_t password_end(const Text& text, std::size_t i) {
  std::size_t end = i;
  while (end < i + kMostPassword && value_goes_on(text, end, Rest::password, 0)) ++end;
  return value_end(text, i, end, Rest::password);
}

// Letters with a digit or a sign among them, or long ones of both cases: no word, no path, no port, no name of a file.
bool may_be_password(const Text& text, std::size_t begin, std::size_t end) {
  constexpr std::size_t kLongest = 10;  // of words like "GitLab"
  bool letter = false, odd = false, dot = false, sign = false;
  std::size_t humps = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const unsigned char c = text[i];
    if (c == '/' || c == '=' || c == '(') return false;
    letter = letter || c >= 0x80 || (is_alphanumeric(c) && !is_digit(c));
    const bool plain = is_alphanumeric(c) || c >= 0x80 || c == '-' || c == '_' || c == '.' || c == ':';
    dot = dot || c == '.';
    sign = sign || !plain;
    humps += i > begin && c >= 'A' && c <= 'Z' && text[i - 1] >= 'a' && text[i - 1] <= 'z';
    odd = odd || is_digit(c) || humps >= (end - begin > kLongest ? 1u : 2u);
  }
  return letter && (sign || (odd && !dot)) && end - begin >= kLeastPassword;
}

// "and " at `i`, with its blank; 0 if it does not stand there.
std::size_t and_at(const Text& text, std::size_t i) {
  static constexpr std::string_view kAnd[] = {"and ", "und ", "et ", "y ", "e ", "en ", "och ", "og ", "i "};
  for (const std::string_view word : kAnd) {
    if (text.has(i, word)) return word.size();
  }
  return 0;
}

// Small letters with capitals and digits, or with a sign among them.
bool is_strong(const Text& text, std::size_t begin, std::size_t end) {
  bool upper = false, lower = false, digit = false, sign = false;
  for (std::size_t i = begin; i < end; ++i) {
    const unsigned char c = text[i];
    upper = upper || (c >= 'A' && c <= 'Z');
    lower = lower || (c >= 'a' && c <= 'z');
    digit = digit || is_digit(c);
    sign = sign || (c < 0x80 && !is_alphanumeric(c) && c != '-' && c != '_');
  }
  return lower && (upper || digit) && (digit || sign) && (upper || sign) && may_be_password(text, begin, end);
}

// "is my", "ist mein": whose it is, behind a blank at `end`.
bool is_somebodys(const Text& text, std::size_t end) {
  static constexpr std::uint32_t kWhose[] = {
      hash_folded("my"),  hash_folded("your"), hash_folded("his"),   hash_folded("her"),  hash_folded("their"),
      hash_folded("our"), hash_folded("mein"), hash_folded("meine"), hash_folded("dein"), hash_folded("sein"),
      hash_folded("ihr"), hash_folded("mon"),  hash_folded("ton"),   hash_folded("son"),  hash_folded("votre"),
      hash_folded("mi"),  hash_folded("tu"),   hash_folded("su"),    hash_folded("mio"),  hash_folded("suo"),
      hash_folded("meu"), hash_folded("seu"),  hash_folded("mijn"),  hash_folded("min"),  hash_folded("mitt"),
      hash_folded("moj"), hash_folded("moja")};
  std::size_t i = end;
  for (int words = 0; words < 3; ++words) {  // "e il mio"
    i += blank_at(text, i);
    if (letter_at(text, i) == 0) return false;
    const Word word = word_at(text, i);
    if (words > 0 && std::find(std::begin(kWhose), std::end(kWhose), word.hash) != std::end(kWhose)) return true;
    i = word.end;
  }
  return false;
}

}  // namespace

Match match_login(const Text& text, std::size_t i) {
  constexpr std::size_t kLeast = 3, kMost = 64;
  std::size_t end = i;
  bool odd = false, mail = false;
  while (end < i + kMost) {
    const unsigned char c = text[end];
    const bool sign = c == '.' || c == '_' || c == '-' || c == '@' || c == '+';
    if (!is_alphanumeric(c) && !(sign && is_alphanumeric(text[end + 1]))) break;
    odd = odd || sign || is_digit(c);
    mail = mail || c == '@';
    ++end;
  }
  if (end < i + kLeast) return {};
  std::size_t at = end;
  const bool blank = text[at] == ' ';
  at += blank;
  const std::size_t joint = blank ? and_at(text, at) : 0;  // "sign in with jdoe42 and Winter14$"
  if (joint != 0) {
    at += joint;
    if (!odd || !is_strong(text, at, password_end(text, at))) return {};
  } else {
    if (text[at] != ':' && text[at] != '/' && text[at] != '|') return {};
    if (blank != (text[at + 1] == ' ')) return {};  // "login failed: …"
    at += blank ? 2 : 1;
    if (!may_be_password(text, at, password_end(text, at))) return {};
  }
  if (!odd) {
    const Word word = word_at(text, i);
    if (word.end != end || word.shape != Shape::lower) return {};
    static constexpr std::string_view kEverybody[] = {"admin", "root", "guest", "user", "test"};
    const std::string_view name = text.part(i, end);
    const bool known = std::find(std::begin(kEverybody), std::end(kEverybody), name) != std::end(kEverybody);
    if (!known && (word.flags & (kCommon | kFiller)) != 0 && (word.flags & (kGiven | kSurname)) == 0) return {};
  }
  return {mail ? Kind::email : Kind::other_id, i, end, 75};
}

Match match_used(const Text& text, std::size_t i) {
  constexpr std::size_t kLeast = 4;
  constexpr int kWords = 4;  // "as my new password"
  const std::size_t end = password_end(text, i);
  if (end < i + kLeast || text[end] != ' ') return {};
  if (!may_be_password(text, i, end)) {
    for (std::size_t k = i; k < end; ++k) {
      if (!is_digit(text[k])) return {};
    }
  }
  static constexpr std::uint32_t kAs[] = {hash_folded("as"),    hash_folded("for"),  hash_folded("als"),
                                          hash_folded("comme"), hash_folded("como"), hash_folded("come"),
                                          hash_folded("som"),   hash_folded("jako"), hash_folded("it")};
  std::size_t at = end + 1;
  std::uint32_t previous = 0;
  for (int words = 0; words <= kWords && letter_at(text, at) != 0; ++words) {
    const Word word = word_at(text, at);
    if (words == 0 && std::find(std::begin(kAs), std::end(kAs), word.hash) == std::end(kAs)) return {};
    bool password = false;
    lexicon().each_cue(previous, word,
                       [&](Cue cue) { password = password || cue == Cue::password || cue == Cue::pass; });
    if (password && words > 0) return {Kind::password, i, end, 80};
    previous = word.hash;
    at = word.end;
    if (text[at] != ' ' && text[at] != '-') return {};
    ++at;
  }
  return {};
}

Match match_said_login(const Text& text, std::size_t i, std::size_t end, const Context& context) {
  constexpr std::size_t kLeastUser = 4, kMostUser = 32, kLeastSecret = 16;
  std::size_t token = end;
  while (token < i + kMostToken && is_token(text[token])) ++token;
  while (end < i + kMostPassword && text[end] > ' ' && text[end] != '"' && text[end] != '<' && text[end] != ',') ++end;
  end = std::max(end, token);
  if (text[end] == '"') ++end;
  if (!is_said_of(text, end)) return {};
  const std::size_t whole = password_end(text, i);
  const bool fits = may_be_password(text, i, whole);
  const std::string_view value = text.part(i, token);
  const bool secret = value.size() >= kLeastSecret && token + 1 >= end && is_mixed(value) && entropy(value) >= 3.0;
  const bool user = value.size() >= kLeastUser && value.size() <= kMostUser && token == end &&
                    value.find_first_of("/+=") == std::string_view::npos;
  if (!fits && !secret && !user) return {};
  const CueSet said = cues_said_of(text, end, context.joined && is_saying(context.previous.hash));
  auto is = [&](Cue cue) { return said.test(static_cast<std::size_t>(cue)); };
  if (fits && is(Cue::password)) return {Kind::password, i, whole, 75};
  if (secret && is(Cue::secret)) return {Kind::secret, i, token, 75};
  return user && is(Cue::user) && is_somebodys(text, token) ? Match{Kind::other_id, i, token, 66} : Match{};
}

}  // namespace freehold::pii
