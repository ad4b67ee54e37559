#include "app/cost/own_or_rent.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/table.h"
#include "app/usage_json.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"
#include "ledger/own_or_rent.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::Money;

constexpr int kUtilisations[] = {10, 50, 100, 250, 500, 750, 1000};  // thousandths
constexpr std::int64_t kMicroseconds = 1'000'000;

struct Facts {
  std::int64_t since = 0, until = 0;  // microseconds
  ledger::ReportRow total;
  ledger::Idle idle;
  ledger::Work work;
  const ledger::MachineRow* machine = nullptr;
  const ledger::Rates* rates = nullptr;
  double days() const { return static_cast<double>(until - since) / static_cast<double>(ledger::kDayMicroseconds); }
  double utilisation() const { return static_cast<double>(work.busy_us) / static_cast<double>(until - since); }
  std::uint64_t month(std::uint64_t n) const {
    return static_cast<std::uint64_t>(static_cast<double>(n) * static_cast<double>(ledger::kMonthSeconds) * 1e6 /
                                      static_cast<double>(until - since));
  }
};

struct Against {
  const ledger::VendorPrices* vendor;
  ledger::Amount amount;
  bool priced = false;
  ledger::OwnOrRent answer;
  Money per_million;
  std::optional<std::string> paid_by;  // a day
};

Against against(const Facts& f, const ledger::VendorPrices& vendor, const ledger::Amount& amount) {
  Against a{&vendor, amount, amount.unpriced == 0, {}, {}, {}};
  if (!a.priced) return a;
  a.answer = ledger::own_or_rent(*f.rates, f.work, amount.usd);
  a.per_million = ledger::divided(amount.usd * 1'000'000, static_cast<std::int64_t>(f.work.tokens));
  const std::int64_t days = std::max<std::int64_t>(1, std::llround(f.days()));
  const auto pays = ledger::payback_days(f.machine->machine, ledger::divided(amount.usd, days),
                                         ledger::divided(a.answer.energy_above_idle, days));
  if (pays) a.paid_by = ledger::day_text(ledger::day_number(f.machine->machine.from) + *pays);
  return a;
}

std::string count(double n) {
  if (n >= 1e9) return fmt::format("{:.1f}G", n * 1e-9);
  if (n >= 1e6) return fmt::format("{:.1f}M", n * 1e-6);
  return n >= 1e4 ? fmt::format("{:.1f}k", n * 1e-3) : fmt::format("{:.0f}", n);
}

// Cost of a million tokens by utilisation, on a logarithmic scale; a vendor is a mark in every line.
std::string chart(const Facts& f, const std::vector<Against>& all, int columns) {
  const int width = std::clamp(columns - 30, 20, 60);
  double least = 1e300, most = 0;
  std::vector<std::pair<int, double>> bars;
  for (const int u : kUtilisations) {
    bars.emplace_back(u, ledger::own_per_million(*f.rates, f.work, u).as_double());
  }
  for (const auto& bar : bars) least = std::min(least, bar.second), most = std::max(most, bar.second);
  for (const Against& a : all) {
    if (!a.priced || a.per_million <= Money()) continue;
    least = std::min(least, a.per_million.as_double()), most = std::max(most, a.per_million.as_double());
  }
  least *= 0.5;
  if (!(least > 0) || most <= least) return {};
  const auto column = [&](double x) {
    return std::clamp(static_cast<int>(std::lround(std::log(x / least) / std::log(most / least) * (width - 1))), 0,
                      width - 1);
  };
  std::string out = "\ncost of a million tokens here, by how much of the time the machine works (logarithmic)\n";
  for (const auto& [u, cost] : bars) {
    std::string line;
    for (int i = 0; i < width; ++i) {
      std::string cell = i <= column(cost) ? "█" : " ";
      for (std::size_t v = 0; v < all.size() && v < 9; ++v) {
        if (all[v].priced && all[v].per_million > Money() && column(all[v].per_million.as_double()) == i)
          cell = std::to_string(v + 1);
      }
      line += cell;
    }
    out += fmt::format("{:>5.1f} % {} {:.4f}\n", u / 10.0, line, cost);
  }
  for (std::size_t v = 0; v < all.size() && v < 9; ++v) {
    if (all[v].priced)
      out += fmt::format("      {} = {} {}\n", v + 1, all[v].vendor->text(), all[v].per_million.rounded(4));
  }
  return out;
}

std::string as_json(const Facts& f, const std::vector<Against>& all, std::string_view day) {
  JsonWriter w(true);
  w.begin_object().member("since", ledger::day_text(ledger::day_of(f.since))).member("until_us", f.until);
  w.member("days", f.days()).member("requests", f.total.requests);
  w.member("prompt_tokens", f.total.prompt_tokens).member("cached_tokens", f.total.cached_tokens);
  w.member("completion_tokens", f.total.completion_tokens);
  w.key("here").begin_object();
  w.member("requests_usd", f.total.local.usd.text()).member("idle_usd", f.idle.usd.text());
  w.member("machine_usd", (f.total.local.usd + f.idle.usd).text()).member("busy_us", f.work.busy_us);
  w.member("utilisation", f.utilisation()).member("tokens_a_month", f.month(f.work.tokens));
  const ledger::OwnOrRent any = ledger::own_or_rent(*f.rates, f.work, {});
  w.member("fixed_usd_a_month", any.fixed_month.text()).member("tokens_a_month_at_most", any.tokens_month_at_most);
  w.key("usd_per_1m_tokens_by_utilisation").begin_object();
  for (const int u : kUtilisations)
    w.member(fmt::format("{}%", u / 10.0), ledger::own_per_million(*f.rates, f.work, u).rounded(9));
  w.end_object().end_object().key("vendors").begin_array();
  for (const Against& a : all) {
    w.begin_object().member("vendor", a.vendor->text());
    write_amount(w, "would_have_cost", a.amount, f.total.requests);
    if (a.priced) {
      w.member("usd_per_1m_tokens", a.per_million.rounded(9)).key("blended_usd_per_1m").begin_object();
      const ledger::Price *in = a.vendor->find("input", day), *out = a.vendor->find("output", day);
      for (const Blend& b : kBlends) {
        if (in != nullptr && out != nullptr)
          w.member(b.name, blended(b, in->usd_per_million, out->usd_per_million).text());
      }
      w.end_object().key("break_even_tokens_a_month");
      a.answer.break_even ? w.value(*a.answer.break_even) : w.null();
      w.member("within_this_machine", a.answer.break_even && *a.answer.break_even <= a.answer.tokens_month_at_most);
      w.key("paid_for_by");
      a.paid_by ? w.value(*a.paid_by) : w.null();
    }
    w.end_object();
  }
  w.end_array().key("estimated_tokens").begin_array();
  for (const Against& a : all) write_ratios(w, a.vendor->ratios());
  w.end_array().end_object();
  return w.take() + "\n";
}

std::string as_text(const Facts& f, const std::vector<Against>& all, int columns) {
  const ledger::OwnOrRent any = ledger::own_or_rent(*f.rates, f.work, {});
  std::string out = fmt::format(
      "{:.1f} days, {} requests, {} tokens of prompts and {} of answers; the machine worked {:.2f} % of the time\n"
      "here: {} USD for the requests + {} idle = {} USD; {} a month whatever it does; at most {} tokens a month\n\n",
      f.days(), f.total.requests, count(static_cast<double>(f.total.prompt_tokens)),
      count(static_cast<double>(f.total.completion_tokens)), 100 * f.utilisation(), f.total.local.usd.rounded(4),
      f.idle.usd.rounded(4), (f.total.local.usd + f.idle.usd).rounded(4), any.fixed_month.rounded(2),
      count(static_cast<double>(any.tokens_month_at_most)));
  std::vector<std::vector<std::string>> table = {
      {"VENDOR", "SAME TOKENS", "PER 1M", "CHEAPER NOW", "OWN FROM TOKENS/MONTH", "PAID FOR BY"}};
  const Money here = f.total.local.usd + f.idle.usd;
  for (const Against& a : all) {
    if (!a.priced) {
      table.push_back({printable(a.vendor->text(), 50), "unpriced", "", "", "", ""});
      continue;
    }
    std::string from = "never: power costs more";
    if (a.answer.break_even) {
      from = count(static_cast<double>(*a.answer.break_even));
      if (*a.answer.break_even > a.answer.tokens_month_at_most) from += " (more than it can do)";
    }
    table.push_back({printable(a.vendor->text(), 50), a.amount.usd.rounded(4), a.per_million.rounded(4),
                     a.amount.usd < here ? "rent" : "own", from, a.paid_by.value_or("-")});
  }
  out += as_table(table, {Align::left, Align::right, Align::right, Align::left, Align::left, Align::left});
  for (const Against& a : all) out += ratio_lines(*a.vendor);
  return out + chart(f, all, columns);
}

}  // namespace

Money blended(const Blend& blend, Money input, Money output) {
  return ledger::divided(input * blend.input + output * blend.output, blend.input + blend.output);
}

Result<> compare_from_ledger(const Arguments& arguments, Console& console, const ledger::PriceBook& book) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(std::vector<ledger::VendorPrices> vendors, vendors_of(arguments, book, home));
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  FH_TRY(ledger::Filter filter, filter_of(arguments));
  Facts f;
  const std::int64_t now = guard::wall_seconds() * kMicroseconds;
  f.until = std::min(now, filter.until.value_or(now));
  f.since = filter.since.value_or(f.until - 30 * ledger::kDayMicroseconds);
  filter.since = f.since, filter.until = f.until;
  f.machine = machines.on(ledger::day_of(f.until - 1));
  if (f.machine == nullptr) {
    console.hint("say it with freehold cost machine; or compare given tokens with --input-tokens and --output-tokens");
    return fail(Errc::invalid, "what this machine costs is not known");
  }
  f.rates = machines.rates_on(ledger::day_of(f.until - 1));
  FH_TRY(ledger::UsageQuery query, ledger::UsageQuery::open(home));
  // What this machine did; what vendors answered is paid already.
  filter.vendor = "";
  ledger::Pricing pricing(book, machines, std::move(vendors));
  FH_TRY(const ledger::Report report, ledger::report(query, filter, ledger::GroupBy::all, pricing));
  f.total = report.total;
  FH_TRY(f.idle, ledger::idle(query, f.since, f.until, machines));
  FH_TRY(const ledger::LeftOut left_out, query.left_out(filter));
  note_left_out(left_out, console);
  FH_TRY(const std::vector<ledger::DaySum> sums, query.day_sums(filter, ledger::GroupBy::all));
  for (const ledger::DaySum& s : sums) {
    f.work.tokens += s.prompt_tokens + s.completion_tokens;
    f.work.busy_us += static_cast<std::int64_t>(s.compute_us);
    f.work.energy +=
        ledger::local_cost(*f.rates, static_cast<std::int64_t>(s.compute_us), static_cast<std::int64_t>(s.metered_us),
                           static_cast<std::int64_t>(s.energy_nwh))
            .energy;
  }
  if (f.work.tokens == 0 || f.work.busy_us == 0) {
    console.hint("compare given tokens with --input-tokens and --output-tokens");
    return fail(Errc::not_found, "this machine answered no requests in that time");
  }
  std::vector<Against> all;
  for (std::size_t i = 0; i < pricing.others().size(); ++i)
    all.push_back(against(f, pricing.others()[i], f.total.others[i]));
  if (arguments.flag("json")) {
    console.write(as_json(f, all, ledger::day_text(ledger::day_of(f.until - 1))));
    return {};
  }
  console.write(as_text(f, all, console.columns()));
  if (f.total.local.unpriced > 0)
    console.note(fmt::format("note: {} requests are unpriced here and not in these sums", f.total.local.unpriced));
  return {};
}

}  // namespace freehold::app
