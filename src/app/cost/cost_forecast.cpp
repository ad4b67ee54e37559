// `cost forecast`: what the next days will bring, in bands, and what would change them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/table.h"
#include "app/usage_json.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"
#include "ledger/forecast.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::Band;
using ledger::DaySum;

// "What if": factors on what the history had.
struct WhatIf {
  double users = 1, prompts = 1, answers = 1;
  bool any() const { return users != 1 || prompts != 1 || answers != 1; }
};

std::uint64_t times(std::uint64_t n, double factor) {
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(n) * factor));
}

DaySum changed(const DaySum& s, const WhatIf& w) {
  DaySum out = s;
  out.requests = times(s.requests, w.users);
  out.prompt_tokens = times(s.prompt_tokens, w.users * w.prompts);
  out.cached_tokens = times(s.cached_tokens, w.users * w.prompts);
  out.cache_write_tokens = times(s.cache_write_tokens, w.users * w.prompts);
  out.completion_tokens = times(s.completion_tokens, w.users * w.answers);
  // Time goes with the tokens that are computed, by the rule that splits it.
  const auto computed = [](const DaySum& d) {
    return static_cast<double>(d.prompt_tokens - std::min(d.cached_tokens, d.prompt_tokens) + d.completion_tokens);
  };
  const double factor = computed(s) > 0 ? computed(out) / computed(s) : w.users;
  out.compute_us = times(s.compute_us, factor), out.metered_us = times(s.metered_us, factor);
  out.energy_nwh = times(s.energy_nwh, factor);
  return out;
}

struct Series {
  std::string what, unit;
  std::vector<double> days;  // from the first with any use to yesterday
  std::int64_t first = 0;
  std::uint64_t unpriced = 0;
};

// All at the prices and rates of today: a price cut is no fall of use.
Result<Series> series_of(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(ledger::Filter filter, filter_of(arguments));
  const std::int64_t today = ledger::day_of(guard::wall_seconds() * 1'000'000);
  const std::int64_t end = std::min(today, filter.until ? ledger::day_of(*filter.until) : today);
  filter.until = end * ledger::kDayMicroseconds;
  if (filter.since) filter.since = (ledger::day_of(*filter.since - 1) + 1) * ledger::kDayMicroseconds;  // whole days
  FH_TRY(const ledger::PriceBook book, ledger::price_book(home));
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  const ledger::Rates* rates = machines.rates_on(today);
  Series out;
  std::optional<ledger::VendorPrices> vendor;
  if (arguments.given("vendor")) {
    if (arguments.given("what")) return fail(Errc::invalid, "--what and --vendor exclude each other");
    FH_TRY(ledger::PriceBook::Name name, book.resolve(arguments.text("vendor")));
    vendor.emplace(book, std::move(name));
    FH_TRY(const std::vector<ledger::TokenRatio> ratios, ledger::token_ratios(home));
    vendor->estimate_with(ratios);
    out.what = "cost at " + vendor->text(), out.unit = "USD";
  } else {
    out.what = arguments.given("what") ? std::string(arguments.text("what")) : rates != nullptr ? "here" : "tokens";
    out.unit = out.what == "tokens" ? "tokens" : out.what == "requests" ? "requests" : "USD";
  }
  if (out.what == "here" && rates == nullptr) {
    console.hint("say it with freehold cost machine, or forecast --what tokens");
    return fail(Errc::invalid, "what this machine costs is not known");
  }
  const WhatIf w{arguments.real("users"), arguments.real("prompts"), arguments.real("answers")};
  auto query = ledger::UsageQuery::open(home);
  if (!query && query.error().code == Errc::not_found) return out;
  if (!query) return Unexpected(std::move(query).error());
  FH_TRY(const ledger::LeftOut left_out, query->left_out(filter));
  note_left_out(left_out, console);
  FH_TRY(const std::vector<DaySum> sums, query->day_sums(filter, ledger::GroupBy::all));
  const std::string day = ledger::day_text(today);
  ledger::Pricing pricing(book, machines);
  for (const DaySum& sum : sums) {
    DaySum s = changed(sum, w);
    s.day = today;
    double value = 0;
    if (vendor) {
      const auto cost = vendor->cost(day, s.tokens(), s.vendor.empty() ? vendor->ratio_of(s.model) : nullptr);
      if (!cost.priced()) out.unpriced += s.requests;
      value = cost.total.as_double();
    } else if (out.what == "tokens") {
      value = static_cast<double>(s.prompt_tokens + s.completion_tokens);
    } else if (out.what == "requests") {
      value = static_cast<double>(s.requests);
    } else {
      const ledger::ReportRow row = pricing.priced(s);
      const ledger::Amount& amount = out.what == "paid" ? row.paid : row.local;
      value = amount.usd.as_double(), out.unpriced += amount.unpriced;
    }
    if (out.days.empty()) out.first = sum.day;
    out.days.resize(static_cast<std::size_t>(sum.day - out.first) + 1);
    out.days.back() += value;
  }
  if (!out.days.empty()) out.days.resize(static_cast<std::size_t>(end - out.first));
  return out;
}

std::string number(double x, std::string_view unit) {
  if (unit == "USD") return fmt::format("{:.{}f}", x, x < 0.01 ? 6 : x < 1 ? 4 : 2);
  return fmt::format("{:.0f}", x);
}

void write_band(JsonWriter& w, const Band& b) {
  w.member("median", b.median).member("low_50", b.low50).member("high_50", b.high50);
  w.member("low_95", b.low95).member("high_95", b.high95);
}

// Days, or weeks of many days: the 95 % band light, the 50 % band dark, the median a bar.
std::string chart(const ledger::Forecast& f, const Series& s, int columns) {
  const int width = std::clamp(columns - 44, 20, 60);
  double most = 0;
  for (const Band& b : f.days) most = std::max(most, b.high95);
  if (most <= 0) return {};
  std::string out;
  const std::size_t step = f.days.size() > 45 ? 7 : 1;
  for (std::size_t d = 0; d < f.days.size(); d += step) {
    const Band& b = f.days[d];
    const auto at = [&](double x) { return static_cast<int>(std::lround(x / most * (width - 1))); };
    std::string line;
    for (int i = 0; i < width; ++i) {
      line += i == at(b.median)                       ? "┃"
              : i >= at(b.low50) && i <= at(b.high50) ? "▓"
              : i >= at(b.low95) && i <= at(b.high95) ? "░"
                                                      : " ";
    }
    out += fmt::format("{} {} {} ({} - {})\n", ledger::day_text(s.first + static_cast<std::int64_t>(s.days.size() + d)),
                       line, number(b.median, s.unit), number(b.low95, s.unit), number(b.high95, s.unit));
  }
  return out;
}

std::string as_json(const ledger::Forecast& f, const Series& s, std::int64_t horizon) {
  JsonWriter w(true);
  w.begin_object().member("what", s.what).member("unit", s.unit).member("history_days", s.days.size());
  w.member("horizon_days", horizon).key("refused");
  f.refused.empty() ? w.null() : w.value(f.refused);
  w.member("unpriced_requests", s.unpriced).key("notes").begin_array();
  for (const std::string& note : f.notes) w.value(note);
  w.end_array().key("total");
  if (f.refused.empty()) {
    w.begin_object();
    write_band(w, f.total);
    w.end_object();
  } else {
    w.null();
  }
  w.key("days").begin_array();
  for (std::size_t d = 0; d < f.days.size(); ++d) {
    w.begin_object().member("day", ledger::day_text(s.first + static_cast<std::int64_t>(s.days.size() + d)));
    write_band(w, f.days[d]);
    w.end_object();
  }
  w.end_array().key("backtest").begin_object().member("origins", f.backtest.origins).member("days", f.backtest.days);
  w.key("covered_50");
  f.backtest.days > 0 ? w.value(f.backtest.covered50) : w.null();
  w.key("covered_95");
  f.backtest.days > 0 ? w.value(f.backtest.covered95) : w.null();
  w.member("widened", f.widened).end_object().end_object();
  return w.take() + "\n";
}

Result<> run_forecast(const Arguments& arguments, Console& console) {
  FH_TRY(const Series s, series_of(arguments, console));
  const std::int64_t horizon = arguments.integer("days");
  const int weekday = static_cast<int>(((s.first + 3) % 7 + 7) % 7);
  const ledger::Forecast f = ledger::forecast(s.days, weekday, {.horizon = static_cast<int>(horizon)});
  if (arguments.flag("json")) {
    console.write(as_json(f, s, horizon));
    return {};
  }
  if (!f.refused.empty()) {
    console.write(fmt::format("no forecast: {}\n", f.refused));
    return {};
  }
  const Band& t = f.total;
  std::string out = fmt::format(
      "{}, the next {} days together: {} {}\n  half of all futures: {} to {}\n  95 % of them:        {} to {}\n\n",
      s.what, horizon, number(t.median, s.unit), s.unit, number(t.low50, s.unit), number(t.high50, s.unit),
      number(t.low95, s.unit), number(t.high95, s.unit));
  out += chart(f, s, console.columns());
  if (f.backtest.days > 0) {
    out += fmt::format(
        "\ntried from {} earlier days: of {} days {:.0f} % were in their 95 % band, {:.0f} % in their 50 % band\n",
        f.backtest.origins, f.backtest.days, 100 * f.backtest.covered95, 100 * f.backtest.covered50);
  } else {
    out += "\nthe history is too short to try this on itself\n";
  }
  for (const std::string& note : f.notes) out += "note: " + note + "\n";
  console.write(out);
  if (s.unpriced > 0) console.note(fmt::format("note: {} requests have no price and are not in this", s.unpriced));
  return {};
}

Option factor(std::string_view name, std::string_view help) {
  return {.name = name,
          .type = OptionType::real,
          .value = "FACTOR",
          .fallback = "1",
          .least = 0,
          .most = 1e6,
          .help = help};
}

}  // namespace

Command cost_forecast_command() {
  std::vector<Option> options = filter_options();
  options.push_back({.name = "days",
                     .type = OptionType::integer,
                     .value = "N",
                     .fallback = "30",
                     .least = 1,
                     .most = 366,
                     .help = "How far ahead."});
  options.push_back(
      {.name = "what",
       .type = OptionType::choice,
       .value = "here|paid|tokens|requests",
       .help = "Of what: the requests' cost on this machine, what vendors are paid, tokens, requests. Without "
               "it here, or tokens where the machine's costs are not known."});
  options.push_back({.name = "vendor",
                     .type = OptionType::text,
                     .value = "PROVIDER/MODEL",
                     .help = "What all of it would cost at this model instead."});
  options.push_back(factor("users", "What if: so many times the requests."));
  options.push_back(factor("prompts", "What if: prompts so many times as long."));
  options.push_back(factor("answers", "What if: answers so many times as long."));
  options.push_back({.name = "json", .help = "Print JSON."});
  return {
      .name = "cost forecast",
      .summary = "What the next days will bring, in bands, from the days that were.",
      .details =
          "Trend and weekdays are fitted so that bursts, an outage or a launch do not mislead; the bands are quantiles "
          "of "
          "simulated futures, tried on the history's own later days, and the part of these that was inside is told. "
          "What "
          "cannot be known is refused: fewer than 14 days, or three times as far ahead as there are days. Prices are "
          "today's.",
      .options = std::move(options),
      .examples = {{"freehold cost forecast --days 90", "The next quarter:"},
                   {"freehold cost forecast --users 2 --vendor openai/gpt-4o", "Twice the users, at a vendor:"}},
      .run = run_forecast,
  };
}

}  // namespace freehold::app
