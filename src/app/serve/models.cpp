#include "app/serve/models.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <future>

#include "app/interrupt.h"
#include "app/starter.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "kernel/level.h"
#include "model/adapter_file.h"

namespace freehold::app {

namespace {

namespace fs = std::filesystem;

std::string_view bare(std::string_view name) {
  return name.ends_with(":latest") ? name.substr(0, name.size() - 7) : name;
}

std::string without_capitals(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Changes when a file is replaced or written; empty if there is none.
std::string state_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return fmt::format("{}.{} {} {}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

}  // namespace

Models::Models(Options options)
    : options_(std::move(options)),
      store_(*store::Store::open(options_.home)),
      threads_(std::make_shared<ThreadPool>(options_.threads)) {
  pool_ = std::make_unique<ModelPool>(
      ModelPool::Options{.limit = options_.limit, .clock = options_.clock, .report = options_.report});
}

Models::~Models() = default;

Result<std::unique_ptr<Models>> Models::create(Options options) {
  FH_TRY_VOID(kernel::chosen_level().map([](auto&&) {}));
  FH_TRY_VOID(store::Store::open(options.home).map([](auto&&) {}));
  if (!options.report) options.report = [](const std::string&) {};
  std::unique_ptr<Models> models(new Models(std::move(options)));
  models->offer_pulled();
  return models;
}

Result<Models::Source> Models::resolve_given(const Given& given) const {
  const auto found = store_.resolve(given.reference);
  if (found && found->manifest) return source_of(given.name, *found);
  const bool starter = !found && found.error().code == Errc::not_found && means_starter(given.reference);
  if (!found && !starter) return Unexpected(found.error());
  const std::string key = starter ? std::string(kStarterName)  // no path and no state: there is no blank in it
                                  : fmt::format("{} {}", found->path.string(), state_of(found->path));
  return Source{given.name, given.reference, key, key, {}};
}

// The model is told apart by itself: names that put other adapters on it share it.
Models::Source Models::source_of(std::string name, const store::Resolved& found) {
  const store::ModelTuple& model = found.manifest->model;
  const std::string id = model.id().name();
  Source source{std::move(name), id, model.base().id().name(), id, {}};
  if (model.adapter) {
    const store::ModelTuple alone = model.adapter_alone();
    source.adapter = AdapterFile{alone.tree(), found.adapter, source.name, alone.weights().name()};
  }
  return source;
}

Result<Models::Source> Models::resolve_stored(const store::ModelName& name) const {
  const std::string state = state_of(options_.home / name.path());
  const Error none{Errc::not_found, "no such model"};
  if (state.empty()) return tl::unexpected(none);
  {
    const std::lock_guard lock(mutex_);
    const auto known = seen_.find(name.text());
    if (known != seen_.end() && known->second.state == state) return known->second.source;
  }
  FH_TRY(const store::Resolved found, store_.resolve(name.text()));
  if (!found.manifest) return tl::unexpected(none);  // removed meanwhile: a name may spell a path, too
  if (store::is_adapter(found.manifest->model.kind)) return tl::unexpected(none);  // runs only on a model
  Source source = source_of(name.text(), found);
  const std::lock_guard lock(mutex_);
  seen_.insert_or_assign(name.text(), Seen{state, source});
  return source;
}

Result<Models::Source> Models::resolve(std::string_view name) const {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [attached, source] : attached_) {
      if (bare(attached) == bare(name)) return source;
    }
  }
  for (const Given& given : options_.given) {
    if (bare(given.name) == bare(name)) return resolve_given(given);
  }
  // A registry's names may have capitals; those of the store have none.
  const auto parsed = store::ModelName::parse(without_capitals(name));
  if (parsed && (options_.given.empty() || is_offered(*parsed))) return resolve_stored(*parsed);
  return fail(Errc::not_found, "no such model");
}

Result<MemoryPlan> Models::plan(const model::Plan& plan, bool given) const {
  const RunShape shape{.chunk = kChunk,
                       .threads = options_.threads,
                       .sequences = options_.sequences,
                       .whole = kWholeSequences,
                       .drafted = options_.guessing.a_step(),
                       .max_rank = kServedRank,
                       .cache = options_.cache};
  // --context is for all models of a store; of one that was given, that it is too long is said.
  const std::uint32_t context = given ? options_.context : std::min(options_.context, plan.spec.context);
  // Where there may be others, one takes no more than half for the sake of comfort.
  const bool alone = options_.given.size() == 1;
  FH_TRY(const ChosenContext chosen,
         choose_context(plan, context, shape, options_.limit, alone ? options_.limit : options_.limit / 2));
  return chosen.memory;
}

Result<FactsPtr> Models::facts_of(const Source& source) const {
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(source.name);
    if (known != known_.end() && known->second.id == source.id) return known->second.facts;
  }
  // Not under the lock: it reads files.
  const auto read = [&]() -> Result<FactsPtr> {
    FH_TRY(const OpenModel opened, open_model(source.reference));
    FH_TRY(ModelFacts facts,
           read_facts(source.name, opened, [&](const model::Plan& p) { return plan(p, !options_.given.empty()); }));
    facts.key = source.key;
    facts.adapter = source.adapter;
    const bool in_tuple = opened.manifest && opened.manifest->model.adapter;
    if (source.adapter && !in_tuple) facts.card.digest = sha256(source.id).hex();  // attached: no tuple of the store
    return std::make_shared<const ModelFacts>(std::move(facts));
  };
  auto facts = read();
  if (!facts) return facts;  // not kept: what is damaged may be repaired
  const std::lock_guard lock(mutex_);
  known_.insert_or_assign(source.name, Known{source.id, *facts});
  return facts;
}

std::vector<FactsPtr> Models::list() const {
  std::vector<FactsPtr> out;
  const auto add = [&](const Result<Source>& source) {
    if (!source) return;
    if (auto facts = facts_of(*source)) out.push_back(std::move(*facts));
  };
  for (const Given& given : options_.given) add(resolve_given(given));
  std::vector<Source> attached;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, source] : attached_) attached.push_back(source);
  }
  for (const Source& source : attached) add(source);
  if (!options_.given.empty()) {
    std::vector<store::ModelName> offered;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [text, name] : offered_) offered.push_back(name);
    }
    for (const store::ModelName& name : offered) {
      if (!is_given(name.text())) add(resolve_stored(name));
    }
    return out;
  }
  const auto listed = store_.list();
  if (!listed) return out;
  for (const store::Listed& l : *listed) {
    if (l.manifest) add(resolve_stored(l.name));
  }
  return out;
}

Result<FactsPtr> Models::facts(std::string_view name) const {
  FH_TRY(const Source source, resolve(name));
  return facts_of(source);
}

bool Models::has(std::string_view name) const {
  const auto source = resolve(name);
  return source || source.error().code != Errc::not_found;
}

bool Models::is_given(std::string_view name) const {
  return std::any_of(options_.given.begin(), options_.given.end(),
                     [&](const Given& given) { return bare(given.name) == bare(name); });
}

ModelLease Models::find(const ModelFacts& facts) const {
  return std::static_pointer_cast<ServedModel>(pool_->find(facts.key));
}

Result<std::unique_ptr<PooledModel>> Models::load(const FactsPtr& facts) {
  FH_TRY(OpenModel opened, open_model(facts->reference));
  opened.adapter.clear();  // adapters come on top, one by one
  FH_TRY(CheckedModel checked, check_model(std::move(opened)));
  const auto load = [&] {
    const Turn turn(turns_.get());
    return load_weights(
        std::move(checked), *facts->memory, threads_, options_.cache,
        [&](std::uint64_t, std::uint64_t) {
          turns_->pass();  // between two matrices answers go on
          return !interrupted();
        },
        options_.report);
  };
  FH_TRY(Loaded loaded, load());
  FH_TRY(auto model, ServedModel::start(facts->called, std::move(loaded),
                                        {.turns = turns_,
                                         .max_rank = kServedRank,
                                         .guessing = options_.guessing,
                                         .facts = facts,
                                         .at_end = [this](const ServedModel& m) { remember(m); },
                                         .clock = options_.civil_time}));
  return std::unique_ptr<PooledModel>(std::move(model));
}

ModelPool::Ticket Models::acquire(const FactsPtr& facts, Then then) {
  if (facts->base) return acquire(facts->base, std::move(then));
  if (!facts->memory) {
    Error error = facts->memory.error();
    error.what = fmt::format("model '{}' cannot be served: {}", printable(facts->called), error.what);
    then(tl::unexpected(std::move(error)));
    return 0;
  }
  return pool_->acquire({.key = facts->key,
                         .name = facts->called,
                         .bytes = facts->memory->total(),
                         .parts = facts->memory->parts(),
                         .load = [this, facts] { return load(facts); },
                         .keep_alive = options_.keep_alive},
                        [then = std::move(then)](Result<ModelPool::Lease> lease) {
                          if (!lease) return then(tl::unexpected(std::move(lease).error()));
                          then(std::static_pointer_cast<ServedModel>(std::move(*lease)));
                        });
}

void Models::cancel(ModelPool::Ticket ticket) {
  pool_->cancel(ticket);
}

void Models::keep_alive(const ModelFacts& facts, std::chrono::nanoseconds time) {
  pool_->keep_alive(facts.key, time);
}

void Models::unload(const ModelFacts& facts) {
  pool_->unload(facts.key);
}

Result<> Models::load_given() {
  std::uint64_t room = options_.limit;
  for (const Given& given : options_.given) {
    FH_TRY(const Source source, resolve_given(given));
    FH_TRY(const FactsPtr facts, facts_of(source));
    if (!facts->memory) return in_context(facts->memory.error(), printable(given.name));
    if (facts->memory->total() > room) {
      options_.report(fmt::format("note: {} is loaded when it is asked for: it does not fit beside the others",
                                  printable(given.name)));
      continue;
    }
    room -= facts->memory->total();
    std::promise<Result<>> loaded;
    acquire(facts, [&](const Result<ModelLease>& lease) {
      loaded.set_value(lease ? Result<>() : Result<>(tl::unexpected(lease.error())));
    });
    FH_TRY_VOID(loaded.get_future().get());
  }
  return {};
}

bool Models::is_offered(const store::ModelName& name) const {
  const std::lock_guard lock(mutex_);
  return offered_.contains(name.text());
}

void Models::offer(const store::ModelName& name) {
  if (options_.given.empty()) return;
  const std::lock_guard lock(mutex_);
  offered_.insert_or_assign(name.text(), name);
}

void Models::offer_pulled() {
  if (options_.given.empty() || options_.pulled_from.empty()) return;
  const auto listed = store_.list();
  if (!listed) return;
  for (const store::Listed& l : *listed) {
    if (!l.manifest || !l.manifest->from.pulled) continue;
    const std::string& origin = l.manifest->from.pulled->address;
    const auto& servers = options_.pulled_from;
    if (std::find(servers.begin(), servers.end(), origin) != servers.end()) offer(l.name);
  }
}

bool Models::has_adapter(const ServedModel& model, const ModelFacts& facts) {
  return !facts.adapter || model.adapters().find(facts.adapter->id) != nullptr;
}

Result<Models::AdapterHandle> Models::adapter(const ServedModel& model, const ModelFacts& facts) {
  if (!facts.adapter) return AdapterHandle();
  if (AdapterHandle there = model.adapters().find(facts.adapter->id)) return there;
  const Turn turn(turns_.get());
  return model.adapters().get(*facts.adapter, model.loaded(),
                              [&](std::int64_t bytes) { return pool_->resize(facts.key, bytes); });
}

Result<> Models::attach(const std::string& name, std::string_view model, std::string_view adapter) {
  FH_TRY(const store::ModelName parsed, store::ModelName::parse(name));
  if (has(parsed.text())) return fail(Errc::invalid, fmt::format("'{}' is the name of a model", printable(name)));
  FH_TRY(Source source, resolve(model));
  if (source.adapter) {
    return fail(Errc::invalid, fmt::format("'{}' has an adapter already: name the model without it", printable(model)));
  }
  const auto named = store::ModelName::parse(adapter);
  if (!named && !adapter.starts_with("sha256:")) {
    return fail(Errc::invalid, fmt::format("'{}' is no name in the store", printable(adapter)));
  }
  FH_TRY(const store::Resolved found, store_.resolve(adapter));
  if (!found.manifest || !store::is_adapter(found.manifest->model.kind)) {
    return fail(Errc::invalid, fmt::format("'{}' is no adapter in the store", printable(adapter)));
  }
  FH_TRY(const OpenModel opened, open_model(source.reference));
  FH_TRY(const model::Plan plan, model::plan(*opened.checkpoint));
  FH_TRY_VOID(model::read_adapter(found.path, *opened.checkpoint, plan.spec).map([](auto&&) {}));
  source.name = parsed.text();
  source.adapter = AdapterFile{found.manifest->model.tree(), found.path, std::string(adapter),
                               found.manifest->model.weights().name()};
  source.id = fmt::format("{} + {}", source.id, source.adapter->id.name());
  const std::lock_guard lock(mutex_);
  attached_.insert_or_assign(parsed.text(), std::move(source));
  return {};
}

bool Models::detach(std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(attached_.begin(), attached_.end(),
                                    [&](const auto& entry) { return bare(entry.first) == bare(name); });
    if (found == attached_.end()) return false;
    attached_.erase(found);
  }
  forget_moved();
  return true;
}

void Models::forget_moved() {
  std::vector<ModelPool::Status> models = pool_->status(true);
  const bool as_it_was = std::all_of(models.begin(), models.end(), [&](const ModelPool::Status& m) {
    if (m.lease != nullptr && !static_cast<ServedModel&>(*m.lease).adapters().status().empty()) return false;
    const auto now = resolve(m.name);
    return now && now->key == m.key;
  });
  if (as_it_was) return;  // no need to read all names
  std::vector<Source> all;
  const auto add = [&](Result<Source> source) {
    if (source) all.push_back(std::move(*source));
  };
  for (const Given& given : options_.given) add(resolve_given(given));
  std::vector<store::ModelName> offered;
  std::vector<Tuned> tuned;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, source] : attached_) all.push_back(source);
    for (const auto& [text, name] : offered_) offered.push_back(name);
    for (const auto& [name, one] : tuned_) tuned.push_back(one);
  }
  for (const Tuned& one : tuned) add(source_of(one));
  for (const store::ModelName& name : offered) add(resolve_stored(name));
  if (options_.given.empty()) {
    if (const auto listed = store_.list()) {
      for (const store::Listed& l : *listed) {
        if (l.manifest) add(resolve_stored(l.name));
      }
    }
  }
  std::vector<std::string> moved;
  for (const ModelPool::Status& m : models) {
    const bool led_to = std::any_of(all.begin(), all.end(), [&](const Source& s) { return s.key == m.key; });
    if (!led_to) moved.push_back(m.key);
    if (m.lease == nullptr) continue;
    static_cast<ServedModel&>(*m.lease).adapters().drop_unless(
        [&](const Digest& id) {
          return std::any_of(all.begin(), all.end(),
                             [&](const Source& s) { return s.key == m.key && s.adapter && s.adapter->id == id; });
        },
        [&](std::int64_t bytes) { return pool_->resize(m.key, bytes); });
  }
  models.clear();
  if (moved.empty()) return;
  pool_->unload_unless(
      [&](const std::string& key) { return std::find(moved.begin(), moved.end(), key) == moved.end(); });
}

void Models::reload() {
  {
    const std::lock_guard lock(mutex_);
    seen_.clear();
    known_.clear();
  }
  offer_pulled();
  forget_moved();
  options_.report(fmt::format("read again: {} models can be asked for", list().size()));
}

std::vector<Models::InMemory> Models::in_memory() const {
  std::vector<InMemory> out;
  const auto now = pool_->now();
  for (ModelPool::Status& m : pool_->status(true)) {
    if (m.lease == nullptr) continue;
    auto model = std::static_pointer_cast<ServedModel>(std::move(m.lease));
    FactsPtr facts = model->facts();
    const auto left =
        m.expires == ModelPool::kForever ? m.expires : std::max(m.expires - now, ModelPool::Nanoseconds(0));
    out.push_back({std::move(model), std::move(facts), m.bytes, left});
  }
  return out;
}

std::size_t Models::loading() const {
  const auto all = pool_->status();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& m) { return m.state != ModelPool::State::ready; }));
}

std::map<std::string, ServedModel::Load> Models::past() const {
  const std::lock_guard lock(mutex_);
  return past_;
}

void Models::remember(const ServedModel& model) {
  const ServedModel::Load load = model.load();
  const std::lock_guard lock(mutex_);
  ServedModel::Load& sum = past_[model.name()];
  sum.submitted += load.submitted;
  sum.counters.add(load.counters);
}

}  // namespace freehold::app
