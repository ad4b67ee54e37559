#include "app/bench_speculative.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>

#include "app/interrupt.h"
#include "app/json_writer.h"
#include "base/random.h"
#include "engine/drafting/ngram.h"
#include "engine/drafting/scripted.h"
#include "engine/engine.h"
#include "kernel/kernels.h"

namespace freehold::app {
namespace {

using Clock = std::chrono::steady_clock;
using Tokens = std::vector<std::int32_t>;

constexpr std::uint32_t kDraftTokens = 16;
constexpr std::size_t kSpoiled = 5;  // every fifth token of the script is wrong

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct Answered {
  std::string text;
  Tokens tokens;                        // only if log-probabilities were asked for, and these
  std::vector<std::uint64_t> logprobs;  // their bits
  engine::Usage usage;
};

struct Runner {
  const Loaded& loaded;
  const SpeculativeBench& bench;
  std::unique_ptr<engine::ModelDecoder> decoder;
  Tokens prompt;

  static Result<Runner> create(const Loaded& loaded, const SpeculativeBench& bench) {
    Runner r{loaded, bench, {}, {}};
    FH_TRY(
        r.decoder,
        engine::ModelDecoder::create(
            loaded.model, *loaded.pool, kernel::table_up_to(loaded.level),
            {.context = kSpeculativePrompt + bench.tokens, .sequences = 1, .chunk = kChunk, .drafted = kDraftTokens}));
    for (std::uint32_t i = 0; i < kSpeculativePrompt; ++i) {
      r.prompt.push_back(static_cast<std::int32_t>(uniform_draw(1, 0, i) * loaded.spec.vocab));
    }
    return r;
  }

  Result<Answered> answer(engine::Drafter* drafter, double temperature, bool logprobs) const {
    FH_TRY(
        auto engine,
        engine::Engine::create(
            *decoder, loaded.tokenizer.tokenizer,
            {.max_sequences = 1, .chunk = kChunk, .prefix_cache = false, .drafting = {drafter, kDraftTokens, true}}));
    engine::Request request;
    request.prompt = prompt;
    request.sampling.temperature = temperature;
    request.max_tokens = bench.tokens;
    request.stop_at_end_of_generation = false;
    if (logprobs) request.logprobs = 0;
    Answered out;
    auto on_event = [&](const engine::Event& event) {
      if (const auto* delta = std::get_if<engine::TextDelta>(&event)) out.text += delta->text;
      if (const auto* finished = std::get_if<engine::Finished>(&event)) out.usage = finished->usage;
      if (const auto* token = std::get_if<engine::TokenLogprobs>(&event)) {
        out.tokens.push_back(token->sampled.token);
        out.logprobs.push_back(std::bit_cast<std::uint64_t>(token->sampled.logprob));
      }
    };
    FH_TRY_VOID(engine->run(std::move(request), on_event, &interrupt_flag()));
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    return out;
  }

  // Seconds of a pass over so many rows of one sequence, with logits of all.
  Result<double> pass(std::uint32_t rows) const {
    std::vector<float> logits(std::size_t{rows} * loaded.spec.vocab);
    std::vector<double> seconds;
    for (int i = 0; i < bench.repeat + 1; ++i) {
      model::KvSequence sequence = decoder->cache().new_sequence();
      FH_TRY_VOID(sequence.reserve(rows));
      const model::BatchItem item{&sequence, std::span<const std::int32_t>(prompt).first(rows),
                                  model::LogitsWanted::all};
      const auto begin = Clock::now();
      FH_TRY_VOID(decoder->forward({&item, 1}, logits));
      if (i > 0) seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    return median(seconds);
  }
};

Result<> bench_passes(const Runner& runner, Console& console) {
  double one = 0;
  for (std::uint32_t rows : {1u, 2u, 3u, 4u, 5u, 6u, 8u, 12u, 16u}) {
    FH_TRY(double seconds, runner.pass(rows));
    if (rows == 1) one = seconds;
    if (runner.bench.json) {
      JsonWriter w;
      w.begin_object().member("benchmark", "pass").member("rows", rows).member("seconds", seconds);
      console.write(w.member("over_one_row", seconds / one).end_object().take() + "\n");
    } else {
      console.write(
          fmt::format("pass of {:2} rows {:9.2f} ms  {:5.2f} x one row\n", rows, seconds * 1e3, seconds / one));
    }
    FH_TRY_VOID(console.flush());
  }
  return {};
}

struct Case {
  std::string_view name;
  double temperature;
  // The drafter for an answer that is known.
  std::unique_ptr<engine::Drafter> (*drafter)(const Tokens& answer, std::uint32_t vocab);
};

std::unique_ptr<engine::Drafter> every_fifth_wrong(const Tokens& answer, std::uint32_t vocab) {
  return std::make_unique<engine::ScriptedDrafter>(engine::ScriptedDrafter::spoiled(answer, kSpoiled, vocab));
}
std::unique_ptr<engine::Drafter> always_wrong(const Tokens& answer, std::uint32_t vocab) {
  return std::make_unique<engine::ScriptedDrafter>(engine::ScriptedDrafter::spoiled(answer, 1, vocab));
}
std::unique_ptr<engine::Drafter> lookup(const Tokens&, std::uint32_t) {
  return std::make_unique<engine::NgramDrafter>();
}

constexpr Case kCases[] = {
    {"every fifth guess wrong", 0, every_fifth_wrong},
    {"the same, sampled", 1, every_fifth_wrong},
    {"every guess wrong", 0, always_wrong},
    {"looked up", 0, lookup},
    {"looked up, sampled", 1, lookup},
};

// True if the answers are equal.
Result<bool> bench_case(const Runner& runner, const Case& c, Console& console) {
  FH_TRY(Answered expected, runner.answer(nullptr, c.temperature, true));
  auto drafter = c.drafter(expected.tokens, runner.loaded.spec.vocab);
  FH_TRY(Answered got, runner.answer(drafter.get(), c.temperature, true));
  bool equal = got.tokens == expected.tokens && got.logprobs == expected.logprobs && got.text == expected.text;
  std::vector<double> plain, speculative, ratios;
  for (int i = 0; i < runner.bench.repeat; ++i) {
    FH_TRY(Answered a, runner.answer(nullptr, c.temperature, false));
    FH_TRY(Answered b, runner.answer(drafter.get(), c.temperature, false));
    equal = equal && a.text == b.text && b.text == expected.text;
    const double tokens = a.usage.completion_tokens - 1.0;
    plain.push_back(tokens / a.usage.decode_seconds);
    speculative.push_back(tokens / b.usage.decode_seconds);
    ratios.push_back(a.usage.decode_seconds / b.usage.decode_seconds);
    got.usage = b.usage;
  }
  const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
  const double acceptance =
      got.usage.drafted_tokens > 0 ? static_cast<double>(got.usage.accepted_tokens) / got.usage.drafted_tokens : 0;
  if (runner.bench.json) {
    JsonWriter w;
    w.begin_object().member("benchmark", "speculative").member("case", c.name).member("ratio", median(ratios));
    w.member("lowest", *low).member("highest", *high).member("plain_tokens_per_second", median(plain));
    w.member("tokens_per_second", median(speculative)).member("drafted_tokens", got.usage.drafted_tokens);
    w.member("accepted_tokens", got.usage.accepted_tokens).member("acceptance", acceptance).member("equal", equal);
    w.member("tokens", runner.bench.tokens).member("repeat", runner.bench.repeat);
    w.member("isa", name_of(runner.loaded.level)).member("threads", runner.loaded.pool->threads());
    console.write(w.end_object().take() + "\n");
  } else {
    console.write(
        fmt::format("{:<24}{:6.2f} x plain ({:.2f} to {:.2f})  {:7.1f} over {:.1f} tokens/s  {} of {} guesses "
                    "right  {}\n",
                    c.name, median(ratios), *low, *high, median(speculative), median(plain), got.usage.accepted_tokens,
                    got.usage.drafted_tokens, equal ? "same bytes" : "OTHER BYTES"));
  }
  FH_TRY_VOID(console.flush());
  return equal;
}

}  // namespace

Result<> bench_speculative(const Loaded& loaded, const SpeculativeBench& bench, Console& console) {
  FH_TRY(Runner runner, Runner::create(loaded, bench));
  FH_TRY_VOID(bench_passes(runner, console));
  std::string different;
  for (const Case& c : kCases) {
    FH_TRY(bool equal, bench_case(runner, c, console));
    if (!equal) different = c.name;
  }
  if (!different.empty()) {
    return fail(Errc::internal, fmt::format("speculative decoding ({}) changed the answer", different));
  }
  return {};
}

}  // namespace freehold::app
