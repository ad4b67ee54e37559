#include "eval/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/utf8.h"

namespace freehold::eval {

std::string_view stripped(std::string_view text) {
  // White_Space of Unicode 15, and what Python's strip() takes besides (U+001C to U+001F).
  constexpr std::string_view kBlanks[] = {
      " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\x1C",   "\x1D",   "\x1E",   "\x1F",
      "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  const auto blank_at = [&](bool end) -> std::size_t {
    for (const std::string_view blank : kBlanks) {
      if (end ? text.ends_with(blank) : text.starts_with(blank)) return blank.size();
    }
    return 0;
  };
  while (const std::size_t n = blank_at(false)) text.remove_prefix(n);
  while (const std::size_t n = blank_at(true)) text.remove_suffix(n);
  return text;
}

char letter_of(std::size_t index) {
  return static_cast<char>('A' + std::min<std::size_t>(index, 25));
}

const std::vector<Pattern::VerbName>& Pattern::verbs() {
  static const std::vector<VerbName> kVerbs = {
      {"strip", Verb::strip, false},
      {"lower", Verb::lower, false},
      {"capital", Verb::capital, false},
      {"spaces", Verb::spaces, false},
      {"period", Verb::period, false},
      {"after", Verb::after, true},
      {"before", Verb::before, true},
      {"without", Verb::without, true},
      {"join", Verb::join, true},
      {"letters", Verb::letters, false},
      {"last_letter", Verb::last_letter, false},
  };
  return kVerbs;
}

Result<Pattern::Piece> Pattern::parse_place(std::string_view place) {
  Piece piece;
  std::size_t end = place.find('|');
  piece.field = std::string(place.substr(0, end));
  if (piece.field.empty()) return fail(Errc::invalid, "a place without a field's name: {}");
  while (end != std::string_view::npos) {
    place.remove_prefix(end + 1);
    end = place.find('|');
    const std::string_view word = place.substr(0, end);
    const std::size_t colon = word.find(':');
    const std::string_view name = word.substr(0, colon);
    const auto found = std::find_if(verbs().begin(), verbs().end(), [&](const VerbName& v) { return v.name == name; });
    if (found == verbs().end()) return fail(Errc::invalid, fmt::format("there is no verb '{}'", printable(name)));
    if (found->argument != (colon != std::string_view::npos)) {
      return fail(Errc::invalid, fmt::format("'{}' {}", name, found->argument ? "needs an argument" : "takes none"));
    }
    piece.steps.push_back({found->verb, colon == std::string_view::npos ? "" : std::string(word.substr(colon + 1))});
  }
  return piece;
}

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  pattern.source_ = std::string(text);
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      plain += c;
      ++i;
    } else if (c == '}') {
      return fail(Errc::invalid, fmt::format("a '}}' that closes nothing in '{}'", printable(text)));
    } else if (c == '{') {
      const std::size_t end = text.find('}', i);
      if (end == std::string_view::npos)
        return fail(Errc::invalid, fmt::format("a '{{' that is never closed in '{}'", printable(text)));
      if (!plain.empty()) pattern.pieces_.push_back({.text = std::exchange(plain, {})});
      FH_TRY(Piece piece, parse_place(text.substr(i + 1, end - i - 1)));
      pattern.pieces_.push_back(std::move(piece));
      i = end;
    } else {
      plain += c;
    }
  }
  if (!plain.empty()) pattern.pieces_.push_back({.text = std::move(plain)});
  return pattern;
}

void Pattern::apply(const Step& step, Field& field) {
  std::string& text = field.text;
  const auto ascii = [](unsigned char c, auto change) { return c < 128 ? static_cast<char>(change(c)) : char(c); };
  switch (step.verb) {
    case Verb::strip:
      text = std::string(stripped(text));
      return;
    case Verb::lower:
      for (char& c : text) c = ascii(static_cast<unsigned char>(c), [](int x) { return std::tolower(x); });
      return;
    case Verb::capital:
      if (!text.empty()) text[0] = ascii(static_cast<unsigned char>(text[0]), [](int x) { return std::toupper(x); });
      return;
    case Verb::spaces:
      std::replace(text.begin(), text.end(), '_', ' ');
      return;
    case Verb::period:
      if (!text.empty() && text.back() != '.') text += '.';
      return;
    case Verb::after:
      if (auto at = text.rfind(step.argument); at != std::string::npos) text.erase(0, at + step.argument.size());
      return;
    case Verb::before:
      text = text.substr(0, text.find(step.argument));
      return;
    case Verb::without:
      if (text.starts_with(step.argument)) text.erase(0, step.argument.size());
      return;
    case Verb::join:
      text.clear();
      for (std::size_t i = 0; i < field.list.size(); ++i) text += (i ? step.argument : "") + field.list[i];
      return;
    case Verb::letters:
      text.clear();
      for (std::size_t i = 0; i < field.list.size(); ++i)
        text += fmt::format("{}{}. {}", i ? "\n" : "", letter_of(i), field.list[i]);
      return;
    case Verb::last_letter:
      text = field.list.empty() ? std::string() : std::string(1, letter_of(field.list.size() - 1));
      return;
  }
}

Result<std::string> Pattern::fill(const Row& row) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (piece.field.empty()) {
      out += piece.text;
      continue;
    }
    const Field* found = row.find(piece.field);
    if (found == nullptr)
      return fail(Errc::invalid, fmt::format("line {}: there is no field '{}'", row.line, printable(piece.field)));
    if (piece.steps.empty()) {
      out += found->text;
      continue;
    }
    Field field = *found;
    for (const Step& step : piece.steps) apply(step, field);
    out += field.text;
  }
  return out;
}

}  // namespace freehold::eval
