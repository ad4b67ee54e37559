#include "app/serve/reply.h"

#include <fmt/format.h>

#include "api/anthropic/anthropic.h"
#include "api/gemini/gemini.h"
#include "api/ollama/ollama.h"
#include "api/openai/openai.h"
#include "api/peek.h"
#include "app/serve/methods.h"
#include "base/utf8.h"

namespace freehold::app {

Dialect dialect_of(const http::Request& request) {
  const auto& path = request.target.segments;
  const std::string_view first = path.empty() ? std::string_view() : std::string_view(path[0]);
  if (first == "api" || request.target.path == "/") return Dialect::ollama;
  if (first == "v1beta" || first == "v1alpha") return Dialect::gemini;
  const std::string_view second = first == "v1" && path.size() >= 2 ? std::string_view(path[1]) : std::string_view();
  if (second == "messages") return Dialect::anthropic;
  // Keys may be sent in anybody's way: they tell a dialect only where the address does not.
  for (const char* own : {"chat", "completions", "embeddings", "responses"}) {
    if (second == own) return Dialect::openai;
  }
  if (request.headers.has("x-goog-api-key") || request.target.has_query("key")) return Dialect::gemini;
  if (second == "models" && path.size() >= 3 && request.method == "POST" &&
      path.back().find(':') != std::string::npos) {
    return Dialect::gemini;
  }
  if (second == "models" && request.headers.has("anthropic-version")) return Dialect::anthropic;
  return first == "v1" ? Dialect::openai : Dialect::native;
}

std::string user_of(const http::Request& request) {
  std::string named = api::user_in(request.body, dialect_of(request) == Dialect::anthropic);
  return named.empty() ? std::string(request.headers.get("freehold-user")) : named;
}

std::vector<std::string> unused_users(const http::Request& request) {
  std::vector<std::string> out;
  const std::string_view header = request.headers.get("freehold-user");
  const bool both = request.body.find("\"safety_identifier\"") != std::string::npos;
  if (header.empty() && !both) return out;
  const std::string used = user_of(request);
  if (!header.empty() && header != used) out.emplace_back("Freehold-User");
  if (!both || dialect_of(request) == Dialect::anthropic) return out;
  const std::string other = api::string_in(request.body, "safety_identifier");
  if (!other.empty() && other != used) out.emplace_back("safety_identifier");
  return out;
}

std::string_view name_of(Dialect dialect) {
  constexpr std::string_view kNames[] = {"openai", "anthropic", "gemini", "ollama", "native"};
  return kNames[static_cast<std::size_t>(dialect)];
}

api::Failure failure_of(const Error& error) {
  using api::Failure;
  using api::Problem;
  switch (error.code) {
    case Errc::exhausted:
      return error.what.starts_with("busy") ? Failure{Problem::too_many, error.what, {}, {}}
                                            : Failure{Problem::context_length, error.what, "messages", {}};
    case Errc::invalid:
    case Errc::unsupported:
      return {Problem::invalid, error.what, {}, {}};
    case Errc::cancelled:
      return {Problem::unavailable, error.what, {}, {}};
    default:
      return {Problem::internal, "internal error", {}, {}};
  }
}

http::Response json_response(int status, std::string body) {
  http::Response response{status, {}, std::move(body)};
  response.headers.set("content-type", "application/json");
  return response;
}

void name_ignored(http::Response& response, const std::vector<std::string>& fields) {
  if (!fields.empty()) response.headers.set("freehold-ignored", fmt::format("{}", fmt::join(fields, ", ")));
}

http::Response error_response(const http::Request& request, const api::Failure& failure) {
  int status = api::status_of(failure);
  std::string body;
  switch (dialect_of(request)) {
    case Dialect::anthropic:
      if (failure.status == 0) status = api::anthropic::error_status(failure.problem);
      body = api::anthropic::error_json(failure, request.id);
      break;
    case Dialect::gemini:
      body = api::gemini::error_json(failure);
      break;
    case Dialect::ollama:
      body = api::ollama::error_json(failure);
      break;
    default:
      body = api::openai::error_json(failure);
      break;
  }
  http::Response response = json_response(status, std::move(body));
  if (failure.problem == api::Problem::too_many || failure.problem == api::Problem::unavailable) {
    response.headers.set("retry-after", "1");
  }
  if (failure.problem == api::Problem::unauthorised) response.headers.set("www-authenticate", "Bearer");
  for (const auto& [name, value] : failure.headers) response.headers.set(name, value);
  return response;
}

void respond(http::Exchange& exchange, const api::Failure& failure) {
  exchange.respond(error_response(exchange.request(), failure));
}

std::vector<SentKey> keys_of(const http::Request& request) {
  std::vector<SentKey> keys;
  const auto add = [&](std::string_view where, std::string_view key) {
    if (!key.empty()) keys.push_back({where, key});
  };
  const std::string_view bearer = request.headers.get("authorization");
  constexpr std::string_view kBearer = "bearer ";
  if (bearer.size() > kBearer.size() && http::equal_ignoring_case(bearer.substr(0, kBearer.size()), kBearer)) {
    add("authorization", bearer.substr(kBearer.size()));
  }
  for (const char* name : {"x-api-key", "x-goog-api-key"}) add(name, request.headers.get(name));
  for (const auto& [name, value] : request.target.query) {
    if (name == "key") add("?key=", value);
  }
  return keys;
}

std::string_view key_of(const http::Request& request) {
  const auto keys = keys_of(request);
  return keys.empty() ? std::string_view() : keys.front().key;
}

std::string allow_of(const http::Request& request) {
  const auto methods = methods_of(request);
  return methods ? std::string(*methods) + ", OPTIONS" : "GET, HEAD, POST, DELETE, OPTIONS";
}

api::Failure wrong_method(const http::Request& request) {
  api::Failure failure{api::Problem::wrong_method,
                       fmt::format("{} is not a method of this address", printable(request.method, 40)),
                       {},
                       {}};
  failure.headers.emplace_back("allow", allow_of(request));
  return failure;
}

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "application/json", perhaps with a charset that is none but UTF-8.
bool is_json(std::string_view type) {
  if (!http::equal_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json")) return false;
  while (type.find(';') != std::string_view::npos) {
    type.remove_prefix(type.find(';') + 1);
    const std::string_view parameter = trim(type.substr(0, type.find(';')));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || !http::equal_ignoring_case(parameter.substr(0, equals), "charset"))
      continue;
    std::string_view charset = parameter.substr(equals + 1);
    if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"')
      charset = charset.substr(1, charset.size() - 2);
    if (!http::equal_ignoring_case(charset, "utf-8") && !http::equal_ignoring_case(charset, "utf8") &&
        !http::equal_ignoring_case(charset, "us-ascii")) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool wants(http::Exchange& exchange, std::string_view method) {
  const http::Request& request = exchange.request();
  if (request.method != method && !(method == "GET" && request.method == "HEAD")) {
    respond(exchange, wrong_method(request));
    return false;
  }
  if (method != "POST") return true;
  if (is_json(request.headers.get("content-type"))) return true;
  respond(exchange, api::Failure{api::Problem::media_type, "the body must be application/json, in UTF-8", {}, {}});
  return false;
}

}  // namespace freehold::app
