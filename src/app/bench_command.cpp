// `freehold bench`: what this machine can do, and how near a model comes to it. The options; bench.h names the parts.
#include <fmt/format.h>

#include "app/bench.h"
#include "app/bench_speculative.h"
#include "app/commands.h"
#include "app/interrupt.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

enum class Suite { machine, model, kernels, start, memory, serve, tune };

Result<Suite> suite_of(const Arguments& arguments) {
  const std::string_view word = arguments.text("suite");
  const bool has_model = arguments.given("MODEL");
  if (word.empty()) return has_model ? Suite::model : Suite::machine;
  if (word == "machine") return Suite::machine;
  if (word == "kernels") return Suite::kernels;
  if (word == "serve") return Suite::serve;
  if (word == "tune") return Suite::tune;
  if (!has_model) return fail(Errc::invalid, fmt::format("--suite {} needs a MODEL", word));
  return word == "model" ? Suite::model : word == "start" ? Suite::start : Suite::memory;
}

// What the chosen suite would not look at is refused.
Result<> refuse_the_pointless(const Arguments& arguments, Suite suite) {
  auto only = [&](std::string_view option, std::string_view with) {
    return fail(Errc::invalid, fmt::format("--{} is for {}", option, with));
  };
  const bool model = arguments.given("MODEL");
  if (suite == Suite::machine && model) return fail(Errc::invalid, "--suite machine measures no MODEL");
  for (std::string_view option : {"shape", "types"}) {
    const bool makes_models = suite == Suite::kernels || suite == Suite::serve || suite == Suite::tune;
    if (arguments.given(option) && (!makes_models || model)) {
      return only(option, "--suite kernels, serve and tune without a MODEL");
    }
  }
  if (arguments.given("prompt-tokens") && suite != Suite::model) return only("prompt-tokens", "--suite model");
  if (arguments.given("tokens") && suite != Suite::model && suite != Suite::tune) {
    return only("tokens", "--suite model and --suite tune");
  }
  if (arguments.flag("speculative") && (suite != Suite::model || arguments.given("prompt-tokens"))) {
    return only("speculative", "suite model, with prompts of its own");
  }
  if (arguments.flag("quick") && arguments.given("compare")) {
    return fail(Errc::invalid, "--quick is too rough for --compare: a few percent would be noise");
  }
  if (arguments.flag("noise") && suite != Suite::model && suite != Suite::kernels) {
    return only("noise", "--suite model and --suite kernels");
  }
  return {};
}

// What guessing ahead gains and costs: its own report, of ratios.
Result<> run_speculative(const Arguments& arguments, Console& console) {
  catch_interrupts();
  SpeculativeBench guesses{.repeat = static_cast<int>(arguments.integer("repeat")), .json = arguments.flag("json")};
  if (arguments.given("tokens")) guesses.tokens = static_cast<std::uint32_t>(arguments.integer("tokens"));
  FH_TRY(const Loaded loaded, load(arguments, console, kSpeculativePrompt + guesses.tokens));
  return bench_speculative(loaded, guesses, console);
}

Result<> run(const Arguments& arguments, Console& console) {
  FH_TRY(const Suite suite, suite_of(arguments));
  FH_TRY_VOID(refuse_the_pointless(arguments, suite));
  if (arguments.flag("speculative")) return run_speculative(arguments, console);
  FH_TRY(const kernel::Level level, kernel::chosen_level());
  const int threads = arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : available_cpus();
  std::optional<Baseline> baseline;
  if (arguments.given("compare")) {
    FH_TRY(baseline, Baseline::read(std::string(arguments.text("compare"))));
  }
  catch_interrupts();
  BenchReport report(console, arguments.flag("json"), kernel::name_of(level), threads, arguments.flag("quick"));
  if (baseline) {
    auto same = baseline->check(report.machine());
    if (!same) return in_context(std::move(same).error(), printable(arguments.text("compare")));
    report.compare_with(std::move(*baseline));
  }
  report.begin();
  Bench bench{.arguments = arguments, .report = report, .console = console, .level = level, .threads = threads};
  // The whole yardstick is to take ten minutes.
  bench.repeat =
      suite == Suite::kernels && !arguments.given("repeat") ? 3 : static_cast<int>(arguments.integer("repeat"));
  std::unique_ptr<PeakMeter> meter;
  if (suite != Suite::start && suite != Suite::memory && suite != Suite::serve)
    meter = std::make_unique<PeakMeter>(threads, arguments.flag("quick"));
  bench.meter = meter.get();
  switch (suite) {
    case Suite::machine:
      FH_TRY_VOID(bench_machine(bench, false));
      break;
    case Suite::model:
      FH_TRY_VOID(bench_one_model(bench));
      break;
    case Suite::kernels:
      FH_TRY_VOID(bench_kernels(bench));
      break;
    case Suite::start:
    case Suite::memory:
      FH_TRY_VOID(bench_start(bench, suite == Suite::memory));
      break;
    case Suite::serve:
      FH_TRY_VOID(bench_serve(bench));
      break;
    case Suite::tune:
      FH_TRY_VOID(bench_tune(bench));
      break;
  }
  return report.finish();
}

std::vector<Option> own_options() {
  return {
      {.name = "suite",
       .type = OptionType::choice,
       .value = "machine|model|kernels|start|memory|serve|tune",
       .help = "What to measure; model if there is a MODEL, otherwise machine."},
      {.name = "prompt-tokens",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "512",
       .least = 1,
       .most = 1e6,
       .help = "Length of the prompt (suite model)."},
      {.name = "tokens",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "64",
       .least = 1,
       .most = 1e6,
       .help = "Length of the answer (suite model); of a sequence, 512 unless given (suite tune)."},
      {.name = "shape",
       .type = OptionType::text,
       .value = "SHAPE",
       .fallback = "tinyllama-1.1b",
       .help = "What to synthesise without a MODEL (suites kernels, serve and tune); 'freehold models synth --list' "
               "shows the shapes."},
      {.name = "types",
       .type = OptionType::text,
       .value = "TYPE,…",
       .fallback = "q4_0,q4_k_m,q8_0,f16",
       .help = "Weight types to synthesise; long contexts are measured with the first one only (suite kernels). Suites "
               "serve and tune take one, q4_k_m unless given."},
      {.name = "speculative",
       .help = "Instead: how much faster MODEL answers with guesses ahead than without (of 192 tokens unless --tokens "
               "is given), and whether the answers are equal."},
      {.name = "noise", .help = "Also decode beside a busy process that is pinned to one CPU."},
      {.name = "compare",
       .type = OptionType::file,
       .value = "OLD.json",
       .help = "Print the ratio to an earlier run's --json output; it must come from the same kind of machine."},
      {.name = "repeat",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "5",
       .least = 1,
       .most = 1000,
       .help = "How often to measure at most; in suite kernels 3 unless given."},
      {.name = "quick",
       .help = "Peaks of the machine from a fifth of the windows, each a fifth as long: rough figures soon, not to be "
               "compared."},
      {.name = "json", .help = "Print one JSON object a line for each result."},
  };
}

}  // namespace

Command bench_command() {
  return {
      .name = "bench",
      .summary = "Measure this machine, and how near a model comes to what it can do.",
      .details =
          "machine: the clock, reading memory, the latency of memory and between CPUs, and arithmetic in registers for "
          "every instruction set this CPU has, with one thread and with all.\n\n"
          "model: the peaks that bound MODEL, then loading, reading a prompt (prefill, bound by arithmetic) and "
          "writing "
          "an answer (decode, bound by memory: every token reads all weights once), each as a fraction of the peak.\n\n"
          "kernels: the machine, and for several weight types (of MODEL, or synthesised as temporary files): starts "
          "with the file in memory and not, prompts of 32 to 2,048 tokens, 1 to 32 sequences at once, a context of "
          "8,192, memory. About ten minutes on two CPUs.\n\n"
          "start and memory: MODEL in this very process, from its start to the first token of a prompt of 16, and "
          "with a context of 4,096 filled.\n\n"
          "serve: sixteen answers at a time from the engine alone and, in turns with it, over loopback from `freehold "
          "serve`; the same with a JSON Schema; the first token after a prompt of 2,000 tokens that is new, and after "
          "one whose beginning is cached; what masks cost a token. Of MODEL, or of a synthesised one. Some two "
          "minutes.\n\n"
          "tune: steps of training with sequences of --tokens: an adapter of rank 16 on every linear layer of MODEL "
          "(or of a synthesised one), and without a MODEL a model of 15 million weights from scratch. Fractions of "
          "the peak count 4 operations a weight and token with an adapter, 6 in full.\n\n"
          "A result is the median of several runs; ± is half the distance of the slowest and the fastest. The peak of "
          "a fraction is measured right before and after each run, because on a shared machine it moves. When other "
          "processes took the CPUs meanwhile, the line says so.",
      .positionals = {{.name = "MODEL",
                       .help = "The model; without one only the machine is measured.",
                       .required = false}},
      .options = join(own_options(), run_options()),
      .examples =
          {{"freehold bench", "What this machine can do:"},
           {"freehold models synth --shape tinyllama-1.1b --type q4_0 --name synth:1b && freehold bench synth:1b",
            "A real shape, without downloading anything:"},
           {"freehold bench --suite kernels --json > old.json", "Everything, for later:"},
           {"freehold bench --suite kernels --compare old.json", "And what has become of it:"}},
      .run = run,
  };
}

}  // namespace freehold::app
