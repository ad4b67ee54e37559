// `cost prices` and `cost compare`: what vendors charge, and what given tokens would have cost there.
#include <fmt/format.h>

#include <optional>

#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/cost/own_or_rent.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "app/table.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"
#include "ledger/price_book.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::Money;
using ledger::Price;
using ledger::PriceBook;

std::string today() {
  return show_moment(guard::wall_seconds()).substr(0, 10);
}

Result<std::string> day_of(const Arguments& arguments) {
  if (!arguments.given("on")) return today();
  std::string day(arguments.text("on"));
  if (!ledger::is_day(day))
    return fail(Errc::invalid, fmt::format("--on: '{}' is no day; write it as 2024-07-01", printable(day, 40)));
  return day;
}

void write_price(JsonWriter& w, const Price& p) {
  w.begin_object().member("provider", p.provider).member("model", p.model).member("kind", p.kind);
  w.member("usd_per_1m_tokens", p.usd_per_million.text()).key("effective_from");
  p.from.empty() ? w.null() : w.value(p.from);
  w.member("effective_from_basis", p.basis).member("source", p.source).member("retrieved", p.retrieved);
  w.member("confidence", p.confidence).member("note", p.note).end_object();
}

Result<> run_prices(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const PriceBook book, ledger::price_book(home));
  std::vector<const Price*> rows;
  if (arguments.given("MODEL")) {
    FH_TRY(const PriceBook::Name name, book.resolve(arguments.text("MODEL")));
    rows = book.history(name);
  } else {
    for (const Price& p : book.rows()) rows.push_back(&p);
  }
  if (arguments.given("on")) {
    FH_TRY(const std::string day, day_of(arguments));
    std::erase_if(rows, [&](const Price* p) { return book.find({p->provider, p->model}, p->kind, day) != p; });
  }
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().key("prices").begin_array();
    for (const Price* p : rows) write_price(w, *p);
    w.end_array().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  std::vector<std::vector<std::string>> table = {{"MODEL", "KIND", "FROM", "USD PER 1M", "CONFIDENCE", "SOURCE"}};
  for (const Price* p : rows) {
    table.push_back({printable(p->provider + "/" + p->model, 60), printable(p->kind),
                     p->from.empty() ? "not known" : p->from, p->usd_per_million.text(), p->confidence,
                     printable(p->source, 60)});
  }
  console.write(as_table(table, {Align::left, Align::left, Align::left, Align::right, Align::left, Align::left}));
  return {};
}

// One line of a bill: so many tokens at a price.
struct Item {
  std::string kind;
  std::int64_t tokens = 0;
  const Price* price = nullptr;
  Money cost;
};

Result<Item> price_item(const PriceBook& book, const PriceBook::Name& name, const char* kind, std::int64_t tokens,
                        const std::string& day) {
  const Price* price = book.find(name, kind, day);
  if (price == nullptr) {
    return fail(Errc::not_found, fmt::format("{}/{} has no known price of {} on {}: it is unpriced, not free",
                                             printable(name.provider), printable(name.model), kind, day));
  }
  return Item{kind, tokens, price, ledger::of_tokens(price->usd_per_million, tokens)};
}

// What so many seconds of a machine cost: of one rented for --rent an hour, or of this one as of that day.
Result<std::optional<Money>> own_cost(const Arguments& arguments, const std::string& day) {
  if (!arguments.given("seconds")) {
    if (arguments.given("rent")) return fail(Errc::invalid, "--rent needs --seconds: how long the machine worked");
    return std::optional<Money>();
  }
  FH_TRY(const std::int64_t us, scaled("--seconds", arguments.text("seconds"), 6));
  if (us < 0 || us > std::int64_t{100} * 365 * 86'400 * 1'000'000)
    return fail(Errc::invalid, "--seconds must be from 0 to a century");
  if (arguments.given("rent")) {
    ledger::Machine rented;
    rented.from = day;
    FH_TRY(rented.rent_per_hour, money_of("--rent", arguments.text("rent")));
    FH_TRY_VOID(ledger::check(rented));
    return std::optional(ledger::for_time(ledger::rates_of(rented).busy(), us));
  }
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  const ledger::Rates* rates = machines.rates_on(ledger::day_number(day));
  if (rates == nullptr)
    return fail(Errc::not_found,
                fmt::format("what this machine cost on {} is not known: freehold cost machine, or --rent", day));
  return std::optional(ledger::for_time(rates->busy(), us));
}

// "187.1": how many times as much.
std::string times(Money of, Money than) {
  return than > Money() ? fmt::format("{:.1f}", of.as_double() / than.as_double()) : "";
}

Result<> run_compare(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const PriceBook book, ledger::price_book(home));
  bool given_tokens = false;
  for (const std::string_view o : {"input-tokens", "output-tokens", "cached-tokens", "on", "batch", "seconds", "rent"})
    given_tokens |= arguments.given(o);
  if (!given_tokens) return compare_from_ledger(arguments, console, book);
  for (const std::string_view o : {"since", "until", "key", "model", "adapter", "tag"}) {
    if (arguments.given(o))
      return fail(Errc::invalid, fmt::format("--{} is about the ledger, and given tokens are not from there", o));
  }
  if (arguments.list("vendor").size() != 1 || arguments.text("vendor") == "all" || arguments.text("vendor") == "none")
    return fail(Errc::invalid, "given tokens are compared with one --vendor PROVIDER/MODEL");
  FH_TRY(const std::string day, day_of(arguments));
  FH_TRY(const PriceBook::Name name, book.resolve(arguments.text("vendor")));
  FH_TRY(const std::optional<Money> own, own_cost(arguments, day));
  const bool batch = arguments.flag("batch");
  const std::int64_t input = arguments.integer("input-tokens"), cached = arguments.integer("cached-tokens");
  if (cached > input) return fail(Errc::invalid, "--cached-tokens are part of --input-tokens, and are more");
  if (batch && cached > 0)
    return fail(Errc::invalid, "--batch and --cached-tokens exclude each other: vendors give one of the two");
  std::vector<Item> items;
  FH_TRY(Item in, price_item(book, name, batch ? "batch_input" : "input", input - cached, day));
  items.push_back(std::move(in));
  if (cached > 0) {
    FH_TRY(Item hit, price_item(book, name, "cached_input", cached, day));
    items.push_back(std::move(hit));
  }
  FH_TRY(Item out, price_item(book, name, batch ? "batch_output" : "output", arguments.integer("output-tokens"), day));
  items.push_back(std::move(out));
  Money total;
  for (const Item& item : items) total += item.cost;
  const Money per_input = items.front().price->usd_per_million, per_output = items.back().price->usd_per_million;
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().member("vendor", name.provider + "/" + name.model).member("on", day).key("items").begin_array();
    for (const Item& item : items) {
      w.begin_object()
          .member("kind", item.kind)
          .member("tokens", item.tokens)
          .member("usd", item.cost.text())
          .key("price");
      write_price(w, *item.price);
      w.end_object();
    }
    w.end_array().member("total_usd", total.text()).key("blended_usd_per_1m").begin_object();
    for (const Blend& b : kBlends) w.member(b.name, blended(b, per_input, per_output).text());
    w.end_object();
    if (own) {
      w.key("own").begin_object().member("usd", own->text()).key("vendor_costs_times");
      *own > Money() ? w.value(total.as_double() / own->as_double()) : w.null();
      w.end_object();
    }
    w.end_object();
    console.write(w.take() + "\n");
    return {};
  }
  std::vector<std::vector<std::string>> table = {
      {fmt::format("{}/{}", printable(name.provider), printable(name.model)), "TOKENS", "USD PER 1M", "FROM", "USD"}};
  for (const Item& item : items) {
    table.push_back({item.kind, std::to_string(item.tokens), item.price->usd_per_million.text(),
                     item.price->from.empty() ? "not known" : item.price->from, item.cost.text()});
  }
  table.push_back({"total", "", "", day, total.text()});
  if (own) table.push_back({fmt::format("own machine, 1/{} of that", times(total, *own)), "", "", "", own->text()});
  std::string text = as_table(table, {Align::left, Align::right, Align::right, Align::left, Align::right});
  text += "\nblended price of a million tokens:";
  for (const Blend& b : kBlends) text += fmt::format("  {} {}", b.name, blended(b, per_input, per_output).text());
  console.write(text + "\n");
  for (const Item& item : items) {
    if (item.price->from.empty())
      console.note(fmt::format("note: from when the price of {} applied is not known", item.kind));
    if (item.price->confidence == "low")
      console.note(fmt::format("note: the price of {} comes from a weak source: {}", item.kind, item.price->source));
  }
  return {};
}

Option tokens(std::string_view name, std::string_view fallback, std::string_view help) {
  return {.name = name,
          .type = OptionType::integer,
          .value = "N",
          .fallback = fallback,
          .least = 0,
          .most = 1e14,
          .help = help};
}
Option on() {
  return {.name = "on",
          .type = OptionType::text,
          .value = "DAY",
          .help = "The prices of this day (2024-07-01); today's if missing."};
}

}  // namespace

Command cost_group() {
  return {.name = "cost",
          .summary = "What tokens cost.",
          .details = "Prices are dated, sourced rows that come with the program; nothing is looked up."};
}

Command cost_prices_command() {
  return {
      .name = "cost prices",
      .summary = "Show what vendors charge for a million tokens, from when, and who says so.",
      .positionals = {{.name = "MODEL",
                       .help = "PROVIDER/MODEL, or a model that one provider alone has.",
                       .required = false,
                       .is_file = false}},
      .options = {{.name = "on",
                   .type = OptionType::text,
                   .value = "DAY",
                   .help = "Only what applied on this day (2024-07-01)."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold cost prices openai/gpt-4o", "How a price fell:"},
                   {"freehold cost prices --on 2024-07-01", "Everything as it was on a day:"}},
      .run = run_prices,
  };
}

Command cost_compare_command() {
  std::vector<Option> options = {
      tokens("input-tokens", "0", "Tokens of the prompts."),
      tokens("output-tokens", "0", "Tokens of the answers."),
      tokens("cached-tokens", "0", "Of the prompts' tokens those that the vendor would have had in its cache."),
      vendor_option(),
      on(),
      {.name = "seconds",
       .type = OptionType::text,
       .value = "N",
       .help = "With given tokens: how long an own machine worked on them, to compare with."},
      {.name = "rent",
       .type = OptionType::text,
       .value = "USD",
       .help = "With --seconds: what an hour of it costs; without this, what cost machine says."},
      {.name = "batch", .help = "At the price of batches."},
      {.name = "json", .help = "Print JSON."}};
  const std::vector<Option> filters = filter_options();
  options.insert(options.end(), filters.begin(), filters.end());
  return {
      .name = "cost compare",
      .summary = "Own or rent? What this machine's work would have cost at vendors; or what given tokens would have.",
      .details =
          "Without --input-tokens and --output-tokens the ledger is read (the last 30 days unless --since and --until "
          "say otherwise): what the machine cost, working and idle, against the same tokens at vendors, the volume "
          "from "
          "which owning is cheaper, the day on which the machine has paid for itself at this volume, and what a "
          "million "
          "tokens cost by utilisation.\n\n"
          "Amounts are exact decimals. A kind of token without a known price is an error, never zero.",
      .options = std::move(options),
      .examples = {{"freehold cost compare --input-tokens 14253584 --output-tokens 1190095 --vendor openai/gpt-4 --on "
                    "2024-01-01",
                    "What a month of questions would have been:"},
                   {"freehold cost compare --vendor openai/gpt-4o --vendor anthropic/claude-sonnet-5",
                    "Own or rent, by what was really asked:"}},
      .run = run_compare,
  };
}

}  // namespace freehold::app
