// Ollama's addresses about models: tags, ps, show, create, copy, delete, pull, push, blobs.
#include <fmt/format.h>

#include <chrono>
#include <functional>

#include "api/ollama/models.h"
#include "api/ollama/ollama.h"
#include "app/serve/ollama_routes.h"
#include "app/serve/pulls.h"
#include "app/serve/reply.h"
#include "app/serve/tuning_jobs.h"
#include "base/utf8.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace ollama = api::ollama;
using api::Failure;
using api::Problem;
using ollama::MadeModel;

std::chrono::system_clock::time_point at_seconds(std::int64_t seconds) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
}

ollama::ModelCard card_of(const ModelFacts& base, const MadeModel& made) {
  ollama::ModelCard card = base.card;
  // What decides about its answers: the base's content, and what it was made with.
  const ollama::Preset& p = made.preset;
  if (p != ollama::Preset{}) {
    card.digest =
        sha256(fmt::format("{}\n{}\n{}\n{}\n{}", card.digest, p.system, p.parameters, p.messages, p.license)).hex();
  }
  card.name = made.name;
  card.parent = made.parent;
  card.modified = at_seconds(made.made);
  return card;
}

ollama::ModelCard card_of(const NamedModel& named) {
  return named.made ? card_of(*named.model, *named.made) : named.model->card;
}

// Served, and made from those.
std::vector<ollama::ModelCard> all_cards(const Site& site, const guard::Principal& who) {
  std::vector<ollama::ModelCard> cards;
  for (const NamedModel& m : site.named_models(who)) {
    ollama::ModelCard card = card_of(m);
    // A model that the key made hides one of the store of the same name.
    std::erase_if(cards,
                  [&](const ollama::ModelCard& c) { return ollama::with_tag(c.name) == ollama::with_tag(card.name); });
    cards.push_back(std::move(card));
  }
  return cards;
}

std::vector<ollama::ModelCard> cards_in_memory(const Site& site, const guard::Principal& who) {
  std::vector<ollama::ModelCard> cards;
  for (const Models::InMemory& m : site.pool().in_memory()) {
    if (!site.permissions().sees(who, m.model->name())) continue;
    ollama::ModelCard card = m.facts->card;
    card.memory = m.bytes;
    // As far as the wire's clock goes.
    if (m.expires_in < std::chrono::hours(24 * 365 * 100)) {
      card.expires = std::chrono::system_clock::now() +
                     std::chrono::duration_cast<std::chrono::system_clock::duration>(m.expires_in);
    }
    cards.push_back(std::move(card));
  }
  return cards;
}

// Whether a served model itself has this name, for this key; such a name cannot be given away.
bool is_served(const Site& site, std::string_view name, const guard::Principal& who) {
  const auto named = site.named(name, who);
  return named && !named->made;
}

// Who may see and change the names of the store, which are everybody's.
bool keeps_the_store(const Site& site, const guard::Principal& who) {
  return site.may(who, guard::Action::manage);
}

// The end of a request that reports its progress: as lines, or the last of them alone.
void respond_progress(const ExchangePtr& exchange, bool stream, std::initializer_list<std::string_view> statuses,
                      const std::vector<std::string>& ignored = {}) {
  std::string body;
  for (std::string_view status : statuses) body += ollama::status_json(status) + "\n";
  if (!stream) body = ollama::status_json("success");
  http::Response response = json_response(200, std::move(body));
  if (stream) response.headers.set("content-type", "application/x-ndjson");
  name_ignored(response, ignored);
  exchange->respond(std::move(response));
}

// Disk errors are not the client's to read.
Failure kept_not(const Error& error) {
  if (error.code == Errc::exhausted) return {Problem::invalid, error.what, {}, {}};
  return {Problem::internal, "it could not be kept on disk", {}, {}};
}

void show(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto asked = ollama::parse_named(exchange->request().body);
  if (!asked) return respond(*exchange, asked.error());
  const auto named = site.named(asked->model, who);
  if (!named) return respond(*exchange, named.error());
  const ModelFacts& model = *named->model;
  ollama::Description d;
  d.card = card_of(*named);
  d.preset = named->preset();
  d.chat_template = model.chat_template;
  auto info = model_info(model, asked->verbose);
  if (!info) return respond(*exchange, Failure{Problem::internal, "the model's files cannot be read", {}, {}});
  d.model_info = std::move(*info);
  d.license = model.license;
  http::Response response = json_response(200, ollama::show_json(d));
  name_ignored(response, asked->ignored);
  exchange->respond(std::move(response));
}

// Where a new model's answers come from: a served model, and the preset of the one it was named by.
api::Parsed<MadeModel> made_from(const Site& site, const guard::Principal& who, const std::string& name,
                                 const std::string& from, std::string_view field) {
  FH_TRY_VOID(ollama::check_name(name, field));
  if (is_served(site, name, who)) {
    return api::refuse(Problem::conflict, fmt::format("'{}': a model is served under the name '{}'", field, name),
                       std::string(field));
  }
  FH_TRY(NamedModel parent, site.named(from, who));
  MadeModel made;
  made.name = name;
  made.base = ollama::with_tag(parent.model->name());
  made.parent = ollama::with_tag(from);
  made.made = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  made.preset = parent.preset();
  // What is said here goes into whatever is asked of it.
  made.label = site.permissions().decide(who, guard::Action::keep, {}, parent.made ? parent.made->label : "").label;
  if (made.label == site.permissions().policy().lowest()) made.label.clear();
  return made;
}

// Leave for a model that this key has made, which is deleted or whose words others take the place of.
api::Parsed<Permissions::Leave> may_go(const Site& site, const guard::Principal& who, const std::string& name) {
  const auto found = site.made().find(who.tenant, name);
  return found ? site.may_go(who, found->label) : Permissions::Leave();
}

void create(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto create = ollama::parse_create(exchange->request().body);
  if (!create) return respond(*exchange, create.error());
  auto made = made_from(site, who, create->model, create->from, "model");
  if (!made) return respond(*exchange, made.error());
  made->preset = ollama::over(made->preset, create->preset);
  const auto leave = may_go(site, who, made->name);
  if (!leave) return respond(*exchange, leave.error());
  const auto keep = site.may_keep(exchange->request(), who);
  if (!keep) return respond(*exchange, keep.error());
  if (auto put = site.made().put(who.tenant, std::move(*made)); !put) return respond(*exchange, kept_not(put.error()));
  respond_progress(exchange, create->stream, {"writing manifest", "success"}, create->ignored);
}

// An operator's copy of a model in the store is a name of the store too, so that it can be served under it later.
void copy(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto copy = ollama::parse_copy(exchange->request().body);
  if (!copy) return respond(*exchange, copy.error());
  auto made = made_from(site, who, copy->destination, copy->source, "destination");
  if (!made) return respond(*exchange, made.error());
  const auto leave = may_go(site, who, made->name);
  if (!leave) return respond(*exchange, leave.error());
  const auto keep = site.may_keep(exchange->request(), who);
  if (!keep) return respond(*exchange, keep.error());
  const auto base = site.facts(copy->source, who);
  if (base && keeps_the_store(site, who) && (*base)->in_store) {
    const auto home = store::default_home();
    const auto name = store::ModelName::parse_given(copy->destination);
    if (home && name) {
      if (const auto store = store::Store::open(*home)) {
        // A name of the store that is taken is left as it is.
        made->alias = store->alias((*base)->reference, *name).has_value();
      }
    }
  }
  if (auto put = site.made().put(who.tenant, std::move(*made)); !put) return respond(*exchange, kept_not(put.error()));
  exchange->respond({200, {}, {}});
}

// Takes a name from the store, by the leave that `ask` gives once nobody else writes there. False: there is none.
api::Parsed<bool> remove_name(const std::string& name, const std::function<api::Parsed<Permissions::Leave>()>& ask) {
  const auto home = store::default_home();
  const auto store = home ? store::Store::open(*home) : Result<store::Store>(tl::unexpected(home.error()));
  if (!store) return tl::unexpected(kept_not(store.error()));
  api::Parsed<Permissions::Leave> leave;
  store::WriteOptions options;
  options.may_go = [&](const store::ModelName&) -> Result<store::Leave> {
    leave = ask();
    if (leave) return store::Leave();  // `leave` itself is kept
    return fail(Errc::invalid, leave.error().message);
  };
  const auto gone = store->remove(name, options);
  if (!leave) return tl::unexpected(leave.error());
  if (!gone && gone.error().code != Errc::not_found) return tl::unexpected(kept_not(gone.error()));
  return gone.has_value();
}

// A name of the store, which is everybody's, or a model that the key has tuned. Requests that run go on.
void remove_stored(Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& name) {
  const auto tuned = delete_tuned(site, who, name);
  if (!tuned) return respond(*exchange, tuned.error());
  if (*tuned) return exchange->respond({200, {}, {}});
  const auto served = site.named(name, who);
  if (!served) return respond(*exchange, served.error());
  const auto refuse = [&](std::string why) {
    respond(*exchange, Failure{Problem::forbidden, fmt::format("model '{}' {}", printable(name), why), "model", {}});
  };
  if (site.pool().is_given(name) || !served->model->in_store) {
    return refuse("was given to the server when it was started: it cannot be deleted here");
  }
  if (!keeps_the_store(site, who)) {
    return refuse("is everybody's: to delete it needs a key with the role operator or admin (or freehold models rm)");
  }
  const auto gone = remove_name(served->model->name(), [&] { return site.may_go(who, *served->model); });
  if (!gone) return respond(*exchange, gone.error());
  if (!*gone) return refuse("is attached until the server ends: DELETE /freehold/v1/adapters detaches it");
  site.pool().forget_moved();
  exchange->respond({200, {}, {}});
}

void remove(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto named = ollama::parse_named(exchange->request().body);
  if (!named) return respond(*exchange, named.error());
  const auto found = site.made().find(who.tenant, named->model);
  if (!found) return remove_stored(site, exchange, who, named->model);
  Permissions::Leave leave;
  const auto ask = [&]() -> api::Parsed<Permissions::Leave> {
    FH_TRY(leave, may_go(site, who, found->name));
    if (!found->alias) return leave;
    // What the store has under its name goes with it, and before it: what is left is deleted at the next try.
    if (const auto facts = site.pool().facts(found->name); facts && (*facts)->in_store) {
      FH_TRY_VOID(site.may_go(who, **facts, leave).map([](const auto&) {}));
    }
    return leave;
  };
  bool asked = false;
  if (found->alias) {
    const auto gone = remove_name(found->name, ask);
    if (!gone) return respond(*exchange, gone.error());
    asked = *gone;
  }
  if (!asked) {
    if (const auto may = ask(); !may) return respond(*exchange, may.error());
  }
  const auto removed = site.made().remove(who.tenant, named->model);
  if (!removed) return respond(*exchange, kept_not(removed.error()));
  if (!*removed) return remove_stored(site, exchange, who, named->model);
  exchange->respond({200, {}, {}});
}

bool in_store(std::string_view name) {
  const auto parsed = store::ModelName::parse(name);
  const auto home = store::default_home();
  if (!parsed || !home) return false;
  const auto store = store::Store::open(*home);
  return store && store->resolve(parsed->text()).has_value();
}

// A model that is fetched gets a name in the store, which is everybody's.
Failure may_not_pull(const guard::Principal& who) {
  if (who.models) {
    return {Problem::forbidden, "a key that may use certain models only may not fetch others", "model", {}};
  }
  return {Problem::forbidden,
          fmt::format("a key with the role {} may not fetch models: that needs the role operator or admin "
                      "(freehold keys create --role operator)",
                      guard::name_of(who.role)),
          {},
          {}};
}

// What is here is here. Anything else comes from the servers that this one's owner has named, or is refused before a
// byte leaves the machine.
void pull(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto asked = ollama::parse_pull(exchange->request().body);
  if (!asked) return respond(*exchange, asked.error());
  const bool elsewhere = site.pulls != nullptr && site.pulls->enabled();
  const bool may = keeps_the_store(site, who) || site.is_only_key(who);
  if (const auto named = site.named(asked->model, who)) {
    // What came from one of those servers is asked for again: that one says whether it is still the same.
    const bool came = !named->made && !site.pool().is_given(asked->model) && elsewhere && may &&
                      site.pulls->fetches_from(named->model->pulled_from);
    if (!came) {
      return respond_progress(exchange, asked->stream, {"the model is here already", "success"}, asked->ignored);
    }
  }
  if (!elsewhere && keeps_the_store(site, who) && in_store(asked->model)) {
    return respond_progress(
        exchange, asked->stream,
        {"the model is in the store already; it is served once the server is started with it", "success"},
        asked->ignored);
  }
  if (elsewhere) {
    if (!may) return respond(*exchange, may_not_pull(who));
    return site.pulls->pull(exchange, *asked);
  }
  respond(*exchange,
          Failure{Problem::forbidden,
                  fmt::format("pull model manifest: '{}' is not on this machine, and this server fetches nothing from "
                              "elsewhere: start it with --pull-from ADDRESS, or run `freehold models pull` there",
                              printable(asked->model)),
                  "model",
                  {}});
}

void push(const ExchangePtr& exchange) {
  const auto named = ollama::parse_named(exchange->request().body);
  if (!named) return respond(*exchange, named.error());
  respond(*exchange, Failure{Problem::forbidden, "push is not possible: no model leaves this machine", "model", {}});
}

void blob(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto digest = Digest::parse(request.target.segments[2]);
  if (!digest) {
    return respond(*exchange, Failure{Problem::invalid,
                                      fmt::format("'{}' is not a digest: \"sha256:\" and 64 hexadecimal digits",
                                                  printable(request.target.segments[2])),
                                      "digest",
                                      {}});
  }
  if (request.method == "HEAD") {
    if (site.blobs().has(who.tenant, *digest)) return exchange->respond({200, {}, {}});
    return respond(*exchange, Failure{Problem::not_found, "there is no such blob", "digest", {}});
  }
  // A file has no type of its own here, but a page's form must not bring one.
  if (request.method != "POST") return (void)wants(*exchange, "POST");
  const auto leave = site.may_keep(request, who);
  if (!leave) return respond(*exchange, leave.error());
  const bool there = site.blobs().has(who.tenant, *digest);
  auto kept = site.blobs().keep(who.tenant, request.id, *digest);
  if (kept) return exchange->respond({there ? 200 : 201, {}, {}});
  const bool wrong = kept.error().code == Errc::invalid;
  if (kept.error().code == Errc::exhausted) {
    return respond(*exchange, Failure{Problem::too_large, kept.error().what, "digest", {}});
  }
  respond(*exchange, wrong ? Failure{Problem::invalid, kept.error().what, "digest", {}} : kept_not(kept.error()));
}

}  // namespace

bool handle_ollama_models(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  if (path_is(request, {"api", "tags"}) || path_is(request, {"api", "ps"})) {
    if (!wants(*exchange, "GET")) return true;
    const bool tags = request.target.segments[1] == "tags";
    exchange->respond(json_response(
        200, tags ? ollama::tags_json(all_cards(site, who)) : ollama::ps_json(cards_in_memory(site, who))));
    return true;
  }
  if (request.target.segments.size() == 3 && request.target.segments[0] == "api" &&
      request.target.segments[1] == "blobs") {
    blob(site, exchange, who);
    return true;
  }
  struct Route {
    std::string_view name;
    void (*run)(Site&, const ExchangePtr&, const guard::Principal&);
  };
  static constexpr Route kPosts[] = {
      {"show", [](Site& s, const ExchangePtr& e, const guard::Principal& w) { show(s, e, w); }},
      {"create", create},
      {"copy", copy},
      {"pull", [](Site& s, const ExchangePtr& e, const guard::Principal& w) { pull(s, e, w); }},
      {"push", [](Site&, const ExchangePtr& e, const guard::Principal&) { push(e); }},
  };
  for (const Route& route : kPosts) {
    if (!path_is(request, {"api", route.name})) continue;
    if (wants_ollama(*exchange, "POST")) route.run(site, exchange, who);
    return true;
  }
  if (path_is(request, {"api", "delete"})) {
    if (wants(*exchange, "DELETE")) remove(site, exchange, who);
    return true;
  }
  return false;
}

std::optional<http::BodyPlan> plan_blob(Site& site, const http::Request& request, const guard::Principal& who) {
  const auto& path = request.target.segments;
  const bool file = request.method == "POST" && path.size() == 3 && path[0] == "api" && path[1] == "blobs";
  if (file && Digest::parse(path[2])) return site.blobs().plan(who.tenant, request);
  return std::nullopt;
}

}  // namespace freehold::app
