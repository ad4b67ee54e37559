// The order of things: one model, or the whole yardstick over the block types of a synthesised one.
#include <fmt/format.h>

#include <algorithm>

#include "app/bench.h"
#include "app/bench_file.h"
#include "base/utf8.h"
#include "store/identity.h"
#include "store/synth/shapes.h"
#include "store/weight_type.h"

namespace freehold::app {
namespace {

constexpr std::uint32_t kPrompts[] = {32, 128, 512, 2048};
constexpr std::uint32_t kBatches[] = {1, 2, 4, 8, 16, 32};
constexpr std::uint32_t kSteps = 16;       // tokens of a sequence when decoding
constexpr std::uint32_t kShortPrompt = 8;  // before them
constexpr std::uint32_t kLongContext = 8192;
constexpr std::uint32_t kLongest = kLongContext + 4 * kSteps;

struct Plan {
  std::string path;           // what open_model understands
  std::string name;           // for the report
  std::string weights;        // the same; empty: as the file says
  bool long_context = false;  // and a context filled for the memory it takes: minutes, so not for every type
};

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (comma != 0) words.emplace_back(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return words;
}

// Prompts that are longer than the model's context are left out, aloud.
std::vector<std::uint32_t> that_fit(const Bench& bench, std::span<const std::uint32_t> lengths, std::uint32_t context) {
  std::vector<std::uint32_t> fit;
  for (const std::uint32_t n : lengths) {
    if (n <= context) {
      fit.push_back(n);
    } else {
      bench.report.note(fmt::format("note: no prompt of {}: the model's context is {}", n, context));
    }
  }
  return fit;
}

Result<> bench_all_of(const Bench& bench, const Plan& plan) {
  std::uint32_t context = 0;
  std::string files;
  {
    FH_TRY(const CheckedModel checked, open_and_check(plan.path, bench.console));
    context = checked.plan.spec.context;
    files = checked.opened.path.string();
    const std::string weights = store::facts_of(*checked.opened.checkpoint).weight_type;
    bench.report.model(plan.name, plan.weights.empty() ? weights : plan.weights);
    bench.report.heading(fmt::format("\n{} {}", printable(plan.name), plan.weights.empty() ? weights : plan.weights));
  }
  // While nobody has the file mapped: otherwise its pages would not go away.
  FH_TRY_VOID(bench_starts(bench, plan.path, files, plan.long_context));
  const auto prompts = that_fit(bench, kPrompts, context);
  const std::uint32_t short_steps = std::min(kSteps, context - std::min(context, kShortPrompt + 1));
  std::uint32_t longest = std::max(prompts.empty() ? 0 : prompts.back(), kShortPrompt + kSteps);
  const std::uint32_t depth = std::min(kLongContext, context - std::min(context, 4 * kSteps));
  const bool long_context = plan.long_context && depth > 0;
  if (long_context) longest = std::max(longest, depth + 4 * kSteps);
  longest = std::min(longest, context);
  FH_TRY(CheckedModel checked, open_and_check(plan.path, bench.console));
  FH_TRY(const Loaded loaded, load(std::move(checked), bench.arguments, bench.console, longest));
  FH_TRY(auto model, ModelBench::create(bench, loaded, longest, kBatches[std::size(kBatches) - 1]));
  for (const std::uint32_t n : prompts) FH_TRY_VOID(model->prefill(n));
  for (const std::uint32_t n : kBatches) FH_TRY_VOID(model->decode(n, short_steps, kShortPrompt));
  if (bench.arguments.flag("noise")) FH_TRY_VOID(model->decode_beside_noise(short_steps));
  return long_context ? model->long_context(depth, kSteps) : Result<>();
}

Result<> bench_synthesised(const Bench& bench, const store::Shape& shape, const std::string& type, bool long_context) {
  FH_TRY(const NamelessFile file, synthesised(bench, shape, type));
  return bench_all_of(bench, {file.path(), std::string(shape.name), type, long_context});
}

}  // namespace

Result<> bench_one_model(const Bench& bench) {
  const Arguments& arguments = bench.arguments;
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("MODEL"), bench.console));
  if (checked.adapter) return fail(Errc::unsupported, "bench measures models without adapters: name the base");
  const auto prompt_tokens = static_cast<std::uint32_t>(arguments.integer("prompt-tokens"));
  const auto tokens = static_cast<std::uint32_t>(arguments.integer("tokens"));
  const std::uint32_t longest = std::max(prompt_tokens, tokens + 1);
  if (longest > checked.plan.spec.context) {
    bench.console.hint("--prompt-tokens and --tokens set the lengths");
    return fail(Errc::exhausted,
                fmt::format("{} tokens are more than the model's context of {}", longest, checked.plan.spec.context));
  }
  bench.report.model(std::string(arguments.text("MODEL")), store::facts_of(*checked.opened.checkpoint).weight_type);
  FH_TRY_VOID(bench_machine(bench, true));
  FH_TRY(const Loaded loaded, load(std::move(checked), arguments, bench.console, longest));
  BenchLine line = line_of("load", "s", Samples{{loaded.load_seconds}});
  line.smaller_is_better = true;
  bench.report.line(line);
  FH_TRY(auto model, ModelBench::create(bench, loaded, longest, 1));
  FH_TRY_VOID(model->prefill(prompt_tokens));
  FH_TRY_VOID(model->decode(1, tokens, 1));
  if (arguments.flag("noise")) FH_TRY_VOID(model->decode_beside_noise(tokens));
  return bench_peaks_after(bench);
}

Result<> bench_kernels(const Bench& bench) {
  const Arguments& arguments = bench.arguments;
  // Everything that may be wrong is found before the first measurement.
  const std::vector<std::string> types = words_of(arguments.text("types"));
  for (const std::string& type : types) FH_TRY_VOID(store::weight_type_from_name(type));
  FH_TRY(const store::Shape* known, shape_of(bench));
  const bool given = arguments.given("MODEL");
  if (given) {
    FH_TRY_VOID(open_and_check(arguments.text("MODEL"), bench.console));
  } else {
    FH_TRY_VOID(NamelessFile::create());
  }
  // A model: its writing, seven starts, prompts, batches.
  bench.report.plan(given ? 20 : static_cast<int>(types.size()) * 20);
  FH_TRY_VOID(bench_machine(bench, false));
  if (given) {
    const std::string model(arguments.text("MODEL"));
    FH_TRY_VOID(bench_all_of(bench, {model, model, "", true}));
    return bench_peaks_after(bench);
  }
  store::Shape shape = *known;
  shape.context = std::max(shape.context, kLongest);  // tinyllama's own is 2,048
  for (std::size_t i = 0; i < types.size(); ++i) {
    FH_TRY_VOID(bench_synthesised(bench, shape, types[i], i == 0));
  }
  bench.report.heading("");
  return bench_peaks_after(bench);
}

}  // namespace freehold::app
