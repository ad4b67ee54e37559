// Which models are in memory: loads them when they are asked for, unloads those that nobody has used for as long as
// they were to stay, and, when another needs the room, those that nobody has used for longest.
//
// 1. What is in memory or being loaded never takes more than the limit, by the figures of whoever asks for it.
// 2. A model that somebody holds (a Lease) is never unloaded.
// 3. Of one key there is one model: who asks while it is loaded waits for that load. Loads run one after the other.
// 4. Nothing is unloaded for a model that would not fit even so. One that must wait for models in use may be overtaken
//    by one that need not; after `patience` it is refused as busy.
// 5. A load that failed leaves nothing behind: the next to ask tries again.
//
// The pool knows neither models nor files: it is told how to load, and destroys.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::app {

class PooledModel {
 public:
  virtual ~PooledModel() = default;
};

// Any thread may call anything here but the destructor.
class ModelPool {
 public:
  using Nanoseconds = std::chrono::nanoseconds;
  // Of a monotonic clock, since any moment.
  using Clock = std::function<Nanoseconds()>;
  static constexpr Nanoseconds kForever = Nanoseconds::max();

  struct Options {
    std::uint64_t limit = UINT64_MAX;  // bytes of all models together
    Nanoseconds patience = std::chrono::minutes(2);
    Clock clock = {};                                     // empty: the system's
    std::function<void(const std::string&)> report = {};  // what was loaded and unloaded, in one line; may be empty
    bool own_thread = true;                               // false: the owner calls step()
  };

  struct Wanted {
    std::string key;          // tells models apart
    std::string name;         // for messages
    std::uint64_t bytes = 0;  // that it will take
    std::string parts = {};   // what they are: "weights 1.1 GiB, …"
    // Called on the pool's thread, without locks.
    std::function<Result<std::unique_ptr<PooledModel>>()> load = {};
    Nanoseconds keep_alive = kForever;  // after its last use, until somebody says otherwise
  };

  // Whoever has one uses the model; the last to let go of it begins its idle time. A copy is another lease.
  using Lease = std::shared_ptr<PooledModel>;
  // Errors: exhausted ("busy: …", or naming the figures of what can never fit), cancelled (the pool is closing), and
  // those of `load`.
  using Then = std::function<void(Result<Lease>)>;
  using Ticket = std::uint64_t;

  explicit ModelPool(Options options);
  // Destroys every model, also those in use, and fails whoever waits. Leases may be let go of later.
  ~ModelPool();
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  // A model that is in memory, or null.
  Lease find(const std::string& key);
  // Whether it is; asking is no use.
  bool has(const std::string& key) const;
  // Calls `then` once: at once if the model is in memory or can never be, later on the pool's thread otherwise (it must
  // be quick there). The ticket is for cancel().
  Ticket acquire(Wanted wanted, Then then);
  // `then` is not called any more, unless it is being called already. A load that has begun goes on.
  void cancel(Ticket ticket);
  // From the last use on; kForever: until it must make room. Nothing if there is no such model.
  void keep_alive(const std::string& key, Nanoseconds how_long);
  // As soon as nobody uses it; at once for who asks for the key next. Nothing if there is no such model.
  void unload(const std::string& key);
  // A model in memory takes so many bytes more, or less. False: there is no such model, or no room without unloading.
  bool resize(const std::string& key, std::int64_t bytes);
  // Unloads all for whose key `stays` is false.
  void unload_unless(const std::function<bool(const std::string& key)>& stays);

  enum class State { waiting, loading, ready };
  struct Status {
    std::string key, name;
    std::uint64_t bytes = 0;
    State state = State::ready;
    std::size_t leases = 0;
    Nanoseconds expires{};  // by the clock, if it is not used again; kForever: not by itself
    Lease lease;            // of a model in memory, if asked for
  };
  // In the order of their last use, the latest first. `with_leases`: to look at the models, which stay as long as their
  // Status is there; that is no use and prolongs nothing.
  std::vector<Status> status(bool with_leases = false);
  Nanoseconds now() const;

  // Never fall, but for `bytes`.
  struct Counters {
    std::uint64_t loads = 0, failures = 0, unloads = 0;
    Nanoseconds load_time{};  // of all loads
    std::uint64_t bytes = 0;  // of models in memory or being loaded
  };
  Counters counters() const;
  std::uint64_t limit() const;

  // Without a thread of its own: does one piece of work that is due, a load or an unload. False: there is none.
  bool step();

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace freehold::app
