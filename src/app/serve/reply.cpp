#include "app/serve/reply.h"

#include <fmt/format.h>

#include "api/ollama/ollama.h"
#include "api/openai/openai.h"
#include "base/utf8.h"

namespace freehold::app {

Dialect dialect_of(const http::Request& request) {
  const auto& path = request.target.segments;
  const std::string_view first = path.empty() ? std::string_view() : std::string_view(path[0]);
  if (first == "api" || request.target.path == "/") return Dialect::ollama;
  if (first == "v1beta" || request.headers.has("x-goog-api-key") || request.target.has_query("key")) {
    return Dialect::gemini;
  }
  const bool v1 = first == "v1" && path.size() >= 2;
  if (v1 && path[1] == "models" && path.size() == 3 && request.method == "POST" &&
      path[2].find(':') != std::string::npos) {
    return Dialect::gemini;
  }
  if (v1 && (path[1] == "messages" || (path[1] == "models" && request.headers.has("anthropic-version")))) {
    return Dialect::anthropic;
  }
  return first == "v1" ? Dialect::openai : Dialect::native;
}

http::Response json_response(int status, std::string body) {
  http::Response response{status, {}, std::move(body)};
  response.headers.set("content-type", "application/json");
  return response;
}

http::Response error_response(const http::Request& request, const api::Failure& failure) {
  std::string body =
      dialect_of(request) == Dialect::ollama ? api::ollama::error_json(failure) : api::openai::error_json(failure);
  http::Response response = json_response(api::status_of(failure.problem), std::move(body));
  if (failure.problem == api::Problem::too_many || failure.problem == api::Problem::unavailable) {
    response.headers.set("retry-after", "1");
  }
  if (failure.problem == api::Problem::unauthorised) response.headers.set("www-authenticate", "Bearer");
  return response;
}

void respond(http::Exchange& exchange, const api::Failure& failure) {
  exchange.respond(error_response(exchange.request(), failure));
}

std::string_view key_of(const http::Request& request) {
  const std::string_view bearer = request.headers.get("authorization");
  constexpr std::string_view kBearer = "bearer ";
  if (bearer.size() > kBearer.size() && http::equal_ignoring_case(bearer.substr(0, kBearer.size()), kBearer)) {
    return bearer.substr(kBearer.size());
  }
  for (const char* name : {"x-api-key", "x-goog-api-key"}) {
    if (request.headers.has(name)) return request.headers.get(name);
  }
  return request.target.query_value("key");
}

bool wants(http::Exchange& exchange, std::string_view method) {
  const http::Request& request = exchange.request();
  if (request.method != method && !(method == "GET" && request.method == "HEAD")) {
    respond(exchange, api::Failure{api::Problem::wrong_method,
                                   fmt::format("{} is not a method of this address", printable(request.method)),
                                   {},
                                   {}});
    return false;
  }
  if (method != "POST") return true;
  const std::string_view type = request.headers.get("content-type");
  std::string_view media = type.substr(0, type.find(';'));
  while (!media.empty() && (media.back() == ' ' || media.back() == '\t')) media.remove_suffix(1);
  if (http::equal_ignoring_case(media, "application/json")) return true;
  respond(exchange, api::Failure{api::Problem::media_type, "the body must be application/json", {}, {}});
  return false;
}

}  // namespace freehold::app
