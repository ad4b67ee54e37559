#include "engine/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/random.h"

namespace freehold::engine {
namespace {

// A shorter common beginning is not worth the copy of a block.
constexpr std::size_t kShortestReuse = model::kKvBlock / 2;

std::size_t rows_of(const model::BatchItem& item) {
  return item.logits == model::LogitsWanted::all    ? item.tokens.size()
         : item.logits == model::LogitsWanted::last ? 1
                                                    : 0;
}

}  // namespace

bool Job::finished() const {
  if (failed || embedded) return true;
  return answers.size() == request.n &&
         std::all_of(answers.begin(), answers.end(), [](const Answer& a) { return a.done(); });
}

std::uint32_t Job::places() const {
  const auto over = std::count_if(answers.begin(), answers.end(), [](const Answer& a) { return a.done(); });
  return request.n - static_cast<std::uint32_t>(over);
}

Engine::State::State(Decoder& d, const text::Tokenizer& t, EngineOptions o, RequestLimits l)
    : decoder(d),
      tokenizer(t),
      options(std::move(o)),
      limits(l),
      budget(d.cache(), options.chunk),
      kept(options.prefix_tokens, options.prefix_cache ? options.prefix_entries : 0),
      // One sequence never puts more than a chunk into a batch: so much room the budget leaves it in a window.
      draft_room(options.drafting.drafter == nullptr
                     ? 0
                     : std::min(d.max_logit_rows() - options.max_sequences, options.chunk - 1)),
      speculation(options.drafting, options.max_sequences, draft_room, l.vocab) {
  for (const auto& group : d.cache().layout().groups) windows |= group.window != 0;
  std::size_t most = options.max_sequences;
  running.reserve(most);
  items.reserve(2 * most);
  owners.reserve(2 * most);
  order.reserve(2 * most);
  weights.resize(2 * most);
  shares.resize(2 * most);
  ordered_items.reserve(2 * most);
  ordered_owners.reserve(2 * most);
  drawn.resize(2 * most);
  first_rows.resize(2 * most);
  const int drawing = options.pool != nullptr && most > 1 ? options.pool->threads() : 1;
  samplers.reserve(static_cast<std::size_t>(drawing));
  for (int i = 0; i < drawing; ++i) samplers.emplace_back(limits.vocab);
  logits.resize((most + draft_room) * l.vocab);
}

RequestId Engine::State::enqueue(std::unique_ptr<Job> job) {
  job->admission.submitted = options.clock();
  RequestId id = job->id;
  waiting.push(std::move(job));
  return id;
}

void Engine::State::fail_job(Job& job, Error error) {
  job.failed = true;
  job.sink(Failed{std::move(error)});
}

void Engine::State::end_cancelled() {
  auto report = [&](Job& job) {
    if (job.pooler != nullptr) return fail_job(job, Error{Errc::cancelled, "the request was cancelled"});
    // Choices that never began have nothing to report but their end.
    std::uint32_t limit = 0;
    while (job.answers.size() < job.request.n) {
      job.answers.emplace_back(job.request, tokenizer, static_cast<std::uint32_t>(job.answers.size()), limit);
    }
    for (Answer& answer : job.answers) {
      if (!answer.done()) answer.cancel(job.admission, job.sink);
    }
  };
  for (const auto& job : waiting.take_if([](const Job& j) { return j.cancelled; })) {
    job->admission.admitted = options.clock();
    report(*job);
  }
  // By index: a sink may submit.
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (!running[i]->cancelled) continue;
    report(*running[i]);
  }
  remove_finished();
}

// The best beginning of the job's prompt among kept and running sequences of its tenant and its adapter, continued; or
// an empty sequence.
model::KvSequence Engine::State::continue_longest_prefix(const Job& job) {
  struct Source {
    const model::KvSequence* sequence;
    PrefixCache::Entry* entry;
    std::size_t length;
  };
  std::vector<Source> sources;
  // At least one token of the prompt is run: its logits are needed.
  std::span<const std::int32_t> prompt(job.request.prompt.data(), job.request.prompt.size() - 1);
  const Digest adapter = job.adapter();
  auto consider = [&](const std::string& tenant, const Digest& with, std::span<const std::int32_t> tokens,
                      const model::KvSequence& sequence, PrefixCache::Entry* entry) {
    if (tenant != job.request.tenant || with != adapter) return;
    std::size_t length = common_prefix(prompt, tokens.first(std::min<std::size_t>(tokens.size(), sequence.length())));
    if (length >= kShortestReuse) sources.push_back({&sequence, entry, length});
  };
  if (options.prefix_cache && job.may_continue()) {
    for (const auto& e : kept.entries()) consider(e->tenant, e->adapter, e->tokens, e->sequence, e.get());
    for (const auto& other : running) {
      for (const Answer& a : other->answers) {
        if (a.sequence.valid()) consider(other->request.tenant, other->adapter(), a.tokens(), a.sequence, nullptr);
      }
    }
  }
  std::stable_sort(sources.begin(), sources.end(),
                   [](const Source& a, const Source& b) { return a.length > b.length; });
  for (const Source& source : sources) {
    // A sequence whose window has passed on, or a cache that is too full to copy a block: the next best will do.
    // Evictions may have removed it, so what is still kept is looked up again.
    bool gone = source.entry != nullptr && std::none_of(kept.entries().begin(), kept.entries().end(),
                                                        [&](const auto& e) { return e.get() == source.entry; });
    if (gone) continue;
    auto forked = with_evictions(source.entry, [&] {
      return decoder.cache().fork(*source.sequence, static_cast<std::uint32_t>(source.length));
    });
    if (!forked) continue;
    if (source.entry != nullptr) kept.touch(*source.entry);
    return std::move(*forked);
  }
  return decoder.cache().new_sequence();
}

void Engine::State::start(Job& job) {
  const Request& request = job.request;
  job.admission.admitted = options.clock();
  job.answers.reserve(request.n);
  std::uint32_t limit = job.pooler == nullptr ? answer_limit(request, limits) : 0;
  if (request.prompt_logprobs) {
    job.scorer = std::make_unique<PromptScorer>(request, tokenizer);
    score_logits.resize(std::size_t{std::min(PromptScorer::kRows, decoder.max_logit_rows())} * limits.vocab);
  }
  if (job.pooler != nullptr || job.scorer != nullptr) hidden.resize(std::size_t{options.chunk} * limits.width);
  model::KvSequence sequence = continue_longest_prefix(job);
  job.answers.emplace_back(request, tokenizer, 0, limit);
  job.answers[0].sequence = std::move(sequence);
  if (!job.reads_only()) speculation.start(job.answers[0].draft, request, limit);
  job.admission.cached_tokens = job.answers[0].sequence.length();
  counters.reused_tokens += job.admission.cached_tokens;
  if (options.prefix_cache && job.may_continue()) {
    ++(job.admission.cached_tokens > 0 ? counters.prefix_hits : counters.prefix_misses);
  }
  job.sink(Started{static_cast<std::uint32_t>(request.prompt.size()), job.admission.cached_tokens});
}

void Engine::State::end_expired() {
  if (waiting.empty()) return;
  const double now = options.clock();
  const auto waited = [&](const Job& j) { return now - j.admission.submitted; };
  for (const auto& job : waiting.take_if(
           [&](const Job& j) { return j.request.deadline_seconds > 0 && waited(j) >= j.request.deadline_seconds; })) {
    ++counters.expired;
    fail_job(*job, Error{Errc::exhausted,
                         fmt::format("busy: no place became free within {} seconds", job->request.deadline_seconds)});
  }
}

std::uint32_t Engine::State::sequences() const {
  std::uint32_t count = 0;
  for (const auto& job : running) count += job->places();
  return count;
}

void Engine::State::admit() {
  const auto sequences_of = [&](const std::string& tenant) {
    std::uint32_t count = 0;
    for (const auto& job : running) count += job->request.tenant == tenant ? job->places() : 0;
    return count;
  };
  if (waiting.empty()) return;
  std::uint32_t taken = sequences();
  const auto fits = [&](const Job& job) {
    return taken + job.request.n <= options.max_sequences && budget.fits_now(job.blocks);
  };
  while (!waiting.empty() && taken < options.max_sequences) {
    std::unique_ptr<Job> job = waiting.next(sequences_of, fits);
    if (job == nullptr) return;
    budget.promise(job->blocks);
    taken += job->request.n;
    running.push_back(std::move(job));
    start(*running.back());
  }
}

bool Engine::State::add_item(Job& job, Answer& answer, std::uint32_t count, model::LogitsWanted wanted) {
  auto room = with_evictions(nullptr, [&] { return answer.sequence.reserve(count); });
  if (!room) {  // the budget's promise was wrong
    fail_job(job, Error{Errc::internal, "the cache ran out in the middle of a request: " + room.error().what});
    return false;
  }
  std::span<const std::int32_t> tokens = answer.tokens().subspan(answer.sequence.length());
  if (answer.draft.count > 0) {
    tokens = answer.draft.tokens;
    answer.sequence.keep_for_truncate(answer.draft.count);
  }
  items.push_back({&answer.sequence, tokens.first(count), wanted, {}, job.request.adapter.get()});
  owners.push_back({&job, &answer});
  return true;
}

// What the answers that decode may say next. A step that reads a prompt is bound by arithmetic and has no room for it.
void Engine::State::guess() {
  if (!speculation.on()) return;
  speculation.begin();
  const bool reads = std::any_of(running.begin(), running.end(), [](const auto& job) { return job->prefilling(); });
  for (const auto& job : running) {
    if (job->prefilling()) continue;
    for (Answer& answer : job->answers) {
      answer.draft.guessed = answer.draft.count = 0;
      if (reads || answer.done()) continue;
      DraftQuery query;
      query.request = &job->request;
      query.choice = job->request.first_choice + answer.index();
      query.sampled = answer.sampled();
      query.tokens = answer.tokens();
      query.matcher = answer.matcher();
      speculation.ask(answer.draft, query, std::min(draft_room, answer.left() - 1));
    }
  }
  if (!reads) speculation.propose(options.clock);
}

void Engine::State::add_decoding() {
  for (const auto& job : running) {
    if (job->failed || job->prefilling()) continue;
    for (Answer& answer : job->answers) {
      const std::uint32_t guessed = answer.draft.count;
      if (answer.done()) continue;
      if (!add_item(*job, answer, 1 + guessed, guessed > 0 ? model::LogitsWanted::all : model::LogitsWanted::last))
        break;
    }
  }
}

void Engine::State::add_prefill() {
  std::uint32_t left = options.chunk;
  for (const auto& job : running) {
    if (left == 0) return;
    if (job->failed || !job->prefilling()) continue;
    Answer& answer = job->answers[0];
    auto rest = static_cast<std::uint32_t>(job->request.prompt.size()) - answer.sequence.length();
    std::uint32_t count = std::min(left, rest);
    left -= count;
    const bool draws = count == rest && !job->reads_only();
    const std::uint32_t begin = answer.sequence.length();
    if (!add_item(*job, answer, count, draws ? model::LogitsWanted::last : model::LogitsWanted::none)) continue;
    counters.prefilled_tokens += count;
    std::uint32_t wanted = job->scorer != nullptr ? count : 0;
    if (job->pooler != nullptr) wanted = job->pooler->wanted(begin, count, begin + rest);
    if (wanted == 0) continue;
    const std::size_t floats = std::size_t{wanted} * limits.width;
    items.back().hidden = std::span<float>(hidden).subspan(hidden_used, floats);
    hidden_used += floats;
  }
}

void Engine::State::run_batch() {
  items.clear();
  owners.clear();
  hidden_used = 0;
  guess();
  add_decoding();
  add_prefill();
  // A job that failed while its items were added takes them along.
  for (std::size_t i = items.size(); i-- > 0;) {
    if (!owners[i].job->failed) continue;
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
    owners.erase(owners.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (items.empty()) return;
  group_by_adapter();
  ++counters.steps;
  std::size_t rows = 0, tokens = 0;
  for (const model::BatchItem& item : items) {
    rows += rows_of(item);
    tokens += item.tokens.size();
  }
  batch_tokens = static_cast<std::uint32_t>(tokens);
  batch_sequences = static_cast<std::uint32_t>(items.size());
  const double before = options.clock();
  auto done = decoder.forward(items, std::span<float>(logits).first(rows * limits.vocab));
  const double seconds = options.clock() - before;
  measure_work();
  charge_work();
  if (!done) {
    for (const Owner& owner : owners) {
      if (!owner.job->failed) fail_job(*owner.job, done.error());
    }
    return;
  }
  const std::uint64_t accepted = counters.accepted_tokens;
  take_hidden();
  take_logits();
  if (speculation.on()) speculation.settle(seconds, static_cast<std::uint32_t>(counters.accepted_tokens - accepted));
}

// The next token of every answer that decodes, by all threads at once: one draw does not depend on another. False: they
// are not worth it.
bool Engine::State::draw_ahead() {
  if (samplers.size() < 2 || items.size() < 2) return false;
  std::size_t row = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    first_rows[i] = row;
    row += rows_of(items[i]);
  }
  options.pool->parallel_for(items.size(), 1, [this](std::size_t begin, std::size_t end, int thread) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto [job, answer] = owners[i];
      if (job->failed || rows_of(items[i]) == 0 || answer->sampled() == 0) continue;
      const auto of_item = std::span<const float>(logits).subspan(first_rows[i] * limits.vocab, limits.vocab);
      drawn[i] = draw(*job, *answer, of_item, samplers[static_cast<std::size_t>(thread)]);
    }
  });
  return true;
}

void Engine::State::take_logits() {
  const bool ahead = draw_ahead();
  std::size_t row = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::size_t rows = rows_of(items[i]);
    const auto of_item = std::span<const float>(logits).subspan(row * limits.vocab, rows * limits.vocab);
    row += rows;
    auto [job, answer] = owners[i];
    if (job->failed || rows == 0) continue;
    if (answer->sampled() > 0) {
      sample_guess(*job, *answer, of_item, ahead ? &drawn[i] : nullptr);
      continue;
    }
    // The end of the prompt: every answer begins from here.
    start_other_answers(*job);
    for (Answer& a : job->answers) {
      if (job->failed) break;
      sample(*job, a, of_item);
      keep_if_done(*job, a);
    }
  }
}

void Engine::State::start_other_answers(Job& job) {
  std::uint32_t limit = answer_limit(job.request, limits);
  for (std::uint32_t i = 1; i < job.request.n; ++i) {
    const model::KvSequence& first = job.answers[0].sequence;
    auto forked = with_evictions(nullptr, [&] { return decoder.cache().fork(first, first.length()); });
    if (!forked) return fail_job(job, Error{Errc::internal, "continue the prompt: " + forked.error().what});
    job.answers.emplace_back(job.request, tokenizer, i, limit);  // within the capacity: rows keep their pointers
    job.answers[i].sequence = std::move(*forked);
    speculation.start(job.answers[i].draft, job.request, limit);
  }
}

// Touches nothing but the answer's constraint and the sampler.
Engine::State::Drawn Engine::State::draw(const Job& job, Answer& answer, std::span<const float> row,
                                         Sampler& with) const {
  double uniform = draw_of(job.request, job.request.first_choice + answer.index(), answer.sampled());
  SamplerInput input{job.request.sampling.logit_bias, answer.history(), {}, {}};
  Drawn out;
  do {
    auto open = answer.narrow(input);
    if (!open) return {tl::unexpected(std::move(open).error())};
    if (!*open) return {.closed = true};
    out.token = with.sample(job.chain, row, input, uniform);
  } while (out.token && !answer.admits(*out.token));
  return out;
}

// Whether the batch has the next row of this answer as well.
bool Engine::State::take(Job& job, Answer& answer, std::span<const float> row, const Drawn& drawn_token) {
  const Result<std::int32_t>& token = drawn_token.token;
  if (!token) {
    fail_job(job, token.error());
    return false;
  }
  if (drawn_token.closed) {
    answer.end(job.admission, job.sink);
    return false;
  }
  ++counters.sampled_tokens;
  // Counted before the answer reports its end.
  const bool runs_on = answer.draft.take(*token);
  counters.accepted_tokens += runs_on ? 1 : 0;
  auto taken = answer.accept(*token, row, options.clock(), job.admission, job.sink);
  if (!taken) {
    fail_job(job, std::move(taken).error());
    return false;
  }
  return runs_on && !answer.done() && !job.cancelled;
}

// The rows of an answer that decodes: the one after its last token, and those of its guess as long as that is right.
// `ahead`: what the first of them has drawn already, or null.
void Engine::State::sample_guess(Job& job, Answer& answer, std::span<const float> rows, const Drawn* ahead) {
  Draft& draft = answer.draft;
  draft.drafted += draft.count;
  counters.drafted_tokens += draft.count;
  draft.compared = draft.right = 0;
  const auto row = rows.first(limits.vocab);
  bool more = ahead != nullptr ? take(job, answer, row, *ahead) : sample(job, answer, row);
  while (more) {
    rows = rows.subspan(limits.vocab);
    more = sample(job, answer, rows.first(limits.vocab));
  }
  if (job.failed) return;
  if (speculation.on()) draft.acceptance.learn(draft.evidence, draft.compared, draft.right);
  if (draft.count > 0) {
    // As without a guess, all but the last token are in the cache.
    auto settled = answer.sequence.truncate(static_cast<std::uint32_t>(answer.tokens().size() - 1));
    FH_CHECK(settled.has_value(), "keep_for_truncate holds what a guess may take back");
    answer.sequence.keep_for_truncate(0);
    draft.guessed = draft.count = 0;
  }
  keep_if_done(job, answer);
}

void Engine::State::keep_if_done(Job& job, Answer& answer) {
  if (job.failed || !answer.done()) return;
  if (options.prefix_cache) {
    kept.put(job.request.tenant, answer.take_tokens(), std::move(answer.sequence), !windows, job.adapter());
  }
  answer.sequence = {};
}

void Engine::State::remove_finished() {
  std::erase_if(running, [&](const std::unique_ptr<Job>& job) {
    if (!job->finished()) return false;
    budget.release(job->blocks);
    return true;
  });
}

}  // namespace freehold::engine
