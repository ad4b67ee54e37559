// `cost report` and `cost explain`: what was used, priced here and elsewhere.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/cost/cost_options.h"
#include "app/moment.h"
#include "app/table.h"
#include "app/usage_json.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/cost_store.h"
#include "ledger/explain.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::GroupBy;
using ledger::Report;
using ledger::ReportRow;

constexpr std::pair<std::string_view, GroupBy> kGroups[] = {{"key", GroupBy::key},         {"model", GroupBy::model},
                                                            {"adapter", GroupBy::adapter}, {"day", GroupBy::day},
                                                            {"tag", GroupBy::tag},         {"vendor", GroupBy::vendor}};

GroupBy group_of(std::string_view word) {
  for (const auto& [name, by] : kGroups) {
    if (name == word) return by;
  }
  return GroupBy::all;
}

struct Whole {
  Report report;
  std::optional<ledger::Idle> idle;
  ledger::LeftOut left_out;
};

// Of the time asked for; without a beginning, of that since the first event.
Result<std::optional<ledger::Idle>> idle_of(ledger::UsageQuery& query, const ledger::Filter& filter,
                                            const ledger::MachineHistory& machines) {
  if (leaves_out(filter) || machines.empty()) return std::optional<ledger::Idle>();
  std::optional<std::int64_t> since = filter.since;
  if (!since) {
    FH_TRY(const std::optional<std::int64_t> day, query.first_day(filter.until));
    if (!day) return std::optional<ledger::Idle>();
    since = *day * ledger::kDayMicroseconds;
  }
  const std::int64_t now = guard::wall_seconds() * 1'000'000;
  FH_TRY(ledger::Idle idle, ledger::idle(query, *since, std::min(now, filter.until.value_or(now)), machines));
  return std::optional(idle);
}

void write_row(JsonWriter& w, const ReportRow& row, const std::vector<ledger::VendorPrices>& others) {
  w.member("requests", row.requests).member("completed", row.completed);
  w.member("prompt_tokens", row.prompt_tokens).member("cached_tokens", row.cached_tokens);
  w.member("completion_tokens", row.completion_tokens);
  w.member("compute_us", row.compute_us).member("energy_nwh", row.energy_nwh);
  write_amount(w, "local", row.local, row.requests);
  write_amount(w, "paid_to_vendors", row.paid, row.requests);
  w.key("would_have_cost").begin_object();
  for (std::size_t i = 0; i < others.size(); ++i) write_amount(w, others[i].text(), row.others[i], row.requests);
  w.end_object();
}

// Row by row: there may be as many as there were requests.
void print_json(const Whole& whole, std::string_view by, const std::vector<ledger::VendorPrices>& others,
                Console& console) {
  JsonWriter w(true);
  w.begin_object().member("by", by).member("currency", "USD").key("groups").begin_array();
  for (const ReportRow& row : whole.report.rows) {
    w.begin_object().member(by, row.group);
    write_row(w, row, others);
    w.end_object();
    console.write(w.drain());
  }
  w.end_array().key("total").begin_object();
  write_row(w, whole.report.total, others);
  w.end_object().key("idle");
  if (whole.idle) {
    w.begin_object().member("seconds", static_cast<double>(whole.idle->microseconds) * 1e-6);
    w.member("unpriced_seconds", static_cast<double>(whole.idle->unpriced_microseconds) * 1e-6);
    w.member("usd", whole.idle->usd.text());
    w.member("machine_usd", (whole.idle->usd + whole.report.total.local.usd).text()).end_object();
  } else {
    w.null();
  }
  write_left_out(w, whole.left_out);
  w.key("estimated_tokens").begin_array();
  for (const ledger::VendorPrices& vendor : others) write_ratios(w, vendor.ratios());
  w.end_array().end_object();
  console.write(w.take() + "\n");
}

std::string csv_amount(const ledger::Amount& amount, std::uint64_t requests) {
  return amount.unpriced > 0 && amount.unpriced >= requests && amount.usd == ledger::Money() ? "" : amount.usd.text();
}

void print_csv(const Whole& whole, std::string_view by, const std::vector<ledger::VendorPrices>& others,
               Console& console) {
  std::vector<std::string> cells = {
      std::string(by), "requests",   "completed", "prompt_tokens",           "cached_tokens", "completion_tokens",
      "compute_us",    "energy_nwh", "local_usd", "local_unpriced_requests", "paid_usd",      "paid_unpriced_requests"};
  for (const auto& v : others) cells.push_back(v.text() + "_usd"), cells.push_back(v.text() + "_unpriced_requests");
  console.write(csv_line(cells));
  for (const ReportRow& r : whole.report.rows) {
    cells.assign(1, r.group);
    for (const std::uint64_t n :
         {r.requests, r.completed, r.prompt_tokens, r.cached_tokens, r.completion_tokens, r.compute_us, r.energy_nwh}) {
      cells.push_back(std::to_string(n));
    }
    const auto amount = [&](const ledger::Amount& a) {
      cells.push_back(csv_amount(a, r.requests)), cells.push_back(std::to_string(a.unpriced));
    };
    amount(r.local), amount(r.paid);
    for (const auto& a : r.others) amount(a);
    console.write(csv_line(cells));
  }
}

void print_text(const Whole& whole, std::string_view by, const std::vector<ledger::VendorPrices>& others,
                Console& console) {
  std::string heading(by);
  for (char& c : heading) c = static_cast<char>(c - 'a' + 'A');
  std::vector<std::string> cells = {heading, "REQUESTS", "PROMPT", "CACHED", "ANSWER", "SECONDS", "HERE", "PAID"};
  for (const auto& v : others) cells.push_back(printable(v.name().model, 24));
  std::vector<Align> columns(cells.size(), Align::right);
  columns[0] = Align::left;
  Table table(std::move(columns));
  table.add(cells);
  const auto add = [&](std::string name, const ReportRow& r) {
    cells = {std::move(name),
             std::to_string(r.requests),
             std::to_string(r.prompt_tokens),
             std::to_string(r.cached_tokens),
             std::to_string(r.completion_tokens),
             fmt::format("{:.1f}", static_cast<double>(r.compute_us) * 1e-6),
             shown(r.local, r.requests),
             shown(r.paid, r.requests)};
    for (const auto& a : r.others) cells.push_back(shown(a, r.requests));
    table.add(cells);
  };
  for (const ReportRow& row : whole.report.rows) add(row.group.empty() ? "-" : printable(row.group, 60), row);
  if (whole.report.rows.size() > 1) add("total", whole.report.total);
  if (whole.idle && whole.idle->microseconds > 0) {
    cells.assign(cells.size(), "");
    cells[0] = "idle", cells[5] = fmt::format("{:.1f}", static_cast<double>(whole.idle->microseconds) * 1e-6);
    cells[6] = whole.idle->usd.rounded(6);
    table.add(cells);
    cells[0] = "machine", cells[5].clear();
    cells[6] = (whole.idle->usd + whole.report.total.local.usd).rounded(6);
    table.add(cells);
  }
  table.write([&](std::string_view line) { console.write(line); });
  console.write("USD, rounded; --json and --csv are exact.\n");
  for (const auto& vendor : others) console.write(ratio_lines(vendor));
}

Result<> run_report(const Arguments& arguments, Console& console) {
  if (arguments.flag("json") && arguments.flag("csv"))
    return fail(Errc::invalid, "--json and --csv exclude each other");
  FH_TRY(const ledger::Filter filter, filter_of(arguments));
  const std::string_view by = arguments.text("by");
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const ledger::PriceBook book, ledger::price_book(home));
  FH_TRY(std::vector<ledger::VendorPrices> others, vendors_of(arguments, book, home));
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  ledger::Pricing pricing(book, machines, std::move(others));
  Whole whole;
  whole.report.total.others.resize(pricing.others().size());
  auto query = ledger::UsageQuery::open(home);
  if (!query && query.error().code != Errc::not_found) return Unexpected(std::move(query).error());
  if (query) {
    FH_TRY(whole.report, ledger::report(*query, filter, group_of(by), pricing));
    FH_TRY(whole.idle, idle_of(*query, filter, machines));
    FH_TRY(whole.left_out, query->left_out(filter));
  }
  if (arguments.flag("json")) {
    print_json(whole, by, pricing.others(), console);
  } else if (arguments.flag("csv")) {
    print_csv(whole, by, pricing.others(), console);
  } else if (whole.report.rows.empty()) {
    console.note(fmt::format("no requests are recorded in {}{}", printable(home.string()),
                             filter.since || filter.until || leaves_out(filter) ? " for these conditions" : ""));
  } else {
    print_text(whole, by, pricing.others(), console);
  }
  note_left_out(whole.left_out, console);
  if (!whole.report.rows.empty() && machines.empty())
    console.note("what this machine costs is not known, so what it answered is unpriced: see freehold cost machine");
  return {};
}

void write_explained(JsonWriter& w, const ledger::Explained& e) {
  w.begin_object().key("usd");
  e.unpriced.empty() ? w.value(e.usd.text()) : w.null();
  if (!e.unpriced.empty()) w.member("unpriced", e.unpriced);
  w.key("factors").begin_array();
  for (const ledger::Factor& f : e.factors) {
    w.begin_object().member("what", f.what).member("quantity", f.quantity).member("rate", f.rate);
    w.member("source", f.source).member("usd", f.usd.text()).end_object();
  }
  w.end_array().key("notes").begin_array();
  for (const std::string& note : e.notes) w.value(note);
  w.end_array().end_object();
}

std::string explained_text(const std::string& where, const ledger::Explained& e) {
  if (!e.unpriced.empty()) return fmt::format("\n{}: unpriced: {}\n", where, printable(e.unpriced, 200));
  std::string out = fmt::format("\n{}: {} USD\n", where, e.usd.text());
  std::vector<std::vector<std::string>> table;
  for (const ledger::Factor& f : e.factors)
    table.push_back({"  " + f.what, f.quantity, "x " + f.rate, "= " + f.usd.text(), printable(f.source, 200)});
  if (!table.empty()) out += as_table(table, {Align::left, Align::right, Align::left, Align::left, Align::left});
  for (const std::string& note : e.notes) out += "  note: " + printable(note, 200) + "\n";
  return out;
}

Result<> run_explain(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const ledger::PriceBook book, ledger::price_book(home));
  FH_TRY(const std::vector<ledger::VendorPrices> others, vendors_of(arguments, book, home));
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  FH_TRY(ledger::UsageQuery query, ledger::UsageQuery::open(home));
  FH_TRY(const ledger::Event event, recorded(query, arguments.text("ID")));
  const ledger::Explained local = ledger::explain_local(event, machines);
  std::optional<ledger::Explained> paid;
  if (!event.vendor.empty()) {
    if (auto name = book.resolve(event.vendor)) {
      paid = ledger::explain_at(event, ledger::VendorPrices(book, std::move(*name)));
    } else {
      paid.emplace().unpriced = name.error().what;
    }
  }
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object();
    write_event(w, event);
    w.key("local"), write_explained(w, local);
    w.member("sharing_rule", ledger::sharing_rule()).key("paid");
    paid ? write_explained(w, *paid) : (void)w.null();
    w.key("would_have_cost").begin_object();
    for (const auto& vendor : others) w.key(vendor.text()), write_explained(w, ledger::explain_at(event, vendor));
    w.end_object().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  std::string out =
      fmt::format("request {} of {}, key {}, model {}{}\n", printable(event.request_id, 80),
                  show_moment(event.time / 1'000'000), printable(event.key_id, 40), printable(event.model, 80),
                  event.tag.empty() ? "" : ", tag " + printable(event.tag, 80));
  out += fmt::format(
      "{} tokens of prompt, {} of them cached{}, {} of answer{}\n", event.prompt_tokens, event.cached_tokens,
      event.cache_write_tokens > 0 ? fmt::format(" and {} written to the cache", event.cache_write_tokens) : "",
      event.completion_tokens, event.batched ? "; a line of a batch" : "");
  out += explained_text("this machine", local);
  if (local.unpriced.empty()) out += fmt::format("  rule: {}\n", ledger::sharing_rule());
  if (paid) out += explained_text("paid to " + printable(event.vendor, 80), *paid);
  for (const auto& vendor : others)
    out += explained_text("would have cost at " + vendor.text(), ledger::explain_at(event, vendor));
  console.write(out);
  return {};
}

}  // namespace

Command cost_report_command() {
  std::vector<Option> options = filter_options();
  options.push_back({.name = "by",
                     .type = OptionType::choice,
                     .value = "key|model|adapter|day|tag|vendor",
                     .fallback = "key",
                     .help = "A row for each of these."});
  options.push_back(vendor_option());
  options.push_back({.name = "json", .help = "Print JSON, with exact amounts."});
  options.push_back({.name = "csv", .help = "Print CSV, with exact amounts."});
  return {
      .name = "cost report",
      .summary = "Report what was used and what it cost: here, at vendors that answered, and at others for comparison.",
      .details =
          "Rows add up to the total to the last digit. What has no price is counted as unpriced, never as zero. `idle` "
          "is "
          "what the machine cost while it worked for no request (or for something else); with the requests' share it "
          "is "
          "what the machine cost in that time. Prices are those of each request's day.",
      .options = std::move(options),
      .examples = {{"freehold cost report --by day --since 30d", "The last month, day by day:"},
                   {"freehold cost report --by tag --vendor openai/gpt-4o --csv", "By project, for a spreadsheet:"}},
      .run = run_report,
  };
}

Command cost_explain_command() {
  return {
      .name = "cost explain",
      .summary = "Explain what one request cost: every factor, and where it comes from.",
      .positionals = {{.name = "ID",
                       .help = "The request's id, as in the header x-request-id, or its answer's.",
                       .is_file = false}},
      .options = {vendor_option(), {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold cost explain req-4f1c", "Why did this cost so much?"}},
      .run = run_explain,
  };
}

}  // namespace freehold::app
