// OpenAI's addresses.
#include <fmt/format.h>

#include <algorithm>

#include "api/openai/openai.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace openai = api::openai;

openai::ModelEntry entry(const Site& site, const NamedModel& named) {
  return {named.name, named.since(site), named.model->context()};
}

std::unique_ptr<api::Encoder> chat_encoder(const api::Call& call, api::AnswerId id, const std::vector<text::Prompt>&) {
  return openai::chat_encoder(call, std::move(id));
}

void chat_or_complete(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  site.generate(exchange, who, openai::parse_completion(exchange->request().body),
                [&site, who](const api::Call& call, api::AnswerId id, const std::vector<text::Prompt>& prompts) {
                  std::vector<std::string> texts(prompts.size());
                  const auto model = site.find(call.model, who);
                  for (std::size_t i = 0; call.echo && model && i < prompts.size(); ++i)
                    texts[i] = (*model)->text_of(prompts[i]);
                  return openai::completion_encoder(call, std::move(id), std::move(texts));
                });
}

// What the vendor has beside what is served here: told apart from an address that is misspelt.
bool is_not_served(const http::Request& request) {
  constexpr std::string_view kNotServed[] = {
      "assistants", "audio",       "chatkit",  "containers", "conversations", "evals",   "fine_tuning",   "graders",
      "images",     "moderations", "realtime", "skills",     "threads",       "uploads", "vector_stores", "videos"};
  const auto& path = request.target.segments;
  if (path.size() < 2 || path[0] != "v1") return false;
  if (path_is(request, {"v1", "responses", "compact"})) return true;
  return std::find(std::begin(kNotServed), std::end(kNotServed), path[1]) != std::end(kNotServed);
}

}  // namespace

bool handle_openai(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  if (path_is(request, {"v1", "chat", "completions"})) {
    if (wants(*exchange, "POST")) site.generate(exchange, who, openai::parse_chat(request.body), chat_encoder);
    return true;
  }
  if (path_is(request, {"v1", "completions"})) {
    if (wants(*exchange, "POST")) chat_or_complete(site, exchange, who);
    return true;
  }
  if (path_is(request, {"v1", "embeddings"})) {
    if (wants(*exchange, "POST"))
      site.embed(exchange, who, openai::parse_embeddings(request.body), openai::embeddings_json);
    return true;
  }
  if (path_is(request, {"v1", "models"})) {
    if (!wants(*exchange, "GET")) return true;
    std::vector<openai::ModelEntry> entries;
    for (const NamedModel& m : site.named_models(who)) entries.push_back(entry(site, m));
    exchange->respond(json_response(200, openai::models_json(entries)));
    return true;
  }
  if (path.size() == 3 && path[0] == "v1" && path[1] == "models") {
    if (request.method == "DELETE") {
      delete_tuned_model(site, exchange, who, path[2]);
      return true;
    }
    if (!wants(*exchange, "GET")) return true;
    const auto model = site.named(path[2], who);
    if (model) {
      exchange->respond(json_response(200, openai::model_json(entry(site, *model))));
    } else {
      respond(*exchange, model.error());
    }
    return true;
  }
  if (is_not_served(request)) {
    respond(*exchange,
            api::Failure{api::Problem::not_found,
                         fmt::format("'{}' is not supported by this server: there is nothing at {} {}",
                                     printable(path.size() == 3 && path[1] == "responses" ? path[2] : path[1]),
                                     printable(request.method), printable(request.target.path)),
                         {},
                         {}});
    return true;
  }
  return false;
}

}  // namespace freehold::app
