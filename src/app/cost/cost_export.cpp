// `cost export`: billing rows in the FinOps Foundation's FOCUS format (version 1.0), for tools that add up clouds.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <unordered_map>

#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/usage_json.h"
#include "base/utf8.h"
#include "ledger/cost_store.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::DayRow;
using ledger::Money;
using ledger::Price;

// A row as it is written: cells in CSV or JSON already, so that what many rows have is put into that form once.
struct BillingLine {
  std::string account, account_name, currency, category, frequency, pricing, resource_type, service_category;  // of all
  std::string period_begin, period_end, day_begin, day_end;  // a day's
  std::string key, model, tags;
  std::string provider, service, description, unit, unit_price, sku;  // of what is charged for
  std::string quantity, cost;
};

// All columns that the specification wants of everybody, and those of its conditional ones that we have a value for.
struct FocusColumn {
  std::string_view name;
  std::string BillingLine::*cell;  // null: always null
};
constexpr FocusColumn kFocus[] = {{"BilledCost", &BillingLine::cost},
                                  {"BillingAccountId", &BillingLine::account},
                                  {"BillingAccountName", &BillingLine::account_name},
                                  {"BillingCurrency", &BillingLine::currency},
                                  {"BillingPeriodEnd", &BillingLine::period_end},
                                  {"BillingPeriodStart", &BillingLine::period_begin},
                                  {"ChargeCategory", &BillingLine::category},
                                  {"ChargeClass", nullptr},
                                  {"ChargeDescription", &BillingLine::description},
                                  {"ChargeFrequency", &BillingLine::frequency},
                                  {"ChargePeriodEnd", &BillingLine::day_end},
                                  {"ChargePeriodStart", &BillingLine::day_begin},
                                  {"ConsumedQuantity", &BillingLine::quantity},
                                  {"ConsumedUnit", &BillingLine::unit},
                                  {"ContractedCost", &BillingLine::cost},
                                  {"ContractedUnitPrice", &BillingLine::unit_price},
                                  {"EffectiveCost", &BillingLine::cost},
                                  {"InvoiceIssuerName", &BillingLine::provider},
                                  {"ListCost", &BillingLine::cost},
                                  {"ListUnitPrice", &BillingLine::unit_price},
                                  {"PricingCategory", &BillingLine::pricing},
                                  {"PricingQuantity", &BillingLine::quantity},
                                  {"PricingUnit", &BillingLine::unit},
                                  {"ProviderName", &BillingLine::provider},
                                  {"PublisherName", &BillingLine::provider},
                                  {"ResourceId", &BillingLine::model},
                                  {"ResourceName", &BillingLine::model},
                                  {"ResourceType", &BillingLine::resource_type},
                                  {"ServiceCategory", &BillingLine::service_category},
                                  {"ServiceName", &BillingLine::service},
                                  {"SkuId", &BillingLine::sku},
                                  {"SkuPriceId", &BillingLine::sku},
                                  {"SubAccountId", &BillingLine::key},
                                  {"SubAccountName", &BillingLine::key},
                                  {"Tags", &BillingLine::tags}};

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

std::string quoted(std::string_view text) {
  JsonWriter w;
  w.value(text);
  return w.take();
}

// What is charged for at one price: the columns that a line has of it.
struct Sku {
  std::string provider, service, description, unit, unit_price, id;
};
struct Charge {
  const Sku* sku = nullptr;
  std::uint64_t quantity = 0;  // tokens, microseconds, nanowatt-hours
  Money cost;
};

// Takes the rows of days in their order, and writes one line a day, key, model, adapter, vendor, tag and price: what
// only differs in how long prompts were, or in that they were of a batch, is one charge where its price is one.
class BillingRows {
 public:
  BillingRows(const ledger::PriceBook& book, const ledger::MachineHistory& machines, bool json, Console& console)
      : machines_(machines), pricing_(book, machines), json_(json), console_(console) {
    line_.account = cell("freehold"), line_.account_name = cell("Freehold"), line_.currency = cell("USD");
    line_.category = cell("Usage"), line_.frequency = cell("Usage-Based"), line_.pricing = cell("Standard");
    line_.resource_type = cell("Model"), line_.service_category = cell("AI and Machine Learning");
    std::vector<std::string> names;
    for (const FocusColumn& column : kFocus) {
      names.emplace_back(column.name);
      before_.push_back(fmt::format("{}\"{}\":", before_.empty() ? "{" : ",", column.name));
    }
    console_.write(json_ ? "[" : csv_line(names));
  }

  void add(const DayRow& r) {
    if (!same_group(r)) begin_group(r);
    const ledger::DaySum& s = r.sum;
    if (!s.vendor.empty()) {
      const ledger::VendorCost* cost = pricing_.paid(s);
      if (cost == nullptr || !cost->priced()) {
        unpriced_ += s.requests;
        return;
      }
      for (const ledger::VendorItem& item : cost->items)
        charge(vendor_sku(s.vendor, *item.price), item.tokens, item.cost);
      return;
    }
    unpriced_ += rates_ == nullptr ? s.requests : s.requests - s.timed;
    if (rates_ == nullptr) return;
    const auto us = static_cast<std::int64_t>(s.compute_us), metered = static_cast<std::int64_t>(s.metered_us);
    const auto energy = static_cast<std::int64_t>(s.energy_nwh);
    charge(time_, s.compute_us, ledger::for_time(rates_->fixed(), us));
    charge(power_, s.compute_us - s.metered_us, ledger::for_time(rates_->load_power, us - metered));
    charge(energy_, s.energy_nwh, rates_->energy * energy);
  }

  void finish() {
    write_group();
    if (json_) console_.write("]\n");
  }
  std::uint64_t unpriced() const { return unpriced_; }

 private:
  std::string cell(std::string_view text) const { return json_ ? quoted(text) : csv_cell(text); }

  bool same_group(const DayRow& r) const {
    return group_ && group_->sum.day == r.sum.day && group_->key_id == r.key_id && group_->sum.model == r.sum.model &&
           group_->adapter == r.adapter && group_->sum.vendor == r.sum.vendor && group_->tag == r.tag;
  }

  void begin_group(const DayRow& r) {
    write_group();
    if (!group_ || group_->sum.day != r.sum.day) begin_day(r.sum.day);
    if (!group_ || group_->key_id != r.key_id) line_.key = cell(r.key_id);
    if (!group_ || group_->sum.model != r.sum.model) line_.model = cell(r.sum.model);
    line_.tags = cell(tags_of(r));
    group_ = r;
  }

  void begin_day(std::int64_t day) {
    const auto [begin, end] = month_of(day);
    line_.period_begin = cell(midnight(begin)), line_.period_end = cell(midnight(end));
    line_.day_begin = cell(midnight(day)), line_.day_end = cell(midnight(day + 1));
    rates_ = machines_.rates_on(day);
    if (rates_ == nullptr) return;
    const auto local = [&](std::string_view what, std::string_view unit, Money price) {
      return Sku{cell("Freehold"), cell("Local inference"), cell(fmt::format("{} of this machine", what)),
                 cell(unit),       cell(price.text()),      cell(fmt::format("freehold/{}", what))};
    };
    time_ = local("time", "Seconds", rates_->fixed());
    power_ = local("power by stated watts", "Seconds", rates_->load_power);
    // A nanowatt-hour is 1e-12 kWh.
    energy_ = local("measured energy", "kWh", rates_->energy * 1'000'000'000'000);
  }

  const Sku& vendor_sku(const std::string& vendor, const Price& price) {
    auto& skus = skus_[vendor];
    const auto [found, fresh] = skus.try_emplace(&price);
    if (fresh) {
      found->second = {cell(price.provider),
                       cell(price.model),
                       cell(fmt::format("{} tokens of {}", price.kind, price.model)),
                       cell("Tokens"),
                       cell(ledger::of_tokens(price.usd_per_million, 1).text()),
                       cell(fmt::format("{}/{}", vendor, price.kind))};
    }
    return found->second;
  }

  void charge(const Sku& sku, std::uint64_t quantity, Money cost) {
    if (quantity == 0 || (is_local(sku) && cost == Money())) return;
    for (Charge& c : charges_) {
      if (c.sku != &sku) continue;
      c.quantity += quantity, c.cost += cost;
      return;
    }
    charges_.push_back({&sku, quantity, cost});
  }
  bool is_local(const Sku& sku) const { return &sku == &time_ || &sku == &power_ || &sku == &energy_; }

  // Millionths of a second, and 1e-12 of a kWh.
  std::string quantity(const Charge& c) const {
    if (!is_local(*c.sku)) return std::to_string(c.quantity);
    return Money::picodollars(ledger::Int128{c.quantity} * (c.sku == &energy_ ? 1 : 1'000'000)).text();
  }

  void write_group() {
    for (const Charge& c : charges_) {
      line_.provider = c.sku->provider, line_.service = c.sku->service, line_.description = c.sku->description;
      line_.unit = c.sku->unit, line_.unit_price = c.sku->unit_price, line_.sku = c.sku->id;
      line_.quantity = cell(quantity(c)), line_.cost = cell(c.cost.text());
      text_.clear();
      if (json_ && written_) text_ += ',';
      for (std::size_t i = 0; i < std::size(kFocus); ++i) {
        if (json_) text_ += before_[i];
        if (!json_ && i > 0) text_ += ',';
        if (kFocus[i].cell != nullptr) text_ += line_.*kFocus[i].cell;
        if (json_ && kFocus[i].cell == nullptr) text_ += "null";
      }
      text_ += json_ ? "}" : "\r\n";
      console_.write(text_);
      written_ = true;
    }
    charges_.clear();
  }

  const ledger::MachineHistory& machines_;
  ledger::Pricing pricing_;
  const bool json_;
  Console& console_;
  std::vector<std::string> before_;  // in JSON, a column's name
  BillingLine line_;
  std::string text_;
  bool written_ = false;
  std::optional<DayRow> group_;
  const ledger::Rates* rates_ = nullptr;  // of the group's day
  Sku time_, power_, energy_;             // at these
  std::map<std::string, std::unordered_map<const Price*, Sku>> skus_;
  std::vector<Charge> charges_;  // of the group
  std::uint64_t unpriced_ = 0;
};

Result<> run_export(const Arguments& arguments, Console& console) {
  FH_TRY(const ledger::Filter filter, filter_of(arguments));
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const ledger::PriceBook book, ledger::price_book(home));
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  auto query = ledger::UsageQuery::open(home);
  if (!query && query.error().code != Errc::not_found) return Unexpected(std::move(query).error());
  BillingRows rows(book, machines, arguments.flag("json"), console);
  ledger::LeftOut left_out;
  if (query) {
    FH_TRY_VOID(query->each_day_row(filter, [&](const DayRow& row) { rows.add(row); }));
    FH_TRY(left_out, query->left_out(filter));
  }
  rows.finish();
  if (rows.unpriced() > 0)
    console.note(
        fmt::format("{} requests are unpriced and in no row: FOCUS knows no cost that is not known", rows.unpriced()));
  note_left_out(left_out, console);
  return {};
}

}  // namespace

Command cost_export_command() {
  std::vector<Option> options = filter_options();
  options.push_back({.name = "json", .help = "Print JSON instead of CSV."});
  return {
      .name = "cost export",
      .summary = "Write billing rows in the FinOps Foundation's FOCUS 1.0 format.",
      .details =
          "One row a day, key, model, adapter, tag and price (SkuPriceId): tokens at vendors; time, and power or "
          "measured energy, of this machine. ChargePeriodStart, SubAccountId, ResourceId, Tags and SkuPriceId together "
          "name a row. Amounts are exact; the rows of a time add up to what cost report says of it. Requests whose "
          "cost is not known are in no row, and their number is said. cost report --csv and --json have them.",
      .options = std::move(options),
      .examples = {{"freehold cost export --since 2026-11-01 --until 2026-12-01 > november.csv", "A month:"}},
      .run = run_export,
  };
}

}  // namespace freehold::app
