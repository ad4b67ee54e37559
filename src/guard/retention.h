// How long what people said is kept: the policy's section `retention`, by label. What is over a period goes; what no
// rule names stays (docs/adr/0050). The entries of the audit log are not part of it: they are never removed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace freehold::guard {

// A whole number of days or of months; years are twelve months each.
struct Period {
  enum class Unit : std::uint8_t { day, month };
  Unit unit = Unit::day;
  std::int64_t count = 0;  // at least 1
  bool operator==(const Period&) const = default;
};
// "90 days", "1 month", "6 years": a number of at most 36,500 days, 1,200 months or 100 years, a blank, the unit
// spelled out. Nothing if it is no such text.
std::optional<Period> period_from(std::string_view text);
std::string text_of(const Period& period);

// When a period that begins at `from` is over; both in seconds since 1970, UTC. A day has 86,400 seconds. A month ends
// on the same day of the next month at the same time, or on that month's last day where it has no such day: of 31
// January one month is over on 28 February (29 in leap years). Years before -9,999 and after 9,999 count as these.
std::int64_t end_of(const Period& period, std::int64_t from);
// Whether `longer` is never over before `shorter`, whatever day both begin: 184 days cover 6 months, 183 do not.
bool covers(const Period& longer, const Period& shorter);

// Periods that somebody else asks for. What is under a preset may be kept longer, never shorter.
struct RetentionPreset {
  std::string_view name;
  Period least;
  std::string_view source;  // who asks for it, and where
};
std::span<const RetentionPreset> retention_presets();

struct RetentionRule {
  std::optional<Period> drop_content;  // what was said goes; that it was said stays
  std::optional<Period> remove;        // that goes, too, but for the audit log's entry
  std::string preset;                  // whose minimum holds; may be empty
  bool keeps() const { return !drop_content && !remove; }
};

struct Retention {
  RetentionRule otherwise;  // `default`
  std::map<std::string, RetentionRule, std::less<>> labels;

  const RetentionRule& of(std::string_view label) const;
  bool keeps_all() const;
};

enum class Fate : std::uint8_t { keep, drop_content, remove };
// Of something that began at `from`.
Fate fate_of(const RetentionRule& rule, std::int64_t from, std::int64_t now);

}  // namespace freehold::guard
