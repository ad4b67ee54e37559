#include "app/html.h"

#include "base/utf8.h"

namespace freehold::app {

std::string escaped_html(std::string_view text) {
  std::string out;
  for (char c : replace_invalid_utf8(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

}  // namespace freehold::app
