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

// What a role, or a list of models, keeps a key from, whatever the model.
api::Parsed<void> may_use(const guard::Principal& principal, const http::Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (principal.role == guard::Role::auditor && !reads) {
    return api::refuse(api::Problem::forbidden, "a key with the role auditor may read, not ask or change");
  }
  if (!principal.models) return {};
  // Generating, embedding and the list of models look at the key's models themselves.
  const auto& path = request.target.segments;
  const std::string_view first = path.empty() ? std::string_view() : std::string_view(path[0]);
  const std::string_view second = path.size() > 1 ? std::string_view(path[1]) : std::string_view();
  const std::string_view last = path.empty() ? std::string_view() : std::string_view(path.back());
  const bool openai =
      first == "v1" && (second == "chat" || second == "completions" || second == "embeddings" ||
                        (second == "responses" && last != "input_tokens") || second == "files" || second == "batches" ||
                        (second == "messages" && path.size() == 2) ||
                        (second == "models" && path.size() == 2 && reads && dialect_of(request) == Dialect::openai));
  const bool gemini = last.find(":generateContent") != std::string_view::npos ||
                      last.find(":streamGenerateContent") != std::string_view::npos ||
                      last.find("mbedContent") != std::string_view::npos;
  const bool ollama = first == "api" && (second == "chat" || second == "generate" || second == "embed" ||
                                         second == "embeddings" || second == "version");
  if (openai || gemini || ollama) return {};
  return api::refuse(api::Problem::forbidden,
                     "a key that is limited to certain models may ask these, and nothing else");
}

}  // namespace

bool path_is(const http::Request& request, std::initializer_list<std::string_view> segments) {
  const auto& path = request.target.segments;
  return std::equal(path.begin(), path.end(), segments.begin(), segments.end());
}

http::BodyPlan plan_body(Site& site, const http::Request& request, std::uint64_t usual) {
  // Who has no key gets no memory: enough for the refusal to come after a usual request.
  constexpr std::uint64_t kOfStrangers = std::uint64_t{64} << 10;
  const auto principal = site.principal_of(request);
  if (!principal) return {std::min(usual, kOfStrangers), {}};
  if (principal->role == guard::Role::auditor) return {std::min(usual, kOfStrangers), {}};
  if (auto plan = plan_upload(site, request)) return *plan;
  if (auto plan = plan_blob(site, request)) return *plan;
  return {usual, {}};
}

void handle(Site& site, const ExchangePtr& exchange) {
  if (handle_open(site, exchange)) return;
  const http::Request& request = exchange->request();
  const auto principal = site.principal_of(request);
  if (!principal) {
    return respond(*exchange, api::Failure{api::Problem::unauthorised, "the API key is missing or wrong", {}, {}});
  }
  if (auto may = may_use(*principal, request); !may) return respond(*exchange, may.error());
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
