#include "app/serve/batches.h"

#include <fmt/format.h>

#include <chrono>

#include "app/serve/batch_run.h"
#include "base/scrub.h"

namespace freehold::app {

Batches::Batches(Options options, Handler handler) : options_(std::move(options)), handler_(std::move(handler)) {
  if (!options_.clock) {
    options_.clock = [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); };
  }
}

Batches::~Batches() {
  stop();
}

void Batches::resume() {
  if (!FileStore::exists(options_.home)) return;
  if (auto opened = store(); !opened && options_.report) options_.report("note: " + opened.error().what);
}

Result<FileStore*> Batches::store() {
  const std::lock_guard lock(mutex_);
  if (!store_) {
    FH_TRY(store_, FileStore::open(options_.home, options_.clock, options_.quota, options_.holds));
    if (!stopping_) thread_ = std::thread([this] { work(); });
  }
  return store_.get();
}

void Batches::wake() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  changed_.notify_all();
}

bool Batches::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Batches::pause(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return stopping_ || changes_ != seen_; });
  seen_ = changes_;
}

void Batches::stop() {
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void Batches::work() {
  constexpr std::chrono::seconds kIdle{60}, kTrouble{10};
  std::string reported;
  while (!stopping()) {
    const auto step = [&]() -> Result<bool> {
      FH_TRY_VOID(store_->expire());
      FH_TRY(auto record, store_->next_batch());
      if (!record) return false;
      BatchRun run(*this, *store_, std::move(*record));
      FH_TRY_VOID(run.run());
      return true;
    };
    const auto worked = step();
    scrub_stack();
    if (worked) {
      reported.clear();
      if (!*worked) pause(kIdle);
      continue;
    }
    if (options_.report && worked.error().what != reported) {
      options_.report(fmt::format("batches: {}; it is tried again every {} s", worked.error().what, kTrouble.count()));
    }
    reported = worked.error().what;
    pause(kTrouble);
  }
}

}  // namespace freehold::app
