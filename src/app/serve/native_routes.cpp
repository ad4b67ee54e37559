// What llama-server and vLLM have beside OpenAI's addresses, and what is this program's own.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "api/native/native.h"
#include "app/json_writer.h"
#include "app/serve/answer_id.h"
#include "app/serve/metrics.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "app/usage_json.h"
#include "app/version.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace native = api::native;
using api::Failure;
using api::Problem;

// These programs serve one model, so their clients often name none.
api::Parsed<ModelLease> find(const Site& site, const guard::Principal& who, std::string& name,
                             guard::Action action = guard::Action::ask) {
  if (name.empty()) name = site.only_model(who);
  if (name.empty() && site.served_to(who).size() > 1)
    return api::refuse(Problem::invalid, "'model' is required: several are served", "model");
  return site.find(name, who, action);
}

api::Parsed<std::string> tokenize(const Site& site, const guard::Principal& who, const std::string& body) {
  FH_TRY(native::Tokenize asked, native::parse_tokenize(body));
  FH_TRY(const ModelLease model, find(site, who, asked.call.model));
  const text::Tokenizer& tokenizer = model->loaded().tokenizer.tokenizer;
  std::vector<std::int32_t> ids;
  if (std::holds_alternative<api::Conversation>(asked.call.input)) {
    FH_TRY_VOID(site.adopt(asked.call, who));
    FH_TRY(auto prompts, model->prompts(asked.call));
    ids = std::move(prompts.front().tokens);
  } else {
    FH_TRY_VOID(model->check_text(asked.text, asked.llama ? "content" : "prompt"));
    auto encoded =
        tokenizer.encode(asked.text, {.parse_special = asked.parse_special, .add_special = asked.add_special});
    if (!encoded) return tl::unexpected(failure_of(encoded.error()));
    ids = std::move(*encoded);
  }
  std::vector<native::Token> tokens;
  tokens.reserve(ids.size());
  for (std::int32_t id : ids) {
    native::Token token{id, {}, {}};
    if (asked.pieces) token.spelling = tokenizer.token_text(id), token.bytes = tokenizer.token_bytes(id);
    tokens.push_back(std::move(token));
  }
  return native::tokenize_json(asked, tokens, model->context());
}

api::Parsed<std::string> detokenize(const Site& site, const guard::Principal& who, const std::string& body) {
  FH_TRY(native::Detokenize asked, native::parse_detokenize(body));
  FH_TRY(const ModelLease model, find(site, who, asked.model));
  const text::Tokenizer& tokenizer = model->loaded().tokenizer.tokenizer;
  FH_TRY_VOID(model->check_tokens(asked.tokens.size(), "tokens"));
  for (std::int32_t id : asked.tokens) {
    if (tokenizer.contains(id)) continue;
    return api::refuse(Problem::invalid, fmt::format("'tokens': there is no token {}", id), "tokens");
  }
  auto text = tokenizer.decode(asked.tokens, {.render_special = true});
  if (!text) return tl::unexpected(failure_of(text.error()));
  return native::detokenize_json(*text);
}

api::Parsed<std::string> apply_template(const Site& site, const guard::Principal& who, const std::string& body) {
  FH_TRY(api::Call call, native::parse_apply_template(body));
  FH_TRY(const ModelLease model, find(site, who, call.model));
  FH_TRY_VOID(site.adopt(call, who));
  FH_TRY(auto prompts, model->prompts(call));
  return native::apply_template_json(model->text_of(prompts.front()));
}

void complete(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  auto call = native::parse_completion(exchange->request().body);
  if (!call) return respond(*exchange, call.error());
  const auto model = find(site, who, call->model);
  if (!model) return respond(*exchange, model.error());
  site.generate(exchange, who, std::move(call),
                [model = *model](const api::Call& of, api::AnswerId id, const std::vector<text::Prompt>& prompts) {
                  return native::completion_encoder(of, std::move(id), model->text_of(prompts.front()));
                });
}

// ?model=… picks one.
api::Parsed<ModelLease> asked_model(const Site& site, const guard::Principal& who, const http::Request& request) {
  std::string name(request.target.query_value("model"));
  return find(site, who, name, guard::Action::read);
}

std::string props(const ServedModel& model) {
  JsonWriter out;
  const model::LoadedTokenizer& tokenizer = model.loaded().tokenizer;
  out.begin_object().key("default_generation_settings").begin_object();
  out.member("n_ctx", model.context()).end_object();
  out.member("total_slots", model.sequences()).member("model_alias", model.name());
  out.member("chat_template", model.chat_template() == nullptr ? std::string() : model.chat_template()->source());
  out.member("bos_token", tokenizer.bos_token.value_or("")).member("eos_token", tokenizer.eos_token.value_or(""));
  out.member("build_info", version_line()).end_object();
  return out.take();
}

std::string slots(const ServedModel& model) {
  JsonWriter out;
  const ServedModel::Load load = model.load();
  out.begin_array();
  for (std::uint32_t i = 0; i < model.sequences(); ++i) {
    out.begin_object().member("id", i).member("n_ctx", model.context());
    out.member("speculative", model.guesses()).member("is_processing", i < load.running).end_object();
  }
  out.end_array();
  return out.take();
}

std::string models(const Site& site, const guard::Principal& who) {
  JsonWriter out;
  const std::vector<Models::InMemory> loaded = site.pool().in_memory();
  out.begin_object().key("models").begin_array();
  for (const FactsPtr& m : site.served_to(who)) {
    const api::ollama::ModelCard& card = m->card;
    out.begin_object().member("name", m->name());
    if (!m->digest.empty()) out.member("digest", m->digest);
    if (m->adapter) out.member("adapter", m->adapter->id.name());
    out.member("family", card.family).member("format", card.format).member("weight_type", card.weight_type);
    out.member("parameters", card.parameters).member("bytes", card.size).member("context", m->context());
    if (m->memory) out.member("memory_bytes", m->memory->total());
    const auto in_memory =
        std::find_if(loaded.begin(), loaded.end(), [&](const auto& other) { return other.facts->key == m->key; });
    out.member("loaded", in_memory != loaded.end());
    if (in_memory != loaded.end()) {
      const ServedModel::Load load = in_memory->model->load();
      out.member("sequences", in_memory->model->sequences());
      out.member("running", load.running).member("waiting", load.waiting);
    }
    out.key("capabilities").begin_array();
    for (const std::string& c : card.capabilities) out.value(c);
    out.end_array().end_object();
  }
  for (const NamedModel& named : site.named_models(who)) {
    if (!named.made) continue;
    out.begin_object().member("name", named.name).member("base", named.model->name()).end_object();
  }
  out.end_array().end_object();
  return out.take();
}

void cancel(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& id) {
  const http::Request& request = exchange->request();
  if (request.method != "POST") return (void)wants(*exchange, "POST");
  if (site.running().cancel(id, who.tenant)) {
    return exchange->respond(json_response(200, R"({"cancelled":true})"));
  }
  respond(*exchange, Failure{Problem::not_found, fmt::format("no request '{}' is under way", printable(id)), "id", {}});
}

// Of an entry of the audit log what its request's story says, by the names of the story.
void write_members(JsonWriter& out, const std::map<std::string, std::string>& entry,
                   std::initializer_list<std::pair<const char*, const char*>> names) {
  for (const auto& [member, name] : names) {
    if (const auto found = entry.find(member); found != entry.end()) out.member(name, found->second);
  }
}

// A request's story: what it was, what it took, how it ended. No word of what was asked or answered. Who may see the
// records of all is also told what the log alone has: who was refused and why, and why somebody broke the glass.
void story(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& id) {
  if (!wants(*exchange, "GET")) return;
  const bool any = site.may(who, guard::Action::records);
  const bool running = site.running().has_request(id, any ? std::nullopt : std::optional(who.tenant));
  const auto event = site.recorded(id, who);
  if (!event) return respond(*exchange, Failure{Problem::internal, "the record cannot be read", {}, {}});
  std::optional<std::map<std::string, std::string>> entry;
  if (any && !running) {
    auto logged = site.logged(id);
    if (!logged && !*event) return respond(*exchange, Failure{Problem::internal, "the record cannot be read", {}, {}});
    if (logged && *logged && (**logged)["kind"] != "admin") entry = std::move(*logged);
  }
  JsonWriter out;
  if (*event) {
    out.begin_object().member("status", "finished");
    write_event(out, **event);
    if (entry) write_members(out, *entry, {{"role", "role"}, {"label", "label"}, {"break_glass", "break_glass"}});
  } else if (entry) {
    out.begin_object().member("status", (*entry)["kind"] == "refusal" ? "refused" : "finished");
    write_members(out, *entry,
                  {{"id", "request_id"},
                   {"time", "time"},
                   {"key", "key"},
                   {"role", "role"},
                   {"model", "model"},
                   {"dialect", "dialect"},
                   {"method", "method"},
                   {"endpoint", "endpoint"},
                   {"outcome", "outcome"},
                   {"reason", "reason"},
                   {"rule", "rule"},
                   {"label", "label"},
                   {"ceiling", "ceiling"},
                   {"kinds", "kinds"},
                   {"break_glass", "break_glass"}});
    out.member("http_status", std::strtoull((*entry)["status"].c_str(), nullptr, 10));
  } else if (running) {
    out.begin_object().member("status", "running").member("request_id", id);
  } else {
    return respond(
        *exchange,
        Failure{Problem::not_found, fmt::format("there is no record of request '{}'", printable(id)), "id", {}});
  }
  out.end_object();
  exchange->respond(json_response(200, out.take()));
}

void answer(const ExchangePtr& exchange, const api::Parsed<std::string>& json) {
  if (!json) return respond(*exchange, json.error());
  exchange->respond(json_response(200, *json));
}

// GET addresses of the program's state.
bool handle_state(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  if (path_is(request, {"version"})) {
    if (wants(*exchange, "GET")) answer(exchange, fmt::format(R"({{"version":"{}"}})", version()));
    return true;
  }
  if (path_is(request, {"metrics"})) {
    if (wants(*exchange, "GET")) exchange->respond(metrics_page(site, who));
    return true;
  }
  if (path_is(request, {"freehold", "v1", "models"})) {
    if (wants(*exchange, "GET")) answer(exchange, models(site, who));
    return true;
  }
  if (path_is(request, {"props"}) || path_is(request, {"slots"})) {
    if (!wants(*exchange, "GET")) return true;
    const auto model = asked_model(site, who, request);
    if (!model) {
      respond(*exchange, model.error());
    } else {
      answer(exchange, request.target.segments[0] == "props" ? props(**model) : slots(**model));
    }
    return true;
  }
  return false;
}

}  // namespace

bool handle_native(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  struct Route {
    std::string_view name;
    api::Parsed<std::string> (*run)(const Site&, const guard::Principal& who, const std::string& body);
  };
  static constexpr Route kPosts[] = {
      {"tokenize", tokenize}, {"detokenize", detokenize}, {"apply-template", apply_template}};
  for (const Route& route : kPosts) {
    if (!path_is(request, {route.name})) continue;
    if (!wants(*exchange, "POST")) return true;
    const auto counted = site.count_request(who);
    answer(exchange, counted ? route.run(site, who, request.body) : tl::unexpected(counted.error()));
    return true;
  }
  if (path_is(request, {"completion"}) || path_is(request, {"completions"})) {
    if (wants(*exchange, "POST")) complete(site, exchange, who);
    return true;
  }
  if (path.size() == 5 && path[0] == "freehold" && path[1] == "v1" && path[2] == "requests" && path[4] == "cancel") {
    cancel(site, exchange, who, path[3]);
    return true;
  }
  if (path.size() == 4 && path[0] == "freehold" && path[1] == "v1" && path[2] == "requests") {
    story(site, exchange, who, request_of_answer(path[3]));
    return true;
  }
  if (handle_adapters(site, exchange, who)) return true;
  return handle_state(site, exchange, who);
}

}  // namespace freehold::app
