// HTML escaping (format.h).
#include "text/jinja/format.h"

namespace freehold::text::jinja {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Outcome<std::string> escaped(Interpreter& in, std::string_view text) {
  std::size_t size = text.size();
  for (char c : text) size += c == '&' || c == '"' || c == '\'' ? 4 : c == '<' || c == '>' ? 3 : 0;
  FH_TRY_VOID(in.room(2 * size));  // it grows by doubling
  return escape_html(text);
}

}  // namespace freehold::text::jinja
