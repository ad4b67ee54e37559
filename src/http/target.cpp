#include "http/target.h"

#include "base/hex.h"
#include "base/utf8.h"
#include "http/url.h"

namespace freehold::http {
namespace {

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

Result<> split_query(std::string_view text, Target& target) {
  return split(text, '&', [&](std::string_view piece) -> Result<> {
    if (piece.empty()) return {};
    const std::size_t equals = piece.find('=');
    FH_TRY(std::string key, percent_decode(piece.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      FH_TRY(value, percent_decode(piece.substr(equals + 1), true));
    }
    if (!is_utf8(key) || !is_utf8(value)) return fail(Errc::invalid, "the address is not UTF-8");
    target.query.emplace_back(std::move(key), std::move(value));
    return {};
  });
}

// "http://host:80/path?query" in its parts; `rest` begins with '/'. Anything else is `rest` as it is.
struct Absolute {
  std::string_view scheme, authority, rest;
};
Absolute split_absolute(std::string_view raw) {
  for (const std::string_view scheme : {"http", "https"}) {
    if (raw.size() < scheme.size() + 3 || !equal_ignoring_case(raw.substr(0, scheme.size()), scheme) ||
        raw.substr(scheme.size(), 3) != "://") {
      continue;
    }
    const std::string_view after = raw.substr(scheme.size() + 3);
    const std::size_t end = after.find_first_of("/?");
    if (end == std::string_view::npos) return {scheme, after, "/"};
    return {scheme, after.substr(0, end), after.substr(end)};
  }
  return {{}, {}, raw};
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
  if (raw.find('#') != std::string_view::npos) return fail(Errc::invalid, "the address holds a '#', which is not sent");
  Target target;
  target.raw = std::string(raw);
  if (raw == "*") {
    target.path = target.raw;
    return target;
  }
  const Absolute parts = split_absolute(raw);
  target.scheme = std::string(parts.scheme);
  target.authority = std::string(parts.authority);
  raw = parts.rest;
  if (raw.empty() || raw[0] != '/') return fail(Errc::invalid, "the address must begin with '/', or with http://");
  const std::size_t mark = raw.find('?');
  target.path = std::string(raw.substr(0, mark));
  FH_TRY_VOID(split(std::string_view(target.path).substr(1), '/', [&](std::string_view piece) -> Result<> {
    FH_TRY(std::string segment, percent_decode(piece, false));
    if (!is_utf8(segment)) return fail(Errc::invalid, "the address is not UTF-8");
    target.segments.push_back(std::move(segment));
    return {};
  }));
  if (mark != std::string_view::npos) FH_TRY_VOID(split_query(raw.substr(mark + 1), target));
  return target;
}

Target rough_target(std::string_view raw) {
  Target target;
  target.raw = std::string(raw);
  raw = split_absolute(raw).rest;
  raw = raw.substr(0, raw.find('#'));
  const std::size_t mark = raw.find('?');
  target.path = std::string(raw.substr(0, mark));
  std::string_view path = target.path;
  if (path.starts_with('/')) path.remove_prefix(1);
  (void)split(path, '/', [&](std::string_view piece) -> Result<> {
    auto decoded = percent_decode(piece, false);
    while (!decoded) {  // up to the escape that is wrong
      piece = piece.substr(0, piece.rfind('%'));
      decoded = percent_decode(piece, false);
    }
    target.segments.push_back(std::move(*decoded));
    return {};
  });
  if (mark != std::string_view::npos) (void)split_query(raw.substr(mark + 1), target);
  return target;
}

std::string canonical_path(const Target& target) {
  if (target.segments.empty()) return target.path;
  std::string out;
  for (const std::string& segment : target.segments) {
    out += '/';
    for (std::string_view rest = segment;;) {
      const std::size_t slash = rest.find('/');
      out += percent_encode_path(rest.substr(0, slash));
      if (slash == std::string_view::npos) break;
      out += "%2F";
      rest.remove_prefix(slash + 1);
    }
  }
  return out;
}

}  // namespace freehold::http
