// `bench --suite tune`: steps of training, timed. An adapter over a frozen model (LoRA of rank 16 on every linear
// layer), and a whole small model from scratch. What a step has to do at least is counted as the field counts it: 2
// operations a weight and token for the forward pass, 2 for the gradient of its input and, where the weight learns, 2
// for its own: 4 N with an adapter, 6 N in full. What is computed besides (attention, the adapter, blocks run forward
// again) costs time and does not count.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "app/bench.h"
#include "app/bench_file.h"
#include "app/machine.h"
#include "app/peaks_crew.h"
#include "base/random.h"
#include "base/utf8.h"
#include "format/checkpoint.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "model/weights.h"
#include "store/identity.h"
#include "store/weight_type.h"
#include "train/full_model.h"
#include "train/lora.h"
#include "train/step.h"

namespace freehold::app {
namespace {

constexpr std::uint32_t kRank = 16;
constexpr std::uint32_t kSequences = 4;  // of a step in full training

// About what `models init --layers 8 --width 384 --tied` makes with a vocabulary of 4,096: 15 million weights.
constexpr store::Shape kStarter{
    "starter-15m", store::SynthFamily::llama, store::Vocabulary::spm, 4096, 384, 8, 6, 6, 64, 1024, 1024, 1e4, 1e-5,
    {.tied = true}};

// A batch of sequences of the same tokens every time, all of which are scored.
train::MicroBatch batch_of(std::uint32_t sequences, std::uint32_t tokens, std::uint32_t vocab) {
  train::MicroBatch batch(sequences);
  for (std::uint32_t s = 0; s < sequences; ++s) {
    for (std::uint32_t i = 0; i < tokens; ++i) {
      batch[s].tokens.push_back(static_cast<std::int32_t>(uniform_draw(4, s, i) * vocab));
    }
    batch[s].labels = batch[s].tokens;
  }
  return batch;
}

// The largest resident set so far, file pages included, without the buffer that peaks are measured with.
double peak_bytes(const Bench& bench) {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) * 1024 - static_cast<double>(bench.meter->buffer_bytes());
}

struct Training {
  train::Trainable& model;
  ThreadPool& pool;
  std::string name;         // of the lines
  double weights;           // N, those that are multiplied with
  double passes;            // 4 or 6: operations a weight and token
  std::uint32_t sequences;  // of a step
  std::uint32_t tokens;     // of each
  nn::BackwardProducts products = nn::BackwardProducts::f32;
  std::string_view forward = "f32";  // the arithmetic of the forward pass
};

Result<> bench_steps(const Bench& bench, const Training& t) {
  const std::uint32_t rows = t.sequences * t.tokens;
  train::PassLimits limits{rows, t.sequences};
  auto create = [&] {
    return train::Pass::create(t.model, t.pool, kernel::table_up_to(bench.level), limits, model::KvChoice::automatic,
                               t.products);
  };
  FH_TRY(auto pass, create());
  train::AdamW optimiser({}, t.model.parameters());
  const train::MicroBatch batch = batch_of(t.sequences, t.tokens, t.model.spec().vocab);
  const std::string products = t.products == nn::BackwardProducts::f32 ? "f32" : "bf16";
  const auto detail_of = [&](const char* part) -> std::vector<std::pair<std::string, std::string>> {
    return {{"part", part},
            {"products", products},
            {"tokens", std::to_string(t.tokens)},
            {"sequences", std::to_string(t.sequences)}};
  };
  auto report = [&](const char* part, double operations, std::string_view arithmetic,
                    const std::function<Result<double>()>& run) -> Result<> {
    bench.report.progress(fmt::format("{}: {}", t.name, part));
    const BenchWork work{.operations = operations * t.weights * rows,
                         .arithmetic = &bounding_loop(arithmetic, bench.level),
                         .units = static_cast<double>(rows)};
    FH_TRY(BenchLine line, measure(bench, t.name, "tokens/s", work, run));
    line.detail = detail_of(part);
    bench.report.line(line);
    return {};
  };
  FH_TRY_VOID(report("forward", 2, t.forward, [&]() -> Result<double> {
    const double begin = wall_seconds();
    FH_TRY(const double loss, train::evaluate(t.model, *pass, {&batch, 1}));
    (void)loss;
    return wall_seconds() - begin;
  }));
  auto step = [&]() -> Result<double> {
    const double begin = wall_seconds();
    FH_TRY(const auto result, train::step(t.model, *pass, optimiser, t.pool, {&batch, 1}, {.learning_rate = 1e-5}));
    (void)result;
    return wall_seconds() - begin;
  };
  auto report_memory = [&](const char* part) {
    BenchLine line = line_of(t.name + "-memory", "GiB", Samples{{peak_bytes(bench) / (1024.0 * 1024 * 1024)}});
    line.smaller_is_better = true;
    line.detail = detail_of(part);
    bench.report.line(line);
  };
  // The first step finds its memory untouched, which takes a second.
  FH_TRY_VOID(step());
  FH_TRY_VOID(report("step", t.passes, products, step));
  report_memory("step");
  // The same with the memory that spares running blocks twice.
  const model::Spec& spec = t.model.spec();
  limits.tape_bytes = train::Pass::bytes_of_tape(spec, limits, model::KvChoice::automatic) * (spec.blocks.size() - 1);
  if (limits.tape_bytes > available_memory() / 2) {
    bench.report.note("note: not measured with all tapes kept: that takes more than half of the free memory");
    return {};
  }
  pass.reset();
  FH_TRY(pass, create());
  FH_TRY_VOID(step());
  FH_TRY_VOID(report("step-tapes-kept", t.passes, products, step));
  report_memory("step-tapes-kept");
  return {};
}

// BF16 products pay where there is a tile unit; elsewhere they are slower than float32.
bool has_tiles(const Bench& bench) {
  return bench.level == kernel::Level::amx;
}

Result<> bench_adapter(const Bench& bench, const std::string& path, const std::string& name, std::uint32_t tokens) {
  FH_TRY(CheckedModel checked, open_and_check(path, bench.console));
  if (!bench.arguments.given("tokens")) tokens = std::min(tokens, checked.plan.spec.context);
  if (tokens > checked.plan.spec.context) {
    return fail(Errc::invalid,
                fmt::format("--tokens {} is more than the model's context of {}", tokens, checked.plan.spec.context));
  }
  bench.report.model(name, store::facts_of(*checked.opened.checkpoint).weight_type);
  FH_TRY(const Loaded loaded, load(std::move(checked), bench.arguments, bench.console, tokens));
  model::AdapterConfig config;
  config.r = kRank;
  const auto sites = model::sites_of(loaded.model->spec().experts);
  config.targets.assign(sites.begin(), sites.end());
  FH_TRY(const auto model,
         train::LoraModel::fresh(loaded.model, *loaded.pool, kernel::table_up_to(bench.level), config, 1));
  const tensor::DType type = loaded.model->weights().blocks.front().q.type();
  Training training{.model = *model,
                    .pool = *loaded.pool,
                    .name = "tune-lora",
                    .weights = static_cast<double>(loaded.model->macs_per_token()),
                    .passes = 4,
                    .sequences = 1,
                    .tokens = tokens,
                    .forward = tensor::info(type).quantised                      ? "int8"
                               : type == tensor::DType::bf16 && has_tiles(bench) ? "bf16"
                                                                                 : "f32"};
  FH_TRY_VOID(bench_steps(bench, training));
  if (!has_tiles(bench)) return {};
  training.products = nn::BackwardProducts::bf16;
  return bench_steps(bench, training);
}

Result<> bench_from_scratch(const Bench& bench, std::uint32_t tokens) {
  store::Shape shape = kStarter;
  shape.context = std::max(shape.context, tokens);
  FH_TRY(const NamelessFile file, synthesised(bench, shape, "f32"));
  FH_TRY(const format::Checkpoint checkpoint, format::open_checkpoint(file.path()));
  ThreadPool pool(bench.threads);
  for (const bool bf16 : {false, true}) {
    if (bf16 && !has_tiles(bench)) break;
    FH_TRY(const auto model,
           train::FullModel::load(checkpoint, pool, bf16 ? train::Precision::bf16 : train::Precision::f32));
    double weights = 0;
    for (const train::Parameter& p : model->parameters()) {
      if (p.shape.size() > 1) weights += static_cast<double>(p.value.size());
    }
    bench.report.model(std::string(shape.name), bf16 ? "BF16" : "F32");
    FH_TRY_VOID(bench_steps(bench, {.model = *model,
                                    .pool = pool,
                                    .name = "tune-full",
                                    .weights = weights,
                                    .passes = 6,
                                    .sequences = kSequences,
                                    .tokens = tokens,
                                    .products = bf16 ? nn::BackwardProducts::bf16 : nn::BackwardProducts::f32,
                                    .forward = bf16 ? "bf16" : "f32"}));
  }
  return {};
}

}  // namespace

Result<> bench_tune(const Bench& bench) {
  const Arguments& arguments = bench.arguments;
  const auto tokens = arguments.given("tokens") ? static_cast<std::uint32_t>(arguments.integer("tokens")) : 512;
  const bool given = arguments.given("MODEL");
  bench.report.plan(given ? 2 : 6);
  FH_TRY_VOID(bench_machine(bench, true));
  if (given) {
    const std::string model(arguments.text("MODEL"));
    return bench_adapter(bench, model, model, tokens);
  }
  FH_TRY(const store::Shape* known, shape_of(bench));
  const std::string type(arguments.given("types") ? arguments.text("types") : "q4_k_m");
  store::Shape shape = *known;
  shape.context = std::max(shape.context, tokens);
  {
    FH_TRY(const NamelessFile file, synthesised(bench, shape, type));
    FH_TRY_VOID(bench_adapter(bench, file.path(), std::string(shape.name), tokens));
  }
  return bench_from_scratch(bench, tokens);
}

}  // namespace freehold::app
