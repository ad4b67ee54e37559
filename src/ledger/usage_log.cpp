#include "ledger/usage_log.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "ledger/usage_rows.h"
#include "sql/database.h"

namespace freehold::ledger {

std::filesystem::path usage_path(const std::filesystem::path& home) {
  return home / "usage.db";
}

struct UsageLog::State {
  struct Waiting {
    Event event;
    Stored stored;
    bool durable = false;
  };

  UsageLogOptions options;
  sql::Database database;  // the thread's

  std::mutex mutex;  // what follows
  std::condition_variable work;
  std::condition_variable idle;
  std::deque<Waiting> queue;
  std::uint64_t appended = 0;     // into the queue, ever
  std::uint64_t called_back = 0;  // of these
  bool closing = false;
  std::optional<Error> failure;
  UsageLogCounts counts;

  std::thread thread;

  State(UsageLogOptions o, sql::Database d) : options(o), database(std::move(d)) {}
  void run();
  Result<> write(std::vector<Waiting>& batch);
};

// All of `batch` in one transaction. An event whose id is there already is left out and marked as not durable.
Result<> UsageLog::State::write(std::vector<Waiting>& batch) {
  return database.transaction([&](soci::session& s) -> Result<> {
    UsageRow row;
    soci::indicator seed_state = soci::i_null, compute_state = soci::i_null, energy_state = soci::i_null;
    const Event& e = row.event;
    soci::statement insert =
        (s.prepare << fmt::format("INSERT INTO events ({}) VALUES (:request_id, :time, :key_id, :model, :digest, "
                                  ":adapter, :vendor, :tag, :dialect, :endpoint, :prompt, :cached, :completion, "
                                  ":sampling, :seed, :queue, :prefill, :decode, :compute, :energy, :outcome, "
                                  ":finish, :steered, :status) "
                                  "ON CONFLICT (request_id) DO NOTHING",
                                  kColumns),
         soci::use(e.request_id), soci::use(row.time), soci::use(e.key_id), soci::use(e.model),
         soci::use(e.model_digest), soci::use(e.adapter), soci::use(e.vendor), soci::use(e.tag), soci::use(e.dialect),
         soci::use(e.endpoint), soci::use(row.prompt), soci::use(row.cached), soci::use(row.completion),
         soci::use(e.sampling), soci::use(row.seed, seed_state), soci::use(e.queue_seconds),
         soci::use(e.prefill_seconds), soci::use(e.decode_seconds), soci::use(row.compute, compute_state),
         soci::use(row.energy, energy_state), soci::use(row.outcome), soci::use(e.finish_reason),
         soci::use(row.steered), soci::use(row.status));
    for (Waiting& waiting : batch) {
      row.set(std::move(waiting.event));
      seed_state = row.has_seed ? soci::i_ok : soci::i_null;
      compute_state = row.has_compute ? soci::i_ok : soci::i_null;
      energy_state = row.has_energy ? soci::i_ok : soci::i_null;
      insert.execute(true);
      waiting.durable = insert.get_affected_rows() == 1;
    }
    return {};
  });
}

void UsageLog::State::run() {
  std::vector<Waiting> batch;
  std::unique_lock lock(mutex);
  for (;;) {
    work.wait(lock, [&] { return closing || !queue.empty(); });
    if (queue.empty()) return;
    while (!queue.empty() && batch.size() < options.most_at_once) {
      batch.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    bool good = !failure.has_value();
    lock.unlock();
    if (good) {
      if (Result<> written = write(batch); !written) {
        good = false;
        lock.lock();
        failure = in_context(std::move(written).error(), "the usage record can no longer be written").value();
        lock.unlock();
      }
    }
    // Counted before they are called back: who has been called back finds himself counted.
    std::uint64_t durable = 0;
    for (Waiting& waiting : batch) {
      waiting.durable = waiting.durable && good;
      if (waiting.durable) ++durable;
    }
    lock.lock();
    counts.events += durable;
    counts.refused += batch.size() - durable;
    if (good) ++counts.commits;
    lock.unlock();
    for (Waiting& waiting : batch) waiting.stored(waiting.durable);
    lock.lock();
    called_back += batch.size();
    batch.clear();
    idle.notify_all();
  }
}

UsageLog::UsageLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsageLog::UsageLog(UsageLog&&) noexcept = default;
UsageLog& UsageLog::operator=(UsageLog&& other) noexcept {
  UsageLog taken(std::move(other));
  std::swap(state_, taken.state_);  // what we had is closed at the end of this scope
  return *this;
}

UsageLog::~UsageLog() {
  if (!state_) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->work.notify_all();
  state_->thread.join();
}

Result<UsageLog> UsageLog::open(const std::filesystem::path& home, UsageLogOptions options) {
  FH_TRY(sql::Database database,
         sql::Database::open(usage_path(home), usage_schema(), sql::Open::create, sql::Check::none));
  auto state = std::make_unique<State>(options, std::move(database));
  try {
    state->thread = std::thread([s = state.get()] { s->run(); });
  } catch (const std::exception&) {
    return fail(Errc::exhausted, "cannot start a thread for the usage record");
  }
  return UsageLog(std::move(state));
}

void UsageLog::append(Event event, Stored stored) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->failure && !event.request_id.empty() && state_->queue.size() < state_->options.most_waiting) {
      state_->queue.push_back({std::move(event), std::move(stored)});
      ++state_->appended;
      state_->work.notify_one();
      return;
    }
    ++state_->counts.refused;
  }
  stored(false);
}

void UsageLog::flush() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [&, until = state_->appended] { return state_->called_back >= until; });
}

std::optional<Error> UsageLog::failure() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failure;
}

UsageLogCounts UsageLog::counts() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts;
}

}  // namespace freehold::ledger
