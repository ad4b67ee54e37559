// Anthropic's addresses.
#include "api/anthropic/anthropic.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "app/serve/usage_event.h"

namespace freehold::app {
namespace {

namespace anthropic = api::anthropic;

anthropic::ModelEntry entry(const Site& site, const NamedModel& named) {
  return {named.name, named.since(site), named.model->context(), named.model->thinks};
}

// Threads are kept as the responses API's answers are.
std::optional<anthropic::Thread> find_thread(const Site& site, guard::Principal& who, std::string_view id,
                                             std::vector<std::string>& subjects) {
  auto found = site.threads().find(who.tenant, id);
  if (!found) return std::nullopt;
  who.carries.push_back(std::move(found->label));
  subjects = std::move(found->subjects);
  return anthropic::Thread{std::move(found->response), std::move(found->conversation)};
}

void message(Site& site, const ExchangePtr& exchange, guard::Principal who) {
  const std::string tenant = who.tenant;
  std::vector<std::string> earlier;
  auto parsed = anthropic::parse_messages(exchange->request().body,
                                          [&](std::string_view id) { return find_thread(site, who, id, earlier); });
  if (!parsed) return respond(*exchange, parsed.error());
  auto subjects = subjects_of(exchange->request(), earlier, site.keeps_content(), "thread.previous_message_id");
  if (!subjects) return respond(*exchange, subjects.error());
  api::Call call = parsed->call;
  site.generate(exchange, who, std::move(call),
                [&](const api::Call& of, api::AnswerId id, const std::vector<text::Prompt>&) {
                  parsed->call = of;
                  return anthropic::messages_encoder(
                      *parsed, std::move(id),
                      [&site, tenant, label = of.label, subjects = *subjects, asked = arrival_of(exchange->request())](
                          std::string message_id, anthropic::Thread thread) {
                        site.threads().put(tenant, {std::move(message_id),
                                                    std::move(thread.fixed),
                                                    {},
                                                    std::move(thread.messages),
                                                    {},
                                                    label,
                                                    false,
                                                    subjects,
                                                    asked});
                      });
                });
}

void count(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  auto parsed = anthropic::parse_count(exchange->request().body);
  if (!parsed) return respond(*exchange, parsed.error());
  const auto tokens = site.count_tokens(*parsed, who);
  if (!tokens) return respond(*exchange, tokens.error());
  http::Response response = json_response(200, anthropic::count_json(*tokens));
  name_ignored(response, parsed->ignored);
  exchange->respond(std::move(response));
}

void list_models(const Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  std::vector<anthropic::ModelEntry> entries;
  for (const NamedModel& m : site.named_models(who)) entries.push_back(entry(site, m));
  const http::Target& target = exchange->request().target;
  anthropic::Page page{
      target.query_value("limit"), target.query_value("after_id"), target.query_value("before_id"), {}};
  for (const auto& [name, value] : target.query) {
    if (name == "lifecycle" || name == "lifecycle[]") page.lifecycle.emplace_back(value);
  }
  auto list = anthropic::models_json(entries, page);
  if (!list) return respond(*exchange, list.error());
  exchange->respond(json_response(200, std::move(*list)));
}

}  // namespace

bool handle_anthropic(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  if (path_is(request, {"v1", "messages"})) {
    if (wants(*exchange, "POST")) message(site, exchange, who);
    return true;
  }
  if (path_is(request, {"v1", "messages", "count_tokens"})) {
    if (wants(*exchange, "POST")) count(site, exchange, who);
    return true;
  }
  if (path_is(request, {"v1", "models"})) {
    if (wants(*exchange, "GET")) list_models(site, exchange, who);
    return true;
  }
  if (path.size() == 3 && path[0] == "v1" && path[1] == "models") {
    if (!wants(*exchange, "GET")) return true;
    const auto model = site.named(path[2], who);
    if (model) {
      exchange->respond(json_response(200, anthropic::model_json(entry(site, *model))));
    } else {
      respond(*exchange, model.error());
    }
    return true;
  }
  return false;
}

}  // namespace freehold::app
