// The half of Models that knows what tenants have tuned.
#include <fmt/format.h>

#include <algorithm>

#include "app/serve/models.h"

namespace freehold::app {

void Models::offer_tuned(Tuned tuned) {
  const std::lock_guard lock(mutex_);
  std::string name = tuned.name;
  tuned_.insert_or_assign(std::move(name), std::move(tuned));
}

void Models::withdraw_tuned(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (tuned_.erase(name) == 0) return;
    known_.erase(name);
  }
  forget_moved();
}

// A name of the store may lead elsewhere by now; what it led to is still the same content.
Result<Models::Source> Models::source_of(const Tuned& tuned) const {
  auto source = resolve(tuned.base);
  if ((!source || source->key != tuned.base_key) && options_.given.empty() && tuned.base_key.starts_with("sha256:")) {
    FH_TRY(const store::Resolved found, store_.resolve(tuned.base_key));
    if (found.manifest) source = source_of(tuned.base_key, found);
  }
  if (!source) return source;
  if (source->key != tuned.base_key || source->adapter) return fail(Errc::not_found, "the model has changed since");
  source->adapter = tuned.adapter;
  source->id = fmt::format("{} + {}", source->id, tuned.adapter.id.name());
  return source;
}

Result<FactsPtr> Models::facts_of(const Tuned& tuned) const {
  FH_TRY(Source source, source_of(tuned));
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(tuned.name);
    if (known != known_.end() && known->second.id == source.id) return known->second.facts;
  }
  const std::string id = source.id;
  source.adapter.reset();
  source.id = source.key;
  FH_TRY(const FactsPtr base, facts_of(source));
  ModelFacts facts = *base;
  facts.base = base;
  facts.called = tuned.name;
  facts.adapter = tuned.adapter;
  facts.in_store = false;
  facts.preset = {};
  facts.card.name = tuned.name;
  facts.card.parent = base->name();
  facts.card.digest = sha256(id).hex();
  auto made = std::make_shared<const ModelFacts>(std::move(facts));
  const std::lock_guard lock(mutex_);
  if (tuned_.contains(tuned.name)) known_.insert_or_assign(tuned.name, Known{id, made});
  return made;
}

Result<FactsPtr> Models::tuned(std::string_view name, std::string_view tenant) const {
  std::optional<Tuned> found;
  {
    const std::lock_guard lock(mutex_);
    const auto there = tuned_.find(name);
    if (there != tuned_.end() && there->second.tenant == tenant) found = there->second;
  }
  if (!found) return fail(Errc::not_found, "no such model");
  return facts_of(*found);
}

std::vector<FactsPtr> Models::list_tuned(std::string_view tenant) const {
  std::vector<Tuned> own;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, one] : tuned_) {
      if (one.tenant == tenant) own.push_back(one);
    }
  }
  std::vector<FactsPtr> out;
  for (const Tuned& one : own) {
    if (auto facts = facts_of(one)) out.push_back(std::move(*facts));
  }
  return out;
}

std::uint64_t Models::room() const {
  const std::uint64_t taken = pool_->counters().bytes;
  return options_.limit - std::min(options_.limit, taken);
}

bool Models::waits_for_room() const {
  const auto all = pool_->status();
  const auto in = [&](ModelPool::State state) {
    return std::any_of(all.begin(), all.end(), [&](const auto& m) { return m.state == state; });
  };
  return in(ModelPool::State::waiting) && !in(ModelPool::State::loading);
}

}  // namespace freehold::app
