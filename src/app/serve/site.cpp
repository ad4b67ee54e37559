#include "app/serve/site.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <mutex>

#include "app/serve/batches.h"
#include "app/serve/generation.h"
#include "app/serve/reply.h"
#include "base/hash.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

using api::Failure;
using api::Problem;

std::int64_t now() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

// In a time that does not tell how much of it was right.
bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Requests of one answer that the engine has taken; the client may leave before, while or after they are handed over.
struct Tickets {
  std::mutex mutex;  // guards what follows
  std::vector<engine::Service::Ticket> tickets;
  bool gone = false;
};

}  // namespace

std::string random_id() {
  std::array<unsigned char, 12> random{};
  RAND_bytes(random.data(), random.size());
  std::string out;
  for (unsigned char byte : random) out += fmt::format("{:02x}", byte);
  return out;
}

Failure failure_of(const Error& error) {
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

Site::Site(std::vector<std::unique_ptr<ServedModel>> models, std::vector<std::string> keys)
    : models_(std::move(models)), keys_(std::move(keys)), started_(now()) {}

Site::~Site() {
  batches.reset();  // it asks the models
}

api::Parsed<ServedModel*> Site::find(std::string_view name) const {
  const auto bare = [](std::string_view n) { return n.ends_with(":latest") ? n.substr(0, n.size() - 7) : n; };
  for (const auto& m : models_) {
    if (bare(m->name()) == bare(name)) return m.get();
  }
  return api::refuse(Problem::not_found, fmt::format("model '{}' not found", printable(name)), "model",
                     "model_not_found");
}

bool Site::admits(const http::Request& request) const {
  if (keys_.empty()) return true;
  const std::string_view given = key_of(request);
  bool found = false;
  for (const std::string& key : keys_) found |= same_secret(key, given);
  return found;
}

std::string Site::tenant_of(const http::Request& request) const {
  if (request.on_behalf_of) return *request.on_behalf_of;
  const std::string_view key = key_of(request);
  return key.empty() ? std::string() : sha256(key).hex();  // tenants are written to disk, keys are not
}

api::Parsed<std::size_t> Site::count_tokens(const api::Call& call) const {
  FH_TRY(ServedModel * model, find(call.model));
  FH_TRY(auto prompts, model->prompts(call));
  std::size_t count = 0;
  for (const engine::Prompt& p : prompts) count += p.tokens.size();
  return count;
}

void Site::embed(const ExchangePtr& exchange, api::Parsed<api::EmbedCall> call, const EncodeVectors&) const {
  if (!call) return respond(*exchange, call.error());
  respond(*exchange, Failure{Problem::invalid, "embeddings are not supported yet", {}, {}});
}

void Site::generate(const ExchangePtr& exchange, api::Parsed<api::Call> parsed, const MakeEncoder& make_encoder) const {
  if (!parsed) return respond(*exchange, parsed.error());
  api::Call& call = *parsed;
  auto found = find(call.model);
  if (!found) return respond(*exchange, found.error());
  ServedModel* model = *found;
  auto prompts = model->prompts(call);
  if (!prompts) return respond(*exchange, prompts.error());
  if (!call.has_seed) {
    std::uint32_t drawn = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&drawn), sizeof drawn);
    call.request.seed = drawn;
  }
  // All requests are checked before the first is handed over.
  std::vector<engine::Request> requests;
  for (const engine::Prompt& p : *prompts) {
    engine::Request request = call.request;
    request.prompt = p.tokens;
    request.text_starts = p.text_starts;
    request.tenant = tenant_of(exchange->request());
    // A request made on behalf of somebody (a batch's) is background work: the place to give it a lower priority.
    if (auto valid = engine::validate(request, model->service().limits()); !valid) {
      return respond(*exchange, failure_of(valid.error()));
    }
    requests.push_back(std::move(request));
  }
  auto encoder = make_encoder(call, {random_id(), call.model, now()}, *prompts);
  auto generation = std::make_shared<Generation>(exchange, std::move(encoder), call,
                                                 call.request.n * static_cast<std::uint32_t>(prompts->size()));
  auto tickets = std::make_shared<Tickets>();
  exchange->on_gone([tickets, model] {
    const std::lock_guard lock(tickets->mutex);
    tickets->gone = true;
    for (auto ticket : tickets->tickets) model->service().cancel(ticket);
  });
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::uint32_t first = static_cast<std::uint32_t>(i) * call.request.n;
    auto ticket = model->service().submit(
        std::move(requests[i]), [generation, first](const engine::Event& event) { generation->on(first, event); });
    const std::lock_guard lock(tickets->mutex);
    if (!ticket) {
      for (auto earlier : tickets->tickets) model->service().cancel(earlier);
      return respond(*exchange, failure_of(ticket.error()));
    }
    if (tickets->gone) model->service().cancel(*ticket);
    tickets->tickets.push_back(*ticket);
  }
}

}  // namespace freehold::app
