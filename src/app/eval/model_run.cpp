// One model over all tasks of a report.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/eval/evaluation.h"
#include "app/interrupt.h"
#include "app/open_model.h"
#include "app/progress.h"
#include "app/session.h"
#include "base/utf8.h"
#include "engine/model_decoder.h"
#include "eval/judge.h"
#include "kernel/kernels.h"
#include "ledger/cost_store.h"
#include "ledger/machine.h"
#include "model/adapter.h"
#include "store/store.h"

namespace freehold::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kSequences = 32;  // answers written at the same time
constexpr std::uint32_t kScoreRows = 64;  // of logits at a time

// Everything that decides about logits and tokens.
std::string identity_of(const std::vector<std::string>& weights, const Loaded& loaded) {
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(as_bytes(fmt::format("{}:{}", text.size(), text))); };
  add("numerics 1");
  for (const std::string& digest : weights) add(digest);
  add(std::to_string(static_cast<int>(loaded.memory.cache_type)));
  add(loaded.adapter ? loaded.adapter->digest.hex() : "");
  const text::Tokenizer& tokenizer = loaded.tokenizer.tokenizer;
  for (std::size_t id = 0; id < tokenizer.size(); ++id) add(tokenizer.token_text(static_cast<text::TokenId>(id)));
  if (!loaded.tokenizer.chat_templates.empty()) add(loaded.tokenizer.chat_templates.front().source);
  return hash.finish().hex();
}

struct Plan {
  std::uint64_t read = 0, saved = 0, written = 0, rows = 0, items = 0;
};

Plan plan_of(const EvalReport& report, const std::vector<eval::Tokenized>& tokens) {
  Plan plan;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const eval::Task& task = *report.tasks[t].task;
    const eval::ScoreStats scores = eval::plan_scores(tokens[t].items);
    plan.read += scores.computed;
    plan.saved += scores.saved;
    plan.rows += scores.rows;
    plan.items += eval::aspects_of(task).size() * report.tasks[t].questions.size();
    for (const auto* prompts : {&tokens[t].prompts, &tokens[t].letters}) {
      for (const auto& prompt : *prompts) plan.read += prompt.size();
    }
    plan.written += std::uint64_t{task.generation.max_tokens} * task.generation.repeats * tokens[t].prompts.size();
  }
  return plan;
}

// Seconds that scoring the last `scored` of so many tokens takes.
Result<double> time_scoring(std::size_t tokens, std::size_t scored, engine::Decoder& decoder, ThreadPool& pool,
                            const std::shared_ptr<const model::Adapter>& adapter) {
  eval::Scored text{std::vector<std::int32_t>(tokens, 1), static_cast<std::uint32_t>(tokens - scored)};
  const eval::ScoreItem item = eval::make_score_item({&text, 1});
  eval::Scorer scorer(decoder, pool, adapter);
  const auto begun = Clock::now();
  FH_TRY_VOID(scorer.run(
      {&item, 1}, [](std::size_t, std::span<const eval::Score>) -> Result<> { return {}; }, &interrupt_flag()));
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

// How long the plan will take, from a few timed tokens: what reading one takes, and a row of logits. A written token is
// both. Long contexts take longer, writing many answers at once takes less.
Result<double> seconds_for(const Plan& plan, engine::Decoder& decoder, ThreadPool& pool,
                           const std::shared_ptr<const model::Adapter>& adapter) {
  const std::size_t tokens = std::min<std::size_t>(512, decoder.context());
  if (tokens < 4) return 0.0;
  const std::size_t scored = tokens / 2;
  FH_TRY_VOID(
      time_scoring(std::min<std::size_t>(64, tokens), 1, decoder, pool, adapter).map([](double) {}));  // touches memory
  FH_TRY(const double plain, time_scoring(tokens, 1, decoder, pool, adapter));
  FH_TRY(const double rows, time_scoring(tokens, scored, decoder, pool, adapter));
  const double token = plain / static_cast<double>(tokens);
  const double row = std::max(0.0, rows - plain) / static_cast<double>(scored);
  return token * static_cast<double>(plan.read + plan.written) + row * static_cast<double>(plan.rows + plan.written);
}

Result<std::unique_ptr<text::ChatTemplate>> chat_of(const Loaded& loaded, bool wanted) {
  if (!wanted) return nullptr;
  if (loaded.tokenizer.chat_templates.empty())
    return fail(Errc::unsupported, "--chat: this model has no chat template");
  FH_TRY(auto parsed, text::ChatTemplate::parse(loaded.tokenizer.chat_templates.front().source));
  return std::make_unique<text::ChatTemplate>(std::move(parsed));
}

// What this machine costs while it works; nothing: nobody has said (`cost machine`).
Result<std::optional<ledger::Rates>> rates_today() {
  FH_TRY(const auto home, store::default_home());
  FH_TRY(const ledger::MachineHistory machines, ledger::machine_history(home));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const ledger::Rates* rates =
      machines.rates_on(ledger::day_of(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
  return rates != nullptr ? std::optional(*rates) : std::nullopt;
}

void say_plan(const Plan& plan, double seconds, const ModelResults& model, const EvalReport& report, Console& console) {
  std::uint64_t items = 0;
  for (const eval::Questions& q : report.tasks) items += q.questions.size();
  std::string written = plan.written > 0 ? fmt::format(", at most {} to write", grouped(plan.written)) : "";
  console.note(fmt::format("{}: {} items, {} tokens to read ({} more are shared and read once){}; about {}",
                           printable(model.name), grouped(items), grouped(plan.read), grouped(plan.saved), written,
                           human_seconds(seconds)));
  // Half of the items right for one model alone: the most that two independent models differ by chance.
  console.note(
      fmt::format("{} items show a difference of {:.1f} points or more (80 % power at 5 %); 2 points take {} "
                  "items, 1 point {}",
                  grouped(items), 100 * eval::visible_difference(items, 0.5), grouped(eval::items_needed(0.02, 0.5)),
                  grouped(eval::items_needed(0.01, 0.5))));
}

}  // namespace

Result<> evaluate_model(std::string_view reference, const EvalSetup& setup, EvalReport& report,
                        eval::ResultStore& store, const Arguments& arguments, Console& console) {
  FH_TRY(CheckedModel checked, open_and_check(reference, console));
  FH_TRY(const auto weights, weight_digests(checked.opened, console));
  FH_TRY(Loaded loaded,
         load(std::move(checked), arguments, console, static_cast<std::uint32_t>(arguments.integer("context")),
              {.sequences = kSequences, .whole = 4, .drafted = kScoreRows - kSequences}));
  ModelResults model{.name = std::string(reference), .identity = identity_of(weights, loaded)};
  const text::Tokenizer& tokenizer = loaded.tokenizer.tokenizer;
  FH_TRY(const auto chat, chat_of(loaded, setup.options.chat));
  const eval::Prompter prompter(tokenizer, chat.get());

  std::vector<eval::Tokenized> tokens;
  for (const eval::Questions& questions : report.tasks) {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    const auto aspects = eval::aspects_of(*questions.task);
    const auto has = [&](eval::Aspect a) { return std::find(aspects.begin(), aspects.end(), a) != aspects.end(); };
    auto made = eval::tokenize(questions, prompter,
                               {.context = loaded.memory.context,
                                .fit = setup.fit,
                                .scores = has(eval::Aspect::scores),
                                .letters = has(eval::Aspect::letter)},
                               *loaded.pool);
    if (!made) {
      if (made.error().code == Errc::exhausted)
        console.hint(
            "--fit fewer-examples leaves out examples where an item does not fit, --fit cut also the beginning of its "
            "text; --shots N "
            "takes fewer for all");
      return in_context(std::move(made).error(), printable(reference));
    }
    tokens.push_back(std::move(*made));
  }

  FH_TRY(auto decoder, engine::ModelDecoder::create(loaded.model, *loaded.pool, kernel::table_up_to(loaded.level),
                                                    {.context = loaded.memory.context,
                                                     .sequences = kSequences,
                                                     .chunk = kChunk,
                                                     .max_rank = max_rank(loaded),
                                                     .drafted = kScoreRows - kSequences,
                                                     .cache_tokens = loaded.memory.cache_tokens,
                                                     .cache_type = loaded.cache}));
  const Plan plan = plan_of(report, tokens);
  FH_TRY(const double expected, seconds_for(plan, *decoder, *loaded.pool, loaded.adapter));
  say_plan(plan, expected, model, report, console);
  if (setup.plan_only) return {};

  ProgressBar bar(console, fmt::format("evaluating {}", printable(model.name, 40)), false);
  std::uint64_t done = 0;
  eval::Runner runner({.decoder = decoder.get(),
                       .tokenizer = &tokenizer,
                       .pool = loaded.pool.get(),
                       .adapter = loaded.adapter,
                       .model = model.identity,
                       .store = &store,
                       .chat = chat != nullptr,
                       .sequences = kSequences,
                       .sandbox = setup.sandbox ? &*setup.sandbox : nullptr,
                       .stop = &interrupt_flag(),
                       .progress = [&](std::uint64_t items) { bar.update(done += items, plan.items); }});
  FH_TRY(const std::optional<ledger::Rates> rates, rates_today());
  const auto begun = Clock::now();
  for (std::size_t t = 0; t < report.tasks.size(); ++t) {
    const auto task_begun = Clock::now();
    const std::uint64_t before = runner.stats().items;
    const eval::Questions& questions = report.tasks[t];
    if (setup.fresh) {
      for (eval::Aspect aspect : eval::aspects_of(*questions.task)) {
        std::string key = eval::run_key(questions, tokens[t]);
        if (aspect == eval::Aspect::verdicts) key = eval::verdicts_key(key, *setup.sandbox);
        FH_TRY_VOID(forget(store, model.identity, key, aspect));
      }
    }
    auto items = runner.run(questions, tokens[t]);
    if (!items) {
      bar.clear();
      if (items.error().code == Errc::cancelled) console.hint("the same command goes on where this one ended");
      return tl::unexpected(std::move(items).error());
    }
    TaskResult result{.items = std::move(*items), .shortened = tokens[t].shortened, .cut = tokens[t].cut};
    result.computed = (runner.stats().items - before) / eval::aspects_of(*questions.task).size();
    const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - task_begun);
    if (rates) result.cost = ledger::for_time(rates->busy(), taken.count());
    FH_TRY(result.measured, eval::measure(questions, result.items));
    model.tasks.push_back(std::move(result));
  }
  bar.clear();
  model.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  model.stats = runner.stats();
  const eval::RunStats& s = model.stats;
  console.note(fmt::format(
      "{}: {} tokens computed, {} saved by sharing{}, in {}{}", printable(model.name), grouped(s.computed),
      grouped(s.saved), s.written > 0 ? fmt::format(", {} written", grouped(s.written)) : "",
      human_seconds(model.seconds),
      s.known > 0 ? fmt::format("; {} of {} items were known", grouped(s.known), grouped(s.known + s.items)) : ""));
  report.models.push_back(std::move(model));
  return {};
}

}  // namespace freehold::app
