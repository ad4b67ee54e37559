// The half of Site that finds models: what a name means to whom, and what must be in memory before it is asked.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "app/serve/reply.h"
#include "app/serve/site.h"
#include "base/utf8.h"

namespace freehold::app {

using api::Failure;
using api::Problem;

namespace {

constexpr std::size_t kMostNamed = 5;

// `known`: what there is for who asks.
Failure no_such_model(std::string_view name, const std::vector<FactsPtr>& known) {
  std::string names;
  for (std::size_t i = 0; i < std::min(known.size(), kMostNamed); ++i) {
    names += (names.empty() ? ": this key may use " : ", ") + printable(known[i]->name(), 100);
  }
  if (known.size() > kMostNamed) names += fmt::format(" and {} more", known.size() - kMostNamed);
  return {Problem::not_found, fmt::format("model '{}' not found{}", printable(name), names), "model",
          "model_not_found"};
}

// Clients learn what they can do something about; paths and details are for whoever runs the server.
Failure load_failure(std::string_view name, const Error& error) {
  const std::string model = printable(name);
  Failure failure{Problem::internal, {}, "model", {}};
  failure.headers.emplace_back("x-should-retry", "false");
  switch (error.code) {
    case Errc::not_found:
      return no_such_model(name, {});
    case Errc::cancelled:
      return {Problem::unavailable, "the server is stopping", {}, {}};
    case Errc::exhausted:
      if (error.what.starts_with("busy")) return {Problem::unavailable, error.what, {}, {}};
      failure.message = error.what;
      return failure;
    case Errc::corrupt:
      failure.message =
          fmt::format("model '{}' cannot be loaded: its files are damaged (freehold models verify)", model);
      return failure;
    case Errc::unsupported:
      failure.message = fmt::format(
          "model '{}' cannot be loaded: this version does not know how to run it (freehold models inspect)", model);
      return failure;
    default:
      failure.message = fmt::format("model '{}' cannot be loaded: its files cannot be read", model);
      return failure;
  }
}

}  // namespace

std::int64_t NamedModel::since(const Site& site) const {
  return made ? made->made : site.started();
}

std::vector<FactsPtr> Site::served_to(const guard::Principal& who) const {
  std::vector<FactsPtr> all = models_->list();
  std::erase_if(all, [&](const FactsPtr& facts) { return !permissions().sees(who, facts->name()); });
  return all;
}

// What a name leads to that was not made: everybody's, or this key's own tuning of a model that it may use.
Result<FactsPtr> Site::facts_to(std::string_view name, const guard::Principal& who) const {
  auto facts = models_->tuned(name, who.tenant);
  if (!facts && facts.error().code == Errc::not_found) facts = models_->facts(name);
  if (!facts) return facts;
  const ModelFacts& judged = (*facts)->base ? *(*facts)->base : **facts;
  if (!permissions().sees(who, judged.name())) return fail(Errc::not_found, "no such model");
  return facts;
}

api::Parsed<NamedModel> Site::named(std::string_view name, const guard::Principal& who) const {
  auto made = models_->is_given(name) ? std::nullopt : made_.find(who.tenant, name);
  auto facts = facts_to(made ? std::string_view(made->base) : name, who);
  if (!facts && facts.error().code != Errc::not_found) return tl::unexpected(load_failure(name, facts.error()));
  if (!facts) return tl::unexpected(no_such_model(name, served_to(who)));
  std::string called = made ? made->name : (*facts)->name();
  return NamedModel{std::move(called), std::move(*facts), std::move(made)};
}

api::Parsed<FactsPtr> Site::facts(std::string_view name, const guard::Principal& who) const {
  FH_TRY(NamedModel found, named(name, who));
  return std::move(found.model);
}

guard::Decision Site::to_ask(const NamedModel& named, const guard::Principal& who) const {
  return permissions().to_ask(who, *named.model, named.made ? named.made->label : std::string());
}

api::Parsed<ModelLease> Site::find(std::string_view name, const guard::Principal& who, guard::Action action) const {
  FH_TRY(const NamedModel found, named(name, who));
  if (action == guard::Action::ask) FH_TRY_VOID(permit(who, to_ask(found, who)));
  if (ModelLease lease = models_->find(*found.model)) return lease;
  return api::refuse(Problem::unavailable, fmt::format("model '{}' is not in memory", printable(name)), "model");
}

api::Parsed<Site::Permitted> Site::permitted(std::string_view name, const guard::Principal& who) const {
  Permitted out;
  FH_TRY(out.named, named(name, who));
  guard::Decision decision = to_ask(out.named, who);
  FH_TRY_VOID(permit(who, decision));
  out.label = std::move(decision.label);
  const ModelFacts& facts = *out.named.model;
  out.model = models_->find(facts);
  if (out.model == nullptr) {
    return api::refuse(Problem::unavailable, fmt::format("model '{}' is not in memory", printable(name)), "model");
  }
  if (!facts.adapter) return out;
  out.adapter = out.model->adapters().find(facts.adapter->id);
  if (out.adapter != nullptr) return out;
  return api::refuse(Problem::unavailable, fmt::format("the adapter of '{}' is not in memory", printable(name)),
                     "model");
}

std::vector<NamedModel> Site::named_models(const guard::Principal& who) const {
  std::vector<NamedModel> out;
  for (FactsPtr& facts : served_to(who)) {
    std::string name = facts->name();
    out.push_back({std::move(name), std::move(facts), {}});
  }
  for (FactsPtr& facts : models_->list_tuned(who.tenant)) {
    if (!permissions().sees(who, facts->base->name())) continue;
    std::string name = facts->name();
    out.push_back({std::move(name), std::move(facts), {}});
  }
  for (const api::ollama::MadeModel& made : made_.list(who.tenant)) {
    // What is not there any more, or has the name of one that was given, cannot be called.
    if (auto found = named(made.name, who); found && found->made) out.push_back(std::move(*found));
  }
  return out;
}

std::string Site::only_model(const guard::Principal& who) const {
  const auto all = served_to(who);
  return all.size() == 1 ? all.front()->name() : std::string();
}

void Site::when_loaded(const ExchangePtr& exchange, std::string_view name, const guard::Principal& who,
                       std::function<void()> then) const {
  const auto found = named(name, who);
  // Nobody waits for a model, and none is loaded, that may not be asked: the handler says so.
  if (!found || (exchange->request().method == "POST" && !to_ask(*found, who).allowed)) return then();
  const Result<FactsPtr> facts = found->model;
  if (const ModelLease lease = models_->find(**facts); lease != nullptr && Models::has_adapter(*lease, **facts)) {
    return then();
  }
  // The load may take long: a handler does not wait for it.
  struct Waiting {
    std::mutex mutex;  // guards what follows
    ModelPool::Ticket ticket = 0;
    bool gone = false;
  };
  auto waiting = std::make_shared<Waiting>();
  exchange->on_gone([waiting, models = models_.get()] {
    const std::lock_guard lock(waiting->mutex);
    waiting->gone = true;
    if (waiting->ticket != 0) models->cancel(waiting->ticket);
  });
  const auto ticket =
      models_->acquire(*facts, [this, facts = *facts, waiting, exchange, name = std::string(name), tenant = who.tenant,
                                then = std::move(then)](Result<ModelLease> lease) mutable {
        later_.add(tenant, [this, facts, waiting, exchange, name = std::move(name), then = std::move(then),
                            lease = std::move(lease)] {
          {
            const std::lock_guard lock(waiting->mutex);
            if (waiting->gone) return;
          }
          if (!lease) return respond(*exchange, load_failure(name, lease.error()));
          // Held meanwhile, so that nobody takes its room.
          const auto adapter = models_->adapter(**lease, *facts);
          if (!adapter) return respond(*exchange, load_failure(name, adapter.error()));
          then();
        });
      });
  const std::lock_guard lock(waiting->mutex);
  waiting->ticket = ticket;
  if (waiting->gone) models_->cancel(ticket);
}

}  // namespace freehold::app
