// Text formatting: the % operator, str.format, HTML escaping.
#pragma once

#include <string>
#include <string_view>

#include "text/jinja/interpreter.h"

namespace freehold::text::jinja {

// "%s is %.2f" % (a, b), "%(name)s" % {…}
Outcome<Value> format_percent(Interpreter& in, const Value& format, const Value& arguments);
// "{} {0} {name!r:>10}".format(…), attributes and items through the sandbox.
Outcome<Value> format_braces(Interpreter& in, const Value& format, const Args& args);
// & < > " ' as entities, as MarkupSafe writes them.
std::string escape_html(std::string_view text);
// The same, asked for before it is made.
Outcome<std::string> escaped(Interpreter& in, std::string_view text);

// Python's format specification: [[fill]align][sign][#][0][width][,][.precision][type]
struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';
  bool alternate = false;
  char grouping = '\0';
  std::size_t width = 0;
  int precision = -1;
  char type = '\0';
};
Outcome<std::string> format_number(const FormatSpec& spec, const Value& number);
// `body` with its sign in front, padded to the width.
std::string pad(const FormatSpec& spec, std::string_view sign, std::string_view body, char default_align);

}  // namespace freehold::text::jinja
