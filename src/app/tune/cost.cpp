#include "app/tune/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/progress.h"
#include "app/table.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

using ledger::Money;
using ledger::Price;
using ledger::PriceBook;

constexpr std::int64_t kJoulesOfKwh = 3'600'000;

}  // namespace

std::vector<Option> energy_options() {
  return {{.name = "watts",
           .type = OptionType::integer,
           .value = "N",
           .least = 1,
           .most = 1'000'000,
           .help = "What the whole machine draws while it trains; with --kwh-price the cost of the energy is shown."},
          {.name = "kwh-price",
           .type = OptionType::text,
           .value = "USD",
           .help = "What a kilowatt-hour costs, as 0.30 for thirty cents."}};
}

Result<std::optional<Energy>> energy_of(const Arguments& arguments) {
  const bool watts = arguments.given("watts"), price = arguments.given("kwh-price");
  if (!watts && !price) return std::optional<Energy>();
  if (watts != price) return fail(Errc::invalid, "--watts and --kwh-price need each other");
  auto usd = Money::parse(arguments.text("kwh-price"));
  if (!usd || *usd < Money() || *usd > Money::picodollars(ledger::Int128{1'000'000'000'000} * 10'000)) {
    return fail(Errc::invalid, fmt::format("--kwh-price: '{}' is no price of a kilowatt-hour in dollars, as 0.30",
                                           printable(arguments.text("kwh-price"), 40)));
  }
  return std::optional(Energy{arguments.integer("watts"), *usd});
}

TuningCost cost_of(std::uint64_t tokens, std::optional<double> seconds, const std::optional<Energy>& energy,
                   const std::string& day) {
  TuningCost out;
  out.tokens = tokens;
  out.energy = energy;
  if (energy && seconds) {
    // Whole seconds, so that the amount is exact; more than ten thousand years are none.
    const auto whole = static_cast<std::int64_t>(std::clamp(std::ceil(*seconds), 0.0, 3e11));
    out.kwh = static_cast<double>(whole) * static_cast<double>(energy->watts) / kJoulesOfKwh;
    // Divided before it is multiplied, or the product of the largest would not fit.
    const ledger::Int128 price = energy->usd_per_kwh.units(), joules = ledger::Int128{whole} * energy->watts;
    out.here = Money::attodollars(price / kJoulesOfKwh * joules + price % kJoulesOfKwh * joules / kJoulesOfKwh);
  }
  const PriceBook& book = PriceBook::built_in();
  const auto billed = static_cast<std::int64_t>(std::min<std::uint64_t>(tokens, 1'000'000'000'000'000));
  for (const Price& p : book.rows()) {
    if (p.kind != "training" || book.find({p.provider, p.model}, p.kind, day) != &p) continue;
    out.vendors.push_back({&p, ledger::of_tokens(p.usd_per_million, billed)});
  }
  std::stable_sort(out.vendors.begin(), out.vendors.end(),
                   [](const auto& a, const auto& b) { return a.cost < b.cost; });
  return out;
}

std::string cost_text(const TuningCost& cost) {
  std::string out;
  if (cost.here) {
    out += fmt::format("cost:   USD {} here: {:.3g} kWh, at {} W for the machine and USD {} a kWh, energy alone\n",
                       cost.here->rounded(4), *cost.kwh, grouped(static_cast<std::uint64_t>(cost.energy->watts)),
                       cost.energy->usd_per_kwh.text());
  } else if (cost.energy) {
    out += "cost:   here: not known without the time\n";
  } else {
    out +=
        "cost:   here: energy alone; freehold tune plan --watts W --kwh-price USD says what the machine draws and what "
        "a kWh costs\n";
  }
  if (cost.vendors.empty()) return out;
  out += fmt::format(
      "        for comparison, what vendors charge to train on {} tokens (each has its own tokenizer, and "
      "charges for using the model too):\n",
      grouped(cost.tokens));
  std::vector<std::vector<std::string>> table;
  for (const auto& [price, usd] : cost.vendors) {
    table.push_back(
        {"        " + printable(price->provider + "/" + price->model, 60), "USD " + usd.rounded(4),
         fmt::format("USD {} per 1M, {}, {} confidence", price->usd_per_million.text(),
                     price->from.empty() ? "from a day that is not known" : "from " + price->from, price->confidence)});
  }
  return out + as_table(table, {Align::left, Align::right, Align::left});
}

void write_cost(JsonWriter& w, const TuningCost& cost) {
  w.key("cost").begin_object().member("tokens", cost.tokens).key("here");
  if (cost.here) {
    w.begin_object().member("usd", cost.here->text()).member("kwh", *cost.kwh);
    w.member("watts", cost.energy->watts).member("usd_per_kwh", cost.energy->usd_per_kwh.text()).end_object();
  } else {
    w.null();
  }
  w.key("vendors").begin_array();
  for (const auto& [price, usd] : cost.vendors) {
    w.begin_object().member("provider", price->provider).member("model", price->model).member("usd", usd.text());
    w.member("usd_per_1m_tokens", price->usd_per_million.text()).key("effective_from");
    price->from.empty() ? w.null() : w.value(price->from);
    w.member("source", price->source).member("confidence", price->confidence).end_object();
  }
  w.end_array().end_object();
}

}  // namespace freehold::app
