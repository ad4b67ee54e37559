#include "ledger/usage_query.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include "base/utf8.h"
#include "ledger/machine.h"
#include "ledger/usage_log.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

// The conditions of a filter as SQL, and the values bound to them: as long as the statement is executed.
struct Where {
  std::string sql = " WHERE 1";
  std::string key, model, adapter, vendor, tag;
  long long since = 0, until = 0;

  Where(const Filter& filter, soci::statement& statement, bool with_time = true) {
    auto add = [&](const auto& wanted, auto& value, const char* condition) {
      if (!wanted) return;
      value = *wanted;
      sql += condition;
      statement.exchange(soci::use(value));
    };
    add(filter.key_id, key, " AND key_id = :key");
    add(filter.model, model, " AND model = :model");
    add(filter.adapter, adapter, " AND adapter = :adapter");
    add(filter.vendor, vendor, " AND vendor = :vendor");
    add(filter.tag, tag, " AND tag = :tag");
    if (!with_time) return;
    add(filter.since, since, " AND time >= :since");
    add(filter.until, until, " AND time < :until");
  }
  Where(const Where&) = delete;
  Where& operator=(const Where&) = delete;
};

// A row as it is fetched.
struct Fetched {
  UsageRow row;
  soci::indicator seed_state = soci::i_null, compute_state = soci::i_null, energy_state = soci::i_null;
};

void read_into(soci::statement& statement, Fetched& fetched) {
  UsageRow& row = fetched.row;
  Event& e = row.event;
  statement.exchange(soci::into(e.request_id));
  statement.exchange(soci::into(row.time));
  for (std::string* text :
       {&e.key_id, &e.model, &e.model_digest, &e.adapter, &e.vendor, &e.tag, &e.dialect, &e.endpoint}) {
    statement.exchange(soci::into(*text));
  }
  for (long long* number : {&row.prompt, &row.cached, &row.written, &row.completion})
    statement.exchange(soci::into(*number));
  statement.exchange(soci::into(e.sampling));
  statement.exchange(soci::into(row.seed, fetched.seed_state));
  for (double* time : {&e.queue_seconds, &e.prefill_seconds, &e.decode_seconds}) {
    statement.exchange(soci::into(*time));
  }
  statement.exchange(soci::into(row.compute, fetched.compute_state));
  statement.exchange(soci::into(row.energy, fetched.energy_state));
  statement.exchange(soci::into(row.outcome));
  statement.exchange(soci::into(e.finish_reason));
  statement.exchange(soci::into(row.batched));
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
    fetched.row.has_compute = fetched.compute_state == soci::i_ok;
    fetched.row.has_energy = fetched.energy_state == soci::i_ok;
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
    case GroupBy::adapter:
      return "adapter";
    case GroupBy::vendor:
      return "vendor";
    case GroupBy::tag:
      return "tag";
    case GroupBy::all:
      break;
  }
  return "''";
}

constexpr std::string_view kDay = "(time - (time % 86400000000 + 86400000000) % 86400000000) / 86400000000";

// Events as rows of the table `days`.
std::string rows_of_events(std::int64_t from, std::int64_t to, std::string_view table = "events") {
  return fmt::format(
      "SELECT {} AS day, key_id, model, adapter, vendor, tag, (prompt_tokens > 128000) + (prompt_tokens > 200000) "
      "AS long_prompts, batched, 1 AS requests, outcome = 'completed' AS completed, compute_us IS NOT NULL AS timed, "
      "prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, COALESCE(compute_us, 0) AS compute_us, "
      "iif(energy_nwh IS NULL, 0, COALESCE(compute_us, 0)) AS metered_us, COALESCE(energy_nwh, 0) AS energy_nwh "
      "FROM {} WHERE time >= {} AND time < {}",
      kDay, table, from, to);
}

// The rows of a filter's time: of whole days from the sums that are kept, of what lies before the first and behind the
// last of these from the events.
std::string rows_of_days(const Filter& filter) {
  const std::int64_t since = filter.since.value_or(INT64_MIN), until = filter.until.value_or(INT64_MAX);
  const std::int64_t first = filter.since ? day_of(since - 1) + 1 : INT64_MIN;  // beginning at or after `since`
  const std::int64_t end = filter.until ? day_of(until) : INT64_MAX;            // ended by `until`
  if (first >= end) return rows_of_events(since, until);                        // no whole day
  std::string sql = fmt::format("SELECT * FROM days WHERE day >= {} AND day < {}", first, end);
  if (filter.since) sql += " UNION ALL " + rows_of_events(since, first * kDayMicroseconds);
  if (filter.until) sql += " UNION ALL " + rows_of_events(end * kDayMicroseconds, until);
  return sql;
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

namespace {

// What a row of sums has behind its names, as SQL and as it is fetched.
constexpr std::string_view kSummed =
    "long_prompts, batched, SUM(requests), SUM(completed), SUM(timed), SUM(prompt_tokens), SUM(cached_tokens), "
    "SUM(cache_write_tokens), SUM(completion_tokens), SUM(compute_us), SUM(metered_us), SUM(energy_nwh)";
struct FetchedSum {
  long long length = 0, batched = 0, n[10] = {};

  void read_into(soci::statement& statement) {
    statement.exchange(soci::into(length));
    statement.exchange(soci::into(batched));
    for (long long& number : n) statement.exchange(soci::into(number));
  }
  void put_into(DaySum& sum) const {
    sum.long_prompts = static_cast<int>(length);
    sum.batched = batched != 0;
    std::size_t i = 0;
    for (std::uint64_t* to :
         {&sum.requests, &sum.completed, &sum.timed, &sum.prompt_tokens, &sum.cached_tokens, &sum.cache_write_tokens,
          &sum.completion_tokens, &sum.compute_us, &sum.metered_us, &sum.energy_nwh}) {
      *to = static_cast<std::uint64_t>(n[i++]);
    }
  }
};

std::vector<DaySum> read_day_sums(soci::session& s, const Filter& filter, std::string_view group,
                                  const std::string& rows) {
  DaySum sum;
  FetchedSum fetched;
  long long day = 0;
  soci::statement statement(s);
  statement.exchange(soci::into(day));
  statement.exchange(soci::into(sum.group));
  statement.exchange(soci::into(sum.vendor));
  statement.exchange(soci::into(sum.model));
  fetched.read_into(statement);
  const Where where(filter, statement, false);
  start(statement, fmt::format("SELECT day, {} AS grouped, vendor, model, {} FROM ({}){} GROUP BY 1, 2, 3, 4, 5, 6 "
                               "ORDER BY 1, 2, 3, 4, 5, 6",
                               group, kSummed, rows, where.sql));
  std::vector<DaySum> sums;
  while (statement.fetch()) {
    sum.day = day;
    fetched.put_into(sum);
    sums.push_back(sum);
  }
  return sums;
}

}  // namespace

Result<std::vector<DaySum>> UsageQuery::day_sums(const Filter& filter, GroupBy by) {
  return state_->database.run([&](soci::session& s) -> Result<std::vector<DaySum>> {
    return read_day_sums(s, filter, by == GroupBy::day ? "''" : expression(by), rows_of_days(filter));
  });
}

Result<std::vector<DayRow>> UsageQuery::day_rows(const Filter& filter) {
  return state_->database.run([&](soci::session& s) -> Result<std::vector<DayRow>> {
    DayRow row;
    FetchedSum fetched;
    long long day = 0;
    soci::statement statement(s);
    statement.exchange(soci::into(day));
    for (std::string* text : {&row.key_id, &row.model, &row.adapter, &row.tag, &row.sum.vendor})
      statement.exchange(soci::into(*text));
    fetched.read_into(statement);
    const Where where(filter, statement, false);
    start(statement, fmt::format("SELECT day, key_id, model, adapter, tag, vendor, {} FROM ({}){} "
                                 "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8",
                                 kSummed, rows_of_days(filter), where.sql));
    std::vector<DayRow> rows;
    while (statement.fetch()) {
      row.sum.day = day;
      row.sum.model = row.model;
      fetched.put_into(row.sum);
      rows.push_back(row);
    }
    return rows;
  });
}

Result<UsageQuery::Recent> UsageQuery::day_sums_behind(const Filter& filter, std::optional<std::int64_t> row) {
  return state_->database.run([&](soci::session& s) -> Result<Recent> {
    soci::transaction moment(s);
    Recent out;
    long long last = 0;
    s << "SELECT COALESCE(MAX(rowid), 0) FROM events", soci::into(last);
    out.row = last;
    if (!row) {
      out.sums = read_day_sums(s, filter, "''", rows_of_days(filter));
    } else if (last > *row) {
      const std::int64_t since = filter.since.value_or(INT64_MIN), until = filter.until.value_or(INT64_MAX);
      // The few last rows, not all of a time or a key that an index would offer.
      const std::string rows = rows_of_events(since, until, "events NOT INDEXED");
      out.sums = read_day_sums(s, filter, "''", fmt::format("{} AND rowid > {}", rows, *row));
    }
    moment.commit();
    return out;
  });
}

}  // namespace freehold::ledger
