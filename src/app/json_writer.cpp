#include "app/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace freehold::app {
namespace {

void append_quoted(std::string& out, std::string_view text) {
  // Most texts are names and numbers.
  const auto plain = [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; };
  if (std::all_of(text.begin(), text.end(), plain)) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  std::string clean;
  if (!is_utf8(text)) {
    clean = replace_invalid_utf8(text);
    text = clean;
  }
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const CodePoint whole = decode_utf8(text);
    text.remove_prefix(whole.length);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (is_terminal_control(whole.value)) {
          out += fmt::format("\\u{:04x}", whole.value);  // all of them lie below U+10000
        } else {
          out.append(text.data() - whole.length, whole.length);
        }
    }
  }
  out += '"';
}

}  // namespace

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (filled_.empty()) return;
  if (filled_.back()) out_ += ',';
  filled_.back() = true;
  if (pretty_ && filled_.size() == 1) out_ += "\n  ";
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  filled_.push_back(false);
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  bool filled = filled_.back();
  filled_.pop_back();
  if (pretty_ && filled_.empty() && filled) out_ += '\n';
  out_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  out_ += text;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += pretty_ ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(double x) {
  return std::isfinite(x) ? raw(fmt::format("{}", x)) : raw("null");
}

}  // namespace freehold::app
