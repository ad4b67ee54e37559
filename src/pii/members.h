// Members of JSON, Python and XML whose names say that the value is a person's name or a place's: "firstName", 'city'.
#pragma once

#include "pii/tagger.h"

namespace freehold::pii {

// The value that follows a member's name.
struct Member {
  Tag tag = Tag::none;
  bool sure = false;  // "firstName" is nothing else, "name" may be a product's
  bool quoted = false;
  bool element = false;     // the name is an element's: "</firstName>"
  unsigned char close = 0;  // the sign that ends it; 0: what ends a field
  std::size_t begin = 0;
};

// Whether `word` is a member's name, or the last word of one, and nothing but a colon, an equals sign or a bracket and
// a quotation mark stands before the value.
inline bool is_member(const Text& text, const Word& word) {
  switch (text[word.end]) {  // no farther: a stream would wait
    case '"':
    case '\'':
    case '\\':
    case ':':
    case '=':
    case '>':
      return true;
    default:
      return false;
  }
}
// Its value, with Tag::none if the name says nothing. `context` as before the word.
Member member_at(const Text& text, const Context& context, const Word& word);
// What a member's or a variable's name ends with, "SecretAccessKey": only where a value follows.
Cue cue_of_name(const Text& text, const Word& w);
// Whether "pass" is a password's, "DB_PASS=", "pass: ", "my pass is": a value follows, and no test that went well,
// "PASS: parser".
bool is_pass(const Text& text, const Context& context, const Word& w);
// Whether `c` ends the value.
inline bool ends_member(const Member& member, unsigned char c) {
  if (c == '\n') return true;
  if (member.close != 0) return c == member.close;
  return c == ',' || c == ';' || c == '&' || c == '|' || c == '}' || c == ')' || c == '"' || c == '<' || c == '.';
}
// What a word of the value is, where `chosen` is what it would be elsewhere.
Tag tag_in_member(const Member& member, const Window& window, Tag chosen);

}  // namespace freehold::pii
