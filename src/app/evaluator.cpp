#include "app/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/interrupt.h"
#include "kernel/kernels.h"

namespace freehold::app {
namespace {

constexpr std::uint32_t kRows = 32;  // tokens a step, and rows of logits held at a time

}  // namespace

Result<std::unique_ptr<Evaluator>> Evaluator::create(const Loaded& loaded, std::uint32_t longest) {
  if (longest > loaded.spec.context) {
    return fail(Errc::exhausted,
                fmt::format("{} tokens are more than the model's context of {}", longest, loaded.spec.context));
  }
  auto evaluator = std::unique_ptr<Evaluator>(new Evaluator(loaded));
  FH_TRY(evaluator->cache_,
         model::KvCache::create(model::KvLayout(loaded.spec, loaded.cache), longest, 1, kRows, longest));
  evaluator->executor_ = std::make_unique<model::Executor>(
      loaded.model, *loaded.pool, kernel::table_up_to(loaded.level), kRows, longest, kRows, max_rank(loaded));
  evaluator->logits_.resize(std::size_t{kRows} * loaded.spec.vocab);
  return evaluator;
}

Result<> Evaluator::run(std::span<const std::int32_t> ids, const Rows& rows) {
  const std::size_t V = loaded_.spec.vocab;
  model::KvSequence sequence = cache_->new_sequence();
  for (std::size_t first = 0; first < ids.size(); first += kRows) {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    std::size_t count = std::min<std::size_t>(kRows, ids.size() - first);
    FH_TRY_VOID(sequence.reserve(static_cast<std::uint32_t>(count)));
    model::BatchItem item{.sequence = &sequence,
                          .tokens = ids.subspan(first, count),
                          .logits = model::LogitsWanted::all,
                          .adapter = loaded_.adapter.get()};
    std::span<float> out(logits_.data(), count * V);
    FH_TRY_VOID(executor_->forward({&item, 1}, out));
    FH_TRY_VOID(rows(first, count, out));
  }
  return {};
}

Result<std::vector<float>> Evaluator::last(std::span<const std::int32_t> ids) {
  std::vector<float> out;
  const std::size_t V = loaded_.spec.vocab;
  FH_TRY_VOID(run(ids, [&](std::size_t first, std::size_t count, std::span<const float> logits) -> Result<> {
    if (first + count == ids.size()) {
      auto row = logits.last(V);
      out.assign(row.begin(), row.end());
    }
    return {};
  }));
  return out;
}

double log_sum_exp(std::span<const float> logits) {
  double most = -INFINITY;
  for (float x : logits) most = std::max(most, static_cast<double>(x));
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - most);
  return most + std::log(sum);
}

}  // namespace freehold::app
