// `cost export`: billing rows in the FinOps Foundation's FOCUS format (version 1.0), for tools that add up clouds.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "base/utf8.h"
#include "ledger/cost_store.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::DayRow;
using ledger::Money;

// All columns that the specification wants of everybody, and those of its conditional ones that we have a value for.
constexpr std::string_view kFocus[] = {"BilledCost",
                                       "BillingAccountId",
                                       "BillingAccountName",
                                       "BillingCurrency",
                                       "BillingPeriodEnd",
                                       "BillingPeriodStart",
                                       "ChargeCategory",
                                       "ChargeClass",
                                       "ChargeDescription",
                                       "ChargeFrequency",
                                       "ChargePeriodEnd",
                                       "ChargePeriodStart",
                                       "ConsumedQuantity",
                                       "ConsumedUnit",
                                       "ContractedCost",
                                       "ContractedUnitPrice",
                                       "EffectiveCost",
                                       "InvoiceIssuerName",
                                       "ListCost",
                                       "ListUnitPrice",
                                       "PricingCategory",
                                       "PricingQuantity",
                                       "PricingUnit",
                                       "ProviderName",
                                       "PublisherName",
                                       "ResourceId",
                                       "ResourceName",
                                       "ResourceType",
                                       "ServiceCategory",
                                       "ServiceName",
                                       "SkuId",
                                       "SkuPriceId",
                                       "SubAccountId",
                                       "SubAccountName",
                                       "Tags"};
constexpr std::size_t kColumns = std::size(kFocus);
using Row = std::vector<std::pair<std::string_view, std::string>>;  // a column that is not there is null

struct Charge {
  std::string provider, service, description, unit, quantity, unit_price, sku;
  Money cost;
};

std::string midnight(std::int64_t day) {
  return ledger::day_text(day) + "T00:00:00Z";
}

// The month of a day: its first day, and that of the next.
std::pair<std::int64_t, std::int64_t> month_of(std::int64_t day) {
  const auto time = ledger::time_of(ledger::BudgetPeriod::month, day * ledger::kDayMicroseconds);
  return {ledger::day_of(time.begin), ledger::day_of(time.end)};
}

std::string tags_of(const DayRow& r) {
  JsonWriter w;
  w.begin_object();
  if (!r.tag.empty()) w.member("tag", r.tag);
  if (!r.adapter.empty()) w.member("adapter", r.adapter);
  w.end_object();
  return w.take();
}

Row row_of(const DayRow& r, const Charge& c) {
  const auto [begin, end] = month_of(r.sum.day);
  const std::string cost = c.cost.text();
  return {{"BilledCost", cost},
          {"BillingAccountId", "freehold"},
          {"BillingAccountName", "Freehold"},
          {"BillingCurrency", "USD"},
          {"BillingPeriodEnd", midnight(end)},
          {"BillingPeriodStart", midnight(begin)},
          {"ChargeCategory", "Usage"},
          {"ChargeDescription", c.description},
          {"ChargeFrequency", "Usage-Based"},
          {"ChargePeriodEnd", midnight(r.sum.day + 1)},
          {"ChargePeriodStart", midnight(r.sum.day)},
          {"ConsumedQuantity", c.quantity},
          {"ConsumedUnit", c.unit},
          {"ContractedCost", cost},
          {"ContractedUnitPrice", c.unit_price},
          {"EffectiveCost", cost},
          {"InvoiceIssuerName", c.provider},
          {"ListCost", cost},
          {"ListUnitPrice", c.unit_price},
          {"PricingCategory", "Standard"},
          {"PricingQuantity", c.quantity},
          {"PricingUnit", c.unit},
          {"ProviderName", c.provider},
          {"PublisherName", c.provider},
          {"ResourceId", r.model},
          {"ResourceName", r.model},
          {"ResourceType", "Model"},
          {"ServiceCategory", "AI and Machine Learning"},
          {"ServiceName", c.service},
          {"SkuId", c.sku},
          {"SkuPriceId", c.sku},
          {"SubAccountId", r.key_id},
          {"SubAccountName", r.key_id},
          {"Tags", tags_of(r)}};
}

// What one row of a day amounts to: its parts, each with a price a unit. Empty: unpriced.
std::vector<Charge> charges_of(const DayRow& r, const ledger::PriceBook& book, const ledger::MachineHistory& machines) {
  std::vector<Charge> out;
  const ledger::DaySum& s = r.sum;
  if (!s.vendor.empty()) {
    const auto name = book.resolve(s.vendor);
    if (!name) return out;
    const auto cost = ledger::VendorPrices(book, *name).cost(ledger::day_text(s.day), s.tokens());
    if (!cost.priced()) return out;
    for (const ledger::VendorItem& item : cost.items) {
      const Money token = ledger::of_tokens(item.price->usd_per_million, 1);
      out.push_back({name->provider, name->model, fmt::format("{} tokens of {}", item.kind, name->model), "Tokens",
                     std::to_string(item.tokens), token.text(), fmt::format("{}/{}", s.vendor, item.price->kind),
                     item.cost});
    }
    return out;
  }
  const ledger::Rates* rates = machines.rates_on(s.day);
  if (rates == nullptr) return out;
  const auto us = static_cast<std::int64_t>(s.compute_us), metered = static_cast<std::int64_t>(s.metered_us);
  const auto seconds = [](std::int64_t n) { return Money::picodollars(ledger::Int128{n} * 1'000'000).text(); };
  const auto add = [&](std::string what, std::string unit, std::string quantity, Money price, Money cost) {
    if (cost == Money()) return;
    std::string sku = "freehold/" + what;
    out.push_back({"Freehold", "Local inference", what + " of this machine", std::move(unit), std::move(quantity),
                   price.text(), std::move(sku), cost});
  };
  const Money fixed = rates->fixed();
  add("time", "Seconds", seconds(us), fixed, ledger::for_time(fixed, us));
  add("power by stated watts", "Seconds", seconds(us - metered), rates->load_power,
      ledger::for_time(rates->load_power, us - metered));
  const auto energy = static_cast<std::int64_t>(s.energy_nwh);
  // A nanowatt-hour is 1e-12 kWh.
  add("measured energy", "kWh", Money::picodollars(energy).text(), rates->energy * 1'000'000'000'000,
      rates->energy * energy);
  return out;
}

Result<> run_export(const Arguments& arguments, Console& console) {
  FH_TRY(const ledger::Filter filter, filter_of(arguments));
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const ledger::PriceBook book, ledger::price_book(home));
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  auto query = ledger::UsageQuery::open(home);
  if (!query && query.error().code != Errc::not_found) return Unexpected(std::move(query).error());
  std::vector<DayRow> days;
  if (query) {
    FH_TRY(days, query->day_rows(filter));
  }
  const bool json = arguments.flag("json");
  JsonWriter w;
  if (json) {
    w.begin_array();
  } else {
    console.write(csv_line(std::vector<std::string>(std::begin(kFocus), std::end(kFocus))));
  }
  std::uint64_t unpriced = 0;
  for (const DayRow& r : days) {
    const std::vector<Charge> charges = charges_of(r, book, machines);
    const bool here = r.sum.vendor.empty();
    if (here) unpriced += machines.rates_on(r.sum.day) == nullptr ? r.sum.requests : r.sum.requests - r.sum.timed;
    if (!here && charges.empty()) unpriced += r.sum.requests;
    for (const Charge& c : charges) {
      const Row row = row_of(r, c);
      if (json) w.begin_object();
      std::vector<std::string> cells;
      std::size_t next = 0;
      for (const std::string_view column : kFocus) {
        const bool there = next < row.size() && row[next].first == column;
        if (json) w.key(column), there ? w.value(row[next].second) : w.null();
        cells.push_back(there ? row[next].second : std::string());
        next += there ? 1 : 0;
      }
      if (json) w.end_object();
      if (!json) console.write(csv_line(cells));
    }
  }
  if (json) {
    w.end_array();
    console.write(w.take() + "\n");
  }
  if (unpriced > 0)
    console.note(
        fmt::format("{} requests are unpriced and in no row: FOCUS knows no cost that is not known", unpriced));
  return {};
}
static_assert(kColumns == 35);

}  // namespace

Command cost_export_command() {
  std::vector<Option> options = filter_options();
  options.push_back({.name = "json", .help = "Print JSON instead of CSV."});
  return {
      .name = "cost export",
      .summary = "Write billing rows in the FinOps Foundation's FOCUS 1.0 format.",
      .details =
          "One row a day, key, model, tag and kind of charge: tokens at vendors; time, and power or measured energy, "
          "of "
          "this machine. Amounts are exact; the rows of a time add up to what cost report says of it. Requests whose "
          "cost "
          "is not known are in no row, and their number is said. cost report --csv and --json have them.",
      .options = std::move(options),
      .examples = {{"freehold cost export --since 2026-11-01 --until 2026-12-01 > november.csv", "A month:"}},
      .run = run_export,
  };
}

}  // namespace freehold::app
