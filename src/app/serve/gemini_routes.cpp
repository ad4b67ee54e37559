// Gemini's addresses: /v1, /v1beta and /v1alpha, models/{model}:{verb}.
#include "api/gemini/gemini.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"

namespace freehold::app {
namespace {

namespace gemini = api::gemini;

gemini::ModelEntry entry(const NamedModel& named) {
  return {named.name, named.model->context(), named.model->thinks};
}

// What follows "models/" in the path; an id may hold a slash, encoded or not.
std::string rest_of(const std::vector<std::string>& path) {
  std::string rest = path[2];
  for (std::size_t i = 3; i < path.size(); ++i) rest += "/" + path[i];
  return std::string(gemini::model_id(rest));
}

void generate(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, std::string model,
              bool stream) {
  const http::Request& request = exchange->request();
  const std::string_view alt = request.target.query_value("alt");
  if (!alt.empty() && alt != "sse" && alt != "json") {
    return respond(*exchange, api::Failure{api::Problem::invalid, "'alt' must be sse or json", "alt", {}});
  }
  auto parsed = gemini::parse_generate(request.body, std::move(model), stream);
  if (!parsed) return respond(*exchange, parsed.error());
  const bool thoughts = parsed->thoughts, events = alt == "sse";
  site.generate(exchange, who, std::move(parsed->call),
                [thoughts, events](const api::Call& call, api::AnswerId id, const std::vector<text::Prompt>&) {
                  return gemini::generate_encoder({call, thoughts}, std::move(id), events);
                });
}

void count(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, std::string model) {
  auto parsed = gemini::parse_count(exchange->request().body, std::move(model));
  if (!parsed) return respond(*exchange, parsed.error());
  const auto tokens = site.count_tokens(*parsed, who);
  if (!tokens) return respond(*exchange, tokens.error());
  http::Response response = json_response(200, gemini::count_json(*tokens));
  name_ignored(response, parsed->ignored);
  exchange->respond(std::move(response));
}

void embed(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, std::string model, bool batch) {
  const std::string& body = exchange->request().body;
  site.embed(exchange, who,
             batch ? gemini::parse_embed_batch(body, std::move(model)) : gemini::parse_embed(body, std::move(model)),
             [batch](const api::EmbedCall&, const std::vector<std::vector<float>>& vectors, std::uint64_t tokens) {
               return gemini::embed_json(vectors, tokens, batch);
             });
}

bool handle_verb(const Site& site, const ExchangePtr& exchange, const guard::Principal& who, const std::string& rest) {
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return false;
  std::string model = rest.substr(0, colon);
  const std::string_view verb = std::string_view(rest).substr(colon + 1);
  const bool whole = verb == "generateContent", stream = verb == "streamGenerateContent";
  const bool one = verb == "embedContent", batch = verb == "batchEmbedContents";
  if (!whole && !stream && !one && !batch && verb != "countTokens") return false;
  if (!wants(*exchange, "POST")) return true;
  if (whole || stream) {
    generate(site, exchange, who, std::move(model), stream);
  } else if (one || batch) {
    embed(site, exchange, who, std::move(model), batch);
  } else {
    count(site, exchange, who, std::move(model));
  }
  return true;
}

void list_models(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  std::vector<gemini::ModelEntry> entries;
  for (const NamedModel& m : site.named_models(who)) entries.push_back(entry(m));
  const http::Target& target = exchange->request().target;
  const auto value = [&](const char* camel, const char* snake) {
    return target.has_query(camel) ? target.query_value(camel) : target.query_value(snake);
  };
  auto list = gemini::models_json(entries, value("pageSize", "page_size"), value("pageToken", "page_token"));
  if (!list) return respond(*exchange, list.error());
  exchange->respond(json_response(200, std::move(*list)));
}

}  // namespace

bool handle_gemini(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  const std::string_view version = path.empty() ? std::string_view() : std::string_view(path[0]);
  if (path.size() < 2 || (version != "v1" && version != "v1beta" && version != "v1alpha")) return false;
  if (path.size() == 2 && path[1] == "tunedModels") {  // the other list that the SDK asks for
    if (wants(*exchange, "GET")) exchange->respond(json_response(200, R"({"tunedModels":[]})"));
    return true;
  }
  if (path[1] != "models") return false;
  if (path.size() == 2) {
    if (wants(*exchange, "GET")) list_models(site, exchange, who);
    return true;
  }
  const std::string rest = rest_of(path);
  // A verb is posted; a colon in what is asked for with GET belongs to the id.
  if (request.method == "POST") return handle_verb(site, exchange, who, rest);
  if (!wants(*exchange, "GET")) return true;
  const auto model = site.named(rest, who);
  if (model) {
    exchange->respond(json_response(200, gemini::model_json(entry(*model))));
  } else {
    respond(*exchange, model.error());
  }
  return true;
}

}  // namespace freehold::app
