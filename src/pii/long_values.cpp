// Values that are longer than what a recogniser reads: they are followed to their end, byte by byte, without being held
// back for more than a piece.
#include "pii/lexicon.h"
#include "pii/scanner_state.h"

namespace freehold::pii {
namespace {

constexpr std::size_t kLongestPiece = 64 << 10;  // what is longer becomes several findings, side by side

bool is_base64(unsigned char c) {
  return is_alphanumeric(c) || c == '+' || c == '/' || c == '=';
}

// Whether the line at `i` is nothing but base64.
bool is_base64_line(const Text& text, std::size_t i) {
  constexpr std::size_t kLongestLine = 128;
  std::size_t end = i;
  while (end < i + kLongestLine && is_base64(text[end])) ++end;
  return end > i && (text[end] == '\n' || text[end] == '\r' || text[end] == 0);
}

}  // namespace

bool is_token(unsigned char c) {
  return is_alphanumeric(c) || c == '_' || c == '-' || c == '.' || c == '+' || c == '/' || c == '=';
}

bool value_goes_on(const Text& text, std::size_t i, Rest rest, unsigned char quote) {
  const unsigned char c = text[i];
  switch (rest) {
    case Rest::token:
      // '=' only fills up the end: "NAME=value" is two.
      return is_token(c) && (c != '=' || text[i + 1] == '=' || !is_token(text[i + 1]));
    case Rest::jwt:
      return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
    case Rest::password:
      return c > ' ' && c != '"' && c != '`' && c != '<' && c != '>' && (quote == 0 || c != quote);
    case Rest::argument:
      return c >= ' ' && (quote != 0 ? c != quote : c != ' ' && c != ';' && c != '|' && c != '`');
    case Rest::lines:
      if (c == '\r') return text[i + 1] == '\n' && is_base64_line(text, i + 2);
      return is_base64(c) || (c == '\n' && is_base64_line(text, i + 1));
    default:
      return false;
  }
}

std::size_t value_end(const Text& text, std::size_t begin, std::size_t end, Rest rest) {
  auto is_mark = [&](unsigned char c) {
    switch (rest) {
      case Rest::token:
        return c == '.' || c == '-';
      case Rest::jwt:
        return c == '.';
      case Rest::password:
        return c == '.' || c == ',' || c == ';' || c == ')' || c == '\'';
      default:
        return false;
    }
  };
  if (rest == Rest::argument) {  // the whole line is quoted
    return end > begin && (text[end - 1] == '"' || text[end - 1] == '\'') ? end - 1 : end;
  }
  while (end > begin && is_mark(text[end - 1])) --end;
  return end;
}

bool is_inside_block(std::string_view end) {
  std::size_t blanks = 0;
  for (std::size_t i = 1; i + 1 < end.size(); ++i) {
    if (static_cast<unsigned char>(end[i]) >= 0x80) return false;
    blanks += end[i] == ' ' && is_alphanumeric(static_cast<unsigned char>(end[i - 1])) &&
              is_alphanumeric(static_cast<unsigned char>(end[i + 1]));
  }
  return blanks * 40 <= end.size();
}

void Scanner::State::follow(const Match& match) {
  close_name();
  in_value = true;
  followed = match;
  open_begin = match.begin;
  at = match.end;
}

bool Scanner::State::step_value(const Text& text) {
  const std::size_t most = open_begin + kLongestPiece;
  while (at < most && value_goes_on(text, at, followed.rest, followed.quote)) ++at;
  if (text.starved()) return false;
  if (at >= most) {
    emit(followed.kind, open_begin, at, followed.score);
    open_begin = at;
    return true;
  }
  const std::size_t end =
      followed.quote != 0 && followed.rest == Rest::argument ? at : value_end(text, open_begin, at, followed.rest);
  if (end > open_begin && !found(text, {followed.kind, open_begin, end, followed.score})) return false;
  in_value = false;
  if (end == open_begin) past_other(at);
  return true;
}

// A private key's, to its end: "-----END PRIVATE KEY-----".
bool Scanner::State::step_block(const Text& text) {
  constexpr std::size_t kLookedAt = 512;
  const std::string_view rest = text.part(at, text.size());
  const std::size_t end = rest.find(followed.quote == ' ' ? "---- END" : "-----END");
  std::size_t to = 0;
  if (end != std::string_view::npos && at + end - open_begin <= kLongestPiece) {
    // Its mark's end or the line's, or what of it is there.
    to = at + end + 8;
    while (to < at + end + 64 && text[to] >= ' ' && text[to] != '"' &&
           (text[to] == '-' || text[to - 1] != '-' || text[to - 2] != '-'))
      ++to;
    while (text[to - 1] == ' ') --to;
    if (text.starved()) return false;
  } else if (text.size() - open_begin > kLongestPiece + 8) {
    to = open_begin + kLongestPiece;
    if (is_inside_block(text.part(to - kLookedAt, to))) {
      emit(followed.kind, open_begin, to, followed.score);
      open_begin = at = to;
      return true;
    }
  } else if (text.final()) {
    to = text.size();
  } else {
    // What was looked at holds no mark, but for its last bytes.
    if (rest.size() > 8) at = text.size() - 8;
    return false;
  }
  in_value = false;
  return found(text, {followed.kind, open_begin, to, followed.score});
}

}  // namespace freehold::pii
