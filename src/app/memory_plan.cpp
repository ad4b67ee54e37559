#include "app/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/progress.h"
#include "base/checked.h"
#include "engine/engine.h"
#include "nn/linear.h"

namespace freehold::app {
namespace {

constexpr std::uint32_t kLeastContext = 32;          // one block of the cache
constexpr std::uint32_t kLeastUsefulContext = 2048;  // below this we refuse rather than choose a length by ourselves

std::uint64_t weights_bytes(const model::Plan& plan) {
  std::uint64_t sum = 0;
  auto matrix = [&](const tensor::View* view) {
    if (view != nullptr) sum += nn::Linear::prepared_bytes(*view);
  };
  auto vector = [&](const tensor::View* view) {
    if (view != nullptr) sum += view->elems() * sizeof(float);
  };
  matrix(plan.spec.tied ? plan.layout.embedding : plan.layout.output);
  vector(plan.layout.final_norm);
  for (const auto& b : plan.layout.blocks) {
    for (const auto* view : {b.q, b.k, b.v, b.o, b.router}) matrix(view);
    for (const auto* view : {b.attention_norm, b.ffn_norm, b.q_norm, b.k_norm, b.post_attention_norm, b.post_ffn_norm,
                             b.q_bias, b.k_bias, b.v_bias}) {
      vector(view);
    }
    for (const auto* views : {&b.gate, &b.up, &b.down}) {
      for (const auto& view : *views) matrix(&view);
    }
  }
  return sum;
}

std::uint64_t mapped_bytes(const model::Plan& plan) {
  std::uint64_t sum = 0;
  for (const auto& b : plan.layout.blocks) {
    for (const auto* view : {b.q, b.k, b.v, b.o, b.router}) sum += view != nullptr ? view->bytes.size() : 0;
    for (const auto* views : {&b.gate, &b.up, &b.down}) {
      for (const auto& view : *views) sum += view.bytes.size();
    }
  }
  return sum + plan.layout.embedding->bytes.size() +
         (plan.layout.output != nullptr ? plan.layout.output->bytes.size() : 0);
}

std::uint64_t parameters(const model::Plan& plan) {
  std::uint64_t sum = plan.layout.embedding->elems() * 2;  // tied ones are prepared a second time
  for (const auto& b : plan.layout.blocks) {
    for (const auto* view : {b.q, b.k, b.v, b.o, b.router}) sum += view != nullptr ? view->elems() : 0;
    for (const auto* views : {&b.gate, &b.up, &b.down}) {
      for (const auto& view : *views) sum += view.elems();
    }
  }
  return sum;
}

// The best type, smaller than the present one, in which weights and a short context would fit.
struct SmallerType {
  std::string_view name;
  double bits;  // a weight, with its scales
};
std::optional<SmallerType> smaller_type(const model::Plan& plan, std::uint64_t weights, std::uint64_t runtime,
                                        std::uint64_t available) {
  constexpr SmallerType kTypes[] = {{"q8_0", 8.5}, {"q6_k", 6.6}, {"q5_k_m", 5.7}, {"q4_k_m", 4.9}, {"q4_0", 4.5}};
  for (const auto& type : kTypes) {
    double bytes = static_cast<double>(parameters(plan)) * type.bits / 8;
    if (bytes < 0.95 * static_cast<double>(weights) &&
        bytes + static_cast<double>(runtime) <= static_cast<double>(available)) {
      return type;
    }
  }
  return std::nullopt;
}

Unexpected does_not_fit(const model::Plan& plan, const MemoryPlan& memory, const RunShape& shape,
                        std::uint64_t available) {
  std::string what =
      fmt::format("not enough memory: {} needed for a context of {} ({} weights, {} cache and workspace), {} available",
                  human_bytes(memory.total()), memory.context, human_bytes(memory.weights + memory.embedding),
                  human_bytes(memory.runtime), human_bytes(available));
  auto fits = largest_context(plan, memory.context, shape, available);
  if (fits)
    return fail(Errc::exhausted,
                fmt::format("{}; the largest context that fits is {} (--context {})", what, *fits, *fits));
  std::uint32_t short_context = std::min(memory.context, kLeastUsefulContext);
  auto runtime = plan_memory(plan, short_context, shape);
  std::uint64_t least = runtime ? runtime->runtime : memory.runtime;
  if (auto type = smaller_type(plan, memory.weights, least, available)) {
    return fail(Errc::exhausted,
                fmt::format("{}; as {} it would fit with a context of {} (freehold models quantize --type {})", what,
                            type->name, short_context, type->name));
  }
  return fail(Errc::exhausted, fmt::format("{}; no smaller type would fit either", what));
}

}  // namespace

std::string MemoryPlan::parts() const {
  std::string whose = fmt::format("a context of {}", context);
  if (sequences > 1) whose += fmt::format(" and {} sequences of {} positions together", sequences, cache_tokens);
  return fmt::format("weights {}, embedding {}, cache ({}) and workspace {} for {}", human_bytes(weights),
                     human_bytes(embedding), name_of(cache_type), human_bytes(runtime), whose);
}

std::string MemoryPlan::describe(std::uint64_t available) const {
  return fmt::format("memory: {}: {} of {} available", parts(), human_bytes(total()), human_bytes(available));
}

Result<MemoryPlan> plan_memory(const model::Plan& plan, std::uint32_t context, const RunShape& shape) {
  MemoryPlan memory;
  memory.cache_type = model::kv_type(plan.spec, shape.cache);
  memory.weights = weights_bytes(plan);
  memory.embedding = plan.layout.embedding->bytes.size();
  memory.mapped = mapped_bytes(plan);
  memory.context = context;
  memory.sequences = shape.sequences;
  memory.drafted = shape.drafted;
  const std::uint32_t whole = std::clamp<std::uint32_t>(shape.whole, 1, std::max(shape.sequences, 1U));
  memory.cache_tokens = std::uint64_t{whole} * context + std::uint64_t{shape.sequences - whole} * shape.chunk;
  FH_TRY(const std::uint64_t decoder, engine::ModelDecoder::bytes_needed(plan.spec, shape.threads,
                                                                         {.context = context,
                                                                          .sequences = shape.sequences,
                                                                          .chunk = shape.chunk,
                                                                          .max_rank = shape.max_rank,
                                                                          .drafted = shape.drafted,
                                                                          .cache_tokens = memory.cache_tokens,
                                                                          .cache_type = shape.cache}));
  const auto runtime = add_ok(decoder, engine::Engine::bytes_needed(plan.spec.vocab, plan.spec.width,
                                                                    shape.sequences + shape.drafted, shape.chunk));
  if (!runtime || !add_ok(memory.weights + memory.embedding, *runtime)) {
    return fail(Errc::exhausted, "the cache would be larger than any machine's memory");
  }
  memory.runtime = *runtime + shape.adapter_bytes;
  return memory;
}

std::optional<std::uint32_t> largest_context(const model::Plan& plan, std::uint32_t wanted, const RunShape& shape,
                                             std::uint64_t available) {
  auto fits = [&](std::uint32_t context) {
    auto memory = plan_memory(plan, context, shape);
    return memory && memory->total() <= available;
  };
  if (wanted >= 1 && fits(wanted)) return wanted;
  std::uint32_t good = 0, bad = wanted / kLeastContext + 1;  // in blocks of the cache
  while (good + 1 < bad) {
    std::uint32_t middle = good + (bad - good) / 2;
    (fits(middle * kLeastContext) ? good : bad) = middle;
  }
  return good > 0 ? std::optional(good * kLeastContext) : std::nullopt;
}

namespace {

// One sequence of full length, and no more than must be.
Result<ChosenContext> choose_length(const model::Plan& plan, std::uint32_t wanted, const RunShape& shape,
                                    std::uint64_t available) {
  if (wanted > plan.spec.context) {
    return fail(Errc::exhausted, fmt::format("--context {} is more than the {} tokens this model was made for", wanted,
                                             plan.spec.context));
  }
  std::uint32_t context = wanted > 0 ? wanted : plan.spec.context;
  FH_TRY(MemoryPlan memory, plan_memory(plan, context, shape));
  if (memory.total() <= available) return ChosenContext{memory, false};
  if (wanted == 0) {
    auto fits = largest_context(plan, context, shape, available);
    if (fits && *fits >= kLeastUsefulContext) {
      FH_TRY(memory, plan_memory(plan, *fits, shape));
      return ChosenContext{memory, true};
    }
  }
  return does_not_fit(plan, memory, shape, available);
}

}  // namespace

Result<ChosenContext> choose_context(const model::Plan& plan, std::uint32_t wanted, const RunShape& shape,
                                     std::uint64_t available, std::uint64_t comfortable) {
  RunShape least = shape;
  least.whole = 1;
  FH_TRY(ChosenContext chosen, choose_length(plan, wanted, least, available));
  RunShape wider = shape;
  for (wider.whole = std::min(shape.whole, shape.sequences); wider.whole > 1; --wider.whole) {
    auto memory = plan_memory(plan, chosen.memory.context, wider);
    if (!memory || memory->total() > std::min(available, comfortable)) continue;
    chosen.memory = *memory;
    break;
  }
  return chosen;
}

}  // namespace freehold::app
