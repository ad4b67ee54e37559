// /v1/responses and what is below it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/ollama/made.h"
#include "api/openai/responses.h"
#include "app/serve/background.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "app/serve/usage_event.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace openai = api::openai;

api::Failure no_such(std::string_view id) {
  return {api::Problem::not_found, fmt::format("Response with id '{}' not found.", printable(id)), "response_id", {}};
}

// What is kept of an answer has the label of its exchange, and whom it is for.
struct Origin {
  std::vector<std::string> subjects;
  std::chrono::steady_clock::time_point asked;
};

// What it goes on from gives `who` its labels, and `origin` whom it was for.
api::Parsed<openai::ResponseCall> parse(Site& site, const ExchangePtr& exchange, guard::Principal& who,
                                        Origin& origin) {
  const std::string& tenant = who.tenant;
  FH_TRY(auto call, openai::parse_response(exchange->request().body, answer_id(exchange->request().id)));
  std::optional<openai::StoredResponse> previous;
  if (!call.previous.empty()) {
    previous = site.responses().find(tenant, call.previous);
    if (!previous) {
      return api::refuse(api::Problem::not_found,
                         fmt::format("Previous response with id '{}' not found.", printable(call.previous)),
                         "previous_response_id", "previous_response_not_found");
    }
    if (!previous->running.empty()) {
      return api::refuse(api::Problem::invalid,
                         fmt::format("Previous response with id '{}' is still being made.", printable(call.previous)),
                         "previous_response_id");
    }
    who.carries.push_back(previous->label);
    origin.subjects = previous->subjects;
  }
  FH_TRY_VOID(
      openai::join(call, previous ? &*previous : nullptr, [&](std::string_view id) -> std::optional<std::string> {
        auto item = site.responses().find_item(tenant, id);
        if (!item) return std::nullopt;
        who.carries.push_back(std::move(item->label));
        origin.subjects.insert(origin.subjects.end(), item->subjects.begin(), item->subjects.end());
        return std::move(item->text);
      }));
  FH_TRY(origin.subjects,
         subjects_of(exchange->request(), origin.subjects, site.keeps_content(),
                     call.previous.empty() ? std::string_view("input") : std::string_view("previous_response_id")));
  origin.asked = arrival_of(exchange->request());
  call.call.subject = origin.subjects.front();
  return call;
}

// Leaves out the oldest turns until prompt and answer fit, where the client asked for that.
api::Parsed<void> shorten(const Site& site, openai::ResponseCall& response, const guard::Principal& principal) {
  api::Call& call = response.call;
  if (!response.truncate) return {};
  FH_TRY(const ModelLease model, site.find(call.model, principal));
  FH_TRY_VOID(site.adopt(call, principal));
  const std::uint32_t room = std::max(1U, std::min(call.request.max_tokens, model->context() / 4));
  const api::ollama::Turns turns(std::get<api::Conversation>(call.input).messages);
  std::size_t left_out = 0;
  const auto fits_without = [&](std::size_t gone) -> api::Parsed<bool> {
    std::get<api::Conversation>(call.input).messages = turns.without(gone, left_out);
    const auto prompts = model->prompts(call);
    if (prompts) return prompts->front().tokens.size() + room <= model->context();
    if (prompts.error().problem != api::Problem::context_length) return tl::unexpected(prompts.error());
    return false;
  };
  FH_TRY(const bool fits, fits_without(0));
  if (fits) return {};
  // The fewest that must go: what is left gets shorter with every turn.
  std::size_t least = 1, most = turns.droppable();
  while (least < most) {
    const std::size_t middle = least + (most - least) / 2;
    FH_TRY(const bool enough, fits_without(middle));
    (enough ? most : least) = enough ? middle : middle + 1;
  }
  FH_TRY_VOID(fits_without(std::min(least, turns.droppable())));
  if (left_out > 0) call.left_out = fmt::format("{} messages", left_out);
  return {};  // what is still too long is refused as any other
}

using Keep = std::function<void(openai::StoredResponse)>;

Keep labelled(const api::Call& call, const Origin& origin, Keep keep) {
  if (!keep) return keep;
  return [label = call.label, origin, keep = std::move(keep)](openai::StoredResponse response) {
    response.label = label;
    response.subjects = origin.subjects;
    response.asked = origin.asked;
    keep(std::move(response));
  };
}

// Answered at once, or with the events as they come; the answer is made in any case.
void create_in_background(Site& site, const ExchangePtr& exchange, const guard::Principal& who,
                          openai::ResponseCall call, const Origin& origin) {
  const std::string tenant = who.tenant;
  const bool stream = call.call.stream;
  const auto background =
      std::make_shared<Background>(exchange->request(), site.responses(), tenant, stream ? exchange : nullptr);
  std::string begun;
  const auto keep = [background](openai::StoredResponse response) { background->made(std::move(response)); };
  api::Call asked = call.call;
  site.generate(background, who, std::move(asked),
                [&](const api::Call& of, api::AnswerId id, const std::vector<text::Prompt>&) {
                  begun = openai::begun_json(call, id);
                  background->begin({"resp_" + id.id, begun, call.input_items, call.conversation,
                                     exchange->request().id, of.label, stream, origin.subjects, origin.asked});
                  return openai::response_encoder(std::move(call), std::move(id), labelled(of, origin, keep));
                });
  if (stream) return;
  if (auto refusal = background->refusal(); refusal && begun.empty()) return exchange->respond(std::move(*refusal));
  exchange->respond(json_response(200, std::move(begun)));
}

void create(Site& site, const ExchangePtr& exchange, guard::Principal who) {
  Origin origin;
  auto parsed = parse(site, exchange, who, origin);
  if (!parsed) return respond(*exchange, parsed.error());
  if (auto shortened = shorten(site, *parsed, who); !shortened) return respond(*exchange, shortened.error());
  if (site.waits) parsed->background = false;
  if (parsed->background && exchange->request().on_behalf_of) {
    return respond(*exchange, api::Failure{api::Problem::invalid,
                                           "'background' is not possible in a batch: it is in the background already",
                                           "background",
                                           {}});
  }
  if (parsed->background) {
    const auto may = site.permit(who, site.permissions().to_go_on(who));
    if (!may) return respond(*exchange, may.error());
  }
  if (parsed->background) return create_in_background(site, exchange, who, std::move(*parsed), origin);
  api::Call call = parsed->call;
  Keep keep;
  if (parsed->store) {
    keep = [&site, tenant = who.tenant](openai::StoredResponse response) {
      site.responses().put(tenant, std::move(response));
    };
  }
  site.generate(
      exchange, who, std::move(call), [&](const api::Call& of, api::AnswerId id, const std::vector<text::Prompt>&) {
        return openai::response_encoder(std::move(*parsed), std::move(id), labelled(of, origin, std::move(keep)));
      });
}

// A stored response, or the events that would build it.
void retrieve(const ExchangePtr& exchange, const openai::StoredResponse& found) {
  const http::Target& target = exchange->request().target;
  if (target.query_value("stream") != "true") return exchange->respond(json_response(200, found.response));
  if (!found.running.empty()) {
    return respond(
        *exchange,
        api::Failure{
            api::Problem::invalid, "the response is still being made: ask for it without 'stream'", "stream", {}});
  }
  std::int64_t after = -1;
  const std::string_view given = target.query_value("starting_after");
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), after);
  if (!given.empty() && (error != std::errc() || end != given.data() + given.size())) {
    return respond(
        *exchange,
        api::Failure{api::Problem::invalid, "'starting_after' must be the number of an event", "starting_after", {}});
  }
  // What came as it was made was cut into other events, so that a number of theirs is none of these.
  if (found.streamed && !given.empty()) {
    return respond(*exchange, api::Failure{api::Problem::invalid,
                                           "'starting_after' is not possible for a response that was streamed when it "
                                           "was made: ask without it for all events from the beginning",
                                           "starting_after",
                                           {}});
  }
  auto events = openai::replayed_events(found, after);
  if (!events) return respond(*exchange, events.error());
  http::Response response{200, {}, std::move(*events)};
  response.headers.set("content-type", "text/event-stream");
  response.headers.set("cache-control", "no-cache");
  exchange->respond(std::move(response));
}

void list_input_items(const ExchangePtr& exchange, const openai::StoredResponse& found) {
  const auto page = openai::parse_page(exchange->request().target.query, 20, 100);
  if (!page) return respond(*exchange, page.error());
  const auto items = openai::input_items_json(found, *page);
  if (!items) return respond(*exchange, items.error());
  exchange->respond(json_response(200, *items));
}

// Ends what is being made. What is over stays as it is.
void cancel(Site& site, const ExchangePtr& exchange, const std::string& tenant, openai::StoredResponse found) {
  if (!openai::is_background(found.response)) {
    return respond(
        *exchange,
        api::Failure{
            api::Problem::invalid, "Only responses that run in the background can be cancelled.", "response_id", {}});
  }
  const std::string id = found.id;
  if (const std::string running = std::exchange(found.running, {}); !running.empty()) {
    found.response = openai::with_status(found.response, "cancelled");
    if (site.responses().conclude(tenant, std::move(found))) site.running().cancel(running, tenant);
  }
  const auto now = site.responses().find(tenant, id);
  if (!now) return respond(*exchange, no_such(id));
  exchange->respond(json_response(200, now->response));
}

void remove(Site& site, const ExchangePtr& exchange, const guard::Principal& who, const openai::StoredResponse& found) {
  const auto leave = site.may_go(who, found.label);
  if (!leave) return respond(*exchange, leave.error());
  site.responses().erase(who.tenant, found.id);
  if (!found.running.empty()) site.running().cancel(found.running, who.tenant);
  exchange->respond(json_response(200, openai::deleted_json(found.id)));
}

void count(Site& site, const ExchangePtr& exchange, guard::Principal who) {
  Origin origin;
  const auto parsed = parse(site, exchange, who, origin);
  if (!parsed) return respond(*exchange, parsed.error());
  const auto tokens = site.count_tokens(parsed->call, who);
  if (!tokens) return respond(*exchange, tokens.error());
  exchange->respond(json_response(200, openai::input_tokens_json(*tokens)));
}

}  // namespace

bool handle_responses(Site& site, const ExchangePtr& exchange, const guard::Principal& who) {
  const http::Request& request = exchange->request();
  const auto& path = request.target.segments;
  if (path.size() < 2 || path[0] != "v1" || path[1] != "responses" || path.size() > 4) return false;
  if (path.size() == 2) {
    if (wants(*exchange, "POST")) create(site, exchange, who);
    return true;
  }
  if (path.size() == 3 && path[2] == "input_tokens" && request.method == "POST") {
    if (wants(*exchange, "POST")) count(site, exchange, who);
    return true;
  }
  const auto found = site.responses().find(who.tenant, path[2]);
  if (!found) {
    respond(*exchange, no_such(path[2]));
  } else if (path.size() == 3 && request.method == "DELETE") {
    remove(site, exchange, who, *found);
  } else if (path.size() == 3) {
    if (wants(*exchange, "GET")) retrieve(exchange, *found);
  } else if (path[3] == "input_items") {
    if (wants(*exchange, "GET")) list_input_items(exchange, *found);
  } else if (path[3] == "cancel" && request.method == "POST") {
    cancel(site, exchange, who.tenant, *found);
  } else {
    return false;
  }
  return true;
}

}  // namespace freehold::app
