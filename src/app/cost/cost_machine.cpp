// `cost machine`: what this machine costs its owner. Five questions, asked once; the answers are dated rows.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <optional>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/moment.h"
#include "app/table.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::MachineRow;
using ledger::Money;

constexpr std::string_view kWatts = "watts";
// The options that say something about the machine.
constexpr std::array<std::string_view, 10> kAnswers = {"price",   "years", "residual", "tariff", "watts",
                                                       "hosting", "rent",  "overhead", "note",   "from"};

// "60/200": idle and under load.
Result<> set_watts(ledger::Machine& m, std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos)
    return fail(Errc::invalid,
                fmt::format("'{}': write the watts idle and under load, as 60/200", printable(text, 40)));
  FH_TRY(m.idle_milliwatts, scaled("the watts idle", text.substr(0, slash), 3));
  FH_TRY(m.load_milliwatts, scaled("the watts under load", text.substr(slash + 1), 3));
  return {};
}

Result<> set_years(ledger::Machine& m, std::string_view text) {
  FH_TRY(const std::int64_t thousandths, scaled("the years of use", text, 3));
  m.life_days = (thousandths * 365 + 500) / 1000;
  return {};
}

// What is asked; the same texts set the same answers as the options of these names.
struct MachineQuestion {
  std::string_view option, text, fallback;
};
constexpr MachineQuestion kQuestions[] = {
    {"price", "What did this machine cost, in USD? (0 if it is rented)", "0"},
    {"years", "Over how many years is that written off?", "3"},
    {"tariff", "What does a kWh of electricity cost, in USD?", "0.25"},
    {kWatts, "How many watts does it draw, idle and under load?", "60/200"},
    {"hosting", "What do its room, connection and upkeep, or its rent, cost a month, in USD?", "0"},
};

Result<> set(ledger::Machine& m, std::string_view option, std::string_view text) {
  if (option == kWatts) return set_watts(m, text);
  if (option == "years") return set_years(m, text);
  if (option == "overhead") {
    FH_TRY(m.overhead_permille, scaled("the overhead", text, 3));
    return {};
  }
  if (option == "note" || option == "from") {
    (option == "note" ? m.note : m.from) = std::string(text);
    return {};
  }
  Money& to = option == "price"      ? m.price
              : option == "residual" ? m.residual
              : option == "tariff"   ? m.tariff
              : option == "hosting"  ? m.hosting_per_month
                                     : m.rent_per_hour;
  FH_TRY(to, money_of(fmt::format("--{}", option), text));
  return {};
}

std::string today() {
  return show_moment(guard::wall_seconds()).substr(0, 10);
}

ledger::Machine defaults() {
  ledger::Machine m;
  m.from = today();
  m.life_days = 3 * 365;
  return m;
}

Result<ledger::Machine> ask(Console& console) {
  ledger::Machine m = defaults();
  for (const MachineQuestion& q : kQuestions) {
    for (;;) {
      console.write_error_stream(fmt::format("{} [{}] ", q.text, q.fallback));
      std::string line;
      if (!std::getline(std::cin, line)) return fail(Errc::cancelled, "no answer: nothing was stored");
      if (line.empty()) line = q.fallback;
      ledger::Machine with = m;
      Result<> good = set(with, q.option, line);
      if (good) good = ledger::check(with);
      if (good) {
        m = std::move(with);
        break;
      }
      console.note(good.error().what);
    }
  }
  return m;
}

void write_machine(JsonWriter& w, const MachineRow& row) {
  const ledger::Machine& m = row.machine;
  const ledger::Rates r = ledger::rates_of(m);
  w.begin_object().member("row", row.id).member("recorded", show_moment(row.recorded)).member("from", m.from);
  w.member("price_usd", m.price.text()).member("residual_usd", m.residual.text()).member("life_days", m.life_days);
  w.member("rent_usd_per_hour", m.rent_per_hour.text()).member("hosting_usd_per_month", m.hosting_per_month.text());
  w.member("usd_per_kwh", m.tariff.text());
  w.member("idle_watts", static_cast<double>(m.idle_milliwatts) / 1000);
  w.member("load_watts", static_cast<double>(m.load_milliwatts) / 1000);
  w.member("overhead", static_cast<double>(m.overhead_permille) / 1000).member("note", m.note);
  w.key("usd_per_second").begin_object();
  w.member("depreciation", r.depreciation.text()).member("rent", r.rent.text()).member("hosting", r.hosting.text());
  w.member("power_idle", r.idle_power.text()).member("power_load", r.load_power.text());
  w.member("idle", r.idle().text()).member("busy", r.busy().text()).end_object();
  w.end_object();
}

void show_rows(const std::vector<MachineRow>& rows, const MachineRow* current, Console& console) {
  std::vector<std::vector<std::string>> table = {
      {"ROW", "FROM", "PRICE", "DAYS", "RENT/H", "HOSTING/MONTH", "PER KWH", "WATTS", "BUSY/H", "IDLE/H", "RECORDED"}};
  for (const MachineRow& row : rows) {
    const ledger::Machine& m = row.machine;
    const ledger::Rates r = ledger::rates_of(m);
    table.push_back({fmt::format("{}{}", row.id, &row == current ? "*" : ""), m.from, m.price.text(),
                     std::to_string(m.life_days), m.rent_per_hour.text(), m.hosting_per_month.text(), m.tariff.text(),
                     fmt::format("{}/{}", static_cast<double>(m.idle_milliwatts) / 1000,
                                 static_cast<double>(m.load_milliwatts) / 1000),
                     (r.busy() * 3600).rounded(6), (r.idle() * 3600).rounded(6), show_moment(row.recorded)});
  }
  std::vector<Align> columns(11, Align::right);
  columns[1] = columns[10] = Align::left;
  console.write(as_table(table, columns));
  console.write("* applies today. USD.\n");
}

Result<> show(const std::filesystem::path& home, const Arguments& arguments, Console& console) {
  FH_TRY(const ledger::MachineHistory history, ledger::machine_history(home));
  const MachineRow* current = history.on(ledger::day_number(today()));
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().key("current");
    current != nullptr ? write_machine(w, *current) : (void)w.null();
    w.key("rows").begin_array();
    for (const MachineRow& row : history.rows()) write_machine(w, row);
    w.end_array().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  if (history.empty()) {
    console.note(
        "what this machine costs is not known: say it with --price, --tariff, --watts …, or run this in a "
        "terminal to be asked");
    return {};
  }
  show_rows(history.rows(), current, console);
  return {};
}

Result<> run_machine(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  bool given = false;
  for (const std::string_view option : kAnswers) given |= arguments.given(option);
  FH_TRY(const ledger::MachineHistory before, ledger::machine_history(home));
  const bool asked = arguments.flag("ask") || (!given && before.empty() && !arguments.flag("json") &&
                                               ::isatty(STDIN_FILENO) == 1 && console.err_is_terminal());
  if (!given && !asked) return show(home, arguments, console);
  if (given && arguments.flag("ask"))
    return fail(Errc::invalid, "--ask and answers given as options exclude each other");
  ledger::Machine m = defaults();
  if (asked) {
    FH_TRY(m, ask(console));
  } else {
    // What is not said stays as it was.
    if (const MachineRow* row = before.on(ledger::day_number(m.from))) {
      const std::string from = m.from;
      m = row->machine;
      m.from = from, m.note.clear();
    }
    for (const std::string_view option : kAnswers) {
      if (arguments.given(option)) FH_TRY_VOID(set(m, option, arguments.text(option)));
    }
    FH_TRY_VOID(ledger::check(m));
  }
  FH_TRY(ledger::CostStore costs, ledger::CostStore::open(home, sql::Open::create));
  FH_TRY_VOID(costs.add(m, guard::wall_seconds()));
  FH_TRY_VOID(record_act("cost.machine", {}));
  return show(home, arguments, console);
}

Option answer(std::string_view name, std::string_view value, std::string_view help) {
  return {.name = name, .type = OptionType::text, .value = value, .help = help};
}

}  // namespace

Command cost_machine_command() {
  return {
      .name = "cost machine",
      .summary = "Say, or show, what this machine costs: price, years, electricity, watts, hosting.",
      .details =
          "In a terminal five questions are asked, once; otherwise options answer them. Each answer is a row with a "
          "day from which it applies; a later row supersedes it, nothing is edited.\n\n"
          "A machine costs its owner something every second: depreciation is (price - residual) / years of 365 days, "
          "hosting a month is 1/12 of such a year, and electricity is what was measured (RAPL: processors and memory) "
          "or else the stated watts. Each of these is rounded once, to a picodollar a second; everything after that is "
          "exact. A request pays for its share of the time in which the machine worked; the rest is shown as idle.",
      .options = {answer("price", "USD", "What the machine cost."),
                  answer("years", "N", "Over how many years it is written off."),
                  answer("residual", "USD", "What it will still bring then."),
                  answer("tariff", "USD", "What a kWh costs; at most six digits behind the point."),
                  answer("watts", "IDLE/LOAD", "What it draws: 60/200."),
                  answer("hosting", "USD", "Room, connection and upkeep, a month."),
                  answer("rent", "USD", "What an hour costs, of a machine that is rented."),
                  answer("overhead", "FACTOR", "Power for cooling and supply on top (PUE): 1.2."),
                  answer("from", "DAY", "The first day on which this applies; today if missing."),
                  answer("note", "TEXT", "Why."),
                  {.name = "ask", .help = "Ask the five questions again."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold cost machine --price 2400 --years 4 --tariff 0.31 --watts 60/320 --hosting 15",
                    "A workstation in an office:"},
                   {"freehold cost machine --rent 4 --price 0 --from 2024-01-01", "A rented one:"}},
      .run = run_machine,
      .acts = true,
  };
}

}  // namespace freehold::app
