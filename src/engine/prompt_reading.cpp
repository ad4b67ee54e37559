// What is read of prompts where there is more to it than going on from them: hidden states for embeddings, rows for
// log-probabilities.
#include <algorithm>

#include "engine/scheduler.h"

namespace freehold::engine {

void Engine::State::take_hidden() {
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto [job, answer] = owners[i];
    if (job->pooler != nullptr) embed(*job, *answer, items[i].hidden);
    const std::uint32_t end = answer->sequence.length();
    if (job->scorer != nullptr && answer->sampled() == 0) {
      score(*job, end - static_cast<std::uint32_t>(items[i].tokens.size()), items[i].hidden);
    }
    if (job->request.score_only && !job->failed && end == job->request.prompt.size()) end_with_prompt(*job);
  }
}

// The rows of a chunk of the prompt that begins at `begin`: each is about the token after it.
void Engine::State::score(Job& job, std::uint32_t begin, std::span<const float> rows) {
  if (begin == 0) job.scorer->report_first(job.sink);
  const std::size_t C = limits.width, V = limits.vocab;
  const std::size_t most = score_logits.size() / V;
  // Nothing in the prompt follows its last token.
  const std::size_t count = std::min(rows.size() / C, job.request.prompt.size() - 1 - begin);
  for (std::size_t first = 0; first < count && !job.cancelled; first += most) {
    const std::size_t n = std::min(most, count - first);
    decoder.logits_of(rows.subspan(first * C, n * C), job.request.adapter.get(),
                      std::span<float>(score_logits).first(n * V));
    for (std::size_t i = 0; i < n; ++i) {
      const auto position = static_cast<std::uint32_t>(begin + first + i + 1);
      auto done =
          job.scorer->report(position, std::span<const float>(score_logits).subspan(i * V, V), samplers[0], job.sink);
      if (!done) return fail_job(job, std::move(done).error());
    }
  }
}

void Engine::State::end_with_prompt(Job& job) {
  if (job.cancelled) return;
  const double now = options.clock();
  for (std::uint32_t i = 1; i < job.request.n; ++i) job.answers.emplace_back(job.request, tokenizer, i, 0);
  for (Answer& answer : job.answers) answer.end_with_prompt(now, job.admission, job.sink);
  Answer& first = job.answers[0];
  // Without scores it was read for the sake of those who go on from it.
  if (job.scorer == nullptr) return keep_if_done(job, first);
  first.sequence = {};
}

void Engine::State::embed(Job& job, Answer& answer, std::span<const float> rows) {
  job.pooler->add(rows);
  if (answer.sequence.length() < job.request.prompt.size()) return;
  auto vector = job.pooler->finish();
  answer.sequence = {};  // nobody goes on from here: not worth a place among what is kept
  if (!vector) return fail_job(job, std::move(vector).error());
  Embedded event;
  event.vector = *vector;
  event.usage.prompt_tokens = static_cast<std::uint32_t>(job.request.prompt.size());
  event.usage.cached_tokens = job.admission.cached_tokens;
  event.usage.compute_us = answer.compute_us;
  event.usage.energy_nwh = answer.energy_nwh;
  event.usage.queue_seconds = job.admission.admitted - job.admission.submitted;
  event.usage.prefill_seconds = options.clock() - job.admission.admitted;
  job.embedded = true;
  ++counters.embeddings;
  job.sink(event);
}

}  // namespace freehold::engine
