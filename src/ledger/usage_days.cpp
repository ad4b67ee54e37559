// The sums a day of usage.db: of whole days from the table that is kept, of the ragged ends of a time from the events.
// Clients choose tags, so `days` may be as long as `events`: what does not need tags leaves them out while it reads,
// in the order of the table's key, and what needs each reads row by row and holds none (1 M rows: 0.8 s and 1.4 s;
// sorted by SQLite they took 1.7 s and 4 s).
#include <fmt/format.h>
#include <soci/soci.h>

#include "ledger/machine.h"
#include "ledger/usage_reading.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

// What a row of sums has behind its names, as SQL and as it is fetched.
constexpr std::string_view kCounts[] = {
    "requests",           "completed",         "timed",      "prompt_tokens", "cached_tokens",
    "cache_write_tokens", "completion_tokens", "compute_us", "metered_us",    "energy_nwh"};

std::string summed() {
  std::string out;
  for (const std::string_view name : kCounts) out += fmt::format(", SUM({0}) AS {0}", name);
  return out;
}

struct FetchedSum {
  long long day = 0, length = 0, batched = 0, n[std::size(kCounts)] = {};

  void read_into(soci::statement& statement) {
    statement.exchange(soci::into(length));
    statement.exchange(soci::into(batched));
    for (long long& number : n) statement.exchange(soci::into(number));
  }
  void put_into(DaySum& sum) const {
    sum.day = day;
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

// Events as rows of the table `days`; none that is implausible.
std::string rows_of_events(std::int64_t from, std::int64_t to, std::string_view table = "events") {
  return fmt::format(
      "SELECT {} AS day, key_id, model, adapter, vendor, tag, {} AS long_prompts, batched, 1 AS requests, outcome = "
      "'completed' AS completed, compute_us IS NOT NULL AS timed, "
      "prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, COALESCE(compute_us, 0) AS compute_us, "
      "iif(energy_nwh IS NULL, 0, COALESCE(compute_us, 0)) AS metered_us, COALESCE(energy_nwh, 0) AS energy_nwh "
      "FROM {} WHERE time >= {} AND time < {} AND NOT {}",
      kDayOfTime, kLengthOfPrompt, table, from, to, implausible());
}

// The time of a filter in its three parts: what lies before the first whole day, whole days, and what lies behind them.
struct Parts {
  std::int64_t since = INT64_MIN, until = INT64_MAX;
  std::int64_t first = INT64_MIN, end = INT64_MAX;  // whole days
  bool head = false, whole = true, tail = false;

  explicit Parts(const Filter& filter) {
    if (filter.since) since = *filter.since, first = day_of(since - 1) + 1, head = true;
    if (filter.until) until = *filter.until, end = day_of(until), tail = true;
    if (first < end) return;
    head = true, whole = tail = false;  // all of it from the events
  }
  std::string in_days() const { return fmt::format("FROM days WHERE day >= {} AND day < {}", first, end); }
  std::string head_rows() const { return rows_of_events(since, whole ? first * kDayMicroseconds : until); }
  std::string tail_rows() const { return rows_of_events(end * kDayMicroseconds, until); }
};

// All rows of a filter's time. Without `tags` those that differ in nothing but it are one, as far as that saves
// sorting.
std::string rows_of_days(const Filter& filter, bool tags) {
  const Parts parts(filter);
  std::string sql;
  const auto add = [&](const std::string& rows) { sql += (sql.empty() ? "" : " UNION ALL ") + rows; };
  if (parts.whole && tags) add("SELECT * " + parts.in_days());
  if (parts.whole && !tags) {
    add(
        fmt::format("SELECT day, key_id, model, adapter, vendor, '' AS tag, 0 AS long_prompts, 0 AS batched{} {} AND "
                    "long_prompts = 0 AND batched = 0 GROUP BY day, key_id, model, adapter, vendor",
                    summed(), parts.in_days()));
    add(fmt::format("SELECT * {} AND (long_prompts <> 0 OR batched <> 0)", parts.in_days()));
  }
  if (parts.head) add(parts.head_rows());
  if (parts.tail) add(parts.tail_rows());
  return sql;
}

std::vector<DaySum> read_day_sums(soci::session& s, const Filter& filter, std::string_view group,
                                  const std::string& rows) {
  DaySum sum;
  FetchedSum fetched;
  soci::statement statement(s);
  statement.exchange(soci::into(fetched.day));
  statement.exchange(soci::into(sum.group));
  statement.exchange(soci::into(sum.vendor));
  statement.exchange(soci::into(sum.model));
  fetched.read_into(statement);
  const UsageWhere where(filter, statement, false);
  execute(statement, fmt::format("SELECT day, {} AS grouped, vendor, model, long_prompts, batched{} FROM ({}){} "
                                 "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
                                 group, summed(), rows, where.sql));
  std::vector<DaySum> sums;
  while (statement.fetch()) {
    fetched.put_into(sum);
    sums.push_back(sum);
  }
  return sums;
}

constexpr std::string_view kRow = "day, key_id, model, adapter, vendor, tag, long_prompts, batched";

void read_day_rows(soci::session& s, const Filter& filter, const std::string& from, std::string_view order,
                   const std::function<void(const DayRow&)>& each) {
  DayRow row;
  FetchedSum fetched;
  soci::statement statement(s);
  statement.exchange(soci::into(fetched.day));
  for (std::string* text : {&row.key_id, &row.sum.model, &row.adapter, &row.sum.vendor, &row.tag})
    statement.exchange(soci::into(*text));
  fetched.read_into(statement);
  const UsageWhere where(filter, statement, false);
  execute(statement, fmt::format("SELECT {}{} {}{}", kRow, from, where.sql, order));
  while (statement.fetch()) {
    fetched.put_into(row.sum);
    each(row);
  }
}

}  // namespace

Result<std::vector<DaySum>> UsageQuery::day_sums(const Filter& filter, GroupBy by) {
  return state_->database.run([&](soci::session& s) -> Result<std::vector<DaySum>> {
    return read_day_sums(s, filter, by == GroupBy::day ? "''" : expression(by),
                         rows_of_days(filter, by == GroupBy::tag || filter.tag));
  });
}

Result<> UsageQuery::each_day_row(const Filter& filter, const std::function<void(const DayRow&)>& each) {
  return state_->database.run([&](soci::session& s) -> Result<> {
    soci::transaction moment(s);
    const Parts parts(filter);
    std::string numbers;
    for (const std::string_view name : kCounts) numbers += fmt::format(", {}", name);
    const std::string sorted = fmt::format(" GROUP BY {0} ORDER BY {0}", kRow);
    const auto ragged = [&](const std::string& rows) {
      read_day_rows(s, filter, fmt::format("{} FROM ({})", summed(), rows), sorted, each);
    };
    if (parts.head) ragged(parts.head_rows());
    if (parts.whole) {  // the table's key is in this order
      read_day_rows(s, filter, fmt::format("{} FROM (SELECT * {})", numbers, parts.in_days()),
                    fmt::format(" ORDER BY {}", kRow), each);
    }
    if (parts.tail) ragged(parts.tail_rows());
    moment.commit();
    return {};
  });
}

Result<std::vector<BusyDay>> UsageQuery::busy_days(const Filter& filter) {
  return state_->database.run([&](soci::session& s) -> Result<std::vector<BusyDay>> {
    const Parts parts(filter);
    std::vector<BusyDay> out;
    const auto read = [&](const std::string& rows) {
      long long day = 0, busy = 0;
      soci::statement statement(s);
      statement.exchange(soci::into(day));
      statement.exchange(soci::into(busy));
      const UsageWhere where(filter, statement, false);
      execute(statement,
              fmt::format("SELECT day, SUM(iif(vendor = '', compute_us, 0)) FROM ({}){} GROUP BY day ORDER BY "
                          "day",
                          rows, where.sql));
      while (statement.fetch()) out.push_back({day, static_cast<std::uint64_t>(busy)});
    };
    soci::transaction moment(s);
    if (parts.head) read(parts.head_rows());
    if (parts.whole) read("SELECT * " + parts.in_days());
    if (parts.tail) read(parts.tail_rows());
    moment.commit();
    return out;
  });
}

Result<std::optional<std::int64_t>> UsageQuery::first_day(std::optional<std::int64_t> until) {
  return state_->database.run([&](soci::session& s) -> Result<std::optional<std::int64_t>> {
    Filter filter;
    filter.until = until;
    const Parts parts(filter);
    long long day = 0;
    soci::indicator state = soci::i_null;
    s << "SELECT MIN(day) " + parts.in_days(), soci::into(day, state);
    if (state == soci::i_null && until) {
      s << fmt::format("SELECT MIN(day) FROM ({})", rows_of_events(INT64_MIN, *until)), soci::into(day, state);
    }
    return state == soci::i_null ? std::nullopt : std::optional<std::int64_t>(day);
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
      out.sums = read_day_sums(s, filter, "''", rows_of_days(filter, filter.tag.has_value()));
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
