#include "http/target.h"

namespace freehold::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Calls part(piece) for each piece of `text` between separators.
template <typename Part>
Result<> split(std::string_view text, char separator, Part part) {
  while (true) {
    const std::size_t end = text.find(separator);
    FH_TRY_VOID(part(text.substr(0, end)));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(Errc::invalid, "the address holds a '%' without two hexadecimal digits");
      if (high == 0 && low == 0) return fail(Errc::invalid, "the address holds an encoded NUL");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Result<Target> parse_target(std::string_view raw) {
  for (char c : raw) {
    if (c <= ' ' || c > '~') return fail(Errc::invalid, "the address holds a byte that must be percent-encoded");
  }
  Target target;
  target.raw = std::string(raw);
  if (raw == "*") {
    target.path = target.raw;
    return target;
  }
  if (raw.empty() || raw[0] != '/') return fail(Errc::invalid, "the address must begin with '/'");
  raw = raw.substr(0, raw.find('#'));
  const std::size_t mark = raw.find('?');
  target.path = std::string(raw.substr(0, mark));
  FH_TRY_VOID(split(std::string_view(target.path).substr(1), '/', [&](std::string_view piece) -> Result<> {
    FH_TRY(std::string segment, percent_decode(piece, false));
    target.segments.push_back(std::move(segment));
    return {};
  }));
  if (mark == std::string_view::npos) return target;
  FH_TRY_VOID(split(raw.substr(mark + 1), '&', [&](std::string_view piece) -> Result<> {
    if (piece.empty()) return {};
    const std::size_t equals = piece.find('=');
    FH_TRY(std::string key, percent_decode(piece.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      FH_TRY(value, percent_decode(piece.substr(equals + 1), true));
    }
    target.query.emplace_back(std::move(key), std::move(value));
    return {};
  }));
  return target;
}

}  // namespace freehold::http
