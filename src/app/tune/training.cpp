#include "app/tune/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "app/interrupt.h"
#include "app/progress.h"
#include "app/tune/training_label.h"
#include "base/file.h"
#include "base/utf8.h"
#include "kernel/blocks/nf4.h"
#include "kernel/kernels.h"
#include "model/kv_cache.h"
#include "model/prepared.h"
#include "train/nf4_base.h"
#include "train/result_files.h"

namespace freehold::app {
namespace {

using model::Site;

// A step that only looks costs about a quarter of one that learns: forward, against forward twice and backward.
constexpr double kForwardOnly = 0.28;

model::AdapterConfig adapter_config(const train::Recipe& recipe, std::uint32_t experts) {
  model::AdapterConfig c;
  c.r = recipe.lora.rank;
  c.alpha = recipe.lora.alpha;
  c.dropout = recipe.lora.dropout;
  c.rslora = recipe.lora.rslora;
  c.dora = recipe.lora.dora;
  c.base = recipe.base_model;
  c.layers = recipe.lora.layers;
  for (const Site site : model::sites_of(experts)) {
    const auto& names = recipe.lora.targets;
    if (names.empty() || recipe.lora.all_linear ||
        std::find(names.begin(), names.end(), model::name_of(site, experts != 0)) != names.end()) {
      c.targets.push_back(site);
    }
  }
  for (const Site site : model::kEnds) {
    const auto& names = recipe.lora.targets;
    if (std::find(names.begin(), names.end(), model::name_of(site)) != names.end()) c.targets.push_back(site);
  }
  return c;
}

// Of an adapter: parameters, and the bytes of its panels.
struct AdapterSize {
  std::uint64_t parameters = 0, panels = 0;
};
AdapterSize adapter_size(const model::Plan& plan, const model::AdapterConfig& config) {
  AdapterSize size;
  for (const model::Place& place : model::all_places(plan.layout.blocks.size(), plan.spec.experts)) {
    const Site site = place.site;
    if (!config.adapts(place)) continue;
    if (std::find(config.targets.begin(), config.targets.end(), site) == config.targets.end()) continue;
    const std::uint64_t N = model::shape_of(plan.spec, site).N, K = model::shape_of(plan.spec, site).K, r = config.r;
    size.parameters += r * (N + K) + (config.dora ? N : 0);
    const tensor::View down{"", tensor::DType::f32, {r, K}, {}}, up{"", tensor::DType::f32, {N, r}, {}};
    size.panels += site == Site::embedding ? r * K * sizeof(float) : nn::Linear::prepared_bytes(down);
    size.panels += nn::Linear::prepared_bytes(up);
  }
  return size;
}

Result<std::unique_ptr<train::LoraModel>> make_adapter(const Prepared& p,
                                                       const std::shared_ptr<const model::Model>& base,
                                                       ThreadPool& pool, const kernel::Table& kernels) {
  const train::Recipe& r = p.read.recipe;
  if (r.lora_model_dir.empty())
    return train::LoraModel::fresh(base, pool, kernels, adapter_config(r, base->spec().experts), r.seed);
  const std::filesystem::path folder = p.read.folder / r.lora_model_dir;
  auto adapter = model::read_peft(folder, base->spec(), p.checked.opened.checkpoint.get());
  if (!adapter) return in_context(adapter.error(), printable(folder.string()));
  adapter->config.dropout = r.lora.dropout;
  return train::LoraModel::from(base, pool, kernels, std::move(*adapter));
}

Result<std::shared_ptr<const model::Model>> load_base(const Prepared& p, ThreadPool& pool, Console& console) {
  const OpenModel& opened = p.checked.opened;
  ProgressBar bar(console, "loading");
  const model::Progress progress = [&](std::uint64_t done, std::uint64_t total) {
    bar.update(done, total);
    return !interrupted();
  };
  if (p.read.recipe.nf4) return train::load_as_nf4(opened.checkpoint, pool, progress);
  std::shared_ptr<const model::PreparedFile> prepared;
  if (!opened.prepared.empty()) {
    auto file = model::PreparedFile::open(opened.prepared);
    if (file) {
      prepared = std::move(*file);
    } else {
      console.note(fmt::format("note: {}; the weights are prepared in memory", file.error().what));
    }
  }
  return model::Model::load(opened.checkpoint, pool, progress, std::move(prepared));
}

// After how many of the run's steps something happens.
std::uint64_t happening(const train::RunPlan& plan, const std::function<bool(std::uint64_t)>& happens) {
  constexpr std::uint64_t kCounted = 100'000;  // beyond, the rest is like these
  const std::uint64_t counted = std::min(plan.steps, kCounted);
  std::uint64_t times = 0;
  for (std::uint64_t step = 1; step <= counted; ++step) times += happens(step) ? 1 : 0;
  return static_cast<std::uint64_t>(static_cast<double>(times) * static_cast<double>(plan.steps) /
                                    static_cast<double>(counted));
}

std::uint64_t count_tokens(const std::vector<train::Example>& examples) {
  return std::accumulate(examples.begin(), examples.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const train::Example& e) { return sum + e.tokens.size(); });
}

Result<std::vector<train::ResultFile>> write_files(const Prepared& p, Training& t,
                                                   const std::filesystem::path& folder) {
  if (t.lora) return train::write_adapter(folder, *t.lora);
  return train::write_model(folder, *t.full, *p.checked.opened.checkpoint);
}

}  // namespace

std::string TrainingMemory::describe(std::uint64_t available) const {
  return fmt::format("memory: weights {}, what learns {}, optimiser {}, activations {}: {} of {} available",
                     human_bytes(weights), human_bytes(learning), human_bytes(optimiser), human_bytes(activations),
                     human_bytes(total()), human_bytes(available));
}

TrainingMemory plan_memory(const Prepared& p, train::RunPlan& plan, int threads, std::uint64_t available) {
  const train::Recipe& r = p.read.recipe;
  const model::Plan& m = p.checked.plan;
  TrainingMemory memory;
  train::AdapterShape shape;
  std::uint64_t largest = 0;
  model::Spec spec = m.spec;
  if (r.method == train::Method::full) {
    for (const tensor::View& view : p.checked.opened.checkpoint->tensors()) memory.parameters += view.elems();
    for (const tensor::View* view : model::linear_views(m)) {
      memory.weights +=
          nn::Linear::prepared_bytes({"", r.bf16 ? tensor::DType::bf16 : tensor::DType::f32, view->shape, {}});
      if (r.bf16) largest = std::max(largest, view->elems());
    }
    // The largest matrix on its way to its panels, and the embedding as it is read.
    if (r.bf16) memory.weights += sizeof(std::uint16_t) * (largest + m.layout.embedding->elems());
    spec.quantised = false;
    memory.learning = 2 * sizeof(float) * memory.parameters;
  } else {
    const model::AdapterConfig config = adapter_config(r, spec.experts);
    const AdapterSize adapter = adapter_size(m, config);
    const bool head =
        std::find(config.targets.begin(), config.targets.end(), model::Site::head) != config.targets.end();
    shape = {config.r, head ? config.r : 0, config.dora};
    for (const tensor::View* view : model::linear_views(m)) {
      if (!r.nf4 || view == m.layout.embedding || view == m.layout.output) {
        memory.weights += nn::Linear::prepared_bytes(*view);
      } else {  // once as blocks, once in panels
        memory.weights += 2 * view->elems() / kernel::kNf4Block * sizeof(kernel::BlockNf4);
      }
    }
    spec.quantised |= r.nf4;
    memory.weights += m.layout.embedding->bytes.size();
    memory.parameters = adapter.parameters;
    memory.learning = 2 * sizeof(float) * adapter.parameters + adapter.panels;
  }
  memory.optimiser = train::optimiser_bytes(r, memory.parameters);
  constexpr auto kCache = model::KvChoice::automatic;
  plan.limits.tape_bytes = 0;
  memory.activations = train::Pass::bytes(spec, shape, threads, plan.limits, kCache);
  const std::uint64_t tape = train::Pass::bytes_of_tape(spec, plan.limits, kCache);
  const std::uint64_t spare = available / 2 - std::min(available / 2, memory.total());
  if (tape > 0) plan.limits.tape_bytes = std::min<std::uint64_t>(spare / tape, spec.blocks.size() - 1) * tape;
  memory.activations = train::Pass::bytes(spec, shape, threads, plan.limits, kCache);
  return memory;
}

Result<> check_fits(const TrainingMemory& memory, const Prepared& p, const train::RunPlan& plan, int threads,
                    std::uint64_t available) {
  if (memory.total() <= available) return {};
  const train::Recipe& r = p.read.recipe;
  std::vector<std::string> ways;
  if (r.micro_batch_size > 1 && !r.dpo)
    ways.emplace_back("a smaller micro_batch_size (and more gradient_accumulation_steps)");
  if (r.method == train::Method::full) ways.emplace_back("'adapter: lora'");
  if (r.method != train::Method::full && !r.nf4 && !p.checked.plan.spec.quantised) {
    ways.emplace_back("'adapter: qlora' with 'load_in_4bit: true', or a quantised base_model");
  }
  if (memory.activations > memory.total() / 4) ways.emplace_back("a smaller sequence_len");
  return fail(Errc::exhausted, fmt::format("not enough memory for batches of {} tokens with {} threads: {}{}",
                                           plan.limits.tokens, threads, memory.describe(available),
                                           ways.empty() ? "" : fmt::format(". What helps: {}", fmt::join(ways, ", "))));
}

Result<Training> load_training(const Prepared& p, train::RunPlan plan, std::string id, int threads, Console& console) {
  const train::Recipe& r = p.read.recipe;
  auto pool = std::make_unique<ThreadPool>(threads);
  if (r.method != train::Method::full) {
    auto base = load_base(p, *pool, console);
    if (!base) return in_context(base.error(), printable(p.checked.opened.reference));
    FH_TRY(Training t, begin_training(p, std::move(plan), std::move(id), *pool, std::move(*base)));
    t.pool = std::move(pool);
    return t;
  }
  FH_TRY(const kernel::Level level, kernel::chosen_level());
  Training t;
  t.pool = std::move(pool);
  t.folder = std::make_unique<train::RunFolder>(p.read.output);
  auto full = train::FullModel::load(*p.checked.opened.checkpoint, *t.pool,
                                     r.bf16 ? train::Precision::bf16 : train::Precision::f32);
  if (!full) return in_context(full.error(), printable(p.checked.opened.reference));
  t.full = std::move(*full);
  FH_TRY(t.run, train::Run::create({r, p.dataset, t.model(), *t.pool, kernel::table_up_to(level), *t.folder, {}},
                                   std::move(plan), std::move(id)));
  return t;
}

Result<Training> begin_training(const Prepared& p, train::RunPlan plan, std::string id, ThreadPool& pool,
                                std::shared_ptr<const model::Model> base, std::function<void()> pause) {
  FH_TRY(const kernel::Level level, kernel::chosen_level());
  const kernel::Table& kernels = kernel::table_up_to(level);
  Training t;
  t.folder = std::make_unique<train::RunFolder>(p.read.output);
  t.base = std::move(base);
  FH_TRY(t.lora, make_adapter(p, t.base, pool, kernels));
  FH_TRY(t.run, train::Run::create({p.read.recipe, p.dataset, t.model(), pool, kernels, *t.folder, std::move(pause)},
                                   std::move(plan), std::move(id)));
  return t;
}

TrainingDisk plan_disk(const Prepared& p, const train::RunPlan& plan, const TrainingMemory& memory) {
  TrainingDisk disk;
  disk.result = sizeof(float) * memory.parameters;
  disk.checkpoint = disk.result + memory.optimiser;
  disk.checkpoints = happening(plan, [&](std::uint64_t step) { return plan.saves_after(step); });
  // One more while an old one is there still; and that of the best evaluation.
  const std::uint32_t most = p.read.recipe.save_total_limit;
  if (most != 0) disk.checkpoints = std::min<std::uint64_t>(disk.checkpoints, std::uint64_t{most} + 2);
  return disk;
}

std::uint64_t trained_tokens(const Prepared& p, const train::RunPlan& plan) {
  const double epochs = static_cast<double>(plan.steps) / static_cast<double>(plan.batches.steps_per_epoch());
  return static_cast<std::uint64_t>(std::llround(epochs * static_cast<double>(count_tokens(p.dataset.train))));
}

double estimate_seconds(const Prepared& p, const train::RunPlan& plan, double a_token) {
  auto tokens = static_cast<double>(trained_tokens(p, plan));
  if (plan.evaluation) {
    const auto all = happening(plan, [&](std::uint64_t step) { return plan.evaluates_after(step); });
    tokens += static_cast<double>(all) * kForwardOnly * static_cast<double>(count_tokens(p.dataset.held_out));
  }
  return tokens * a_token;
}

Result<std::uint64_t> write_last_good(const Prepared& p, Training& t) {
  return write_newest(p, t, t.folder->file("last-good"));
}

Result<std::uint64_t> write_newest(const Prepared& p, Training& t, const std::filesystem::path& folder) {
  FH_TRY(const std::uint64_t step, t.run->restore_newest());
  if (step == 0) return step;
  FH_TRY_VOID(make_directories(folder));
  FH_TRY(const auto files, write_files(p, t, folder));
  FH_TRY(const auto state, t.folder->state());
  if (state) FH_TRY_VOID(mark_result(files, state->label));
  return step;
}

Result<> write_result(const Prepared& p, Training& t, train::Ending ending, const train::Beginning& beginning,
                      const train::RunState& state) {
  const train::Counters& c = t.run->counters();
  const bool best = t.run->keeps_best();
  train::Provenance card;
  card.beginning = beginning;
  card.label = state.label;
  if (const auto found = p.veil.veil().entry(); !found.empty()) card.personal_data = found.text();
  card.method = method_of(p.read.recipe);
  card.started = state.started;
  card.finished = train::utc_now();
  card.ending = ending == train::Ending::early ? "Stopped early" : "Finished";
  card.counters = c;
  card.steps = t.run->plan().steps;
  card.result_step = best ? c.best_step : c.step;
  for (const train::Parameter& parameter : t.model().parameters()) card.parameters += parameter.value.size();
  FH_TRY(const train::Metrics metrics, train::read_metrics(t.folder->file("metrics.jsonl")));
  card.evaluations = metrics.evaluations;
  FH_TRY(card.files, write_files(p, t, t.folder->path()));
  FH_TRY_VOID(mark_result(card.files, state.label));
  return train::write_provenance(t.folder->path(), p.read.recipe, card);
}

}  // namespace freehold::app
