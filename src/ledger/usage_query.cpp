#include "ledger/usage_query.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include "base/utf8.h"
#include "ledger/usage_log.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

// The conditions of a filter as SQL, and the values bound to them: as long as the statement is executed.
struct Where {
  std::string sql = " WHERE 1";
  std::string key, model;
  long long since = 0, until = 0;

  Where(const Filter& filter, soci::statement& statement) {
    auto add = [&](const auto& wanted, auto& value, const char* condition) {
      if (!wanted) return;
      value = *wanted;
      sql += condition;
      statement.exchange(soci::use(value));
    };
    add(filter.key_id, key, " AND key_id = :key");
    add(filter.model, model, " AND model = :model");
    add(filter.since, since, " AND time >= :since");
    add(filter.until, until, " AND time < :until");
  }
  Where(const Where&) = delete;
  Where& operator=(const Where&) = delete;
};

// A row as it is fetched.
struct Fetched {
  UsageRow row;
  soci::indicator seed_state = soci::i_null;
};

void read_into(soci::statement& statement, Fetched& fetched) {
  UsageRow& row = fetched.row;
  Event& e = row.event;
  statement.exchange(soci::into(e.request_id));
  statement.exchange(soci::into(row.time));
  for (std::string* text : {&e.key_id, &e.model, &e.model_digest, &e.dialect, &e.endpoint}) {
    statement.exchange(soci::into(*text));
  }
  for (long long* number : {&row.prompt, &row.cached, &row.completion}) statement.exchange(soci::into(*number));
  statement.exchange(soci::into(e.sampling));
  statement.exchange(soci::into(row.seed, fetched.seed_state));
  for (double* time : {&e.queue_seconds, &e.prefill_seconds, &e.decode_seconds}) {
    statement.exchange(soci::into(*time));
  }
  statement.exchange(soci::into(row.outcome));
  statement.exchange(soci::into(e.finish_reason));
  statement.exchange(soci::into(row.steered));
  statement.exchange(soci::into(row.status));
}

void start(soci::statement& statement, const std::string& sql) {
  statement.alloc();
  statement.prepare(sql);
  statement.define_and_bind();
  statement.execute();
}

Result<std::vector<Event>> events(soci::statement& statement, Fetched& fetched, const std::filesystem::path& path) {
  std::vector<Event> out;
  while (statement.fetch()) {
    fetched.row.has_seed = fetched.seed_state == soci::i_ok;
    std::optional<Event> event = fetched.row.get();
    if (!event) {
      return fail(Errc::corrupt, fmt::format("{} is damaged: the row of request '{}' holds what was never written",
                                             printable(path.string()), printable(fetched.row.event.request_id, 80)));
    }
    out.push_back(std::move(*event));
  }
  return out;
}

std::string_view expression(GroupBy by) {
  switch (by) {
    case GroupBy::key:
      return "key_id";
    case GroupBy::model:
      return "model";
    case GroupBy::day:
      return "strftime('%Y-%m-%d', time / 1000000, 'unixepoch')";
    case GroupBy::all:
      break;
  }
  return "''";
}

}  // namespace

struct UsageQuery::State {
  sql::Database database;
};

UsageQuery::UsageQuery(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsageQuery::UsageQuery(UsageQuery&&) noexcept = default;
UsageQuery& UsageQuery::operator=(UsageQuery&&) noexcept = default;
UsageQuery::~UsageQuery() = default;

Result<UsageQuery> UsageQuery::open(const std::filesystem::path& home) {
  FH_TRY(sql::Database database,
         sql::Database::open(usage_path(home), usage_schema(), sql::Open::existing, sql::Check::none));
  return UsageQuery(std::make_unique<State>(State{std::move(database)}));
}

Result<std::optional<Event>> UsageQuery::find(std::string_view request_id) {
  return state_->database.run([&](soci::session& s) -> Result<std::optional<Event>> {
    const std::string id(request_id);
    Fetched fetched;
    soci::statement statement(s);
    read_into(statement, fetched);
    statement.exchange(soci::use(id));
    start(statement, fmt::format("SELECT {} FROM events WHERE request_id = :id", kColumns));
    FH_TRY(std::vector<Event> found, events(statement, fetched, state_->database.path()));
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
  });
}

Result<std::vector<Event>> UsageQuery::list(const Filter& filter, std::uint64_t limit) {
  return state_->database.run([&](soci::session& s) {
    Fetched fetched;
    soci::statement statement(s);
    read_into(statement, fetched);
    const Where where(filter, statement);
    const auto most = static_cast<long long>(std::min<std::uint64_t>(limit, 1'000'000'000));
    start(statement,
          fmt::format("SELECT {} FROM events{} ORDER BY time DESC, rowid DESC LIMIT {}", kColumns, where.sql, most));
    return events(statement, fetched, state_->database.path());
  });
}

Result<std::vector<Sum>> UsageQuery::sums(const Filter& filter, GroupBy by) {
  return state_->database.run([&](soci::session& s) -> Result<std::vector<Sum>> {
    Sum sum;
    long long requests = 0, completed = 0, prompt = 0, cached = 0, completion = 0;
    soci::statement statement(s);
    statement.exchange(soci::into(sum.group));
    for (long long* number : {&requests, &completed, &prompt, &cached, &completion}) {
      statement.exchange(soci::into(*number));
    }
    for (double* time : {&sum.queue_seconds, &sum.prefill_seconds, &sum.decode_seconds}) {
      statement.exchange(soci::into(*time));
    }
    const Where where(filter, statement);
    start(statement,
          fmt::format("SELECT {} AS grouped, COUNT(*), COALESCE(SUM(outcome = 'completed'), 0), "
                      "COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(cached_tokens), 0), "
                      "COALESCE(SUM(completion_tokens), 0), TOTAL(queue_seconds), TOTAL(prefill_seconds), "
                      "TOTAL(decode_seconds) FROM events{}{}",
                      expression(by), where.sql, by == GroupBy::all ? "" : " GROUP BY grouped ORDER BY grouped"));
    std::vector<Sum> sums;
    while (statement.fetch()) {
      sum.requests = static_cast<std::uint64_t>(requests);
      sum.completed = static_cast<std::uint64_t>(completed);
      sum.prompt_tokens = static_cast<std::uint64_t>(prompt);
      sum.cached_tokens = static_cast<std::uint64_t>(cached);
      sum.completion_tokens = static_cast<std::uint64_t>(completion);
      sums.push_back(sum);
    }
    return sums;
  });
}

}  // namespace freehold::ledger
