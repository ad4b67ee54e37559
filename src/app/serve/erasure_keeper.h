// Does in a server what `guard erase` asks of it (app/erase/order.h): a thread of its own, which looks several times a
// second.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/erase/order.h"
#include "app/serve/site.h"

namespace freehold::app {

class ErasureKeeper {
 public:
  // The site is the caller's, and has begun to answer.
  ErasureKeeper(Site& site, std::filesystem::path home, ServerSign sign);
  ~ErasureKeeper();
  ErasureKeeper(const ErasureKeeper&) = delete;
  ErasureKeeper& operator=(const ErasureKeeper&) = delete;

 private:
  // What models keep of prompts, once requests that were under way are over.
  struct Rest {
    std::optional<std::vector<std::string>> keys;  // nothing: any
    std::vector<std::string> requests;             // still under way
  };
  void run();
  Erased erase(const ErasureOrder& order);
  // What is stored goes, unless a hold is on any of it, which `erased` says then, or the order only asks for that.
  Result<> look_and_erase(const ErasureOrder& order, Erased& erased);
  void forget_prompts(const std::optional<std::vector<std::string>>& keys);
  void forget_the_rest();

  Site& site_;
  const std::filesystem::path home_;
  const ServerSign sign_;
  std::vector<Rest> rest_;  // the thread's alone
  std::mutex mutex_;        // guards what follows
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace freehold::app
