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

openai::ModelEntry entry(const Site& site, const ServedModel& model) {
  return {model.name(), site.started(), model.context()};
}

std::unique_ptr<api::Encoder> chat_encoder(const api::Call& call, api::AnswerId id,
                                           const std::vector<engine::Prompt>&) {
  return openai::chat_encoder(call, std::move(id));
}

void complete(Site& site, const ExchangePtr& exchange) {
  site.generate(exchange, openai::parse_completion(exchange->request().body),
                [&site](const api::Call& call, api::AnswerId id, const std::vector<engine::Prompt>& prompts) {
                  std::vector<std::string> texts(prompts.size());
                  const auto model = site.find(call.model);
                  for (std::size_t i = 0; call.echo && i < prompts.size(); ++i)
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

bool handle_openai(Site& site, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  if (path_is(request, {"v1", "chat", "completions"})) {
    if (wants(*exchange, "POST")) site.generate(exchange, openai::parse_chat(request.body), chat_encoder);
    return true;
  }
  if (path_is(request, {"v1", "completions"})) {
    if (wants(*exchange, "POST")) complete(site, exchange);
    return true;
  }
  if (path_is(request, {"v1", "embeddings"})) {
    if (wants(*exchange, "POST")) site.embed(exchange, openai::parse_embeddings(request.body), openai::embeddings_json);
    return true;
  }
  if (path_is(request, {"v1", "models"})) {
    if (!wants(*exchange, "GET")) return true;
    std::vector<openai::ModelEntry> entries;
    const auto principal = site.principal_of(request);
    for (const auto& m : site.models()) {
      if (principal && guard::allows(principal->models, m->name())) entries.push_back(entry(site, *m));
    }
    for (const auto& made : site.made().list()) {
      const auto base = site.find(made.base);
      if (base && principal && guard::allows(principal->models, (*base)->name()))
        entries.push_back({made.name, made.made, (*base)->context()});
    }
    exchange->respond(json_response(200, openai::models_json(entries)));
    return true;
  }
  if (path.size() == 3 && path[0] == "v1" && path[1] == "models") {
    if (!wants(*exchange, "GET")) return true;
    const auto model = site.find(path[2]);
    if (model) {
      openai::ModelEntry found = entry(site, **model);
      if (const auto made = site.made().find(path[2])) found.id = made->name, found.created = made->made;
      exchange->respond(json_response(200, openai::model_json(found)));
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
