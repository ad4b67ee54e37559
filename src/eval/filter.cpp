#include "eval/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "base/utf8.h"
#include "format/json.h"
#include "text/jinja/unicode.h"
#include "text/regex.h"

namespace freehold::eval {
namespace {

constexpr std::chrono::milliseconds kRegexTime{2000};  // for one text

bool digit(char c) {
  return c >= '0' && c <= '9';
}

Result<std::string> match_of(const Filter& filter, std::string_view text) {
  const std::string clean = replace_invalid_utf8(text);
  text::Matcher matcher(kRegexTime);
  std::string found;
  for (std::size_t from = 0; from <= clean.size();) {
    FH_TRY(auto span, matcher.find(*filter.regex, clean, from));
    if (!span) break;
    found = clean.substr(span->begin, span->size());
    if (!filter.last) break;
    from = std::max(span->end, from + 1);
    while (from < clean.size() && (static_cast<unsigned char>(clean[from]) & 0xC0) == 0x80) ++from;
  }
  return found;
}

std::string last_number_of(std::string_view text) {
  for (std::size_t end = text.size(); end > 0; --end) {
    if (!digit(text[end - 1])) continue;
    std::size_t begin = end;
    while (begin > 0 && (digit(text[begin - 1]) || text[begin - 1] == ',' || text[begin - 1] == '.')) --begin;
    while (begin < end && !digit(text[begin]) && !(text[begin] == '.' && digit(text[begin + 1]))) ++begin;
    std::string number(text.substr(begin, end - begin));
    std::erase(number, ',');
    if (begin > 0 && text[begin - 1] == '$') --begin;
    // A minus belongs to the number unless it stands between two ("5-3").
    const bool minus = begin > 0 && text[begin - 1] == '-' &&
                       (begin < 2 || !std::isalnum(static_cast<unsigned char>(text[begin - 2])));
    return (minus ? "-" : "") + number;
  }
  return {};
}

constexpr int kMostBraces = 64;  // beginnings that are tried: each may be read to the text's end

// The first text from '{' that is a whole JSON object.
std::string json_member_of(std::string_view text, std::string_view name) {
  int tried = 0;
  for (std::size_t begin = text.find('{'); begin != std::string_view::npos && tried < kMostBraces;
       begin = text.find('{', begin + 1), ++tried) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = begin; i < text.size(); ++i) {
      if (quoted) {
        if (text[i] == '\\')
          ++i;
        else if (text[i] == '"')
          quoted = false;
      } else if (text[i] == '"') {
        quoted = true;
      } else if (text[i] == '{') {
        ++depth;
      } else if (text[i] == '}' && --depth == 0) {
        auto value = format::parse_json(text.substr(begin, i + 1 - begin));
        if (!value) break;
        const format::Value* member = value->member(name);
        if (member == nullptr) return {};
        if (auto s = member->as_string()) return std::string(*s);
        if (auto b = member->as_bool()) return *b ? "true" : "false";
        if (auto n = member->as_i64()) return std::to_string(*n);
        if (auto x = member->as_f64()) return fmt::format("{}", *x);
        return {};
      }
    }
  }
  return {};
}

std::string letter_in(std::string_view text) {
  const auto alone = [&](std::size_t i) {
    return i >= text.size() || !std::isalnum(static_cast<unsigned char>(text[i]));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < 'A' || text[i] > 'Z' || !alone(i + 1) || (i > 0 && !alone(i - 1))) continue;
    return std::string(1, text[i]);
  }
  return {};
}

// Of "Sure:\n```python\nx = 1\n```\nThis …" the middle line. A block that is never closed goes to the end.
std::string code_in(std::string_view text) {
  constexpr std::string_view kFence = "```";
  const auto fence_from = [&](std::size_t at) {
    for (at = text.find(kFence, at); at != std::string_view::npos; at = text.find(kFence, at + 1)) {
      if (at == 0 || text[at - 1] == '\n') return at;
    }
    return at;
  };
  const std::size_t opened = fence_from(0);
  if (opened == std::string_view::npos) return std::string(text);
  const std::size_t begin = text.find('\n', opened);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = fence_from(begin + 1);
  return std::string(text.substr(begin + 1, end == std::string_view::npos ? end : end - begin - 1));
}

// Whether the character there is the sign or the decimal point of a number: "-5", "1.5", ".5".
bool of_number(std::string_view text, std::size_t i) {
  const auto at = [&](std::size_t k) { return k < text.size() ? text[k] : ' '; };
  const char before = i == 0 ? ' ' : text[i - 1];
  if (text[i] == '.') return digit(at(i + 1)) && (digit(before) || !std::isalnum(static_cast<unsigned char>(before)));
  const bool begins = before == ' ' || before == '\n' || before == '\t' || before == '(' || before == '$';
  return text[i] == '-' && begins && (digit(at(i + 1)) || (at(i + 1) == '.' && digit(at(i + 2))));
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) words.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

}  // namespace

Result<Filter> make_filter(std::string_view kind, std::string argument, bool last) {
  Filter filter{.argument = std::move(argument), .last = last};
  const auto needs = [&](std::string_view what) {
    return fail(Errc::invalid, fmt::format("the filter {} needs {}", printable(kind), what));
  };
  if (kind == "regex") {
    filter.kind = Filter::Kind::regex;
    auto regex = text::Regex::compile(filter.argument, text::Regex::Taken::group);
    if (!regex)
      return fail(Errc::invalid, fmt::format("the pattern '{}': {}", printable(filter.argument), regex.error().what));
    filter.regex = std::make_shared<const text::Regex>(std::move(*regex));
  } else if (kind == "json_field") {
    filter.kind = Filter::Kind::json_field;
    if (filter.argument.empty()) return needs("the field's name");
  } else if (kind == "last_number") {
    filter.kind = Filter::Kind::last_number;
  } else if (kind == "first_line") {
    filter.kind = Filter::Kind::first_line;
  } else if (kind == "code") {
    filter.kind = Filter::Kind::code;
  } else if (kind == "letter") {
    filter.kind = Filter::Kind::letter;
  } else {
    return fail(Errc::invalid,
                fmt::format("filter '{}' is none of regex, last_number, json_field, first_line, code, letter",
                            printable(kind)));
  }
  return filter;
}

Result<std::string> extract(const Filter& filter, std::string_view text) {
  switch (filter.kind) {
    case Filter::Kind::regex:
      return match_of(filter, text);
    case Filter::Kind::last_number:
      return last_number_of(text);
    case Filter::Kind::json_field:
      return json_member_of(text, filter.argument);
    case Filter::Kind::first_line:
      return std::string(text.substr(0, text.find('\n')));
    case Filter::Kind::code:
      return code_in(text);
    case Filter::Kind::letter:
      break;
  }
  return letter_in(text);
}

std::string normalise(std::string_view text, const Normalisation& how) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto u = static_cast<unsigned char>(c);
    if (how.commas && (c == ',' || c == '$')) continue;
    if (how.punctuation && u < 128 && std::ispunct(u) && !(how.numbers && of_number(text, i))) continue;
    out += c;
  }
  if (how.lower) out = text::jinja::to_lower(out);
  if (!how.blanks && !how.articles) return out;
  for (char& c : out) {
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  }
  std::string tidy;
  for (std::string_view word : words_of(out)) {
    if (how.articles && (word == "a" || word == "an" || word == "the")) continue;
    if (!tidy.empty()) tidy += ' ';
    tidy += word;
  }
  return tidy;
}

Normalisation fitting(std::string_view expected, Normalisation how) {
  for (bool* drops : {&how.articles, &how.punctuation, &how.commas}) {
    if (!normalise(expected, how).empty()) break;
    *drops = false;
  }
  return how;
}

double word_f1(std::string_view answer, std::string_view expected) {
  const auto a = words_of(answer), b = words_of(expected);
  if (a.empty() && b.empty()) return 1;
  std::map<std::string_view, std::size_t> left;
  for (std::string_view word : b) ++left[word];
  std::size_t common = 0;
  for (std::string_view word : a) {
    auto found = left.find(word);
    if (found == left.end() || found->second == 0) continue;
    --found->second;
    ++common;
  }
  return 2.0 * static_cast<double>(common) / static_cast<double>(a.size() + b.size());
}

}  // namespace freehold::eval
