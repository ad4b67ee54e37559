// Walks JSON text as it comes, and lets somebody put other texts in the place of its string values: everything else
// goes through byte for byte, names of members too. What is no JSON goes through as far as it is none.
//
// A string is given out when it is complete, what stands between strings at once; so memory grows with the longest
// string and the depth, and the pieces put together are the same however the text is cut.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::format {

class JsonStrings {
 public:
  struct Value {
    std::string_view text;               // without escapes
    bool number = false;                 // a number as it is written; what replaces it goes in as it is
    const std::vector<std::string>& in;  // names of the members that it stands in, the outermost first
  };
  // What is to stand there; nothing: the bytes stay.
  using Replace = std::function<std::optional<std::string>(const Value& value)>;

  // Given out by now.
  std::string feed(std::string_view chunk, const Replace& replace);
  // The rest; nothing after it. A string that was not closed is replaced without a closing quote.
  std::string finish(const Replace& replace);

 private:
  struct Open {
    bool object = false, named = false;  // named: the path has the name of the member that follows
  };
  void outside(char c, const Replace& replace, std::string& out);
  void string_ends(bool closed, const Replace& replace, std::string& out);
  void number_ends(const Replace& replace, std::string& out);
  void name_ends();
  bool expects_name() const { return !open_.empty() && open_.back().object && !open_.back().named; }

  std::vector<Open> open_;
  std::vector<std::string> path_;
  std::string token_;  // of a string its raw text behind the quote, of a number its text
  enum class State : std::uint8_t { outside, string, escape, number } state_ = State::outside;
};

// A whole text at once.
std::string replace_json_strings(std::string_view json, const JsonStrings::Replace& replace);

// The text of a JSON string without its quotes: quotes, backslashes and control characters escaped.
std::string escape_json(std::string_view text);

}  // namespace freehold::format
