#include "api/anthropic/partial_input.h"

#include <algorithm>

namespace freehold::api::anthropic {
namespace {

// The end of the string that begins at `quote`, behind its last quote; npos if it was cut.
std::size_t end_of_string(std::string_view text, std::size_t quote) {
  for (std::size_t i = quote + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

bool is_word(std::string_view text) {
  return text == "true" || text == "false" || text == "null";
}

}  // namespace

std::string completed_json(std::string_view text) {
  std::string closers, good_closers;  // of the brackets that are open: now, and at `good`
  std::size_t good = 0;               // what stands before it can be closed to JSON
  bool key = false;                   // the next string is one
  const auto complete = [&](std::size_t end) {
    good = end;
    good_closers = closers;
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '{' || c == '[') {
      closers += c == '{' ? '}' : ']';
      key = c == '{';
      complete(++i);
    } else if (c == '}' || c == ']') {
      if (!closers.empty()) closers.pop_back();
      complete(++i);
    } else if (c == '"') {
      i = end_of_string(text, i);
      if (i == std::string_view::npos) break;
      if (!key) complete(i);
    } else if (c == ':' || c == ',') {
      key = c == ',' && closers.ends_with('}');
      ++i;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++i;
    } else {
      const std::size_t end = std::min(text.find_first_of(",]} \t\n\r", i), text.size());
      // More digits might have come.
      if (end < text.size() || is_word(text.substr(i))) complete(end);
      i = end;
    }
  }
  std::string out(text.substr(0, good));
  out.append(good_closers.rbegin(), good_closers.rend());
  return out;
}

}  // namespace freehold::api::anthropic
