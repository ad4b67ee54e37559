// /v1/responses and what is below it.
#include <fmt/format.h>

#include "api/openai/responses.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace openai = api::openai;

api::Failure no_such(std::string_view id) {
  return {api::Problem::not_found, fmt::format("Response with id '{}' not found.", printable(id)), "response_id", {}};
}

api::Parsed<openai::ResponseCall> parse(Site& site, const ExchangePtr& exchange) {
  FH_TRY(auto call, openai::parse_response(exchange->request().body, random_id()));
  const std::string tenant = site.tenant_of(exchange->request());
  std::optional<openai::StoredResponse> previous;
  if (!call.previous.empty()) {
    previous = site.responses().find(tenant, call.previous);
    if (!previous) {
      return api::refuse(api::Problem::not_found,
                         fmt::format("Previous response with id '{}' not found.", printable(call.previous)),
                         "previous_response_id", "previous_response_not_found");
    }
  }
  FH_TRY_VOID(openai::join(call, previous ? &*previous : nullptr,
                           [&](std::string_view id) { return site.responses().find_item(tenant, id); }));
  return call;
}

void create(Site& site, const ExchangePtr& exchange) {
  auto parsed = parse(site, exchange);
  if (!parsed) return respond(*exchange, parsed.error());
  api::Call call = parsed->call;
  std::function<void(openai::StoredResponse)> keep;
  if (parsed->store) {
    keep = [&site, tenant = site.tenant_of(exchange->request())](openai::StoredResponse response) {
      site.responses().put(tenant, std::move(response));
    };
  }
  site.generate(exchange, std::move(call), [&](const api::Call&, api::AnswerId id, const std::vector<engine::Prompt>&) {
    return openai::response_encoder(std::move(*parsed), std::move(id), std::move(keep));
  });
}

void count(Site& site, const ExchangePtr& exchange) {
  const auto parsed = parse(site, exchange);
  if (!parsed) return respond(*exchange, parsed.error());
  const auto tokens = site.count_tokens(parsed->call);
  if (!tokens) return respond(*exchange, tokens.error());
  exchange->respond(json_response(200, openai::input_tokens_json(*tokens)));
}

}  // namespace

bool handle_responses(Site& site, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  if (path.size() < 2 || path[0] != "v1" || path[1] != "responses" || path.size() > 4) return false;
  if (path.size() == 2) {
    if (wants(*exchange, "POST")) create(site, exchange);
    return true;
  }
  if (path.size() == 3 && path[2] == "input_tokens" && request.method == "POST") {
    if (wants(*exchange, "POST")) count(site, exchange);
    return true;
  }
  const std::string tenant = site.tenant_of(request);
  const auto found = site.responses().find(tenant, path[2]);
  if (!found) {
    respond(*exchange, no_such(path[2]));
  } else if (path.size() == 3 && request.method == "DELETE") {
    site.responses().erase(tenant, path[2]);
    exchange->respond(json_response(200, openai::deleted_json(path[2])));
  } else if (path.size() == 3) {
    if (wants(*exchange, "GET")) exchange->respond(json_response(200, found->response));
  } else if (path[3] == "input_items") {
    if (wants(*exchange, "GET")) exchange->respond(json_response(200, openai::input_items_json(*found)));
  } else if (path[3] == "cancel" && request.method == "POST") {
    // Nothing runs in the background, so what can be found here is over.
    respond(
        *exchange,
        api::Failure{
            api::Problem::invalid, "Only responses that run in the background can be cancelled.", "response_id", {}});
  } else {
    return false;
  }
  return true;
}

}  // namespace freehold::app
