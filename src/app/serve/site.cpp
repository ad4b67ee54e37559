#include "app/serve/site.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <mutex>

#include "app/serve/batches.h"
#include "app/serve/generation.h"
#include "app/serve/reply.h"
#include "base/utf8.h"
#include "engine/allowed_tokens.h"

namespace freehold::app {
namespace {

using api::Failure;
using api::Problem;

constexpr std::int32_t kBackground = -10;  // priority of work that nobody waits for

std::int64_t now() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

// Requests of one answer that the engine has taken; the client may leave before, while or after they are handed over.
struct Tickets {
  std::mutex mutex;  // guards what follows
  std::vector<engine::Service::Ticket> tickets;
  bool gone = false;
};

// Hands over the requests of one exchange; `sink` gets the number of the request with each event. When the client
// leaves, they are cancelled.
template <typename Request, typename Sink>
void submit_all(const ExchangePtr& exchange, ServedModel* model, RunningRequests& running,
                std::vector<Request> requests, const Sink& sink) {
  const std::string tenant = requests.empty() ? std::string() : requests[0].tenant;
  auto tickets = std::make_shared<Tickets>();
  const auto cancel = [model](Tickets& of) {
    const std::lock_guard lock(of.mutex);
    of.gone = true;
    for (auto ticket : of.tickets) model->service().cancel(ticket);
  };
  exchange->on_gone([tickets, cancel] { cancel(*tickets); });
  // As long as the exchange holds the callback above.
  const std::weak_ptr<Tickets> weak = tickets;
  running.add(exchange->request().id, tenant, weak, [weak, cancel] {
    if (const auto alive = weak.lock()) cancel(*alive);
  });
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto ticket =
        model->service().submit(std::move(requests[i]), [sink, i](const engine::Event& event) { sink(i, event); });
    const std::lock_guard lock(tickets->mutex);
    if (!ticket) {
      for (auto earlier : tickets->tickets) model->service().cancel(earlier);
      return respond(*exchange, failure_of(ticket.error()));
    }
    model->count_submitted();
    if (tickets->gone) model->service().cancel(*ticket);
    tickets->tickets.push_back(*ticket);
  }
}

}  // namespace

std::string random_id() {
  std::array<unsigned char, 12> random{};
  RAND_bytes(random.data(), random.size());
  std::string out;
  for (unsigned char byte : random) out += fmt::format("{:02x}", byte);
  return out;
}

Failure unrecorded() {
  return {Problem::unavailable, "the use of this answer could not be recorded, so it is not given", {}, {}};
}

Site::Site(std::vector<std::unique_ptr<ServedModel>> models, Accounts accounts)
    : models_(std::move(models)), accounts_(std::move(accounts)), started_(now()) {}

Site::~Site() {
  batches.reset();  // it asks the models
  models_.clear();  // and what they still answer goes into what is below
}

api::Parsed<ServedModel*> Site::find(std::string_view name) const {
  const auto bare = [](std::string_view n) { return n.ends_with(":latest") ? n.substr(0, n.size() - 7) : n; };
  for (const auto& m : models_) {
    if (bare(m->name()) == bare(name)) return m.get();
  }
  if (const auto made = made_.find(name)) {
    for (const auto& m : models_) {
      if (bare(m->name()) == bare(made->base)) return m.get();
    }
  }
  return api::refuse(Problem::not_found, fmt::format("model '{}' not found", printable(name)), "model",
                     "model_not_found");
}

api::Parsed<ServedModel*> Site::find(std::string_view name, const guard::Principal& principal) const {
  FH_TRY(ServedModel * model, find(name));
  if (guard::allows(principal.models, model->name())) return model;
  return api::refuse(Problem::not_found, fmt::format("model '{}' not found", printable(name)), "model",
                     "model_not_found");
}

namespace {

// "temperature=0.7 top_p=0.9": what is not at its value without effect.
std::string sampling_summary(const engine::Sampling& s) {
  std::string out = fmt::format("temperature={}", s.temperature);
  const auto add = [&](const char* name, double value, double idle) {
    if (value != idle) out += fmt::format(" {}={}", name, value);
  };
  add("top_k", s.top_k, 0);
  add("top_p", s.top_p, 1);
  add("min_p", s.min_p, 0);
  add("typical_p", s.typical_p, 1);
  add("repetition_penalty", s.repetition_penalty, 1);
  add("frequency_penalty", s.frequency_penalty, 0);
  add("presence_penalty", s.presence_penalty, 0);
  add("logit_bias", static_cast<double>(s.logit_bias.size()), 0);
  return out;
}

ledger::Event event_of(const http::Exchange& exchange, const guard::Principal& principal, const ServedModel& model,
                       const std::string& name) {
  ledger::Event event;
  event.request_id = exchange.request().id;
  event.time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  event.key_id = principal.key_id;
  event.model = name;
  event.model_digest = model.digest();
  event.dialect = name_of(dialect_of(exchange.request()));
  event.endpoint = exchange.request().target.path;
  return event;
}

}  // namespace

// Who asks, if it may.
api::Parsed<guard::Principal> Site::allowed(const ExchangePtr& exchange) const {
  auto principal = principal_of(exchange->request());
  if (!principal) return api::refuse(Problem::unauthorised, "the API key is missing or wrong");
  FH_TRY_VOID(Accounts::may_generate(*principal));
  return std::move(*principal);
}

std::string Site::tenant_of(const http::Request& request) const {
  const auto principal = principal_of(request);
  return principal ? principal->tenant : std::string();
}

api::Parsed<void> Site::adopt(api::Call& call) const {
  if (call.preset_done) return {};
  const auto made = made_.find(call.model);
  return made ? api::ollama::apply(made->preset, call) : api::Parsed<void>();
}

api::Parsed<std::size_t> Site::count_tokens(const api::Call& call) const {
  FH_TRY(ServedModel * model, find(call.model));
  api::Call adopted = call;
  FH_TRY_VOID(adopt(adopted));
  FH_TRY(auto plan, model->plan(adopted, {}));
  std::size_t count = 0;
  for (const engine::Prompt& p : plan.prompts) count += p.tokens.size();
  return count;
}

namespace {

// Vectors under way: one request to the engine each. The engine's thread alone touches it after the start.
struct Embedding {
  ExchangePtr exchange;
  api::EmbedCall call;
  Site::EncodeVectors encode;
  std::vector<std::vector<float>> vectors;
  std::size_t open = 0;
  std::uint64_t tokens = 0;
  bool failed = false;
  Accounts* accounts = nullptr;
  guard::Lease lease;
  ledger::Event event;

  void on(std::size_t index, const engine::Event& what) {
    if (failed) return;
    if (const auto* broken = std::get_if<engine::Failed>(&what)) {
      failed = true;
      return respond(*exchange, failure_of(broken->error));
    }
    const auto* embedded = std::get_if<engine::Embedded>(&what);
    if (embedded == nullptr) return;
    vectors[index].assign(embedded->vector.begin(), embedded->vector.end());
    tokens += embedded->usage.prompt_tokens;
    if (--open > 0) return;
    http::Response response = json_response(200, encode(call, vectors, tokens));
    if (!call.ignored.empty()) {
      response.headers.set("freehold-ignored", fmt::format("{}", fmt::join(call.ignored, ", ")));
    }
    lease.settle(tokens);
    event.prompt_tokens = tokens;
    event.http_status = 200;
    accounts->record(std::move(event), [to = exchange, answer = std::move(response)](bool durable) mutable {
      if (!durable) return respond(*to, unrecorded());
      to->respond(std::move(answer));
    });
  }
};

}  // namespace

void Site::embed(const ExchangePtr& exchange, api::Parsed<api::EmbedCall> call, const EncodeVectors& encode) const {
  if (!call) return respond(*exchange, call.error());
  auto principal = allowed(exchange);
  if (!principal) return respond(*exchange, principal.error());
  auto found = find(call->model, *principal);
  if (!found) return respond(*exchange, found.error());
  ServedModel* model = *found;
  auto prompts = model->prompts(call->inputs, "input");
  if (!prompts) return respond(*exchange, prompts.error());
  std::vector<engine::EmbedRequest> requests;
  std::uint64_t tokens_at_most = 0;
  for (engine::Prompt& p : *prompts) {
    if (call->cut && p.tokens.size() > model->context()) p.tokens.resize(model->context());
    engine::EmbedRequest request;
    request.tokens = std::move(p.tokens);
    request.tenant = principal->tenant;
    request.dimensions = call->dimensions;
    if (auto valid = engine::validate(request, model->service().limits()); !valid) {
      Failure failure = failure_of(valid.error());
      failure.param = valid.error().what.starts_with("dimensions") ? "dimensions" : "input";
      return respond(*exchange, failure);
    }
    tokens_at_most += request.tokens.size();
    requests.push_back(std::move(request));
  }
  auto admitted = accounts_.admit(*principal, tokens_at_most);
  if (!admitted) return respond(*exchange, admitted.error());
  auto embedding = std::make_shared<Embedding>();
  embedding->exchange = exchange;
  embedding->encode = encode;
  embedding->vectors.resize(requests.size());
  embedding->open = requests.size();
  embedding->accounts = &accounts_;
  embedding->lease = std::move(admitted->lease);
  embedding->event = event_of(*exchange, *principal, *model, call->model);
  embedding->call = std::move(*call);
  submit_all(exchange, model, running_, std::move(requests),
             [embedding](std::size_t i, const engine::Event& event) { embedding->on(i, event); });
}

void Site::generate(const ExchangePtr& exchange, api::Parsed<api::Call> parsed, const MakeEncoder& make_encoder) const {
  if (!parsed) return respond(*exchange, parsed.error());
  api::Call& call = *parsed;
  auto principal = allowed(exchange);
  if (!principal) return respond(*exchange, principal.error());
  auto found = find(call.model, *principal);
  if (!found) return respond(*exchange, found.error());
  ServedModel* model = *found;
  if (auto adopted = adopt(call); !adopted) return respond(*exchange, adopted.error());
  auto plan = model->plan(call, principal->tenant);
  if (!plan) return respond(*exchange, plan.error());
  if (!call.has_seed) {
    std::uint32_t drawn = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&drawn), sizeof drawn);
    call.request.seed = drawn;
  }
  // All requests are checked before the first is handed over.
  auto requests = model->requests(call, *plan, principal->tenant);
  if (!requests) return respond(*exchange, requests.error());
  std::uint64_t tokens_at_most = 0;
  for (engine::Request& request : *requests) {
    if (exchange->request().on_behalf_of) request.priority = kBackground;
    tokens_at_most +=
        request.prompt.size() + std::uint64_t{request.n} * engine::answer_limit(request, model->service().limits());
  }
  // Whether the shortest valid answer fits is known before a token is spent.
  std::optional<std::string> warning;
  if (plan->constraint && !plan->constraint_start) {
    const auto fewest = engine::fewest_tokens(plan->constraint);
    std::uint32_t most = UINT32_MAX;
    for (const engine::Request& r : *requests) {
      most = std::min(most, engine::answer_limit(r, model->service().limits()));
    }
    if (!fewest) {
      warning = fewest.error().what;
    } else if (*fewest > most) {
      warning = fmt::format("the shortest valid answer has {} tokens, but at most {} may be written", *fewest, most);
    }
    if (warning && exchange->request().headers.get("freehold-require") == "complete") {
      return respond(*exchange, Failure{Problem::invalid, *warning, "max_tokens", {}});
    }
  }
  auto admitted = accounts_.admit(*principal, tokens_at_most);
  if (!admitted) return respond(*exchange, admitted.error());
  auto encoder = make_encoder(call, {random_id(), call.model, now(), model->fingerprint()}, plan->prompts);
  auto generation = std::make_shared<Generation>(exchange, std::move(encoder), call, *plan,
                                                 [model](std::string_view text) { return model->count(text); });
  if (warning) generation->add_header("freehold-warning", std::move(*warning));
  for (auto& [name, value] : admitted->headers) generation->add_header(name, value);
  ledger::Event record = event_of(*exchange, *principal, *model, call.model);
  record.seed = call.request.seed;
  record.sampling = sampling_summary(call.request.sampling);
  generation->account({accounts_, std::move(record), std::move(admitted->lease)});
  auto firsts = first_choices(*requests, call.request.n);
  submit_all(exchange, model, running_, std::move(*requests),
             [generation, firsts = std::move(firsts)](std::size_t i, const engine::Event& event) {
               generation->on(firsts[i], event);
             });
}

}  // namespace freehold::app
