#include "app/serve/wanted_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gemini/gemini.h"
#include "api/ollama/ollama.h"
#include "api/peek.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"

namespace freehold::app {

namespace {

// What generates, embeds, counts or spells, and names the model in its body.
bool names_it_in_the_body(const http::Request& request) {
  static constexpr std::string_view kPaths[] = {"v1/chat/completions",
                                                "v1/completions",
                                                "v1/embeddings",
                                                "v1/responses",
                                                "v1/responses/input_tokens",
                                                "v1/messages",
                                                "v1/messages/count_tokens",
                                                "api/chat",
                                                "api/generate",
                                                "api/embed",
                                                "api/embeddings",
                                                "tokenize",
                                                "detokenize",
                                                "apply-template",
                                                "completion",
                                                "completions"};
  if (request.method != "POST") return false;
  const std::string path = fmt::format("{}", fmt::join(request.target.segments, "/"));
  return std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths);
}

// models/{model}:{verb}
std::string in_the_address(const std::vector<std::string>& path) {
  std::string rest = path[2];
  for (std::size_t i = 3; i < path.size(); ++i) rest += "/" + path[i];
  const std::size_t colon = rest.rfind(':');
  return colon == std::string::npos ? std::string() : std::string(api::gemini::model_id(rest.substr(0, colon)));
}

// Whoever wants it out of memory does not want it loaded.
bool only_unloads(const Site& site, const http::Request& request, const guard::Principal& who,
                  const std::string& model) {
  const bool chat = path_is(request, {"api", "chat"});
  if (!chat && !path_is(request, {"api", "generate"})) return false;
  const auto facts = site.facts(model, who);
  if (!facts || site.pool().is_in_memory(**facts)) return false;
  const auto asked = chat ? api::ollama::parse_chat(request.body, {}) : api::ollama::parse_generate(request.body, {});
  return asked && asked->work == api::ollama::Asked::Work::unload;
}

}  // namespace

std::string wanted_model(const Site& site, const http::Request& request, const guard::Principal& who) {
  const auto& path = request.target.segments;
  if (names_it_in_the_body(request)) {
    std::string model = api::model_in(request.body);
    // These programs serve one model, so their clients often name none.
    if (model.empty() && dialect_of(request) == Dialect::native) model = site.only_model(who);
    return only_unloads(site, request, who, model) ? std::string() : model;
  }
  if (request.method == "POST" && path.size() >= 3 && path[1] == "models" && dialect_of(request) == Dialect::gemini) {
    return in_the_address(path);
  }
  if (path_is(request, {"props"}) || path_is(request, {"slots"})) {
    const std::string name(request.target.query_value("model"));
    return name.empty() ? site.only_model(who) : name;
  }
  return {};
}

}  // namespace freehold::app
