#include "format/json_strings.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace freehold::format {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The four digits behind "\u" at `at`; -1: there are none.
int unit_at(std::string_view raw, std::size_t at) {
  if (at + 4 > raw.size()) return -1;
  int out = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_value(raw[i]);
    if (digit < 0) return -1;
    out = out << 4 | digit;
  }
  return out;
}

// RFC 8259, section 7. What is no escape stays as it is written; half of a pair is U+FFFD.
std::string unescape(std::string_view raw) {
  constexpr std::string_view kShort = "\"\\/bfnrt", kMeans = "\"\\/\b\f\n\r\t";
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      out += raw[i];
      continue;
    }
    const char c = raw[++i];
    if (const std::size_t at = kShort.find(c); at != std::string_view::npos) {
      out += kMeans[at];
      continue;
    }
    const int first = c == 'u' ? unit_at(raw, i + 1) : -1;
    if (first < 0) {
      out += '\\';
      out += c;
      continue;
    }
    i += 4;
    std::uint32_t point = static_cast<std::uint32_t>(first);
    if (point >= 0xD800 && point < 0xDC00 && raw.substr(i + 1, 2) == "\\u") {
      const int second = unit_at(raw, i + 3);
      if (second >= 0xDC00 && second < 0xE000) {
        point = 0x10000 + ((point & 0x3FF) << 10 | (static_cast<std::uint32_t>(second) & 0x3FF));
        i += 6;
      }
    }
    append_utf8(out, point >= 0xD800 && point < 0xE000 ? 0xFFFD : point);
  }
  return out;
}

bool in_number(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

}  // namespace

std::string escape_json(std::string_view text) {
  constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  std::string out;
  for (const char c : text) {
    if (const std::size_t at = kEscaped.find(c); at != std::string_view::npos) {
      out += '\\';
      out += kLetters[at];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out;
}

void JsonStrings::name_ends() {
  if (!open_.empty() && open_.back().object && open_.back().named) {
    path_.pop_back();
    open_.back().named = false;
  }
}

void JsonStrings::string_ends(bool closed, const Replace& replace, std::string& out) {
  const std::string text = unescape(token_);
  if (closed && expects_name()) {
    path_.push_back(text);
    open_.back().named = true;
    out += token_ + '"';
    token_.clear();
    return;
  }
  const auto other = replace({text, false, path_});
  out += other ? escape_json(*other) : token_;
  if (closed) out += '"';
  token_.clear();
}

void JsonStrings::number_ends(const Replace& replace, std::string& out) {
  const auto other = replace({token_, true, path_});
  out += other ? *other : token_;
  token_.clear();
}

void JsonStrings::outside(char c, const Replace& replace, std::string& out) {
  if (state_ == State::number) {
    if (in_number(c)) {
      token_ += c;
      return;
    }
    number_ends(replace, out);
    state_ = State::outside;
  }
  switch (c) {
    case '"':
      state_ = State::string;
      break;
    case '{':
    case '[':
      open_.push_back({c == '{', false});
      break;
    case '}':
    case ']':
      name_ends();
      if (!open_.empty()) open_.pop_back();
      break;
    case ',':
      name_ends();
      break;
    default:
      if ((c >= '0' && c <= '9') || c == '-') {
        state_ = State::number;
        token_ = c;
        return;
      }
  }
  out += c;
}

std::string JsonStrings::feed(std::string_view chunk, const Replace& replace) {
  std::string out;
  for (const char c : chunk) {
    switch (state_) {
      case State::outside:
      case State::number:
        outside(c, replace, out);
        break;
      case State::escape:
        token_ += c;
        state_ = State::string;
        break;
      case State::string:
        if (c == '"') {
          state_ = State::outside;
          string_ends(true, replace, out);
        } else {
          token_ += c;
          if (c == '\\') state_ = State::escape;
        }
        break;
    }
  }
  return out;
}

std::string JsonStrings::finish(const Replace& replace) {
  std::string out;
  if (state_ == State::number) number_ends(replace, out);
  if (state_ == State::string || state_ == State::escape) string_ends(false, replace, out);
  state_ = State::outside;
  return out;
}

std::string replace_json_strings(std::string_view json, const JsonStrings::Replace& replace) {
  JsonStrings walker;
  std::string out = walker.feed(json, replace);
  out += walker.finish(replace);
  return out;
}

}  // namespace freehold::format
