#include "app/serve/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/serve/reply.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

// What needs no key.
bool handle_open(const Site& site, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  if (request.method == "OPTIONS") {
    exchange->respond({204, {}, {}});
    return true;
  }
  if (path_is(request, {"healthz"})) {
    exchange->respond(json_response(200, R"({"status":"ok"})"));
    return true;
  }
  if (path_is(request, {"health"}) && site.stopping) {
    exchange->respond(json_response(503, R"({"status":"stopping"})"));
    return true;
  }
  if (path_is(request, {"health"})) {
    exchange->respond(json_response(200, R"({"status":"ok"})"));
    return true;
  }
  // What Ollama's clients ask to see whether somebody is there.
  if (request.target.path == "/" && (request.method == "GET" || request.method == "HEAD")) {
    http::Response response{200, {}, "Ollama is running"};
    response.headers.set("content-type", "text/plain; charset=utf-8");
    exchange->respond(std::move(response));
    return true;
  }
  if (path_is(request, {"readyz"})) {
    exchange->respond(site.stopping ? json_response(503, R"({"status":"stopping"})")
                                    : json_response(200, R"({"status":"ready"})"));
    return true;
  }
  return false;
}

}  // namespace

bool path_is(const http::Request& request, std::initializer_list<std::string_view> segments) {
  const auto& path = request.target.segments;
  return std::equal(path.begin(), path.end(), segments.begin(), segments.end());
}

http::BodyPlan plan_body(Site& site, const http::Request& request, std::uint64_t usual) {
  if (auto plan = plan_upload(site, request)) return *plan;
  if (auto plan = plan_blob(site, request)) return *plan;
  return {usual, {}};
}

void handle(Site& site, const ExchangePtr& exchange) {
  if (handle_open(site, exchange)) return;
  const http::Request& request = exchange->request();
  if (!site.principal_of(request)) {
    return respond(*exchange, api::Failure{api::Problem::unauthorised, "the API key is missing or wrong", {}, {}});
  }
  bool handled = false;
  switch (dialect_of(request)) {
    case Dialect::openai:
      handled = handle_openai(site, exchange) || handle_responses(site, exchange) ||
                handle_files_and_batches(site, exchange) || handle_native(site, exchange);
      break;
    case Dialect::anthropic:
      handled = handle_anthropic(site, exchange);
      break;
    case Dialect::gemini:
      handled = handle_gemini(site, exchange);
      break;
    case Dialect::ollama:
      handled = handle_ollama(site, exchange);
      break;
    default:
      handled = handle_native(site, exchange);
      break;
  }
  if (handled) return;
  respond(*exchange, api::Failure{api::Problem::not_found,
                                  fmt::format("there is nothing at {} {}", printable(request.method),
                                              printable(request.target.path)),
                                  {},
                                  {}});
}

}  // namespace freehold::app
