#include "ledger/usage_log.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <utility>
#include <vector>

#include "ledger/usage_rows.h"
#include "sql/database.h"

namespace freehold::ledger {

std::filesystem::path usage_path(const std::filesystem::path& home) {
  return home / "usage.db";
}

struct UsageLog::State {
  using Commits = GroupCommit<Event>;

  explicit State(sql::Database d) : database(std::move(d)) {}
  Result<> write(std::vector<Commits::Waiting>& batch);

  sql::Database database;            // the committing thread's
  std::unique_ptr<Commits> commits;  // ends before the database does
};

// All of `batch` in one transaction. An event whose id is there already is left out and marked as not durable.
Result<> UsageLog::State::write(std::vector<Commits::Waiting>& batch) {
  return database.transaction([&](soci::session& s) -> Result<> {
    UsageRow row;
    soci::indicator seed_state = soci::i_null, compute_state = soci::i_null, energy_state = soci::i_null;
    const Event& e = row.event;
    soci::statement insert =
        (s.prepare << fmt::format(
             "INSERT INTO events ({}) VALUES (:request_id, :time, :key_id, :model, :digest, "
             ":adapter, :vendor, :tag, :dialect, :endpoint, :prompt, :cached, :written, :completion, "
             ":sampling, :seed, :queue, :prefill, :decode, :compute, :energy, :outcome, "
             ":finish, :batched, :steered, :status) "
             "ON CONFLICT (request_id) DO NOTHING",
             kColumns),
         soci::use(e.request_id), soci::use(row.time), soci::use(e.key_id), soci::use(e.model),
         soci::use(e.model_digest), soci::use(e.adapter), soci::use(e.vendor), soci::use(e.tag), soci::use(e.dialect),
         soci::use(e.endpoint), soci::use(row.prompt), soci::use(row.cached), soci::use(row.written),
         soci::use(row.completion), soci::use(e.sampling), soci::use(row.seed, seed_state), soci::use(e.queue_seconds),
         soci::use(e.prefill_seconds), soci::use(e.decode_seconds), soci::use(row.compute, compute_state),
         soci::use(row.energy, energy_state), soci::use(row.outcome), soci::use(e.finish_reason),
         soci::use(row.batched), soci::use(row.steered), soci::use(row.status));
    for (Commits::Waiting& waiting : batch) {
      row.set(std::move(waiting.item));
      seed_state = row.has_seed ? soci::i_ok : soci::i_null;
      compute_state = row.has_compute ? soci::i_ok : soci::i_null;
      energy_state = row.has_energy ? soci::i_ok : soci::i_null;
      insert.execute(true);
      waiting.durable = insert.get_affected_rows() == 1;
    }
    return {};
  });
}

UsageLog::UsageLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsageLog::UsageLog(UsageLog&&) noexcept = default;
UsageLog& UsageLog::operator=(UsageLog&&) noexcept = default;
UsageLog::~UsageLog() = default;

Result<UsageLog> UsageLog::open(const std::filesystem::path& home, UsageLogOptions options) {
  FH_TRY(sql::Database database,
         sql::Database::open(usage_path(home), usage_schema(), sql::Open::create, sql::Check::none));
  auto state = std::make_unique<State>(std::move(database));
  State::Commits::Options how;
  how.what = "the usage record";
  how.most_at_once = options.most_at_once;
  how.most_waiting = options.most_waiting;
  how.commit = [s = state.get()](std::vector<State::Commits::Waiting>& batch) { return s->write(batch); };
  FH_TRY(state->commits, State::Commits::start(std::move(how)));
  return UsageLog(std::move(state));
}

void UsageLog::append(Event event, Stored stored) {
  if (event.request_id.empty()) return state_->commits->refuse(stored);
  state_->commits->append(std::move(event), std::move(stored));
}

void UsageLog::flush() {
  state_->commits->flush();
}

std::optional<Error> UsageLog::failure() const {
  return state_->commits->failure();
}

GroupCommitCounts UsageLog::counts() const {
  return state_->commits->counts();
}

}  // namespace freehold::ledger
