// `cost budget`: limits on what keys, tags and everybody may use.
#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/table.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/budget_book.h"
#include "ledger/cost_store.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::Budget;
using ledger::BudgetCounts;
using ledger::BudgetMeasure;
using ledger::BudgetPeriod;
using ledger::BudgetScope;

// What it is about, from --key, --tag, --of, --every and --tokens or --usd.
Result<Budget> about(const Arguments& arguments, bool tokens) {
  Budget b;
  if (arguments.given("key") && arguments.given("tag"))
    return fail(Errc::invalid, "--key and --tag exclude each other");
  for (const auto& [name, scope] : {std::pair("key", BudgetScope::key), std::pair("tag", BudgetScope::tag)}) {
    if (!arguments.given(name)) continue;
    b.scope = scope, b.subject = std::string(arguments.text(name));
    if (b.subject.empty()) return fail(Errc::invalid, fmt::format("--{} is empty", name));
    if (printable(b.subject, 1000) != b.subject)
      return fail(Errc::invalid, fmt::format("--{}: no request has '{}'", name, printable(b.subject, 100)));
  }
  b.measure = tokens ? BudgetMeasure::tokens : BudgetMeasure::usd;
  const std::string_view of = arguments.text("of"), every = arguments.text("every");
  const bool given = arguments.given("of");
  b.counts = of == "local" ? BudgetCounts::local : of == "vendors" ? BudgetCounts::vendors : BudgetCounts::all;
  if (!given) b.counts = tokens ? BudgetCounts::all : BudgetCounts::vendors;
  b.period = every == "day"     ? BudgetPeriod::day
             : every == "week"  ? BudgetPeriod::week
             : every == "month" ? BudgetPeriod::month
                                : BudgetPeriod::forever;
  return b;
}

bool is_key(const std::filesystem::path& home, std::string_view id) {
  auto keys = guard::Keys::open(home, guard::OpenKeys::existing);
  if (!keys) return false;
  const auto all = keys->list();
  return all && std::ranges::any_of(*all, [&](const guard::KeyInfo& key) { return key.id == id; });
}

void write_standing(JsonWriter& w, const ledger::BudgetStanding& s) {
  const Budget& b = s.budget;
  const auto amount = [&](std::string_view name, ledger::Int128 units) {
    w.key(name);
    b.measure == BudgetMeasure::usd ? w.value(ledger::Money::attodollars(units).text())
                                    : w.value(static_cast<std::int64_t>(units));
  };
  w.begin_object().member("scope", ledger::name_of(b.scope)).member("subject", b.subject);
  w.member("measure", ledger::name_of(b.measure)).member("of", ledger::name_of(b.counts));
  w.member("every", ledger::name_of(b.period)).member("hard", b.hard).member("warn_percent", b.soft_percent);
  amount("limit", b.limit), amount("spent", s.spent), amount("reserved", s.reserved);
  const ledger::Int128 left = b.limit - s.spent - s.reserved;
  amount("left", left < 0 ? 0 : left);
  w.member("unpriced_requests", s.unpriced).key("resets");
  b.period == BudgetPeriod::forever ? w.null() : w.value(ledger::day_text(ledger::day_of(s.time.end)));
  w.end_object();
}

Result<> show(const std::filesystem::path& home, bool json, Console& console) {
  std::vector<ledger::BudgetStanding> all;
  std::error_code ec;
  if (std::filesystem::exists(ledger::costs_path(home), ec)) {
    FH_TRY(ledger::BudgetBook book, ledger::BudgetBook::open(home, ledger::PriceBook::built_in()));
    FH_TRY(all, book.standings(guard::wall_seconds() * 1'000'000));
  }
  if (json) {
    JsonWriter w(true);
    w.begin_object().key("budgets").begin_array();
    for (const auto& s : all) write_standing(w, s);
    w.end_array().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  if (all.empty()) {
    console.note("there are no budgets: freehold cost budget set");
    return {};
  }
  std::vector<std::vector<std::string>> table = {{"BUDGET", "SPENT", "RESERVED", "OF LIMIT", "STOPS", "BEGINS ANEW"}};
  for (const auto& s : all) {
    const Budget& b = s.budget;
    const double part = b.limit == 0 ? 1 : static_cast<double>(s.spent) / static_cast<double>(b.limit);
    table.push_back({b.text(), b.amount(s.spent), b.amount(s.reserved), fmt::format("{:.1f} %", 100 * part),
                     b.hard ? "yes" : "no",
                     b.period == BudgetPeriod::forever ? "never" : ledger::day_text(ledger::day_of(s.time.end))});
  }
  console.write(as_table(table, {Align::left, Align::right, Align::right, Align::right, Align::left, Align::left}));
  return {};
}

Result<> run_list(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  return show(home, arguments.flag("json"), console);
}

Result<> run_set(const Arguments& arguments, Console& console) {
  const bool tokens = arguments.given("tokens");
  if (tokens == arguments.given("usd")) return fail(Errc::invalid, "say the limit with --usd or with --tokens");
  FH_TRY(Budget b, about(arguments, tokens));
  if (tokens) {
    b.limit = arguments.integer("tokens");
  } else {
    FH_TRY(const ledger::Money usd, money_of("--usd", arguments.text("usd")));
    b.limit = usd.units();
  }
  b.soft_percent = static_cast<int>(arguments.integer("warn"));
  b.hard = !arguments.flag("soft");
  FH_TRY_VOID(ledger::check(b));
  FH_TRY(const std::filesystem::path home, store::default_home());
  if (!tokens && b.counts != BudgetCounts::vendors) {
    FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
    if (machines.rates_on(ledger::day_of(guard::wall_seconds() * 1'000'000)) == nullptr) {
      console.hint("say it with freehold cost machine, or limit --tokens, or --of vendors");
      return fail(Errc::invalid, "a budget in USD counts this machine's costs, which are not known");
    }
  }
  FH_TRY(ledger::CostStore costs, ledger::CostStore::open(home, sql::Open::create));
  FH_TRY_VOID(costs.set(b, guard::wall_seconds()));
  FH_TRY_VOID(record_act("cost.budget.set", b.text(), audit::Object().add("hard", b.hard)));
  console.note(fmt::format("budget of {}{}", b.text(), b.hard ? "" : ", which only warns"));
  if (b.scope == BudgetScope::key && !is_key(home, b.subject))
    console.note(fmt::format("note: there is no key '{}' here: freehold keys list shows them", printable(b.subject)));
  return {};
}

// Whether this is one of those that the options speak of. Without --key and --tag: of everybody.
bool is_meant(const Arguments& arguments, const Budget& b) {
  const auto fits = [&](std::string_view option, std::string_view value) {
    return !arguments.given(option) || arguments.text(option) == value;
  };
  const BudgetScope scope = arguments.given("key")   ? BudgetScope::key
                            : arguments.given("tag") ? BudgetScope::tag
                                                     : BudgetScope::total;
  const bool same = b.scope == scope && (scope == BudgetScope::total || fits(ledger::name_of(scope), b.subject));
  return same && fits("every", ledger::name_of(b.period)) && fits("of", ledger::name_of(b.counts)) &&
         fits("measure", ledger::name_of(b.measure));
}

Result<> run_remove(const Arguments& arguments, Console& console) {
  const std::initializer_list<std::string_view> selectors = {"key", "tag", "every", "of", "measure"};
  if (arguments.given("key") && arguments.given("tag"))
    return fail(Errc::invalid, "--key and --tag exclude each other");
  if (std::ranges::none_of(selectors, [&](std::string_view name) { return arguments.given(name); })) {
    console.hint("freehold cost budget list shows them");
    return fail(Errc::invalid, "say which budget: --key, --tag, --every, --of or --measure");
  }
  FH_TRY(const std::filesystem::path home, store::default_home());
  auto costs = ledger::CostStore::open(home, sql::Open::existing);
  if (!costs && costs.error().code == Errc::not_found) return fail(Errc::not_found, "there are no budgets");
  if (!costs) return Unexpected(std::move(costs).error());
  FH_TRY(std::vector<Budget> meant, costs->budgets());
  std::erase_if(meant, [&](const Budget& b) { return !is_meant(arguments, b); });
  if (meant.empty()) {
    console.hint("freehold cost budget list shows them");
    return fail(Errc::not_found, "there is no such budget");
  }
  if (meant.size() > 1) {
    std::string all;
    for (const Budget& b : meant) all += (all.empty() ? "" : "; ") + b.text();
    console.hint("--every, --of and --measure tell them apart");
    return fail(Errc::invalid, fmt::format("it could be one of {}: {}", meant.size(), printable(all, 2000)));
  }
  FH_TRY_VOID(costs->remove(meant.front(), guard::wall_seconds()));
  FH_TRY_VOID(record_act("cost.budget.remove", meant.front().text()));
  console.note(fmt::format("removed: {}", printable(meant.front().text(), 400)));
  return {};
}

// Which budget, for a command that makes one or, with nothing assumed, for one that finds one.
std::vector<Option> about_options(bool makes) {
  return {{.name = "key", .type = OptionType::text, .value = "ID", .help = "Of this key alone."},
          {.name = "tag", .type = OptionType::text, .value = "TAG", .help = "Of requests with this tag alone."},
          {.name = "every",
           .type = OptionType::choice,
           .value = "day|week|month|forever",
           .fallback = makes ? "month" : "",
           .help = "When it begins anew: by the calendar, in UTC."},
          {.name = "of",
           .type = OptionType::choice,
           .value = "vendors|local|all",
           .help = makes ? "Whose answers it counts; without this vendors for USD, all for tokens."
                         : "Whose answers it counts."}};
}

}  // namespace

Command cost_budget_group() {
  return {
      .name = "cost budget",
      .summary = "Limits on what keys, tags and everybody may use.",
      .details =
          "Before a request runs, the most that it could use is reserved: its prompt and the longest answer it asks "
          "for. When it has ended, what it really used counts. What would pass a limit is refused before it runs, "
          "however many ask at a time. A budget of vendors never stops a model of this machine."};
}

Command cost_budget_list_command() {
  return {.name = "cost budget list",
          .summary = "Show budgets: what is spent, reserved and left.",
          .options = {{.name = "json", .help = "Print JSON."}},
          .examples = {{"freehold cost budget list", "How much is left?"}},
          .run = run_list};
}

Command cost_budget_set_command() {
  std::vector<Option> options = about_options(true);
  options.push_back({.name = "usd", .type = OptionType::text, .value = "AMOUNT", .help = "The limit, in USD."});
  options.push_back({.name = "tokens",
                     .type = OptionType::integer,
                     .value = "N",
                     .least = 0,
                     .most = 1e15,
                     .help = "The limit, in tokens of prompts and answers."});
  options.push_back({.name = "warn",
                     .type = OptionType::integer,
                     .value = "PERCENT",
                     .fallback = "80",
                     .least = 0,
                     .most = 100,
                     .help = "From this part of the limit on answers carry the header Freehold-Budget; 0: never."});
  options.push_back({.name = "soft", .help = "Only warn, never refuse."});
  return {.name = "cost budget set",
          .summary = "Set a budget, or change it.",
          .details =
              "What a request to this machine costs is known only afterwards: --of local and --of all in USD are "
              "held by an estimate from the dearest token of the last 30 days. Tokens, and USD at vendors, are "
              "held exactly.",
          .options = std::move(options),
          .examples = {{"freehold cost budget set --usd 50 --every month", "At most 50 USD a month to vendors:"},
                       {"freehold cost budget set --key abcdefgh --tokens 2000000 --every day", "For one key:"}},
          .run = run_set,
          .acts = true};
}

Command cost_budget_remove_command() {
  std::vector<Option> options = about_options(false);
  options.push_back(
      {.name = "measure", .type = OptionType::choice, .value = "usd|tokens", .help = "Which of the two."});
  return {.name = "cost budget remove",
          .summary = "Remove a budget.",
          .details =
              "The options say which: as many of them as tell it from others. Without --key and --tag it is one of "
              "everybody.",
          .options = std::move(options),
          .examples = {{"freehold cost budget remove --key abcdefgh", "No limit on a key any more:"}},
          .run = run_remove,
          .acts = true};
}

}  // namespace freehold::app
