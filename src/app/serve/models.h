// The models that a server offers, by name: given when it was started, or whatever is in the store. They are brought
// into memory when they are asked for (model_pool.h); all share one set of threads, in turns.
//
// Names are looked up at every request, so what is imported, moved or removed meanwhile is seen without a restart. A
// request that runs keeps the model that it began with.
#pragma once

#include <atomic>
#include <chrono>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/serve/model_facts.h"
#include "app/serve/model_pool.h"
#include "app/serve/served_model.h"
#include "base/thread_pool.h"
#include "base/turns.h"
#include "store/store.h"

namespace freehold::app {

// Whoever has one may use the model; it stays in memory as long.
using ModelLease = std::shared_ptr<ServedModel>;

// Any thread may call anything.
class Models {
 public:
  struct Given {
    std::string name;
    std::string reference;  // as for open_model
  };
  struct Options {
    std::vector<Given> given;  // empty: whatever is in the store
    // With `given`: origins of servers; what the store has from these can be asked for as well.
    std::vector<std::string> pulled_from;
    std::filesystem::path home;   // of the store
    std::uint32_t context = 0;    // 0: the model's own, or what fits
    std::uint32_t sequences = 8;  // of each model
    Guessing guessing = {};
    model::KvChoice cache = model::KvChoice::automatic;
    int threads = 1;                   // of all models together
    std::uint64_t limit = UINT64_MAX;  // bytes of memory of all models together
    std::chrono::nanoseconds keep_alive = std::chrono::minutes(5);
    std::function<void(const std::string&)> report;  // what was loaded and unloaded, a line each
    ModelPool::Clock clock;                          // empty: the system's
    std::function<std::tm()> civil_time = {};        // as ServedModel::Options has it
  };
  static Result<std::unique_ptr<Models>> create(Options options);
  ~Models();

  // All that can be asked for, in the order in which they were given, or by name. Those whose files cannot be read are
  // left out.
  std::vector<FactsPtr> list() const;
  // By name, with or without ":latest". Errors: not_found; corrupt, unsupported … as reading its files has them.
  Result<FactsPtr> facts(std::string_view name) const;
  // Whether there is such a name, whatever is behind it.
  bool has(std::string_view name) const;
  // Whether it was given when the server was started.
  bool is_given(std::string_view name) const;
  bool is_in_memory(const ModelFacts& facts) const { return pool_->has(facts.key); }
  // Null if it is not. That is a use.
  ModelLease find(const ModelFacts& facts) const;

  // The adapter that a name puts on its model: null handle if it puts none.
  using AdapterHandle = AdapterShelf::Handle;
  // Whether the adapter of these facts, if they have one, is in memory with the model.
  static bool has_adapter(const ServedModel& model, const ModelFacts& facts);
  // Brings it there, which reads files. `model` is the facts' own. Errors: as AdapterShelf::get.
  Result<AdapterHandle> adapter(const ServedModel& model, const ModelFacts& facts);
  // Makes `name` an adapter of the store on a model that can be asked for, until the server ends or it is detached.
  // Errors: invalid for a name that is taken or an adapter that does not fit; not_found.
  Result<> attach(const std::string& name, std::string_view model, std::string_view adapter);
  // Requests that use it go on. False if nothing is attached under the name.
  bool detach(std::string_view name);

  // A model that a tenant has tuned: an adapter on a model that can be asked for, under a name of this tenant alone.
  struct Tuned {
    std::string name, tenant;
    std::string base, base_key;  // the name of the model, and its content (ModelFacts::key) when it was tuned
    AdapterFile adapter;
  };
  void offer_tuned(Tuned tuned);
  void withdraw_tuned(const std::string& name);
  // Errors: not_found, also while the model that it was tuned from is not there, or is another by now.
  Result<FactsPtr> tuned(std::string_view name, std::string_view tenant) const;
  std::vector<FactsPtr> list_tuned(std::string_view tenant) const;

  // For work in the background with a model in memory: whose turn it is to use the threads, and memory beside the
  // model's own (negative: given back; false: there is no room, or no such model).
  Turns& turns() { return *turns_; }
  bool reserve(const ModelFacts& facts, std::int64_t bytes) { return pool_->resize(facts.key, bytes); }
  std::uint64_t room() const;  // bytes that nobody has
  // Whether a model waits for others to make room.
  bool waits_for_room() const;

  using Then = std::function<void(Result<ModelLease>)>;
  // As ModelPool has them.
  ModelPool::Ticket acquire(const FactsPtr& facts, Then then);
  void cancel(ModelPool::Ticket ticket);
  void keep_alive(const ModelFacts& facts, std::chrono::nanoseconds time);
  void unload(const ModelFacts& facts);

  // Can be asked for from now on, if it is in the store.
  void offer(const store::ModelName& name);

  // Loads the given models, in their order, as far as they fit beside each other; the others are loaded when they are
  // asked for. Errors: those of loading the first that fails.
  Result<> load_given();
  // Reads again what is known of files, and unloads models that no name leads to any more.
  void reload();
  // The same for what has changed; cheap.
  void forget_moved();

  struct InMemory {
    ModelLease model;
    FactsPtr facts;
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds expires_in{};  // api::kForever: not by itself
  };
  // The latest used first. To look at: that is no use.
  std::vector<InMemory> in_memory() const;
  ModelPool::Counters counters() const { return pool_->counters(); }
  std::uint64_t limit() const { return pool_->limit(); }
  std::size_t loading() const;
  // What models did before they were unloaded, by name.
  std::map<std::string, ServedModel::Load> past() const;

 private:
  struct Source {
    std::string name, reference, key;
    std::string id;  // of all that the name leads to
    std::optional<AdapterFile> adapter;
  };
  static Source source_of(std::string name, const store::Resolved& found);
  explicit Models(Options options);
  Result<Source> resolve(std::string_view name) const;
  Result<Source> resolve_given(const Given& given) const;
  Result<Source> resolve_stored(const store::ModelName& name) const;
  bool is_offered(const store::ModelName& name) const;
  void offer_pulled();
  Result<Source> source_of(const Tuned& tuned) const;
  Result<FactsPtr> facts_of(const Source& source) const;
  Result<FactsPtr> facts_of(const Tuned& tuned) const;
  Result<MemoryPlan> plan(const model::Plan& plan, bool given) const;
  Result<std::unique_ptr<PooledModel>> load(const FactsPtr& facts);
  void remember(const ServedModel& model);

  const Options options_;
  const store::Store store_;
  const std::shared_ptr<ThreadPool> threads_;
  const std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
  mutable std::mutex mutex_;  // guards what follows, up to `pool_`
  struct Seen {
    std::string state;  // of the file, as the system tells it
    Source source;
  };
  mutable std::map<std::string, Seen> seen_;  // by name
  struct Known {
    std::string id;
    FactsPtr facts;
  };
  mutable std::map<std::string, Known> known_;       // by name
  std::map<std::string, store::ModelName> offered_;  // beside the given ones, by name
  std::map<std::string, ServedModel::Load> past_;
  std::map<std::string, Source, std::less<>> attached_;  // by name, with its tag
  std::map<std::string, Tuned, std::less<>> tuned_;      // by name
  std::unique_ptr<ModelPool> pool_;                      // last: its thread uses all of the above
};

}  // namespace freehold::app
