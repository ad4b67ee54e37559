#include "audit/log.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace freehold::audit {
namespace {

constexpr std::size_t kMostWaiting = 65'536;             // entries; more are refused
constexpr auto kPublishEvery = std::chrono::seconds(1);  // the file `checkpoint`

}  // namespace

struct Log::State {
  struct Waiting {
    std::string entry;
    Stored stored;
  };

  Writer writer;  // the thread's

  std::mutex mutex;  // guards what follows
  std::condition_variable work;
  std::condition_variable idle;
  std::deque<Waiting> queue;
  std::uint64_t appended = 0;     // into the queue, ever
  std::uint64_t called_back = 0;  // of these
  bool closing = false;
  std::optional<Error> failure;
  LogCounts counts;

  std::thread thread;

  explicit State(Writer w) : writer(std::move(w)) {}
  void run();
  void commit(std::vector<Waiting>& group);
};

void Log::State::commit(std::vector<Waiting>& group) {
  std::vector<std::string_view> entries;
  entries.reserve(group.size());
  for (const Waiting& waiting : group) entries.push_back(waiting.entry);
  auto done = writer.commit(entries);
  const bool durable = done.has_value();
  {
    // Counted before they are called back: who has been called back finds himself counted.
    const std::lock_guard lock(mutex);
    if (!durable && writer.failed() && !failure) {
      failure = in_context(std::move(done).error(), "the audit log can no longer be written").value();
    }
    (durable ? counts.entries : counts.refused) += group.size();
    if (durable) ++counts.groups;
  }
  for (Waiting& waiting : group) waiting.stored(durable);
}

void Log::State::run() {
  std::vector<Waiting> group;
  auto due = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex);
  for (;;) {
    const auto something = [&] { return closing || !queue.empty(); };
    if (writer.published() || writer.failed()) {
      work.wait(lock, something);
    } else if (!work.wait_until(lock, due, something) || std::chrono::steady_clock::now() >= due) {
      lock.unlock();
      (void)writer.publish();  // a copy, for mirrors: what fails is tried again
      lock.lock();
      due = std::chrono::steady_clock::now() + kPublishEvery;
      continue;
    }
    if (queue.empty() && closing) return;
    while (!queue.empty() && group.size() < kLargestGroup) {
      group.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    lock.unlock();
    if (!group.empty()) commit(group);
    lock.lock();
    called_back += group.size();
    group.clear();
    idle.notify_all();
  }
}

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&& other) noexcept {
  Log taken(std::move(other));
  std::swap(state_, taken.state_);  // what we had is closed at the end of this scope
  return *this;
}

Log::~Log() {
  if (!state_) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->work.notify_all();
  state_->thread.join();
}

Result<Log> Log::open(const std::filesystem::path& folder, WriterOptions options) {
  FH_TRY(Writer writer, Writer::open(folder, std::move(options)));
  auto state = std::make_unique<State>(std::move(writer));
  try {
    state->thread = std::thread([s = state.get()] { s->run(); });
  } catch (const std::exception&) {
    return fail(Errc::exhausted, "cannot start a thread for the audit log");
  }
  return Log(std::move(state));
}

void Log::append(std::string entry, Stored stored) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->failure && state_->queue.size() < kMostWaiting) {
      state_->queue.push_back({std::move(entry), std::move(stored)});
      ++state_->appended;
      state_->work.notify_one();
      return;
    }
    ++state_->counts.refused;
  }
  stored(false);
}

void Log::flush() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [&, until = state_->appended] { return state_->called_back >= until; });
}

std::optional<Error> Log::failure() const {
  const std::lock_guard lock(state_->mutex);
  return state_->failure;
}

LogCounts Log::counts() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts;
}

Result<> append_one(const std::filesystem::path& folder, std::string_view entry) {
  FH_TRY(Writer writer, Writer::open(folder));
  return writer.commit({&entry, 1});
}

}  // namespace freehold::audit
