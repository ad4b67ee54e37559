#include "app/serve/model_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "app/progress.h"
#include "base/utf8.h"

namespace freehold::app {

namespace {

using Nanoseconds = ModelPool::Nanoseconds;

struct Waiter {
  ModelPool::Ticket ticket;
  ModelPool::Then then;
};

// One model, from the moment it is asked for to the moment its memory is free again.
struct Entry {
  ModelPool::Wanted wanted;
  enum class Stage { waiting, loading, ready, leaving } stage = Stage::waiting;
  std::unique_ptr<PooledModel> model;
  std::vector<Waiter> waiters;
  std::size_t leases = 0;
  Nanoseconds keep_alive{};
  Nanoseconds since{};     // asked for (waiting), or not used any more (ready)
  std::uint64_t used = 0;  // number of its last use: orders uses that the clock does not tell apart

  bool idle() const { return stage == Stage::ready && leases == 0; }
  bool takes_room() const { return stage != Stage::waiting; }
  // If it is not used again.
  Nanoseconds expires(Nanoseconds now) const {
    const Nanoseconds from = leases > 0 ? now : since;
    return keep_alive >= ModelPool::kForever - from ? ModelPool::kForever : from + keep_alive;
  }
};
using EntryPtr = std::shared_ptr<Entry>;

}  // namespace

struct ModelPool::Core {
  explicit Core(Options o) : options(std::move(o)) {
    if (!options.clock) options.clock = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
  }

  Options options;
  mutable std::mutex mutex;  // guards what follows, up to `thread`; entries too, but for a model that is being made
  std::condition_variable changed;
  std::list<EntryPtr> entries;  // in the order in which they were asked for
  Counters counters;
  Ticket next_ticket = 1;
  std::uint64_t uses = 0;
  bool closing = false;
  std::uint64_t changes = 0;
  std::thread thread;

  // One that can be asked for: not one that is leaving.
  EntryPtr find(const std::string& key) const {
    for (const EntryPtr& e : entries) {
      if (e->wanted.key == key && e->stage != Entry::Stage::leaving) return e;
    }
    return nullptr;
  }

  void wake() {
    ++changes;
    changed.notify_all();
  }

  std::uint64_t free_bytes() const {
    std::uint64_t taken = 0;
    for (const EntryPtr& e : entries) taken += e->takes_room() ? e->wanted.bytes : 0;
    return options.limit - std::min(options.limit, taken);
  }

  // The idle models that would have to go for so many bytes, the least recently used first; nothing if they are not
  // enough.
  std::optional<std::vector<EntryPtr>> room_for(std::uint64_t bytes) const {
    std::uint64_t room = free_bytes();
    // What is on its way out comes by itself.
    std::vector<EntryPtr> idle, out;
    for (const EntryPtr& e : entries) {
      if (e->idle()) idle.push_back(e);
    }
    std::sort(idle.begin(), idle.end(), [](const EntryPtr& a, const EntryPtr& b) { return a->used < b->used; });
    for (const EntryPtr& e : idle) {
      if (room >= bytes) break;
      room += e->wanted.bytes;
      out.push_back(e);
    }
    if (room < bytes) return std::nullopt;
    return out;
  }

  std::vector<EntryPtr> take_expired() const {
    const Nanoseconds now = options.clock();
    std::vector<EntryPtr> out;
    for (const EntryPtr& e : entries) {
      if (e->idle() && e->waiters.empty() && e->expires(now) <= now) out.push_back(e);
    }
    return out;
  }

  // Locked before and after; not while they are destroyed.
  void unload(std::unique_lock<std::mutex>& lock, const std::vector<EntryPtr>& going, const char* why) {
    for (const EntryPtr& e : going) e->stage = Entry::Stage::leaving;
    for (const EntryPtr& e : going) {
      std::unique_ptr<PooledModel> model = std::move(e->model);
      lock.unlock();
      model.reset();
      if (options.report) options.report(fmt::format("unloaded {}: {}", printable(e->wanted.name), why));
      lock.lock();
      ++counters.unloads;
      entries.remove(e);
    }
    wake();
  }

  // `is_use`: not only to look at it.
  Lease lease(const std::shared_ptr<Core>& self, const EntryPtr& entry, bool is_use = true) {
    ++entry->leases;
    if (is_use) entry->used = ++uses;
    struct Hold {
      std::shared_ptr<Core> core;
      EntryPtr entry;
      bool is_use;
      Hold(std::shared_ptr<Core> c, EntryPtr e, bool u) : core(std::move(c)), entry(std::move(e)), is_use(u) {}
      Hold(const Hold&) = delete;
      Hold& operator=(const Hold&) = delete;
      ~Hold() { core->let_go(*entry, is_use); }
    };
    PooledModel* model = entry->model.get();
    return {std::make_shared<Hold>(self, entry, is_use), model};
  }

  void let_go(Entry& entry, bool is_use) {
    const std::lock_guard lock(mutex);
    if (is_use) {
      entry.used = ++uses;
      entry.since = options.clock();
    }
    if (--entry.leases == 0) wake();
  }

  // Calls them without the lock.
  static void fail_all(std::unique_lock<std::mutex>& lock, std::vector<Waiter> waiters, const Error& error) {
    lock.unlock();
    for (Waiter& w : waiters) w.then(tl::unexpected(error));
    waiters.clear();
    lock.lock();
  }

  Error never_fits(const Wanted& wanted) const {
    return {Errc::exhausted,
            fmt::format("model '{}' needs {} ({}), and models may take {} together: serve it with a shorter --context, "
                        "fewer --sequences or a larger --memory-limit, or quantise it to a smaller type",
                        printable(wanted.name), human_bytes(wanted.bytes), wanted.parts, human_bytes(options.limit))};
  }

  void load(const std::shared_ptr<Core>& self, std::unique_lock<std::mutex>& lock, const EntryPtr& entry) {
    entry->stage = Entry::Stage::loading;
    lock.unlock();
    const Nanoseconds began = options.clock();
    auto made = entry->wanted.load();
    const Nanoseconds took = options.clock() - began;
    if (options.report) {
      const std::string name = printable(entry->wanted.name);
      options.report(made ? fmt::format("loaded {} in {:.1f} s, {}", name, std::chrono::duration<double>(took).count(),
                                        human_bytes(entry->wanted.bytes))
                          : fmt::format("could not load {}: {}", name, made.error().what));
    }
    lock.lock();
    std::vector<Waiter> waiters = std::move(entry->waiters);
    entry->waiters.clear();
    counters.load_time += took;
    if (!made) {
      ++counters.failures;
      entries.remove(entry);
      wake();
      return fail_all(lock, std::move(waiters), made.error());
    }
    ++counters.loads;
    entry->model = std::move(*made);
    entry->stage = Entry::Stage::ready;
    entry->since = options.clock();
    entry->used = ++uses;
    std::vector<Lease> leases;
    leases.reserve(waiters.size());
    for (std::size_t i = 0; i < waiters.size(); ++i) leases.push_back(lease(self, entry));
    wake();
    lock.unlock();
    for (std::size_t i = 0; i < waiters.size(); ++i) waiters[i].then(std::move(leases[i]));
    leases.clear();
    waiters.clear();
    lock.lock();
  }

  // One piece of work that is due.
  bool step(const std::shared_ptr<Core>& self, std::unique_lock<std::mutex>& lock) {
    if (const auto expired = take_expired(); !expired.empty()) {
      unload(lock, expired, "it was not used any more");
      return true;
    }
    const Nanoseconds now = options.clock();
    for (const EntryPtr& entry : entries) {
      if (entry->stage != Entry::Stage::waiting) continue;
      const EntryPtr held = entry;
      if (held->waiters.empty()) {  // all have left
        entries.remove(held);
        return true;
      }
      if (const auto going = room_for(held->wanted.bytes)) {
        if (!going->empty()) {
          unload(lock, *going, "another needs its room");
          return true;  // what is free now is looked at again
        }
        load(self, lock, held);
        return true;
      }
      if (now - held->since >= options.patience) {
        std::vector<Waiter> waiters = std::move(held->waiters);
        entries.remove(held);
        fail_all(
            lock, std::move(waiters),
            {Errc::exhausted, fmt::format("busy: model '{}' needs {}, and every model that would have to make room "
                                          "is in use",
                                          printable(held->wanted.name), human_bytes(held->wanted.bytes))});
        return true;
      }
    }
    return false;
  }

  // When something is due next that no call announces.
  Nanoseconds next_due() const {
    const Nanoseconds now = options.clock();
    Nanoseconds due = kForever;
    for (const EntryPtr& e : entries) {
      if (e->idle()) due = std::min(due, e->expires(now));
      if (e->stage == Entry::Stage::waiting) due = std::min(due, e->since + options.patience);
    }
    return due == kForever ? kForever : due - now;
  }

  void run(const std::shared_ptr<Core>& self) {
    std::unique_lock lock(mutex);
    while (!closing) {
      const std::uint64_t seen = changes;
      if (step(self, lock)) continue;
      const auto woken = [&] { return closing || changes != seen; };
      // A wait for "for ever" overflows.
      const Nanoseconds most = std::min(next_due(), Nanoseconds(std::chrono::hours(1)));
      changed.wait_for(lock, std::max(most, Nanoseconds(std::chrono::milliseconds(1))), woken);
    }
  }
};

ModelPool::ModelPool(Options options) : core_(std::make_shared<Core>(std::move(options))) {
  if (!core_->options.own_thread) return;
  core_->thread = std::thread([core = core_.get(), weak = std::weak_ptr<Core>(core_)] { core->run(weak.lock()); });
}

ModelPool::~ModelPool() {
  Core& core = *core_;
  {
    const std::lock_guard lock(core.mutex);
    core.closing = true;
    core.wake();
  }
  if (core.thread.joinable()) core.thread.join();
  std::unique_lock lock(core.mutex);
  std::vector<EntryPtr> all(core.entries.begin(), core.entries.end());
  core.entries.clear();
  for (const EntryPtr& e : all) {
    std::unique_ptr<PooledModel> model = std::move(e->model);
    e->stage = Entry::Stage::leaving;
    Core::fail_all(lock, std::exchange(e->waiters, {}), {Errc::cancelled, "the server is stopping"});
    lock.unlock();
    model.reset();
    lock.lock();
  }
}

ModelPool::Lease ModelPool::find(const std::string& key) {
  const std::lock_guard lock(core_->mutex);
  const EntryPtr entry = core_->find(key);
  return entry != nullptr && entry->stage == Entry::Stage::ready ? core_->lease(core_, entry) : nullptr;
}

bool ModelPool::has(const std::string& key) const {
  const std::lock_guard lock(core_->mutex);
  const EntryPtr entry = core_->find(key);
  return entry != nullptr && entry->stage == Entry::Stage::ready;
}

ModelPool::Ticket ModelPool::acquire(Wanted wanted, Then then) {
  Lease lease;
  std::optional<Error> error;
  {
    const std::lock_guard lock(core_->mutex);
    EntryPtr entry = core_->find(wanted.key);
    if (entry != nullptr && entry->stage == Entry::Stage::ready) {
      lease = core_->lease(core_, entry);
    } else if (core_->closing) {
      error = Error{Errc::cancelled, "the server is stopping"};
    } else if (wanted.bytes > core_->options.limit) {
      error = core_->never_fits(wanted);
    } else {
      if (entry == nullptr) {
        entry = std::make_shared<Entry>();
        entry->keep_alive = wanted.keep_alive;
        entry->since = core_->options.clock();
        entry->wanted = std::move(wanted);
        core_->entries.push_back(entry);
      }
      const Ticket ticket = core_->next_ticket++;
      entry->waiters.push_back({ticket, std::move(then)});
      core_->wake();
      return ticket;
    }
  }
  if (error) {
    then(tl::unexpected(std::move(*error)));
  } else {
    then(std::move(lease));
  }
  return 0;
}

void ModelPool::cancel(Ticket ticket) {
  Then gone;  // may hold what calls back when it is destroyed
  const std::lock_guard lock(core_->mutex);
  for (const EntryPtr& e : core_->entries) {
    for (Waiter& w : e->waiters) {
      if (w.ticket != ticket) continue;
      gone = std::move(w.then);
      if (&w != &e->waiters.back()) w = std::move(e->waiters.back());
      e->waiters.pop_back();
      core_->wake();
      return;
    }
  }
}

void ModelPool::keep_alive(const std::string& key, Nanoseconds how_long) {
  const std::lock_guard lock(core_->mutex);
  const EntryPtr entry = core_->find(key);
  if (entry == nullptr) return;
  entry->keep_alive = how_long;
  core_->wake();
}

bool ModelPool::resize(const std::string& key, std::int64_t bytes) {
  const std::lock_guard lock(core_->mutex);
  const EntryPtr entry = core_->find(key);
  if (entry == nullptr || entry->stage != Entry::Stage::ready) return false;
  if (bytes > 0 && static_cast<std::uint64_t>(bytes) > core_->free_bytes()) return false;
  entry->wanted.bytes += static_cast<std::uint64_t>(bytes);
  if (bytes < 0) core_->wake();
  return true;
}

void ModelPool::unload(const std::string& key) {
  unload_unless([&](const std::string& other) { return other != key; });
}

void ModelPool::unload_unless(const std::function<bool(const std::string&)>& stays) {
  const std::lock_guard lock(core_->mutex);
  for (const EntryPtr& e : core_->entries) {
    if (e->stage == Entry::Stage::ready && !stays(e->wanted.key)) e->keep_alive = Nanoseconds(0);
  }
  core_->wake();
}

std::vector<ModelPool::Status> ModelPool::status(bool with_leases) {
  const std::lock_guard lock(core_->mutex);
  std::vector<EntryPtr> entries;
  for (const EntryPtr& e : core_->entries) {
    if (e->stage != Entry::Stage::leaving) entries.push_back(e);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const EntryPtr& a, const EntryPtr& b) { return a->used > b->used; });
  const Nanoseconds now = core_->options.clock();
  std::vector<Status> out;
  for (const EntryPtr& e : entries) {
    Status s{e->wanted.key, e->wanted.name, e->wanted.bytes, State::ready, e->leases, e->expires(now), nullptr};
    if (with_leases && e->stage == Entry::Stage::ready) s.lease = core_->lease(core_, e, false);
    if (e->stage == Entry::Stage::waiting) s.state = State::waiting;
    if (e->stage == Entry::Stage::loading) s.state = State::loading;
    out.push_back(std::move(s));
  }
  return out;
}

Nanoseconds ModelPool::now() const {
  return core_->options.clock();
}

ModelPool::Counters ModelPool::counters() const {
  const std::lock_guard lock(core_->mutex);
  Counters c = core_->counters;
  for (const EntryPtr& e : core_->entries) c.bytes += e->takes_room() ? e->wanted.bytes : 0;
  return c;
}

std::uint64_t ModelPool::limit() const {
  return core_->options.limit;
}

bool ModelPool::step() {
  std::unique_lock lock(core_->mutex);
  return core_->step(core_, lock);
}

}  // namespace freehold::app
