// /freehold/v1/adapters: adapters of the store are attached to models, listed and detached while the server runs. And
// the same in the words of vLLM (/v1/load_lora_adapter) and of llama-server (/lora-adapters).
#include <fmt/format.h>

#include <algorithm>

#include "app/json_writer.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "base/utf8.h"
#include "format/json.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using api::Failure;
using api::Problem;

struct Attach {
  std::string name, model, adapter;
};

api::Parsed<Attach> parse_attach(std::string_view body) {
  const auto json = format::parse_json(body);
  if (!json) return api::refuse(Problem::invalid, json.error().what, {});
  if (!json->is_object()) return api::refuse(Problem::invalid, "the body is not a JSON object", {});
  Attach out;
  for (const format::Member& m : json->members()) {
    std::string* to = m.key == "name" ? &out.name : m.key == "model" ? &out.model : nullptr;
    if (m.key == "adapter") to = &out.adapter;
    if (to == nullptr) {
      return api::refuse(Problem::invalid, fmt::format("'{}' is no field here: name, model, adapter", printable(m.key)),
                         printable(m.key));
    }
    const auto text = m.value.as_string();
    if (!text) return api::refuse(Problem::invalid, fmt::format("'{}' must be a string", m.key), m.key);
    *to = *text;
  }
  for (const auto& [key, value] : {std::pair{"name", &out.name}, {"model", &out.model}, {"adapter", &out.adapter}}) {
    if (value->empty()) return api::refuse(Problem::invalid, fmt::format("'{}' is required", key), key);
  }
  return out;
}

// Every name that puts an adapter on a model.
std::string listed(const Site& site, const guard::Principal& who) {
  JsonWriter out;
  const std::vector<Models::InMemory> loaded = site.pool().in_memory();
  out.begin_object().key("adapters").begin_array();
  for (const FactsPtr& m : site.served_to(who)) {
    if (!m->adapter) continue;
    out.begin_object().member("name", m->name()).member("adapter", m->adapter->id.name());
    if (!m->digest.empty()) out.member("base", m->digest);
    const AdapterShelf::Status* there = nullptr;
    std::vector<AdapterShelf::Status> shelf;
    for (const Models::InMemory& model : loaded) {
      if (model.facts->key != m->key) continue;
      shelf = model.model->adapters().status();
      const auto found =
          std::find_if(shelf.begin(), shelf.end(), [&](const auto& s) { return s.id == m->adapter->id; });
      if (found != shelf.end()) there = &*found;
    }
    out.member("loaded", there != nullptr);
    if (there != nullptr) out.member("memory_bytes", there->bytes).member("in_use", there->in_use);
    out.end_object();
  }
  out.end_array().end_object();
  return out.take();
}

void attach(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const auto may = site.permit(who, site.permissions().decide(who, guard::Action::manage));
  if (!may) return respond(*exchange, may.error());
  const auto asked = parse_attach(exchange->request().body);
  if (!asked) return respond(*exchange, asked.error());
  if (auto done = site.pool().attach(asked->name, asked->model, asked->adapter); !done) {
    Failure failure = failure_of(done.error());
    // What is wrong is in the request or in the adapter that it names, never in this server.
    failure.problem = done.error().code == Errc::not_found ? Problem::not_found : Problem::invalid;
    failure.message = done.error().what;
    return respond(*exchange, failure);
  }
  exchange->respond(json_response(200, R"({"attached":true})"));
}

void detach(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& name) {
  const auto may = site.permit(who, site.permissions().decide(who, guard::Action::manage));
  if (!may) return respond(*exchange, may.error());
  if (site.pool().detach(name)) return exchange->respond(json_response(200, R"({"detached":true})"));
  respond(*exchange,
          Failure{Problem::not_found, fmt::format("nothing is attached under '{}'", printable(name)), "name", {}});
}

// vLLM's fields. `path` is what it takes from the server's disk; here it is a name of the store, because no file is
// read that a client names (docs/adr/0028-adapters-in-serving.md).
struct Lora {
  std::string name, path, base;
};

api::Parsed<Lora> parse_lora(std::string_view body, bool with_path) {
  const auto json = format::parse_json(body);
  if (!json) return api::refuse(Problem::invalid, json.error().what, {});
  if (!json->is_object()) return api::refuse(Problem::invalid, "the body is not a JSON object", {});
  Lora out;
  for (const auto& [key, value] :
       {std::pair{"lora_name", &out.name}, {"lora_path", &out.path}, {"base_model_name", &out.base}}) {
    const format::Value* given = json->member(key);
    if (given == nullptr || given->is_null()) continue;
    const auto text = given->as_string();
    if (!text) return api::refuse(Problem::invalid, fmt::format("'{}' must be a string", key), key);
    *value = *text;
  }
  if (out.name.empty()) return api::refuse(Problem::invalid, "'lora_name' is required", "lora_name");
  if (with_path && out.path.empty()) return api::refuse(Problem::invalid, "'lora_path' is required", "lora_path");
  return out;
}

// The one model that is served without an adapter, for a client that knows of one only.
api::Parsed<std::string> only_base(const Site& site, const guard::Principal& who) {
  std::vector<std::string> names;
  for (const FactsPtr& m : site.served_to(who)) {
    if (!m->adapter) names.push_back(m->name());
  }
  if (names.size() == 1) return names.front();
  return api::refuse(Problem::invalid, "'base_model_name' is required: more than one model is served, or none",
                     "base_model_name");
}

void respond_text(const ExchangePtr& exchange, std::string text) {
  http::Response response{200, {}, std::move(text)};
  response.headers.set("content-type", "text/plain; charset=utf-8");
  exchange->respond(std::move(response));
}

api::Parsed<std::string> load_lora(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  FH_TRY(Lora asked, parse_lora(exchange->request().body, true));
  if (site.pool().has(asked.name)) {
    return api::refuse(Problem::invalid,
                       fmt::format("The lora adapter '{}' has already been loaded.", printable(asked.name)),
                       "lora_name");
  }
  if (asked.base.empty()) {
    FH_TRY(asked.base, only_base(site, who));
  }
  const auto no_such = [&] {
    return api::refuse(
        Problem::not_found,
        fmt::format("No adapter found for '{}': there is none of that name in the store (`freehold models "
                    "import` brings one there)",
                    printable(asked.path)),
        "lora_path");
  };
  if (!site.pool().has(asked.base)) {
    return api::refuse(Problem::not_found, fmt::format("No model '{}' is served.", printable(asked.base)),
                       "base_model_name");
  }
  if (!store::ModelName::parse(asked.path)) return no_such();
  auto done = site.pool().attach(asked.name, asked.base, asked.path);
  if (!done && done.error().code == Errc::not_found) return no_such();
  if (!done) return api::refuse(Problem::invalid, done.error().what, {});
  return fmt::format("Success: LoRA adapter '{}' added successfully.", asked.name);
}

api::Parsed<std::string> unload_lora(const Site& site, const ExchangePtr& exchange) {
  FH_TRY(const Lora asked, parse_lora(exchange->request().body, false));
  if (site.pool().detach(asked.name))
    return fmt::format("Success: LoRA adapter '{}' removed successfully.", asked.name);
  return api::refuse(Problem::not_found, fmt::format("The lora adapter '{}' cannot be found.", printable(asked.name)),
                     "lora_name");
}

// llama-server's list. Nothing is put on a model that a request has not named, so the scales are 0.
std::string numbered(const Site& site, const guard::Principal& who) {
  JsonWriter out;
  std::int64_t id = 0;
  out.begin_array();
  for (const FactsPtr& m : site.served_to(who)) {
    if (!m->adapter) continue;
    out.begin_object().member("id", id++).member("path", m->name()).member("scale", 0.0).end_object();
  }
  out.end_array();
  return out.take();
}

bool handle_loras(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const bool load = path_is(request, {"v1", "load_lora_adapter"});
  if (load || path_is(request, {"v1", "unload_lora_adapter"})) {
    if (!wants(*exchange, "POST")) return true;
    const auto may = site.permit(who, site.permissions().decide(who, guard::Action::manage));
    api::Parsed<std::string> done = tl::unexpected(Failure{});
    if (!may) {
      done = tl::unexpected(may.error());
    } else {
      done = load ? load_lora(site, exchange, who) : unload_lora(site, exchange);
    }
    if (done) {
      respond_text(exchange, std::move(*done));
    } else {
      respond(*exchange, done.error());
    }
    return true;
  }
  if (!path_is(request, {"lora-adapters"})) return false;
  if (wants(*exchange, "GET")) exchange->respond(json_response(200, numbered(site, who)));
  return true;
}

}  // namespace

bool handle_adapters(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  if (handle_loras(site, exchange, who)) return true;
  const auto& path = request.target.segments;
  if (path.size() < 3 || path[0] != "freehold" || path[1] != "v1" || path[2] != "adapters") return false;
  if (path.size() == 3) {
    if (request.method == "POST") {
      attach(site, exchange, who);
    } else if (wants(*exchange, "GET")) {
      exchange->respond(json_response(200, listed(site, who)));
    }
    return true;
  }
  std::string name = path[3];
  for (std::size_t i = 4; i < path.size(); ++i) name += "/" + path[i];
  if (wants(*exchange, "DELETE")) detach(site, exchange, who, name);
  return true;
}

}  // namespace freehold::app
