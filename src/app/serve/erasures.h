// Who has been erased while the server runs: what somebody asked before that is not kept when its answer comes.
#pragma once

#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "app/erase/order.h"

namespace freehold::app {

// Any thread.
class Erasures {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // When it returns, nobody is writing any more what was asked before.
  void note(ErasureOrder order, Time now = std::chrono::steady_clock::now());
  // Of an order that ended with nothing gone.
  void forget(const std::string& id);
  // Whether this subject of a key's has been erased since; of what is for nobody in particular the subject is empty.
  bool since(Time asked, std::string_view key, std::string_view subject) const;
  // What has been asked for since then.
  std::vector<ErasureOrder> orders_since(Time asked) const;
  // Held from asking `since` until what it let pass is written.
  std::shared_lock<std::shared_mutex> writing() const { return std::shared_lock(writing_); }

 private:
  mutable std::shared_mutex writing_;  // taken before `mutex_`
  mutable std::mutex mutex_;           // guards what follows
  std::vector<std::pair<Time, ErasureOrder>> noted_;
};

}  // namespace freehold::app
