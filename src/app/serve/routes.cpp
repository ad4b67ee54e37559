#include "app/serve/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/sealing.h"
#include "app/serve/methods.h"
#include "app/serve/metrics.h"
#include "app/serve/reply.h"
#include "app/serve/wanted_model.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

// What needs no key.
std::optional<http::Response> open_page(const Site& site, const http::Request& request) {
  if (request.method == "OPTIONS") {
    http::Response response{204, {}, {}};
    response.headers.set("allow", allow_of(request));
    return response;
  }
  if (path_is(request, {"healthz"})) return json_response(200, R"({"status":"ok"})");
  const bool health = path_is(request, {"health"}), ready = path_is(request, {"readyz"});
  if ((health || ready) && site.stopping) return json_response(503, R"({"status":"stopping"})");
  if (health && site.starting) {
    // As llama-server says it.
    return json_response(
        503, R"({"status":"loading","error":{"code":503,"message":"Loading model","type":"unavailable_error"}})");
  }
  if (ready && site.starting) {
    return json_response(503, R"({"status":"loading"})");
  }
  if (health || ready) {
    if (site.unrecordable()) {
      return json_response(503, R"({"status":"failed","reason":"what is asked can no longer be recorded"})");
    }
  }
  if (health) return json_response(200, R"({"status":"ok"})");
  if (path_is(request, {"readyz"}))
    return json_response(200, fmt::format(R"({{"status":"ready","sealed":{}}})", seal_json()));
  // What Ollama's clients ask to see whether somebody is there.
  if (request.target.path == "/") {
    http::Response response{200, {}, "Ollama is running"};
    response.headers.set("content-type", "text/plain; charset=utf-8");
    return response;
  }
  return std::nullopt;
}

bool is_open(const http::Request& request) {
  return request.method == "OPTIONS" || request.target.path == "/" || path_is(request, {"healthz"}) ||
         path_is(request, {"health"}) || path_is(request, {"readyz"});
}

// A request whose model, if it needs one, is in memory.
void dispatch(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  bool handled = false;
  switch (dialect_of(request)) {
    case Dialect::openai:
      handled = handle_tuning(site, exchange, who) || handle_openai(site, exchange, who) ||
                handle_responses(site, exchange, who) || handle_files_and_batches(site, exchange, who) ||
                handle_native(site, exchange, who);
      break;
    case Dialect::anthropic:
      handled = handle_anthropic(site, exchange, who);
      break;
    case Dialect::gemini:
      handled = handle_gemini(site, exchange, who);
      break;
    case Dialect::ollama:
      handled = handle_ollama(site, exchange, who);
      break;
    default:
      handled = handle_native(site, exchange, who);
      break;
  }
  if (handled) return;
  respond(*exchange, api::Failure{api::Problem::not_found,
                                  fmt::format("there is nothing at {} {}", printable(request.method),
                                              printable(request.target.path)),
                                  {},
                                  {}});
}

// A proxy that looks at one and a server that takes the other would put the request on two accounts.
api::Parsed<void> check_one_key(const http::Request& request) {
  const auto keys = keys_of(request);
  for (const SentKey& other : keys) {
    if (other.key != keys.front().key)
      return api::refuse(api::Problem::invalid, fmt::format("two keys that differ were sent, in {} and in {}: send one",
                                                            keys.front().where, other.where));
  }
  return {};
}

}  // namespace

bool path_is(const http::Request& request, std::initializer_list<std::string_view> segments) {
  const auto& path = request.target.segments;
  return std::equal(path.begin(), path.end(), segments.begin(), segments.end());
}

api::Parsed<void> check_head(const Site& site, const http::Request& request) {
  // Of what two could understand differently, one must not be let in by the other.
  for (const char* once : {"authorization", "x-api-key", "x-goog-api-key", "content-type", "content-encoding",
                           "freehold-label", "freehold-reason", "freehold-user"}) {
    if (request.headers.count(once) > 1) {
      return api::refuse(api::Problem::invalid, fmt::format("the header field {} was sent more than once", once));
    }
  }
  if (!is_open(request)) {
    FH_TRY_VOID(check_one_key(request));
    FH_TRY(const guard::Principal principal, site.enter(request));
    // Of an answer that is told while it is written it would come out at its end only, and of a change when it is made.
    if (request.method != "GET" && site.unrecordable()) {
      return api::refuse(api::Problem::unavailable,
                         "what is asked can no longer be recorded, so nothing is answered or changed until whoever "
                         "looks after the server has mended that and started it anew");
    }
    FH_TRY_VOID(site.permissions().check_headers(request));
    // What a key may do with a model is looked at where the model is found (Site::find).
    FH_TRY_VOID(site.permit(principal, site.permissions().decide(principal, action_of(request))));
    if (outlives_request(request)) FH_TRY_VOID(site.permit(principal, site.permissions().to_go_on(principal)));
  }
  const auto methods = methods_of(request);
  if (methods && request.method != "OPTIONS" && !has_method(*methods, request.method)) {
    return tl::unexpected(wrong_method(request));
  }
  const std::string_view coding = request.headers.get("content-encoding");
  if (!coding.empty() && !http::equal_ignoring_case(coding, "identity")) {
    return api::refuse(api::Problem::media_type, "the body must not have a Content-Encoding");
  }
  return {};
}

http::BodyPlan plan_body(Site& site, const http::Request& request, std::uint64_t usual) {
  // Who may not gets no memory, and need not send the body.
  if (auto fine = check_head(site, request); !fine) return {0, {}, error_response(request, fine.error())};
  constexpr std::uint64_t kOfNoUse = std::uint64_t{64} << 10;  // of a request whose body nobody reads
  const auto principal = site.principal_of(request);
  http::BodyPlan plan{std::min(usual, kOfNoUse), {}};
  if (!principal) return plan;  // a page that needs no key
  if (request.method == "POST" || request.method == "DELETE") {
    plan.limit = usual;
    auto own = plan_upload(site, request, *principal);
    if (!own) own = plan_blob(site, request, *principal);
    if (own) plan = std::move(*own);
  }
  plan.share = principal->tenant;
  return plan;
}

std::optional<http::Response> answer_at_once(const Site& site, const http::Request& request) {
  const bool metrics = path_is(request, {"metrics"});
  if (!is_open(request) && !metrics) return std::nullopt;
  if (auto fine = check_head(site, request); !fine) return error_response(request, fine.error());
  if (auto page = open_page(site, request)) return page;
  const auto principal = site.principal_of(request);
  if (!metrics || !principal) return std::nullopt;
  site.tell_of_use(request, *principal);
  return metrics_page(site, *principal);
}

void handle(Site& site, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  if (auto page = answer_at_once(site, request)) return exchange->respond(std::move(*page));
  if (auto fine = check_head(site, request); !fine) return respond(*exchange, fine.error());
  const auto principal = site.principal_of(request);
  if (!principal) {  // it was valid a moment ago
    return respond(*exchange, api::Failure{api::Problem::unauthorised, "the API key is missing or wrong", {}, {}});
  }
  site.tell_of_use(request, *principal);
  const std::string model = wanted_model(site, request, *principal);
  if (model.empty()) return dispatch(site, exchange, *principal);
  site.when_loaded(exchange, model, *principal, [&site, exchange, who = *principal] { dispatch(site, exchange, who); });
}

void handle_own(Site& site, const ExchangePtr& exchange) {
  const auto principal = site.principal_of(exchange->request());
  if (!principal) {
    return respond(*exchange,
                   api::Failure{api::Problem::unauthorised, "the batch's key is not valid any more", {}, {}});
  }
  const auto may = site.permit(*principal, site.permissions().decide(*principal, action_of(exchange->request())));
  if (!may) return respond(*exchange, may.error());
  const auto answer = [&site, exchange, who = *principal] {
    if (handle_openai(site, exchange, who) || handle_responses(site, exchange, who)) return;
    respond(*exchange, api::Failure{api::Problem::not_found, "this server has no such endpoint", {}, {}});
  };
  const std::string model = wanted_model(site, exchange->request(), *principal);
  if (model.empty()) return answer();
  site.when_loaded(exchange, model, *principal, answer);
}

}  // namespace freehold::app
