// Many threads append, one thread commits: it takes all that waits, up to a limit, and writes it as one group. With one
// item at a time each is committed at once; with many they share the sync of the disk. The rule of failures is
// PostgreSQL's after its "fsyncgate": what a failed write left on the disk is unknown, so it is never tried again; from
// then on nothing is acknowledged, until the program is restarted.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/scrub.h"

namespace freehold {

// Called once with true when the item survives kill -9 and a loss of power, with false when it was not stored. On the
// committing thread (or on append's caller, when the item is refused at once), with no lock held: it must not block.
using Stored = std::function<void(bool durable)>;

struct GroupCommitCounts {
  std::uint64_t stored = 0;   // acknowledged as durable
  std::uint64_t groups = 0;   // committed
  std::uint64_t refused = 0;  // acknowledged as not stored
};

// Thread-safe.
template <typename Item>
class GroupCommit {
 public:
  struct Waiting {
    Item item;
    Stored stored;
    bool durable = true;  // commit() may take it from single items
  };

  // All of it is called on the committing thread.
  struct Options {
    std::string what;              // in errors: "the usage record"
    std::size_t most_at_once = 1;  // items in a group
    std::size_t most_waiting = 1;  // items; more are refused
    std::function<Result<>(std::vector<Waiting>& group)> commit;
    std::function<bool()> broken;   // after an error of commit(): whether that was the last group; empty: it was
    std::function<bool()> behind;   // whether there is something to publish; empty: never
    std::function<void()> publish;  // at most once in `every`, however much is committed
    std::chrono::milliseconds every{1000};
  };

  // Errors: exhausted (no thread).
  static Result<std::unique_ptr<GroupCommit>> start(Options options) {
    std::unique_ptr<GroupCommit> made(new GroupCommit(std::move(options)));
    try {
      made->thread_ = std::thread([self = made.get()] { self->run(); });
    } catch (const std::exception&) {
      return fail(Errc::exhausted, "cannot start a thread for " + made->options_.what);
    }
    return made;
  }
  // Commits what waits, calls back, ends the thread.
  ~GroupCommit() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    work_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Never blocks for the disk.
  void append(Item item, Stored stored) {
    {
      const std::lock_guard lock(mutex_);
      if (!failure_ && queue_.size() < options_.most_waiting) {
        queue_.push_back({std::move(item), std::move(stored)});
        ++appended_;
        work_.notify_one();
        return;
      }
    }
    refuse(stored);
  }
  // Counts something that cannot be appended at all, and says so.
  void refuse(const Stored& stored) {
    {
      const std::lock_guard lock(mutex_);
      ++counts_.refused;
    }
    stored(false);
  }
  // Returns when everything appended before has been called back.
  void flush() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&, until = appended_] { return called_back_ >= until; });
  }
  // Why nothing is acknowledged any more; nothing as long as all is well.
  std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  GroupCommitCounts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  explicit GroupCommit(Options options) : options_(std::move(options)) {}

  // Waits for items; true if it is time to publish.
  bool wait(std::unique_lock<std::mutex>& lock) {
    const auto something = [&] { return closing_ || !queue_.empty(); };
    if (!options_.behind || failure_ || !options_.behind()) {
      work_.wait(lock, something);
      return false;
    }
    return !work_.wait_until(lock, due_, something) || std::chrono::steady_clock::now() >= due_;
  }

  void run() {
    std::vector<Waiting> group;
    std::unique_lock lock(mutex_);
    for (;;) {
      if (wait(lock)) {
        lock.unlock();
        options_.publish();
        lock.lock();
        due_ = std::chrono::steady_clock::now() + options_.every;
        continue;
      }
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < options_.most_at_once) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      commit(group, lock);
      called_back_ += group.size();
      group = std::vector<Waiting>();  // its memory, too: short texts lie in it
      idle_.notify_all();
    }
  }

  void commit(std::vector<Waiting>& group, std::unique_lock<std::mutex>& lock) {
    bool good = !failure_;
    lock.unlock();
    std::optional<Error> failure;
    if (good) {
      auto done = options_.commit(group);
      good = done.has_value();
      if (!good && (!options_.broken || options_.broken())) {
        failure = in_context(std::move(done).error(), options_.what + " can no longer be written").value();
      }
    }
    // Counted before they are called back: who has been called back finds himself counted.
    std::uint64_t durable = 0;
    for (Waiting& waiting : group) {
      waiting.durable = waiting.durable && good;
      durable += waiting.durable ? 1 : 0;
    }
    lock.lock();
    if (failure) failure_ = std::move(failure);
    counts_.stored += durable;
    counts_.refused += group.size() - durable;
    counts_.groups += good ? 1 : 0;
    lock.unlock();
    for (Waiting& waiting : group) waiting.stored(waiting.durable);
    scrub_stack();
    lock.lock();
  }

  const Options options_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable work_, idle_;
  std::deque<Waiting> queue_;
  std::uint64_t appended_ = 0;     // into the queue, ever
  std::uint64_t called_back_ = 0;  // of these
  bool closing_ = false;
  std::optional<Error> failure_;
  GroupCommitCounts counts_;
  std::chrono::steady_clock::time_point due_ = std::chrono::steady_clock::now();  // the thread's
  std::thread thread_;
};

}  // namespace freehold
