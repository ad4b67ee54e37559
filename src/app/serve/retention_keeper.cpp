#include "app/serve/retention_keeper.h"

#include <fmt/format.h>

#include <chrono>

#include "app/audit/act.h"
#include "app/retain/retain.h"
#include "app/serve/batches.h"
#include "app/serve/tuning_jobs.h"
#include "base/scrub.h"
#include "guard/keys.h"

namespace freehold::app {
namespace {

constexpr std::chrono::hours kRetentionPause{24};
constexpr std::uint64_t kThingsAtOnce = 256;
constexpr std::chrono::milliseconds kBreath{1};

// Stored responses and threads are in this process only.
void retain_responses(ResponseStore& store, RetentionJudge& judge, bool dry) {
  store.expire([&](const std::string& tenant, const std::string& label, std::int64_t since) {
    const KeptThing thing{.place = "responses", .label = label, .since = since, .key = tenant};
    const auto fate = judge.judge(thing);
    if (!fate || *fate == guard::Fate::keep) return false;
    judge.gone(thing, guard::Fate::remove);
    return !dry;
  });
}

}  // namespace

RetentionKeeper::RetentionKeeper(Site& site, std::filesystem::path home) : site_(site), home_(std::move(home)) {
  if (!site_.permissions().policy().retention.keeps_all()) thread_ = std::thread([this] { run(); });
}

RetentionKeeper::~RetentionKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RetentionKeeper::run() {
  while (true) {
    apply();
    scrub_stack();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kRetentionPause, [this] { return stop_; })) return;
  }
}

bool RetentionKeeper::rest() {
  std::unique_lock lock(mutex_);
  if (++looked_at_ % kThingsAtOnce == 0) wake_.wait_for(lock, kBreath, [this] { return stop_; });
  return !stop_;
}

void RetentionKeeper::apply() {
  const auto say = [&](const std::string& what) {
    if (site_.warn) site_.warn("note: retention: " + what);
  };
  const Permissions& permissions = site_.permissions();
  RetainOptions options{
      .home = home_, .policy = &permissions.policy(), .holds = permissions.holds(), .now = guard::wall_seconds()};
  options.in_server = true;
  options.begins = [this]() -> Result<> {
    if (site_.trail() == nullptr) return {};
    return site_.trail()->act_kept(local_user(), "guard.retention.begin", {});
  };
  options.go_on = [this] { return rest(); };
  options.more = [this](RetentionJudge& judge, bool dry) {
    retain_responses(site_.responses(), judge, dry);
    retain_responses(site_.threads(), judge, dry);
  };
  // Another server may hold them: then it is that one's task.
  if (site_.batches && FileStore::exists(home_)) options.files = site_.batches->store().value_or(nullptr);
  if (site_.jobs && JobStore::exists(home_)) options.jobs = site_.jobs->store().value_or(nullptr);
  const auto report = retain(options);
  if (!report) return say(report.error().what);
  if (!report->clock.empty()) say("nothing was deleted: " + report->clock);
  if (report->failure) say(report->failure->what);
  if (site_.trail() != nullptr) site_.trail()->act(local_user(), "guard.retain", {}, retain_details(*report));
}

}  // namespace freehold::app
