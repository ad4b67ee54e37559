#include "audit/kept_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/utf8.h"

namespace freehold::audit {
namespace {

constexpr std::string_view kOrigin = "freehold.audit/";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  return text.starts_with(kOrigin) && text.size() == kOrigin.size() + 32 &&
         text.find_first_not_of(kHex, kOrigin.size()) == std::string_view::npos;
}
bool is_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(n) == text;
}
bool is_root(std::string_view text) {
  return hash_from_base64(text).has_value();
}
bool is_previous(std::string_view text) {
  return text.starts_with("previous ") && is_root(text.substr(9));
}
bool is_time(std::string_view text) {
  return text.starts_with("time ") && utc_from_text(text.substr(5)).has_value();
}
bool is_empty(std::string_view text) {
  return text.empty();
}
bool is_signature(std::string_view text) {
  if (!text.starts_with(kDash)) return false;
  const std::size_t blank = text.rfind(' ');
  const auto bytes = from_base64(text.substr(blank + 1));
  return blank > kDash.size() && is_name(text.substr(kDash.size(), blank - kDash.size())) && bytes &&
         bytes->size() == 68;
}

struct Line {
  bool (*fits)(std::string_view);
  std::string_view expected;
};
constexpr Line kLines[] = {{is_name, "freehold.audit/ and 32 hexadecimal digits"},
                           {is_number, "the number of entries"},
                           {is_root, "44 characters of base64"},
                           {is_previous, "'previous' and 44 characters of base64"},
                           {is_time, "'time' and one such as 2027-01-31T12:00:00Z"},
                           {is_empty, "an empty line"},
                           {is_signature, "a dash, what the first line has, and 92 characters of base64"}};

}  // namespace

std::string tidied_note(std::string_view note) {
  const auto cut = [](std::string_view text, std::string_view blanks) {
    const std::size_t last = text.find_last_not_of(blanks);
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
  };
  std::string out;
  for (std::string_view line : lines_of(cut(note, " \t\r\n"))) {
    line = cut(line, " \t\r");
    for (const std::string_view dash : {"- ", "-- ", "\xE2\x80\x93 "}) {
      if (!line.starts_with(dash)) continue;
      line.remove_prefix(dash.size());
      out += kDash;
      break;
    }
    out.append(line) += '\n';
  }
  return out;
}

Result<Checkpoint> open_kept(const VerifierKey& key, const KeptCheckpoint& kept) {
  const std::string note = tidied_note(kept.note);
  const std::string where = printable(kept.where);
  const std::vector<std::string_view> lines = lines_of(note);
  for (std::size_t i = 0; i < std::size(kLines); ++i) {
    if (i < lines.size() && kLines[i].fits(lines[i])) continue;
    return fail(
        Errc::invalid,
        fmt::format("{}: this is no checkpoint of an audit log, as freehold audit checkpoint prints it: line {} "
                    "{}, expected: {}",
                    where, i + 1, i < lines.size() ? fmt::format("is '{}'", printable(lines[i], 120)) : "is missing",
                    kLines[i].expected));
  }
  auto checkpoint = key.open(note);
  if (checkpoint) return checkpoint;
  const std::string_view name = lines[0];
  if (name != lines[6].substr(kDash.size(), name.size())) {
    return fail(Errc::invalid,
                fmt::format("{}: lines 1 and 7 name different logs: one of them is typed wrongly", where));
  }
  if (name != key.name()) return in_context(std::move(checkpoint).error(), where);
  return fail(Errc::invalid,
              fmt::format("{}: its text is not what was signed: it is typed wrongly (compare it letter by "
                          "letter), or it is a forged checkpoint. This says nothing of the log",
                          where));
}

}  // namespace freehold::audit
