// The policy's retention applied by a server: when it starts, and once a day from then on. A thread of its own that
// pauses all the time, so that answers never wait for it; nothing is started if the policy keeps everything.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "app/serve/site.h"

namespace freehold::app {

class RetentionKeeper {
 public:
  // The site is the caller's, and has begun to answer.
  RetentionKeeper(Site& site, std::filesystem::path home);
  ~RetentionKeeper();  // what runs ends as it is, and goes on at the next start
  RetentionKeeper(const RetentionKeeper&) = delete;
  RetentionKeeper& operator=(const RetentionKeeper&) = delete;

 private:
  void run();
  void apply();
  // Every so often sleeps for a moment. False: the server stops.
  bool rest();

  Site& site_;
  const std::filesystem::path home_;
  std::uint64_t looked_at_ = 0;  // things; the thread's alone
  std::mutex mutex_;             // guards what follows
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace freehold::app
