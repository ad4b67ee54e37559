// `eval quantization`: which type of weights should this model have on this machine?
//
// The model is quantised to each type, and each is measured: the task's score against the original's, the divergence of
// its next-token distributions from the original's, how fast it writes, what it takes in memory.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "app/commands.h"
#include "app/eval/evaluation.h"
#include "app/evaluator.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/models_commands.h"
#include "app/open_model.h"
#include "app/progress.h"
#include "app/quantity.h"
#include "app/session.h"
#include "app/table.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/gguf_plan.h"
#include "store/quantize.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDivergenceItems = 128;  // prompts after which distributions are compared
constexpr std::uint32_t kTimedTokens = 48;

struct Candidate {
  std::string type;  // "original" first
  fs::path path;
  std::uint64_t file_bytes = 0;
  std::uint64_t memory = 0;  // weights, cache and work space
  bool fits = true;
  double divergence = 0;  // mean KL(original || this), nats
  double tokens_per_second = 0;
  std::size_t model = SIZE_MAX;  // in the report
};

// A folder that goes away with what is in it.
class WorkFolder {
 public:
  explicit WorkFolder(fs::path path) : path_(std::move(path)) {}
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ec;
    fs::remove_all(path_, ec);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Result<> write_type(const OpenModel& source, Candidate& candidate, ThreadPool& pool, Console& console) {
  FH_TRY(kernel::Mix type, store::weight_type_from_name(candidate.type));
  std::optional<format::GgufPlan> plan;
  if (source.checkpoint->gguf() == nullptr) {
    FH_TRY(plan, model::plan_gguf(*source.checkpoint, source.reference));
  }
  FH_TRY(AtomicFile file, AtomicFile::create(candidate.path, FileAccess::owner));
  ProgressBar bar(console, fmt::format("quantizing to {}", candidate.type));
  const auto sink = [&](Bytes bytes) { return file.write(bytes); };
  const store::Progress progress = [&](std::string_view, std::uint64_t done, std::uint64_t total) {
    bar.update(done, total);
    return !interrupted();
  };
  auto written = plan ? store::quantize(*plan, {type}, pool, sink, progress)
                      : store::quantize(*source.checkpoint->gguf(), {type}, pool, sink, progress);
  if (!written) return in_context(std::move(written).error(), candidate.type);
  FH_TRY_VOID(file.commit());
  std::error_code ec;
  candidate.file_bytes = fs::file_size(candidate.path, ec);
  return {};
}

// Prompts of the first items, short enough to be run alone.
Result<std::vector<std::vector<std::int32_t>>> prompts_of(const EvalReport& report, const text::Tokenizer& tokenizer,
                                                          std::uint32_t context) {
  const eval::Prompter prompter(tokenizer, nullptr);
  std::vector<std::vector<std::int32_t>> out;
  for (const eval::Questions& questions : report.tasks) {
    for (const eval::Question& q : questions.questions) {
      if (out.size() == kDivergenceItems) return out;
      FH_TRY(auto tokens,
             prompter.prompt(questions.task->kind == eval::TaskKind::perplexity ? q.answers[0] : q.prompts[0]));
      if (!tokens.empty() && tokens.size() <= context) out.push_back(std::move(tokens));
    }
  }
  return out;
}

// The original's logits after each prompt, against which others are held; and how fast this one writes.
Result<> look_inside(Candidate& c, const Arguments& arguments, EvalReport& report,
                     std::vector<std::vector<float>>& original, Console& console) {
  FH_TRY(CheckedModel checked, open_and_check(c.path.string(), console));
  FH_TRY(Loaded loaded,
         load(std::move(checked), arguments, console, static_cast<std::uint32_t>(arguments.integer("context"))));
  FH_TRY(auto session, Session::start(std::move(loaded), {}, arguments, console));
  const Loaded& l = session->loaded();
  FH_TRY(const auto prompts, prompts_of(report, session->tokenizer(), session->context()));
  std::size_t longest = 1;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  FH_TRY(auto evaluator, Evaluator::create(l, static_cast<std::uint32_t>(longest)));
  const bool first = original.empty();
  double sum = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    FH_TRY(std::vector<float> logits, evaluator->last(prompts[i]));
    if (first) {
      original.push_back(std::move(logits));
      continue;
    }
    const double p_sum = log_sum_exp(original[i]), q_sum = log_sum_exp(logits);
    for (std::size_t t = 0; t < logits.size(); ++t) {
      const double p = double{original[i][t]} - p_sum, q = double{logits[t]} - q_sum;
      sum += std::exp(p) * (p - q);
    }
  }
  c.divergence = prompts.empty() ? 0 : std::max(0.0, sum / static_cast<double>(prompts.size()));
  Settings settings;
  settings.sampling.temperature = 0;
  settings.max_tokens = kTimedTokens;
  std::vector<std::int32_t> begin = prompts.empty() ? std::vector<std::int32_t>{1} : prompts.front();
  if (begin.size() + kTimedTokens > session->context()) begin.resize(1);
  FH_TRY(const Generated generated, session->generate(begin, settings, false, [](std::string_view) {}));
  if (generated.usage.completion_tokens > 1 && generated.usage.decode_seconds > 0)
    c.tokens_per_second = (generated.usage.completion_tokens - 1) / generated.usage.decode_seconds;
  return {};
}

// The smallest that is not shown to be worse, loses no more than `tolerance` (as lost()) and diverges by no more than
// `kl`: few items may not see what a divergence shows. SIZE_MAX if there is none.
std::size_t recommended(const EvalReport& report, const std::vector<Candidate>& candidates, double tolerance,
                        double kl) {
  std::size_t best = SIZE_MAX;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    const Candidate& c = candidates[i];
    if (!c.fits || c.divergence > kl) continue;
    const bool held = std::all_of(report.comparisons.begin(), report.comparisons.end(), [&](const ModelComparison& m) {
      if (m.second != c.model) return true;
      const ReportLine& line = report.lines[m.line];
      const double less = lost(line.metric, line.scores[m.first].score, line.scores[m.second].score);
      return less <= tolerance && (m.adjusted >= 0.05 || less <= 0);
    });
    if (held && (best == SIZE_MAX || c.memory < candidates[best].memory)) best = i;
  }
  return best;
}

std::string as_rows(const EvalReport& report, const std::vector<Candidate>& candidates) {
  std::vector<std::vector<std::string>> rows = {{"TYPE", "MEMORY", "KL", "TOKENS/S"}};
  std::vector<Align> columns = {Align::left, Align::right, Align::right, Align::right};
  for (const ReportLine& line : report.lines) {
    rows[0].push_back(fmt::format("{} ({})", printable(line.name), eval::name_of(line.metric)));
    columns.push_back(Align::right);
  }
  for (const Candidate& c : candidates) {
    std::vector<std::string> row = {c.type, human_bytes(c.memory)};
    if (!c.fits)
      row.emplace_back("does not fit");
    else
      row.push_back(fmt::format("{:.5f}", c.divergence)), row.push_back(fmt::format("{:.1f}", c.tokens_per_second));
    for (const ReportLine& line : report.lines) {
      if (!c.fits) continue;
      const eval::GroupScore& s = line.scores[c.model];
      row.push_back(fmt::format("{:.4g} [{:.4g}, {:.4g}]", s.score, s.interval.low, s.interval.high));
    }
    row.resize(rows[0].size());
    rows.push_back(std::move(row));
  }
  return as_table(rows, columns);
}

std::string as_json(const EvalReport& report, const std::vector<Candidate>& candidates, std::size_t best) {
  JsonWriter w(true);
  w.begin_object().key("types").begin_array();
  for (const Candidate& c : candidates) {
    w.begin_object().member("type", c.type).member("fits", c.fits).member("memory_bytes", c.memory);
    w.member("file_bytes", c.file_bytes);
    if (c.fits) {
      w.member("kl", c.divergence).member("tokens_per_second", c.tokens_per_second).key("scores").begin_object();
      for (const ReportLine& line : report.lines) w.member(line.name, line.scores[c.model].score);
      w.end_object();
    }
    w.end_object();
  }
  w.end_array().key("recommended");
  best == SIZE_MAX ? w.null() : w.value(candidates[best].type);
  w.end_object();
  return w.take() + "\n";
}

Result<> run_quantization(const Arguments& arguments, Console& console) {
  catch_interrupts();
  std::uint64_t most = UINT64_MAX;
  if (arguments.given("memory")) {
    const auto bytes = parse_bytes(arguments.text("memory"));
    if (!bytes)
      return fail(Errc::invalid, fmt::format("--memory: '{}' is no size", printable(arguments.text("memory"))));
    most = *bytes;
  }
  FH_TRY(EvalSetup setup, eval_setup(arguments.list("task"), arguments, console));
  EvalReport report;
  FH_TRY_VOID(load_questions(setup, arguments, report, console));
  FH_TRY(const OpenModel source, open_model(arguments.text("MODEL"), console));
  FH_TRY(auto results, open_results());
  FH_TRY(const store::Store store, open_store());
  const WorkFolder work(store.home() / fmt::format("quantization-{}", ::getpid()));
  FH_TRY_VOID(make_directories(work.path()));

  std::vector<Candidate> candidates = {{.type = "original", .path = source.path}};
  const auto types = split_commas(arguments.list("types"));
  for (const std::string& type : types) candidates.push_back({.type = type, .path = work.path() / (type + ".gguf")});
  std::vector<std::vector<float>> original;
  const int threads = arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : 0;
  for (Candidate& c : candidates) {
    if (c.type != "original") {
      ThreadPool pool(threads);
      FH_TRY_VOID(write_type(source, c, pool, console));
    }
    FH_TRY(const CheckedModel checked, open_and_check(c.path.string(), console));
    const auto wanted = static_cast<std::uint32_t>(arguments.integer("context"));
    FH_TRY(const MemoryPlan plan, plan_memory(checked.plan, wanted > 0 ? wanted : checked.plan.spec.context,
                                              run_shape(std::max(threads, 1), kv_choice(arguments))));
    c.memory = plan.total();
    c.fits = c.memory <= most;
    // The original is what the others are held against, whether it fits or not.
    if (!c.fits && c.type != "original") continue;
    c.fits = c.fits || c.type == "original";
    FH_TRY_VOID(look_inside(c, arguments, report, original, console));
    c.model = report.models.size();
    FH_TRY_VOID(evaluate_model(c.path.string(), setup, report, results, arguments, console));
    report.models.back().name = c.type;
    if (c.type != "original") FH_TRY_VOID(remove_file(c.path));
  }
  summarise(report, setup.groups);
  const std::size_t best = recommended(report, candidates, arguments.real("tolerance"), arguments.real("kl"));
  if (arguments.given("html"))
    FH_TRY_VOID(write_file_atomically(std::string(arguments.text("html")), report_html(report)));
  if (arguments.flag("json")) {
    console.write(as_json(report, candidates, best));
    return {};
  }
  console.write(as_rows(report, candidates));
  console.write(
      best == SIZE_MAX
          ? std::string("\nnone of the types that fit keeps the score and the distributions: take more memory, or a "
                        "larger tolerance\n")
          : fmt::format("\nrecommended: {} (the smallest that loses no more than {} points, and is not shown to be "
                        "worse)\n",
                        candidates[best].type, arguments.real("tolerance")));
  return {};
}

}  // namespace

Command eval_quantization_command() {
  return {
      .name = "eval quantization",
      .summary = "Find the type of weights that a model should have.",
      .details =
          "Quantises a model of floats to each type, and measures what that costs: the tasks' scores, the divergence "
          "(KL) of the next token's distribution after the first 128 prompts from the original's, the speed of "
          "writing, "
          "and memory. Recommended is the smallest that fits and keeps both. What is written for it is deleted "
          "again.",
      .positionals = {model_positional()},
      .options = join(
          join({{.name = "task",
                 .type = OptionType::text,
                 .value = "TASKS",
                 .help = "Tasks, groups, or files, as freehold eval has them.",
                 .repeatable = true,
                 .required = true},
                {.name = "memory",
                 .type = OptionType::text,
                 .value = "SIZE",
                 .help = "Only types that run in this much memory: 16GiB."},
                {.name = "types",
                 .type = OptionType::text,
                 .value = "TYPE,…",
                 .fallback = "q8_0,q6_k,q5_k_m,q4_k_m,iq4_xs,q4_0",
                 .help = "What to try.",
                 .repeatable = true},
                {.name = "tolerance",
                 .type = OptionType::real,
                 .value = "POINTS",
                 .fallback = "1",
                 .least = 0,
                 .most = 100,
                 .help = "How much of a score may be lost; of a perplexity, percent."},
                {.name = "kl",
                 .type = OptionType::real,
                 .value = "NATS",
                 .fallback = "0.05",
                 .least = 0,
                 .most = 100,
                 .help = "How far next-token distributions may be from the original's, on average."},
                {.name = "html", .type = OptionType::file, .value = "FILE", .help = "Write a report with a chart."},
                {.name = "json", .help = "Print JSON."}},
               task_options()),
          run_options_with_context()),
      .examples = {{"freehold eval quantization llama-f16.gguf --task mmlu --memory 16GiB",
                    "Which one fits and is good?"}},
      .run = run_quantization,
  };
}

}  // namespace freehold::app
