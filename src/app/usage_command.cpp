// `usage`: a small report from the record of finished requests.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "app/table.h"
#include "app/usage_json.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "ledger/usage_query.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using ledger::Sum;

constexpr std::int64_t kMicroseconds = 1'000'000;

ledger::GroupBy group_by(std::string_view word) {
  if (word == "key") return ledger::GroupBy::key;
  if (word == "model") return ledger::GroupBy::model;
  return ledger::GroupBy::day;
}

Result<ledger::Filter> filter_from(const Arguments& arguments) {
  ledger::Filter filter;
  const std::int64_t now = guard::wall_seconds();
  if (arguments.given("since")) {
    FH_TRY(const std::int64_t since, parse_moment("--since", arguments.text("since"), now, Direction::past));
    filter.since = since * kMicroseconds;
  }
  if (arguments.given("until")) {
    FH_TRY(const std::int64_t until, parse_moment("--until", arguments.text("until"), now, Direction::past));
    filter.until = until * kMicroseconds;
  }
  if (filter.since && filter.until && *filter.since >= *filter.until) {
    return fail(Errc::invalid, "--since is not before --until");
  }
  if (arguments.given("key")) filter.key_id = std::string(arguments.text("key"));
  if (arguments.given("model")) filter.model = std::string(arguments.text("model"));
  return filter;
}

void write_sum(JsonWriter& w, const Sum& sum) {
  w.member("requests", sum.requests).member("completed", sum.completed);
  w.member("prompt_tokens", sum.prompt_tokens).member("cached_tokens", sum.cached_tokens);
  w.member("completion_tokens", sum.completion_tokens).member("queue_seconds", sum.queue_seconds);
  w.member("prefill_seconds", sum.prefill_seconds).member("decode_seconds", sum.decode_seconds);
}

std::string as_report(const std::vector<Sum>& sums, const Sum& total, std::string_view by) {
  std::string heading(by);
  for (char& c : heading) c = static_cast<char>(c - 'a' + 'A');
  std::vector<std::vector<std::string>> rows = {
      {heading, "REQUESTS", "COMPLETED", "PROMPT", "CACHED", "COMPLETION", "SECONDS"}};
  auto add = [&](std::string name, const Sum& s) {
    rows.push_back({std::move(name), std::to_string(s.requests), std::to_string(s.completed),
                    std::to_string(s.prompt_tokens), std::to_string(s.cached_tokens),
                    std::to_string(s.completion_tokens), fmt::format("{:.1f}", s.prefill_seconds + s.decode_seconds)});
  };
  for (const Sum& s : sums) add(s.group.empty() ? "-" : printable(s.group, 60), s);
  if (sums.size() > 1) add("total", total);
  std::vector<Align> columns(7, Align::right);
  columns[0] = Align::left;
  return as_table(rows, columns);
}

Result<> show_request(ledger::UsageQuery& query, std::string_view id, Console& console) {
  FH_TRY(const ledger::Event event, recorded(query, id));
  JsonWriter w(true);
  w.begin_object();
  write_event(w, event);
  w.end_object();
  console.write(w.take() + "\n");
  return {};
}

Result<> run(const Arguments& arguments, Console& console) {
  FH_TRY(const ledger::Filter filter, filter_from(arguments));
  const std::string_view by = arguments.text("by");
  FH_TRY(const std::filesystem::path home, store::default_home());
  auto query = ledger::UsageQuery::open(home);
  if (!query && (query.error().code != Errc::not_found || arguments.given("request"))) {
    return Unexpected(std::move(query).error());
  }
  if (arguments.given("request")) return show_request(*query, arguments.text("request"), console);
  std::vector<Sum> sums;
  Sum total;
  ledger::LeftOut left_out;
  if (query) {
    FH_TRY(sums, query->sums(filter, group_by(by)));
    FH_TRY(const std::vector<Sum> all, query->sums(filter, ledger::GroupBy::all));
    total = all.at(0);
    FH_TRY(left_out, query->left_out(filter));
  }
  note_left_out(left_out, console);
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().member("by", by).key("groups").begin_array();
    for (const Sum& s : sums) {
      w.begin_object().member(by, s.group);
      write_sum(w, s);
      w.end_object();
    }
    w.end_array().key("total").begin_object();
    write_sum(w, total);
    w.end_object();
    write_left_out(w, left_out);
    w.end_object();
    console.write(w.take() + "\n");
    return {};
  }
  if (sums.empty()) {
    console.note(fmt::format("no requests are recorded in {}{}", printable(home.string()),
                             arguments.given("since") || arguments.given("key") ? " for these conditions" : ""));
    return {};
  }
  console.write(as_report(sums, total, by));
  return {};
}

}  // namespace

Command usage_command() {
  return {
      .name = "usage",
      .summary = "Report what was asked of the server: requests and tokens, by key, model or day.",
      .details =
          "Read from $FREEHOLD_HOME/usage.db, which holds one row a finished request and nothing of what was asked or "
          "answered.",
      .options = {{.name = "since",
                   .type = OptionType::text,
                   .value = "WHEN",
                   .help = "A span back from now (24h, 7d) or a date (2027-01-31, UTC)."},
                  {.name = "until", .type = OptionType::text, .value = "WHEN", .help = "The same, for the end."},
                  {.name = "key", .type = OptionType::text, .value = "ID", .help = "Only of this key."},
                  {.name = "model", .type = OptionType::text, .value = "NAME", .help = "Only of this model."},
                  {.name = "by",
                   .type = OptionType::choice,
                   .value = "key|model|day",
                   .fallback = "key",
                   .help = "What the rows are."},
                  {.name = "request",
                   .type = OptionType::text,
                   .value = "ID",
                   .help = "Everything about one request, as JSON, and no sums."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold usage --since 7d", "The last week, by key:"},
                   {"freehold usage --by day --key k7m2xw9q --json", "One key's days, for programs:"}},
      .run = run,
  };
}

}  // namespace freehold::app
