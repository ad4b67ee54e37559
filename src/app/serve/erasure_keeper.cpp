#include "app/serve/erasure_keeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/erase/left_behind.h"
#include "app/serve/batches.h"
#include "app/serve/tuning_jobs.h"
#include "audit/kept_files.h"
#include "base/scrub.h"

namespace freehold::app {
namespace {

constexpr std::chrono::milliseconds kErasureLook{100};

// A store that another process holds is that one's to look through; one that is damaged is an error.
template <typename Store>
Result<Store*> unless_elsewhere(Result<Store*> store) {
  if (store) return store;
  if (store.error().code == Errc::io) return static_cast<Store*>(nullptr);
  return tl::unexpected(std::move(store).error());
}

}  // namespace

ErasureKeeper::ErasureKeeper(Site& site, std::filesystem::path home, ServerSign sign)
    : site_(site), home_(std::move(home)), sign_(std::move(sign)), thread_([this] { run(); }) {}

ErasureKeeper::~ErasureKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ErasureKeeper::run() {
  while (true) {
    for (const ErasureOrder& order : open_orders(home_, sign_.name())) {
      const Erased erased = erase(order);
      if (auto told = answer_order(home_, sign_.name(), order, erased); !told && site_.warn) {
        site_.warn("note: erasure: " + told.error().what);
      }
    }
    forget_the_rest();
    scrub_stack();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kErasureLook, [this] { return stop_; })) return;
  }
}

Erased ErasureKeeper::erase(const ErasureOrder& order) {
  Erased erased;
  if (order.only_look) {
    if (auto looked = look_and_erase(order, erased); !looked) erased.failed = std::move(looked).error().what;
    return erased;
  }
  // What was asked before is not kept from here on, also of lines of batches that are read meanwhile.
  site_.erasures().note(order);
  auto done = look_and_erase(order, erased);
  if (!done) erased.failed = std::move(done).error().what;
  if (!erased.held_by.empty()) {
    site_.erasures().forget(order.id);
    return erased;
  }
  if (site_.keeps_content()) {
    // Who has found a key already writes to its end before anybody destroys it.
    if (auto alone = audit::Unused::shut_out(home_); !alone && erased.failed.empty()) {
      erased.failed = std::move(alone).error().what;
    }
  }
  site_.erasures().note(order);  // again: a batch may have opened its file before its lines were overwritten
  rest_.push_back({order.keys(), site_.running().ids()});
  forget_prompts(rest_.back().keys);
  return erased;
}

Result<> ErasureKeeper::look_and_erase(const ErasureOrder& order, Erased& erased) {
  // Who waits for the answer sees to it that they stand still: a lock of our own might wait for who waits for him.
  FH_TRY(const auto holds, site_.permissions().holds_now());
  const std::string lowest(site_.permissions().policy().lowest());
  StoresOfKeys stores{.made = &site_.made(), .blobs = &site_.blobs()};
  // Another server may hold them: then it is that one's task.
  if (site_.batches && FileStore::exists(home_)) {
    FH_TRY(stores.files, unless_elsewhere(site_.batches->store()));
  }
  if (site_.jobs && JobStore::exists(home_)) {
    FH_TRY(stores.jobs, unless_elsewhere(site_.jobs->store()));
  }
  stores.wake = [this] {
    if (site_.batches) site_.batches->wake();
    if (site_.jobs) site_.jobs->wake();
  };
  stores.withdraw = [this](const std::string& model) { site_.pool().withdraw_tuned(model); };
  const guard::Hold* held = nullptr;
  const auto is_held = [&](const std::string& tenant, const std::string& label) {
    if (held == nullptr) held = guard::hold_on(holds, {label.empty() ? lowest : label, tenant, ""});
    return held != nullptr;
  };
  if (site_.responses().any(order, is_held) || site_.threads().any(order, is_held)) {
    say_held(*held, erased);
    return {};
  }
  FH_TRY(const auto left, left_by_keys(stores));
  FH_TRY(const auto hold, hold_on_left_behind(stores, order, left, holds, lowest));
  if (hold) {
    say_held(*hold, erased);
    return {};
  }
  if (order.only_look) return {};
  for (ResponseStore* store : {&site_.responses(), &site_.threads()}) {
    for (const auto& [tenant, request] : store->erase(order, erased.responses)) site_.running().cancel(request, tenant);
  }
  return erase_left_behind(stores, order, left, erased);
}

void ErasureKeeper::forget_prompts(const std::optional<std::vector<std::string>>& keys) {
  for (const Models::InMemory& m : site_.pool().in_memory()) {
    if (!keys) m.model->forget_all();
    for (const std::string& key : keys.value_or(std::vector<std::string>())) m.model->forget(key);
  }
}

void ErasureKeeper::forget_the_rest() {
  if (rest_.empty()) return;
  const std::vector<std::string> running = site_.running().ids();
  std::erase_if(rest_, [&](Rest& rest) {
    const std::size_t before = rest.requests.size();
    std::erase_if(rest.requests, [&](const std::string& id) {
      return std::find(running.begin(), running.end(), id) == running.end();
    });
    if (rest.requests.size() < before) forget_prompts(rest.keys);
    return rest.requests.empty();
  });
}

}  // namespace freehold::app
