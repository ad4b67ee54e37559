// The tokens of a template.
#pragma once

#include <cstdint>
#include <string>

namespace freehold::text::jinja {

enum class TokenType : std::uint8_t {
  data,            // text between tags, whitespace control already applied
  variable_begin,  // {{
  variable_end,
  block_begin,  // {%
  block_end,
  name,
  string,  // its value, escapes resolved
  integer,
  real,
  op,  // text holds the operator
  eof,
};

struct Token {
  TokenType type = TokenType::eof;
  std::uint32_t line = 1;
  std::string text;
  std::int64_t integer = 0;
  double real = 0;

  bool is_name(const char* name) const { return type == TokenType::name && text == name; }
  bool is_op(const char* op) const { return type == TokenType::op && text == op; }
};

}  // namespace freehold::text::jinja
