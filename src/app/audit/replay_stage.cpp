#include "app/audit/replay_stage.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>

#include "app/interrupt.h"
#include "app/serve/batches.h"
#include "app/serve/collected.h"
#include "app/serve/pulls.h"
#include "app/serve/routes.h"
#include "app/serve/site.h"
#include "app/serve/tuning_jobs.h"
#include "app/veil/recorded.h"
#include "audit/note.h"

namespace freehold::app {
namespace {

std::uint64_t number_of(const Members& entry, std::string_view name) {
  const std::string text = member_of(entry, name);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "2027-01-31T12:00:00" as a template reads it; nothing if it is no time.
std::optional<std::tm> civil_of(const std::string& text) {
  const auto seconds = audit::utc_from_text(text + "Z");
  if (!seconds) return std::nullopt;
  const std::time_t moment = *seconds;
  std::tm out{};
  ::gmtime_r(&moment, &out);
  return out;
}

// What a request has come to; shared by the exchange and by who catches its entry.
struct Outcome {
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::string entry, refusal;
  std::vector<std::string> answers;
  bool done = false;
};

// An exchange without a client: what is sent goes nowhere.
class Unheard final : public http::Exchange {
 public:
  Unheard(http::Request request, std::shared_ptr<Outcome> outcome)
      : request_(std::move(request)), outcome_(std::move(outcome)) {}

  const http::Request& request() const override { return request_; }
  // The entry of an answer is there before its last byte; what is refused has none.
  void respond(http::Response response) override {
    const std::lock_guard lock(outcome_->mutex);
    if (response.status < 400) return;
    if (outcome_->entry.empty()) outcome_->refusal = std::move(response.body);
    outcome_->done = true;
    outcome_->changed.notify_all();
  }
  void start(http::Response) override {}
  bool send(std::string) override { return true; }
  void finish() override {}
  void abort() override {}
  void on_gone(std::function<void()> callback) override {
    const std::lock_guard lock(mutex_);
    on_gone_ = std::move(callback);
  }
  void leave() {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      callback = std::exchange(on_gone_, nullptr);
    }
    if (callback) callback();
  }

 private:
  const http::Request request_;
  const std::shared_ptr<Outcome> outcome_;
  std::mutex mutex_;  // guards what follows
  std::function<void()> on_gone_;
};

// An answer that goes on from an earlier one finds it where the server kept it.
void go_on_from(const Asked& asked, const std::string& tenant, Site& site) {
  const auto part = [&](std::string_view name) {
    for (const auto& [called, value] : asked.earlier) {
      if (called == name) return value;
    }
    return std::string();
  };
  const std::string id = part("earlier-id");
  if (id.empty()) return;
  ResponseStore& store = part("earlier-store") == "threads" ? site.threads() : site.responses();
  store.put(tenant, {id, part("earlier-response"), part("earlier-items"), part("earlier-conversation"), {}});
}

}  // namespace

struct ReplayStage::State {
  std::mutex mutex;                  // guards what follows
  std::shared_ptr<Outcome> playing;  // of the request under way
  std::uint64_t seed = 0;
  std::optional<std::tm> clock;
  Site::Ways ways;
  std::unique_ptr<Site> site;  // last: its threads use all of the above

  std::shared_ptr<Outcome> outcome() {
    const std::lock_guard lock(mutex);
    return playing;
  }
  std::tm civil() {
    {
      const std::lock_guard lock(mutex);
      if (clock) return *clock;
    }
    const std::time_t now = std::time(nullptr);
    std::tm out{};
    ::localtime_r(&now, &out);
    return out;
  }
  // What would go into the audit log.
  std::unique_ptr<AuditTrail> trail() {
    auto keep = [this](const audit::RequestEntry& entry, Said said, const AuditTrail::Then& then) {
      const auto to = outcome();
      {
        const std::lock_guard lock(to->mutex);
        to->answers = std::move(said.answers);
        to->entry = audit::entry_of(entry);
        to->done = true;
        to->changed.notify_all();
      }
      then(entry, true);
    };
    return std::make_unique<AuditTrail>([](const std::string&, const Stored& stored) { stored(true); },
                                        std::move(keep));
  }
};

ReplayStage::ReplayStage(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReplayStage::~ReplayStage() = default;

std::string StageSetup::key() const {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", pinned.reference, pinned.attached,
                     pinned.by_hand ? pinned.by_hand->id.name() : "", name, tenant, context, kv_cache);
}

Result<StageSetup> setup_of(const ReplayOptions& options, const Members& entry) {
  StageSetup out;
  FH_TRY(out.pinned, find_pinned(options.home, entry, options.model));
  const std::string tenant = member_of(entry, "key");
  // A name that was made from a model, with prompts and parameters of its own, leads to that one.
  MadeModels made;
  FH_TRY_VOID(made.open(options.home));
  out.name = member_of(entry, "model");
  if (const auto own = made.find(tenant, out.name)) out.name = own->base;
  if (out.pinned.by_hand) out.tenant = tenant;
  out.context = static_cast<std::uint32_t>(number_of(entry, "context"));
  out.kv_cache = member_of(entry, "kv_cache");
  return out;
}

Result<std::unique_ptr<ReplayStage>> ReplayStage::open(const ReplayOptions& options, const StageSetup& setup) {
  auto state = std::make_unique<State>();
  State& s = *state;
  const PinnedModel& pinned = setup.pinned;
  const bool on_top = !pinned.attached.empty() || pinned.by_hand;
  Models::Options models;
  models.home = options.home;
  models.given = {{on_top ? "replayed" : setup.name, pinned.reference}};
  models.context = setup.context;
  models.cache = model::kv_choice_from_name(setup.kv_cache).value_or(model::KvChoice::automatic);
  models.threads = options.threads;
  models.limit = options.limit;
  models.report = options.report;
  models.keep_alive = ModelPool::kForever;
  models.civil_time = [&s] { return s.civil(); };
  FH_TRY(auto pool, Models::create(std::move(models)));
  s.site = std::make_unique<Site>(std::move(pool), Accounts(options.home, {}, {}, {}, s.trail()));
  FH_TRY_VOID(s.site->made().open(options.home));
  s.site->waits = true;
  s.site->draw_seeds([&s] {
    const std::lock_guard lock(s.mutex);
    return s.seed;
  });
  s.site->treat_as([&s] {
    const std::lock_guard lock(s.mutex);
    return s.ways;
  });
  s.site->vault = options.vault ? options.vault() : nullptr;
  FH_TRY_VOID(s.site->pool().load_given());
  if (!pinned.attached.empty()) FH_TRY_VOID(s.site->pool().attach(setup.name, "replayed", pinned.attached));
  if (pinned.by_hand) {
    FH_TRY(const FactsPtr base, s.site->pool().facts("replayed"));
    s.site->pool().offer_tuned({setup.name, setup.tenant, "replayed", base->key, *pinned.by_hand});
  }
  return std::unique_ptr<ReplayStage>(new ReplayStage(std::move(state)));
}

Result<ReplayStage::Played> ReplayStage::play(const Members& entry, const Asked& asked) {
  http::Request request = own_request(asked.address.empty() ? member_of(entry, "endpoint") : asked.address, asked.body,
                                      member_of(entry, "key"));
  request.id = member_of(entry, "id");
  go_on_from(asked, member_of(entry, "key"), *state_->site);
  const auto outcome = std::make_shared<Outcome>();
  {
    const std::lock_guard lock(state_->mutex);
    state_->playing = outcome;
    state_->seed = number_of(entry, "seed");
    state_->clock = civil_of(member_of(entry, "clock"));
    state_->ways = {
        recorded_treatments(entry, guard::Way::request), recorded_treatments(entry, guard::Way::answer), {}};
  }
  const auto exchange = std::make_shared<Unheard>(std::move(request), outcome);
  handle(*state_->site, exchange);
  std::unique_lock lock(outcome->mutex);
  while (!outcome->changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return outcome->done; })) {
    if (!interrupted()) continue;
    lock.unlock();
    exchange->leave();
    return fail(Errc::cancelled, "interrupted");
  }
  return Played{outcome->entry, outcome->refusal, outcome->answers};
}

}  // namespace freehold::app
