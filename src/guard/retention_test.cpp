// Periods and their calendar, and the section retention of policy files, good and bad.
#include "guard/retention.h"

#include <gtest/gtest.h>

#include <chrono>

#include "guard/policy.h"

namespace freehold::guard {
namespace {

std::int64_t on(int year, unsigned month, unsigned day, std::int64_t time = 0) {
  namespace ch = std::chrono;
  return ch::sys_days(ch::year(year) / ch::month(month) / ch::day(day)).time_since_epoch().count() * 86'400 + time;
}

Period period(std::string_view text) {
  const auto read = period_from(text);
  EXPECT_TRUE(read) << text;
  return read.value_or(Period{});
}

TEST(Period, IsReadWithItsUnitSpelledOut) {
  EXPECT_EQ(period("1 day"), (Period{Period::Unit::day, 1}));
  EXPECT_EQ(period("36500 days"), (Period{Period::Unit::day, 36'500}));
  EXPECT_EQ(period("6 months"), (Period{Period::Unit::month, 6}));
  EXPECT_EQ(period("6 years"), (Period{Period::Unit::month, 72}));
  for (const char* text : {"1 day", "90 days", "1 month", "7 months", "1 year", "6 years"}) {
    EXPECT_EQ(text_of(period(text)), text);
  }
  EXPECT_EQ(text_of(period("12 months")), "1 year");
  for (const char* bad : {"", "90", "90d", "90 d", "days", " 90 days", "90  days", "90 days ", "0 days", "-1 days",
                          "+1 days", "36501 days", "1201 months", "101 years", "1.5 years", "99999999999999999999 days",
                          "2 weeks", "90 Days", "for ever"}) {
    EXPECT_FALSE(period_from(bad)) << bad;
  }
}

TEST(Period, EndsByTheCalendar) {
  EXPECT_EQ(end_of(period("90 days"), 1000), 1000 + 90 * 86'400);
  EXPECT_EQ(end_of(period("1 month"), on(2027, 1, 15, 3'600)), on(2027, 2, 15, 3'600));
  EXPECT_EQ(end_of(period("1 month"), on(2027, 1, 31, 86'399)), on(2027, 2, 28, 86'399));
  EXPECT_EQ(end_of(period("1 month"), on(2028, 1, 31)), on(2028, 2, 29));
  EXPECT_EQ(end_of(period("1 month"), on(2100, 1, 31)), on(2100, 2, 28));  // no leap year
  EXPECT_EQ(end_of(period("6 months"), on(2027, 8, 31)), on(2028, 2, 29));
  EXPECT_EQ(end_of(period("6 years"), on(2024, 2, 29)), on(2030, 2, 28));
  EXPECT_EQ(end_of(period("1 year"), on(1969, 12, 31, 86'399)), on(1970, 12, 31, 86'399));
  EXPECT_GT(end_of(period("100 years"), INT64_MAX), 0);  // nothing overflows
  EXPECT_LT(end_of(period("100 years"), INT64_MIN), 0);
}

TEST(Period, CoversWhatIsNeverLonger) {
  EXPECT_TRUE(covers(period("184 days"), period("6 months")));
  EXPECT_FALSE(covers(period("183 days"), period("6 months")));
  EXPECT_TRUE(covers(period("2192 days"), period("6 years")));
  EXPECT_FALSE(covers(period("2191 days"), period("6 years")));
  EXPECT_TRUE(covers(period("6 years"), period("72 months")));
  EXPECT_TRUE(covers(period("6 months"), period("181 days")));
  EXPECT_FALSE(covers(period("6 months"), period("182 days")));
  EXPECT_TRUE(covers(period("1 month"), period("28 days")));
  EXPECT_FALSE(covers(period("1 month"), period("29 days")));
}

TEST(Retention, FatesInOrder) {
  const RetentionRule rule{period("90 days"), period("1 year"), {}};
  EXPECT_EQ(fate_of(rule, 0, 90 * 86'400 - 1), Fate::keep);
  EXPECT_EQ(fate_of(rule, 0, 90 * 86'400), Fate::drop_content);
  EXPECT_EQ(fate_of(rule, 0, 365 * 86'400 - 1), Fate::drop_content);
  EXPECT_EQ(fate_of(rule, 0, 365 * 86'400), Fate::remove);
  EXPECT_EQ(fate_of(rule, 365 * 86'400, 0), Fate::keep);  // from the future
  EXPECT_EQ(fate_of(RetentionRule{}, 0, INT64_MAX), Fate::keep);
}

Result<Policy> with_retention(const std::string& section) {
  return parse_policy("version: 1\nretention:\n" + section, "policy.yaml");
}
std::string why(const std::string& section) {
  const auto read = with_retention(section);
  return read ? "" : read.error().what;
}

TEST(RetentionPolicy, IsReadByLabel) {
  EXPECT_TRUE(default_policy().retention.keeps_all());
  const auto read = with_retention(
      "  default: {drop_content_after: 90 days}\n"
      "  labels:\n"
      "    public: keep\n"
      "    personal: {drop_content_after: 30 days, delete_after: 2 years}\n"
      "    health: {preset: hipaa-6-years, drop_content_after: 6 years, delete_after: 7 years}\n");
  ASSERT_TRUE(read) << read.error().what;
  const Retention& r = read->retention;
  EXPECT_FALSE(r.keeps_all());
  EXPECT_TRUE(r.of("public").keeps());
  EXPECT_EQ(r.of("internal").drop_content, period("90 days"));  // the default
  EXPECT_EQ(r.of("personal").remove, period("2 years"));
  EXPECT_EQ(r.of("health").preset, "hipaa-6-years");
  EXPECT_TRUE(with_retention("  default: keep\n")->retention.keeps_all());
  EXPECT_TRUE(with_retention("  preset: ai-act-6-months\n")->retention.keeps_all());
}

TEST(RetentionPolicy, NothingGoesThatAPresetWantsKept) {
  const std::string said = why("  preset: ai-act-6-months\n  labels:\n    health: {drop_content_after: 90 days}\n");
  EXPECT_NE(said.find("line 5"), std::string::npos) << said;
  for (const char* part : {"'drop_content_after: 90 days' of 'health'", "ai-act-6-months", "6 months", "26(6)"}) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
  }
  EXPECT_NE(
      why("  labels:\n    health: {preset: hipaa-6-years, delete_after: 5 years}\n").find("wants kept for 6 years"),
      std::string::npos);
  // Of the default, and where both presets meet, too.
  EXPECT_NE(why("  preset: ai-act-6-months\n  default: {delete_after: 1 month}\n"), "");
  EXPECT_NE(why("  preset: hipaa-6-years\n  labels:\n    health: {preset: ai-act-6-months, delete_after: 1 year}\n"),
            "");
  EXPECT_EQ(why("  preset: ai-act-6-months\n  labels:\n    health: {drop_content_after: 184 days}\n"), "");
  EXPECT_EQ(why("  preset: hipaa-6-years\n  default: {delete_after: 6 years}\n"), "");
}

TEST(RetentionPolicy, WhatIsWrongIsSaidWithItsLine) {
  struct Bad {
    const char *section, *says;
  };
  for (const Bad& bad :
       {Bad{"  - keep\n", "must be a map"}, Bad{"  defaults: keep\n", "did you mean 'default'"},
        Bad{"  default: kept\n", "'default' must be keep"},
        Bad{"  default: {drop_content_after: 90}\n", "unit spelled out"},
        Bad{"  default: {delete_after: [1 day]}\n", "unit spelled out"},
        Bad{"  default: {delete_after: 0 days}\n", "unit spelled out"},
        Bad{"  default: {drop_after: 1 day}\n", "there is no key 'drop_after'"},
        Bad{"  labels: {secret: keep}\n", "'secret' is no label"}, Bad{"  labels: [health]\n", "must be a map"},
        Bad{"  preset: gdpr\n", "there is no preset 'gdpr'"},
        Bad{"  default: {drop_content_after: 1 year, delete_after: 90 days}\n", "before its content"}}) {
    const std::string said = why(bad.section);
    EXPECT_NE(said.find(bad.says), std::string::npos) << bad.section << said;
    EXPECT_NE(said.find("policy.yaml: line 3"), std::string::npos) << bad.section << said;
  }
}

}  // namespace
}  // namespace freehold::guard
