// /freehold/v1/adapters: adapters of the store are attached to models, listed and detached while the server runs.
#include <fmt/format.h>

#include <algorithm>

#include "app/json_writer.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "base/utf8.h"
#include "format/json.h"

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

}  // namespace

bool handle_adapters(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
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
