#include "ledger/usage_query.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include "base/utf8.h"
#include "ledger/usage_log.h"
#include "ledger/usage_reading.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

// A row as it is fetched.
struct Fetched {
  UsageRow row;
  soci::indicator seed_state = soci::i_null, compute_state = soci::i_null, energy_state = soci::i_null;

  bool fetch(soci::statement& statement) {
    if (!statement.fetch()) return false;
    row.has_seed = seed_state == soci::i_ok;
    row.has_compute = compute_state == soci::i_ok;
    row.has_energy = energy_state == soci::i_ok;
    return true;
  }
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

Result<std::vector<Event>> events(soci::statement& statement, Fetched& fetched, const std::filesystem::path& path) {
  std::vector<Event> out;
  while (fetched.fetch(statement)) {
    std::optional<Event> event = fetched.row.get();
    if (!event) {
      const std::string counts = fetched.row.impossible_counts();
      return fail(Errc::corrupt,
                  fmt::format("{}: the row of request '{}' holds {}", printable(path.string()),
                              printable(fetched.row.event.request_id, 80),
                              counts.empty() ? "what was never written: it is damaged"
                                             : "counts that no request can have, so it is in no sum: " + counts));
    }
    out.push_back(std::move(*event));
  }
  return out;
}

}  // namespace

UsageWhere::UsageWhere(const Filter& filter, soci::statement& statement, bool with_time) {
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

void execute(soci::statement& statement, const std::string& sql) {
  statement.alloc();
  statement.prepare(sql);
  statement.define_and_bind();
  statement.execute();
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
    execute(statement, fmt::format("SELECT {} FROM events WHERE request_id = :id", kColumns));
    FH_TRY(std::vector<Event> found, events(statement, fetched, state_->database.path()));
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
  });
}

Result<std::vector<Event>> UsageQuery::list(const Filter& filter, std::uint64_t limit) {
  return state_->database.run([&](soci::session& s) {
    Fetched fetched;
    soci::statement statement(s);
    read_into(statement, fetched);
    const UsageWhere where(filter, statement);
    const auto most = static_cast<long long>(std::min<std::uint64_t>(limit, 1'000'000'000));
    execute(statement,
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
    const UsageWhere where(filter, statement);
    execute(statement, fmt::format("SELECT {} AS grouped, COUNT(*), COALESCE(SUM(outcome = 'completed'), 0), "
                                   "COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(cached_tokens), 0), "
                                   "COALESCE(SUM(completion_tokens), 0), TOTAL(queue_seconds), TOTAL(prefill_seconds), "
                                   "TOTAL(decode_seconds) FROM events{} AND NOT {}{}",
                                   expression(by), where.sql, implausible(),
                                   by == GroupBy::all ? "" : " GROUP BY grouped ORDER BY grouped"));
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

Result<LeftOut> UsageQuery::left_out(const Filter& filter) {
  return state_->database.run([&](soci::session& s) -> Result<LeftOut> {
    LeftOut out;
    Fetched fetched;
    soci::statement statement(s);
    read_into(statement, fetched);
    const UsageWhere where(filter, statement);
    execute(statement,
            fmt::format("SELECT {} FROM events{} AND {} ORDER BY time, rowid", kColumns, where.sql, implausible()));
    while (fetched.fetch(statement)) {
      if (out.first.size() < LeftOut::kFirst)
        out.first.push_back({fetched.row.event.request_id, fetched.row.impossible_counts()});
      ++out.requests;
    }
    return out;
  });
}

}  // namespace freehold::ledger
