// `freehold bench`: how fast a model loads, reads and writes here, beside what this machine could do at most.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "app/bench_speculative.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/machine.h"
#include "app/peaks.h"
#include "app/progress.h"
#include "app/session.h"
#include "app/version.h"
#include "base/random.h"
#include "base/utf8.h"
#include "kernel/kernels.h"
#include "model/kv_cache.h"
#include "store/identity.h"

namespace freehold::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Several measurements of the same thing, each in seconds.
struct Samples {
  std::vector<double> seconds;
  double median() const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    std::size_t n = sorted.size();
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  }
  // (slowest - fastest) / median.
  double spread() const {
    auto [low, high] = std::minmax_element(seconds.begin(), seconds.end());
    return (*high - *low) / median();
  }
};

// One line of the report.
struct Line {
  std::string_view name;       // "decode"
  double value = 0;            // median, in `unit`
  std::string_view unit;       // "tokens/s"
  double spread = 0;           // relative
  double rate = 0;             // what the hardware sustained, in `rate_unit`
  std::string_view rate_unit;  // "GB/s" or "GOP/s"; empty: does not apply
  double peak = 0;             // of the machine, same unit
};

struct Bench {
  const Arguments& arguments;
  Console& console;
  kernel::Level level;
  Peaks peaks;
  int threads = 0;
  std::string model;  // empty: only the machine
  std::string weights;
  std::string_view cache_type;

  void report(const Line& r) const {
    double fraction = r.peak > 0 ? r.rate / r.peak : 0;
    if (!arguments.flag("json")) {
      std::string rate = r.rate_unit.empty() ? "" : fmt::format("  {:8.1f} {:<5}", r.rate, r.rate_unit);
      std::string share = r.peak > 0 ? fmt::format("  {:5.1f} % of peak", fraction * 100) : "";
      std::string spread = r.spread > 0 ? fmt::format("  ±{:.1f} %", r.spread * 50) : "";
      console.write(fmt::format("{:<14}{:10.1f} {:<9}{}{}{}\n", r.name, r.value, r.unit, rate, share, spread));
      (void)console.flush();
      return;
    }
    JsonWriter w;
    w.begin_object()
        .member("benchmark", r.name)
        .member("median", r.value)
        .member("unit", r.unit)
        .member("spread", r.spread);
    if (!r.rate_unit.empty()) w.member("rate", r.rate).member("rate_unit", r.rate_unit);
    if (r.peak > 0) w.member("peak", r.peak).member("fraction_of_peak", fraction);
    if (!model.empty()) {
      w.member("model", model).member("weight_type", weights).member("kv_cache", cache_type);
    }
    w.key("flags")
        .begin_object()
        .member("threads", threads)
        .member("prompt_tokens", arguments.integer("prompt-tokens"));
    w.member("tokens", arguments.integer("tokens"))
        .member("repeat", arguments.integer("repeat"))
        .member("isa", name_of(level));
    w.end_object()
        .member("version", version())
        .member("commit", commit())
        .member("build", build_type())
        .member("compiler", compiler());
    Machine machine = read_machine();
    w.key("machine").begin_object().member("cpu", machine.cpu).member("cpus", machine.cpus_available);
    w.member("memory_bytes", machine.memory_total).member("system", machine.system).end_object();
    console.write(w.end_object().take() + "\n");
    (void)console.flush();
  }
};

Result<> check_interrupt() {
  if (interrupted()) return fail(Errc::cancelled, "interrupted");
  return {};
}

// The same tokens every time, spread over the vocabulary.
std::vector<std::int32_t> some_tokens(std::size_t count, std::uint32_t vocab) {
  std::vector<std::int32_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int32_t>(uniform_draw(1, 0, i) * vocab);
  return ids;
}

// What runs the model: one sequence, prompts in chunks of kChunk.
struct Runner {
  const Loaded& loaded;
  std::unique_ptr<model::KvCache> cache;
  std::unique_ptr<model::Executor> executor;
  std::vector<float> logits;

  static Result<Runner> create(const Loaded& loaded, std::uint32_t longest) {
    Runner r{loaded, {}, {}, std::vector<float>(loaded.spec.vocab)};
    FH_TRY(r.cache, model::KvCache::create(model::KvLayout(loaded.spec, loaded.cache), longest, 1, kChunk, longest));
    r.executor = std::make_unique<model::Executor>(loaded.model, *loaded.pool, kernel::table_up_to(loaded.level),
                                                   kChunk, longest, 1u);
    return r;
  }

  Result<> feed(model::KvSequence& sequence, std::span<const std::int32_t> ids) {
    for (std::size_t first = 0; first < ids.size(); first += kChunk) {
      FH_TRY_VOID(check_interrupt());
      std::size_t count = std::min<std::size_t>(kChunk, ids.size() - first);
      bool end = first + count == ids.size();
      FH_TRY_VOID(sequence.reserve(static_cast<std::uint32_t>(count)));
      model::BatchItem item{.sequence = &sequence,
                            .tokens = ids.subspan(first, count),
                            .logits = end ? model::LogitsWanted::last : model::LogitsWanted::none};
      FH_TRY_VOID(executor->forward({&item, 1}, end ? std::span<float>(logits) : std::span<float>()));
    }
    return {};
  }
};

// Whether the weights are multiplied as int8 (any quantised type) or as floats.
bool is_quantised(const Loaded& loaded) {
  return tensor::info(loaded.model->weights().output.type()).quantised ||
         (!loaded.model->weights().blocks.empty() &&
          tensor::info(loaded.model->weights().blocks[0].q.type()).quantised);
}

Result<> bench_prefill(const Bench& bench, Runner& runner, std::span<const std::int32_t> prompt, int repeat) {
  Samples samples;
  for (int i = 0; i < repeat + 1; ++i) {  // the first one warms up
    auto sequence = runner.cache->new_sequence();
    auto begin = Clock::now();
    FH_TRY_VOID(runner.feed(sequence, prompt));
    if (i > 0) samples.seconds.push_back(seconds_since(begin));
  }
  const model::Model& m = *runner.loaded.model;
  auto tokens = static_cast<double>(prompt.size());
  double gops = 2 * static_cast<double>(m.macs_per_token()) * tokens / samples.median() / 1e9;
  bench.report({"prefill", tokens / samples.median(), "tokens/s", samples.spread(), gops, "GOP/s",
                is_quantised(runner.loaded) ? bench.peaks.int8_gop_s : bench.peaks.f32_gop_s});
  return {};
}

Result<> bench_decode(const Bench& bench, Runner& runner, std::span<const std::int32_t> tokens, int repeat) {
  Samples samples;
  for (int i = 0; i < repeat + 1; ++i) {
    auto sequence = runner.cache->new_sequence();
    FH_TRY_VOID(runner.feed(sequence, tokens.first(1)));
    auto begin = Clock::now();
    for (std::size_t t = 1; t < tokens.size(); ++t) FH_TRY_VOID(runner.feed(sequence, tokens.subspan(t, 1)));
    if (i > 0) samples.seconds.push_back(seconds_since(begin));
  }
  auto count = static_cast<double>(tokens.size() - 1);
  double bytes = static_cast<double>(runner.loaded.model->bytes_per_token()) * count;
  bench.report({"decode", count / samples.median(), "tokens/s", samples.spread(), bytes / samples.median() / 1e9,
                "GB/s", bench.peaks.read_gb_s});
  return {};
}

Result<> bench_model(Bench& bench, int repeat) {
  const Arguments& arguments = bench.arguments;
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("MODEL"), bench.console));
  auto prompt_tokens = static_cast<std::uint32_t>(arguments.integer("prompt-tokens"));
  auto tokens = static_cast<std::uint32_t>(arguments.integer("tokens"));
  const bool speculative = arguments.flag("speculative");
  SpeculativeBench guesses{.repeat = repeat, .json = arguments.flag("json")};
  if (arguments.given("tokens")) guesses.tokens = tokens;
  std::uint32_t longest = speculative ? kSpeculativePrompt + guesses.tokens : std::max(prompt_tokens, tokens + 1);
  if (longest > checked.plan.spec.context) {
    bench.console.hint("--prompt-tokens and --tokens set the lengths");
    return fail(Errc::exhausted,
                fmt::format("{} tokens are more than the model's context of {}", longest, checked.plan.spec.context));
  }
  bench.model = arguments.text("MODEL");
  FH_TRY(Loaded loaded, load(std::move(checked), arguments, bench.console, longest));
  bench.weights = store::facts_of(*loaded.opened.checkpoint).weight_type;
  bench.cache_type = name_of(loaded.memory.cache_type);
  double file_bytes = static_cast<double>(loaded.opened.checkpoint->total_bytes());
  bench.report({"load", file_bytes / loaded.load_seconds / 1e9, "GB/s", 0, 0, "", 0});
  if (speculative) return bench_speculative(loaded, guesses, bench.console);
  FH_TRY(Runner runner, Runner::create(loaded, longest));
  auto ids = some_tokens(longest, loaded.spec.vocab);
  FH_TRY_VOID(bench_prefill(bench, runner, std::span<const std::int32_t>(ids).first(prompt_tokens), repeat));
  return bench_decode(bench, runner, std::span<const std::int32_t>(ids).first(tokens + 1), repeat);
}

Result<> run(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(kernel::Level level, kernel::chosen_level());
  int threads = arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : available_cpus();
  Bench bench{arguments, console, level, {}, threads, "", "", ""};
  {
    ThreadPool pool(threads);
    bench.peaks = measure_peaks(pool, level);
  }
  if (!arguments.flag("json")) {
    console.write(fmt::format("{}, {} threads, {}\n{}\n", printable(read_machine().cpu), threads, name_of(level),
                              version_line()));
  }
  bench.report({"peak read", bench.peaks.read_gb_s, "GB/s", 0, 0, "", 0});
  bench.report({"peak int8", bench.peaks.int8_gop_s, "GOP/s", 0, 0, "", 0});
  bench.report({"peak f32", bench.peaks.f32_gop_s, "GOP/s", 0, 0, "", 0});
  if (!arguments.given("MODEL")) {
    if (arguments.flag("speculative")) return fail(Errc::invalid, "--speculative needs a MODEL");
    return console.flush();
  }
  return bench_model(bench, static_cast<int>(arguments.integer("repeat")));
}

}  // namespace

Command bench_command() {
  return {
      .name = "bench",
      .summary = "Measure this machine, and how near a model comes to what it can do.",
      .details =
          "First the peaks of the machine, with as many threads: reading memory (a buffer far larger than the cache) "
          "and "
          "arithmetic in registers (int8 with int32 sums, float32). Then MODEL: loading, reading a prompt (prefill, "
          "bound by "
          "arithmetic), writing an answer (decode, bound by memory: every token reads all weights once), each as a "
          "fraction "
          "of the peak. Prefill and decode are the median of several runs after one that does not count; ± is half the "
          "distance of the fastest and the slowest.",
      .positionals = {{.name = "MODEL",
                       .help = "The model; without one only the machine is measured.",
                       .required = false}},
      .options = join({{.name = "prompt-tokens",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "512",
                        .least = 1,
                        .most = 1e6,
                        .help = "Length of the prompt."},
                       {.name = "tokens",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "64",
                        .least = 1,
                        .most = 1e6,
                        .help = "Length of the answer."},
                       {.name = "repeat",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "5",
                        .least = 1,
                        .most = 1000,
                        .help = "How often to measure."},
                       {.name = "speculative",
                        .help = "Instead: how much faster MODEL answers with guesses ahead than without (of 192 tokens "
                                "unless --tokens is given), and whether the answers are equal."},
                       {.name = "json", .help = "Print one JSON object a line for each result."}},
                      run_options()),
      .examples =
          {{"freehold bench", "What this machine can do:"},
           {"freehold models synth --shape tinyllama-1.1b --type q4_0 --name synth:1b && freehold bench synth:1b",
            "A real shape, without downloading anything:"}},
      .run = run,
  };
}

}  // namespace freehold::app
