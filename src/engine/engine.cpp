#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "engine/scheduler.h"
#include "text/grammar/mask_cache.h"

namespace freehold::engine {
namespace {

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(Decoder& decoder, const text::Tokenizer& tokenizer,
                                               EngineOptions options) {
  if (options.max_sequences < 1 || options.max_sequences > decoder.max_logit_rows()) {
    return fail(Errc::invalid, fmt::format("max_sequences is {}, must be from 1 to the decoder's {}",
                                           options.max_sequences, decoder.max_logit_rows()));
  }
  std::uint64_t batch = std::uint64_t{options.chunk} + options.max_sequences;
  if (options.chunk < 1 || batch > decoder.max_batch_tokens()) {
    return fail(Errc::invalid,
                fmt::format("chunk is {}, must be from 1 to {}: with max_sequences {} it must fit the decoder's "
                            "batch of {} tokens",
                            options.chunk, std::int64_t{decoder.max_batch_tokens()} - options.max_sequences,
                            options.max_sequences, decoder.max_batch_tokens()));
  }
  if (options.drafting.drafter != nullptr && decoder.max_logit_rows() == options.max_sequences) {
    return fail(Errc::invalid,
                fmt::format("drafting needs a decoder with more than {} rows of logits: one for each guessed token",
                            options.max_sequences));
  }
  if (!options.clock) options.clock = monotonic_seconds;
  RequestLimits limits{decoder.vocab(),       std::min(decoder.context(), decoder.cache().longest()),
                       options.max_sequences, decoder.width(),
                       decoder.weights(),     decoder.max_rank()};
  return std::unique_ptr<Engine>(new Engine(std::make_unique<State>(decoder, tokenizer, std::move(options), limits)));
}

std::uint64_t Engine::bytes_needed(std::uint32_t vocab, std::uint32_t width, std::uint32_t logit_rows,
                                   std::uint32_t chunk) {
  const std::uint64_t rows = std::uint64_t{logit_rows} + std::min(PromptScorer::kRows, logit_rows);
  const std::uint64_t sampler = sizeof(Candidate) + sizeof(std::uint32_t);  // a token
  return vocab * (rows * sizeof(float) + sampler) + std::uint64_t{chunk} * width * sizeof(float);
}

void EngineCounters::add(const EngineCounters& other) {
  for (auto field : {&EngineCounters::steps, &EngineCounters::prefilled_tokens, &EngineCounters::sampled_tokens,
                     &EngineCounters::reused_tokens, &EngineCounters::drafted_tokens, &EngineCounters::accepted_tokens,
                     &EngineCounters::embeddings, &EngineCounters::expired, &EngineCounters::prefix_hits,
                     &EngineCounters::prefix_misses}) {
    this->*field += other.*field;
  }
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<RequestId> Engine::submit(Request request, EventSink sink) {
  State& s = *state_;
  FH_TRY_VOID(validate(request, s.limits));
  if (request.constraint && request.constraint->vocabulary().size() != s.tokenizer.size()) {
    return fail(Errc::invalid,
                fmt::format("the constraint is for a vocabulary of {} tokens, but the engine's tokenizer has {}",
                            request.constraint->vocabulary().size(), s.tokenizer.size()));
  }
  auto prompt = static_cast<std::uint32_t>(request.prompt.size());
  std::uint32_t positions = prompt + answer_limit(request, s.limits);
  BlockBudget::Blocks blocks = s.budget.needed(prompt, positions, request.score_only ? 1 : request.n);
  if (!s.budget.fits_at_all(blocks)) {
    return fail(Errc::exhausted,
                fmt::format("the prompt's {} tokens and {} answers of up to {} need more than the whole cache holds: "
                            "lower max_tokens or n, or give the cache more room",
                            prompt, request.n, positions - prompt));
  }
  const std::uint64_t all = prompt + std::uint64_t{request.n} * (positions - prompt);
  auto job = std::make_unique<Job>(s.next_id++, std::move(request), std::move(sink));
  job->blocks = std::move(blocks);
  job->positions = all;
  return s.enqueue(std::move(job));
}

Result<RequestId> Engine::submit(EmbedRequest request, EventSink sink) {
  State& s = *state_;
  FH_TRY_VOID(validate(request, s.limits));
  Request prompt;
  prompt.prompt = std::move(request.tokens);
  prompt.tenant = std::move(request.tenant);
  prompt.adapter = std::move(request.adapter);
  prompt.priority = request.priority;
  prompt.deadline_seconds = request.deadline_seconds;
  auto tokens = static_cast<std::uint32_t>(prompt.prompt.size());
  auto job = std::make_unique<Job>(s.next_id++, std::move(prompt), std::move(sink));
  job->pooler =
      std::make_unique<Pooler>(request.pooling.value_or(s.decoder.pooling()), s.limits.width, request.dimensions);
  job->blocks = s.budget.needed(tokens, tokens, 1);
  job->positions = tokens;
  if (!s.budget.fits_at_all(job->blocks)) {
    return fail(Errc::exhausted, fmt::format("the text's {} tokens need more than the whole cache holds", tokens));
  }
  return s.enqueue(std::move(job));
}

bool Engine::cancel(RequestId id) {
  if (Job* job = state_->waiting.find(id)) return job->cancelled = true;
  for (const auto& job : state_->running) {
    if (job->id == id && !job->finished()) return job->cancelled = true;
  }
  return false;
}

bool Engine::step() {
  State& s = *state_;
  s.begin_work();
  s.end_cancelled();
  s.end_expired();
  s.admit();
  s.run_batch();
  s.remove_finished();
  s.measure_work();
  return pending() > 0;
}

std::size_t Engine::pending() const {
  return state_->waiting.size() + state_->running.size();
}

Result<> Engine::run(Request request, const EventSink& sink, const std::atomic<bool>* cancelled) {
  std::uint32_t open = request.n;
  std::optional<Error> error;
  auto watch = [&](const Event& event) {
    if (std::holds_alternative<Finished>(event)) --open;
    if (const Failed* failed = std::get_if<Failed>(&event)) {
      error = failed->error;
      open = 0;
    }
    sink(event);
  };
  FH_TRY(RequestId id, submit(std::move(request), watch));
  while (open > 0) {
    if (cancelled != nullptr && cancelled->load()) cancel(id);
    step();
  }
  if (error) return tl::unexpected(std::move(*error));
  return {};
}

void Engine::drop_cached() {
  state_->kept.clear();
}

void Engine::drop_cached(const std::string& tenant) {
  state_->kept.drop_if([&](const PrefixCache::Entry& e) { return e.tenant == tenant; });
}

const RequestLimits& Engine::limits() const {
  return state_->limits;
}
const EngineCounters& Engine::counters() const {
  return state_->counters;
}

EngineStatus Engine::status() const {
  const State& s = *state_;
  EngineStatus status;
  status.waiting = s.waiting.size();
  status.running = s.running.size();
  status.sequences = s.sequences();
  const model::KvCache& cache = s.decoder.cache();
  for (std::size_t g = 0; g < cache.layout().groups.size(); ++g) {
    status.kv_blocks_used += cache.total_blocks(g) - cache.free_blocks(g);
    status.kv_blocks_total += cache.total_blocks(g);
  }
  status.prefix_tokens = s.kept.tokens();
  status.batch_tokens = s.batch_tokens;
  status.batch_sequences = s.batch_sequences;
  return status;
}

}  // namespace freehold::engine
