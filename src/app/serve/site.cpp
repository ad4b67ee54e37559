#include "app/serve/site.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <span>

#include "app/pulling.h"
#include "app/serve/batches.h"
#include "app/serve/generation.h"
#include "app/serve/methods.h"
#include "app/serve/pulls.h"
#include "app/serve/reply.h"
#include "app/serve/tuning_jobs.h"
#include "app/serve/usage_event.h"
#include "app/veil/call_veil.h"
#include "base/random_id.h"
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

std::uint64_t random_32_bits() {
  std::uint32_t drawn = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&drawn), sizeof drawn);
  return drawn;
}

// An adapter that a name puts on the model is part of what answers.
void name_adapter(ledger::Event& event, const AdapterFile* adapter) {
  if (adapter == nullptr) return;
  event.model_digest += "+" + adapter->id.name();
  event.adapter = adapter->id.name();
}

// Requests of one answer that the engine has taken; the client may leave before, while or after they are handed over.
struct Tickets {
  std::mutex mutex;  // guards what follows
  std::vector<engine::Service::Ticket> tickets;
  bool gone = false;
};

// Hands over the requests of one exchange; `sink` gets the number of the request with each event. When the client
// leaves, they are cancelled.
// `refuse`: the first was not taken, so there will be no event.
template <typename Request, typename Sink, typename Refuse>
void submit_all(const ExchangePtr& exchange, const ModelLease& model, RunningRequests& running,
                std::vector<Request> requests, const Sink& sink, const Refuse& refuse) {
  const std::string tenant = requests.empty() ? std::string() : requests[0].tenant;
  auto tickets = std::make_shared<Tickets>();
  // What is kept with the exchange must not keep the model in memory: a connection outlives its answers.
  const auto cancel = [used = std::weak_ptr(model)](Tickets& of) {
    const std::lock_guard lock(of.mutex);
    of.gone = true;
    const ModelLease alive = used.lock();
    if (alive == nullptr) return;  // its answers are over
    for (auto ticket : of.tickets) alive->service().cancel(ticket);
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
      if (i == 0) return refuse(failure_of(ticket.error()));
      for (auto earlier : tickets->tickets) model->service().cancel(earlier);
      return respond(*exchange, failure_of(ticket.error()));
    }
    model->count_submitted();
    if (tickets->gone) model->service().cancel(*ticket);
    tickets->tickets.push_back(*ticket);
  }
}

}  // namespace

std::string answer_id(std::string_view request_id) {
  return request_id.starts_with("req_") ? std::string(request_id.substr(4)) : random_id();
}

std::string request_of_answer(std::string_view id) {
  return fmt::format("req_{}", id.substr(id.find_last_of("-_") + 1));
}

Failure unrecorded() {
  return {Problem::unavailable, "the use of this answer could not be recorded, so it is not given", {}, {}};
}

std::optional<Error> Site::unrecordable() const {
  auto failure = accounts_.failure();
  if (failure && warn) {
    std::call_once(told_, [&] {
      warn("error: " + failure->what +
           "; nothing is answered or changed from here on: mend it, and start the server anew");
    });
  }
  return failure;
}

Site::Site(std::unique_ptr<Models> models, Accounts accounts, std::shared_ptr<Erasures> erasures)
    : erasures_(std::move(erasures)),
      models_(std::move(models)),
      accounts_(std::move(accounts)),
      started_(now()),
      seeds_(random_32_bits) {
  responses_.heed(*erasures_);
  threads_.heed(*erasures_);
}

Site::~Site() {
  jobs.reset();        // they hold a model, and write files of the batches' store
  pulls.reset();       // what has arrived is offered by the models
  batches.reset();     // it asks the models
  compiling_.reset();  // so does what was compiled for them
  later_.close();      // and what waited for them
  models_.reset();     // what ends with them is recorded
}

void Site::note_policy(audit::RequestEntry& entry, const std::string& label, const guard::Principal& who) const {
  entry.label = label;
  if (permissions().policy().of(who.role).reason) entry.break_glass = who.reason;
}

void Site::forget_the_gone() {
  const std::vector<std::string> gone = accounts_.gone();
  leaving_.insert(leaving_.end(), gone.begin(), gone.end());
  std::erase_if(leaving_, [&](const std::string& tenant) {
    const bool over = !running_.has(tenant);  // asked first: what ends meanwhile is forgotten the next time
    for (const Models::InMemory& m : models_->in_memory()) m.model->forget(tenant);
    responses_.forget(tenant);
    if (over) latencies_.forget(tenant);
    return over;
  });
}

api::Parsed<void> Site::adopt(api::Call& call, const guard::Principal& who) const {
  if (call.preset_done) return {};
  FH_TRY(const NamedModel found, named(call.model, who));
  return api::ollama::apply(found.preset(), call);
}

api::Parsed<std::size_t> Site::count_tokens(const api::Call& call, const guard::Principal& who) const {
  FH_TRY_VOID(count_request(who));
  FH_TRY(const ModelLease model, find(call.model, who));
  api::Call adopted = call;
  FH_TRY_VOID(adopt(adopted, who));
  // Counted as it would be asked; nothing is kept of it.
  FH_TRY(const NamedModel name, named(call.model, who));
  const Ways personal = ways(who, name, to_ask(name, who).label);
  if (personal.request.any()) {
    Veil counted(guard::Way::request, personal.request, tokens_of(who));
    FH_TRY_VOID(veil_call(counted, adopted, [&model](const auto& ids) { return model->spelled(ids); }));
  }
  FH_TRY(const auto prompts, model->prompts(adopted));
  std::size_t count = 0;
  for (const text::Prompt& p : prompts) count += p.tokens.size();
  return count;
}

Result<std::optional<ledger::Event>> Site::recorded(std::string_view request_id, const guard::Principal& who) const {
  FH_TRY(std::optional<ledger::Event> event, accounts_.recorded(request_id));
  const bool any = may(who, guard::Action::records);
  if (event && !any && event->key_id != who.key_id) event.reset();
  return event;
}

namespace {

// Why the engine would not take it, in the words of the call.
std::optional<Failure> refusal_of(const engine::EmbedRequest& request, const engine::RequestLimits& limits,
                                  const api::EmbedCall& call) {
  if (request.tokens.size() > limits.context) {
    return too_long(request.tokens.size(), limits.context, false, call.input_field);
  }
  auto valid = engine::validate(request, limits);
  if (valid) return std::nullopt;
  constexpr std::string_view kDimensions = "dimensions";
  Failure failure = failure_of(valid.error());
  const bool dimensions = valid.error().what.starts_with(kDimensions);
  failure.param = dimensions ? call.dimensions_field : call.input_field;
  if (dimensions) failure.message = fmt::format("'{}'{}", failure.param, failure.message.substr(kDimensions.size()));
  return failure;
}

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
  Latencies* latencies = nullptr;
  std::string served;  // the model that answers
  double queue_seconds = 0;
  guard::Lease lease;
  ledger::Reservation reservation;
  std::vector<std::pair<std::string, std::string>> headers;  // how limits stand
  ledger::Event event;
  audit::RequestEntry entry;
  Said said;

  void on(std::size_t index, const engine::Event& what) {
    if (failed) return;
    if (const auto* broken = std::get_if<engine::Failed>(&what)) return fail(broken->error);
    const auto* embedded = std::get_if<engine::Embedded>(&what);
    if (embedded == nullptr) return;
    vectors[index].assign(embedded->vector.begin(), embedded->vector.end());
    tokens += embedded->usage.prompt_tokens;
    event.compute_us = event.compute_us.value_or(0) + embedded->usage.compute_us;
    if (embedded->usage.energy_nwh) event.energy_nwh = event.energy_nwh.value_or(0) + *embedded->usage.energy_nwh;
    queue_seconds = std::max(queue_seconds, embedded->usage.queue_seconds);
    if (--open > 0) return;
    http::Response response = json_response(200, encode(call, vectors, tokens));
    response.headers.set("freehold-receipt", event.request_id);
    std::vector<Digest> digests;
    for (const auto& vector : vectors) digests.push_back(sha256(std::as_bytes(std::span(vector))));
    entry.answer_digest = digest_of(digests);
    for (auto& [name, value] : headers) response.headers.set(name, value);
    if (!call.ignored.empty()) {
      response.headers.set("freehold-ignored", fmt::format("{}", fmt::join(call.ignored, ", ")));
    }
    lease.settle(tokens);
    latencies->add(
        event.key_id, served,
        {.total = seconds_since(arrival_of(exchange->request())), .queue = queue_seconds, .finished = "stop"});
    event.prompt_tokens = tokens;
    event.queue_seconds = queue_seconds;
    event.http_status = 200;
    accounts->record(std::move(event), std::move(entry), std::move(said), std::move(reservation),
                     [to = exchange, answer = std::move(response)](bool durable) mutable {
                       if (!durable) return respond(*to, unrecorded());
                       to->respond(std::move(answer));
                     });
  }

  // Nothing was computed.
  void refuse(const Failure& failure) {
    lease.settle(0);
    reservation = {};
    respond(*exchange, failure);
  }

  void fail(const Error& error) {
    failed = true;
    const Failure failure = failure_of(error);
    lease.settle(tokens);
    event.prompt_tokens = tokens;
    event.outcome = error.code == Errc::cancelled ? ledger::Outcome::cancelled : ledger::Outcome::failed;
    event.http_status = api::status_of(failure.problem);
    accounts->record(std::move(event), std::move(entry), std::move(said), std::move(reservation),
                     [to = exchange, failure](bool durable) { respond(*to, durable ? failure : unrecorded()); });
  }
};

}  // namespace

void Site::embed(const ExchangePtr& exchange, const guard::Principal& who, api::Parsed<api::EmbedCall> call,
                 const EncodeVectors& encode) const {
  if (!call) return respond(*exchange, call.error());
  auto tag = tag_of(exchange->request());
  if (!tag) return respond(*exchange, tag.error());
  if (auto may = may_ask(who); !may) return respond(*exchange, may.error());
  auto found = permitted(call->model, who);
  if (!found) return respond(*exchange, found.error());
  const ModelLease model = std::move(found->model);
  if (call->keep_alive) models_->keep_alive(*model->facts(), *call->keep_alive);
  for (std::string& name : unused_users(exchange->request())) {
    if (std::ranges::find(call->ignored, name) == call->ignored.end()) call->ignored.push_back(std::move(name));
  }
  auto veiled = veil(exchange->request(), who, ways(who, found->named, found->label), found->label, [&](Veil& used) {
    return veil_texts(used, call->inputs, "input", [&model](const auto& ids) { return model->spelled(ids); });
  });
  if (!veiled) return respond(*exchange, veiled.error());
  auto prompts = model->prompts(call->inputs, call->input_field, false, !call->cut);
  if (!prompts) return respond(*exchange, prompts.error());
  for (text::Prompt& p : *prompts) {
    if (call->cut && p.tokens.size() > model->context()) p.tokens.resize(model->context());
  }
  audit::RequestEntry entry = audit_entry_of(*exchange, who, *model, *prompts);
  note_policy(entry, found->label, who);
  std::vector<engine::EmbedRequest> requests;
  std::uint64_t tokens_at_most = 0;
  for (text::Prompt& p : *prompts) {
    engine::EmbedRequest request;
    request.tokens = std::move(p.tokens);
    request.tenant = who.tenant;
    request.adapter = found->adapter;
    request.dimensions = call->dimensions;
    if (auto wrong = refusal_of(request, model->service().limits(), *call)) return respond(*exchange, *wrong);
    tokens_at_most += request.tokens.size();
    requests.push_back(std::move(request));
  }
  ledger::Event record = event_of(*exchange, who, *model, call->model, std::move(*tag));
  const AdapterFile* file = found->named.model->adapter ? &*found->named.model->adapter : nullptr;
  name_adapter(record, found->adapter != nullptr ? file : nullptr);
  auto admitted = accounts_.admit(who, {record.time, who.key_id, record.tag, {}, tokens_at_most, 0});
  if (!admitted) return respond(*exchange, admitted.error());
  auto embedding = std::make_shared<Embedding>();
  embedding->exchange = exchange;
  embedding->encode = encode;
  embedding->vectors.resize(requests.size());
  embedding->open = requests.size();
  embedding->accounts = &accounts_;
  embedding->latencies = &latencies_;
  embedding->served = model->name();
  embedding->lease = std::move(admitted->lease);
  embedding->reservation = std::move(admitted->reservation);
  embedding->headers = std::move(admitted->headers);
  embedding->event = std::move(record);
  embedding->entry = std::move(entry);
  if (accounts_.keeps()) embedding->said = said_of(*exchange, who.tenant, responses_, threads_);
  if (const std::string done = veiled->header(false); !done.empty()) {
    embedding->headers.emplace_back("freehold-personal-data", done);
  }
  veiled->record(embedding->entry, embedding->said);
  embedding->call = std::move(*call);
  submit_all(
      exchange, model, running_, std::move(requests),
      [embedding](std::size_t i, const engine::Event& event) { embedding->on(i, event); },
      [embedding](const Failure& failure) { embedding->refuse(failure); });
}

// A request that has been checked and has its place among those of its key.
struct Site::Beginning {
  api::Call call;
  std::string tenant;
  AnswerPlan plan;
  std::vector<engine::Request> requests;
  std::shared_ptr<Generation> generation;
};

void Site::generate(const ExchangePtr& exchange, const guard::Principal& who, api::Parsed<api::Call> parsed,
                    const MakeEncoder& make_encoder) const {
  if (!parsed) return respond(*exchange, parsed.error());
  api::Call& call = *parsed;
  auto tag = tag_of(exchange->request());
  if (!tag) return respond(*exchange, tag.error());
  if (auto may = may_ask(who); !may) return respond(*exchange, may.error());
  auto found = permitted(call.model, who);
  if (!found) return respond(*exchange, found.error());
  const ModelLease model = std::move(found->model);
  call.label = found->label;
  if (call.keep_alive) models_->keep_alive(*model->facts(), *call.keep_alive);
  if (!call.preset_done) {
    const auto adopted = api::ollama::apply(found->named.preset(), call);
    if (!adopted) return respond(*exchange, adopted.error());
  }
  const Ways personal = ways(who, found->named, found->label);
  if (auto fits = check_veiled(personal.answer, call); !fits) return respond(*exchange, fits.error());
  auto veiled = veil(exchange->request(), who, personal, found->label, [&](Veil& used) {
    return veil_call(used, call, [&model](const auto& ids) { return model->spelled(ids); });
  });
  if (!veiled) return respond(*exchange, veiled.error());
  veiled->answer = answer_veil(personal.answer, veiled->request, call);
  auto plan = model->plan_prompt(call);
  if (!plan) return respond(*exchange, plan.error());
  for (std::string& name : unused_users(exchange->request())) call.ignored.push_back(std::move(name));
  if (call.thinking == true && !model->can_think()) call.ignored.emplace_back("thinking");
  if (!call.expected.empty() && plan->expected.empty()) call.ignored.emplace_back("prediction");
  if (!call.has_seed) call.request.seed = seeds_();
  // All requests are checked before the first is handed over.
  auto requests = model->requests(call, *plan, who.tenant);
  if (!requests) return respond(*exchange, requests.error());
  const AdapterFile* file = found->named.model->adapter ? &*found->named.model->adapter : nullptr;
  std::uint64_t prompt_at_most = 0, answers_at_most = 0;
  for (engine::Request& request : *requests) {
    if (found->adapter != nullptr) request.adapter = found->adapter;
    if (exchange->request().on_behalf_of) request.priority = kBackground;
    prompt_at_most += request.prompt.size();
    answers_at_most += std::uint64_t{request.n} * engine::answer_limit(request, model->service().limits());
  }
  ledger::Event record = event_of(*exchange, who, *model, call.model, std::move(*tag));
  auto admitted = accounts_.admit(who, {record.time, who.key_id, record.tag, {}, prompt_at_most, answers_at_most});
  if (!admitted) return respond(*exchange, admitted.error());
  auto encoder = make_encoder(call, {answer_id(exchange->request().id), call.model, now(), model->fingerprint(file)},
                              plan->prompts);
  auto generation = std::make_shared<Generation>(exchange, std::move(encoder), call, *plan,
                                                 [model](std::string_view text) { return model->count(text); });
  for (auto& [name, value] : admitted->headers) generation->add_header(name, value);
  generation->veil(std::move(*veiled),
                   [this, id = exchange->request().id, tenant = who.tenant] { running_.cancel(id, tenant); });
  name_adapter(record, file);
  record.seed = call.request.seed;
  record.sampling = sampling_summary(call.request.sampling);
  audit::RequestEntry entry = audit_entry_of(*exchange, who, *model, plan->prompts);
  entry.clock = plan->clock;
  note_policy(entry, found->label, who);
  if (entry.label != permissions().policy().lowest()) generation->add_header("freehold-label", entry.label);
  Said said = accounts_.keeps() ? said_of(*exchange, who.tenant, responses_, threads_) : Said{};
  if (said.subject.empty()) said.subject = call.subject;
  generation->account({accounts_, std::move(record), std::move(entry), std::move(said), std::move(admitted->lease),
                       std::move(admitted->reservation), latencies_, model->name()});
  const bool ready = model->constrain_at_once(call, who.tenant, *plan);
  auto work = std::make_shared<Beginning>(
      Beginning{std::move(call), who.tenant, std::move(*plan), std::move(*requests), std::move(generation)});
  if (ready) {
    if (auto fits = look_ahead(*exchange, *model, *work); !fits) return work->generation->refuse(fits.error());
    return begin(exchange, model, *work);
  }
  // A client that leaves while its turn has not come is not worth a compilation.
  auto left = std::make_shared<std::atomic<bool>>(false);
  exchange->on_gone([left] { *left = true; });
  auto queued = compiling_->add(who.tenant, [this, exchange, model, work, left] {
    if (*left) return work->generation->refuse({Problem::unavailable, "the client has left", {}, {}});
    try {
      auto made = model->constrain(work->call, work->tenant, work->plan);
      if (made) made = look_ahead(*exchange, *model, *work);
      if (!made) return work->generation->refuse(made.error());
      begin(exchange, model, *work);
    } catch (const std::exception&) {
      work->generation->refuse({Problem::internal, "internal error", {}, {}});
    }
  });
  if (!queued) work->generation->refuse(failure_of(queued.error()));
}

// Gives the requests what was compiled, and says beforehand what of it is not enforced and where no valid answer fits.
api::Parsed<void> Site::look_ahead(const http::Exchange& exchange, const ServedModel& model, Beginning& work) {
  work.generation->name_ignored(work.plan.ignored);
  std::uint32_t most = UINT32_MAX;
  for (engine::Request& r : work.requests) {
    r.constraint = work.plan.constraint;
    r.constraint_start = work.plan.constraint_start;
    most = std::min(most, engine::answer_limit(r, model.limits()));
  }
  if (!work.plan.constraint || work.plan.constraint_start) return {};
  // Known before a token is spent.
  std::string warning;
  const auto fewest = engine::fewest_tokens(work.plan.constraint);
  if (!fewest) {
    warning = fewest.error().what;
  } else if (*fewest > most) {
    warning = fmt::format("the shortest valid answer has {} tokens, but at most {} may be written", *fewest, most);
  }
  if (warning.empty()) return {};
  if (exchange.request().headers.get("freehold-require") == "complete") {
    return api::refuse(Problem::invalid, warning, "max_tokens");
  }
  work.generation->add_header("freehold-warning", std::move(warning));
  return {};
}

void Site::begin(const ExchangePtr& exchange, const ModelLease& model, Beginning& work) const {
  auto firsts = first_choices(work.requests, work.call.request.n);
  submit_all(
      exchange, model, running_, std::move(work.requests),
      [generation = work.generation, firsts = std::move(firsts)](std::size_t i, const engine::Event& event) {
        generation->on(firsts[i], event);
      },
      [&](const Failure& failure) { work.generation->refuse(failure); });
}

}  // namespace freehold::app
