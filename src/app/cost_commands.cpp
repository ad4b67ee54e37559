// `cost prices` and `cost compare`: what vendors charge, and what given tokens would have cost there.
#include <fmt/format.h>

#include <optional>

#include "app/commands.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "app/table.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/price_book.h"

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
  const PriceBook& book = PriceBook::built_in();
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

// Blended prices of a million tokens, by the conventions of the field (FACTS: Artificial Analysis 3:1; 80/20; the
// simple mean).
struct Blend {
  std::string_view name;
  int input, output;
};
constexpr Blend kBlends[] = {{"80/20", 4, 1}, {"3:1", 3, 1}, {"mean", 1, 1}};

std::string blended(const Blend& blend, Money input, Money output) {
  const Money sum = input * blend.input + output * blend.output;
  return Money::picodollars(sum.units() / (blend.input + blend.output)).text();
}

Result<> run_compare(const Arguments& arguments, Console& console) {
  const PriceBook& book = PriceBook::built_in();
  FH_TRY(const std::string day, day_of(arguments));
  FH_TRY(const PriceBook::Name name, book.resolve(arguments.text("vendor")));
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
    for (const Blend& b : kBlends) w.member(b.name, blended(b, per_input, per_output));
    w.end_object().end_object();
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
  std::string text = as_table(table, {Align::left, Align::right, Align::right, Align::left, Align::right});
  text += "\nblended price of a million tokens:";
  for (const Blend& b : kBlends) text += fmt::format("  {} {}", b.name, blended(b, per_input, per_output));
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
  return {
      .name = "cost compare",
      .summary = "What given tokens would have cost at a vendor, on a day.",
      .details = "Amounts are exact decimals. A kind of token without a known price is an error, never zero.",
      .options = {tokens("input-tokens", "0", "Tokens of the prompts."),
                  tokens("output-tokens", "0", "Tokens of the answers."),
                  tokens("cached-tokens", "0",
                         "Of the prompts' tokens those that the vendor would have had in its cache."),
                  {.name = "vendor",
                   .type = OptionType::text,
                   .value = "PROVIDER/MODEL",
                   .help = "Whose prices.",
                   .required = true},
                  on(),
                  {.name = "batch", .help = "At the price of batches."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold cost compare --input-tokens 14253584 --output-tokens 1190095 --vendor openai/gpt-4 --on "
                    "2024-01-01",
                    "What a month of questions would have been:"}},
      .run = run_compare,
  };
}

}  // namespace freehold::app
