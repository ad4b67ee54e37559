#include "app/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/interrupt.h"
#include "app/machine.h"
#include "app/progress.h"
#include "base/utf8.h"
#include "engine/allowed_tokens.h"
#include "kernel/kernels.h"
#include "model/adapter_values.h"
#include "model/prepared.h"

namespace freehold::app {
namespace {

// The panels that were kept when the model was imported. Without usable ones the weights are prepared in memory, which
// only takes longer, so it is said and not refused.
std::shared_ptr<const model::PreparedFile> open_prepared(const OpenModel& opened,
                                                         const std::function<void(const std::string&)>& note) {
  if (opened.prepared.empty()) return nullptr;
  auto file = model::PreparedFile::open(opened.prepared);
  if (file) return std::move(*file);
  note(fmt::format("note: {}; the weights are prepared in memory. Importing the model again makes them anew",
                   file.error().what));
  return nullptr;
}

}  // namespace

std::uint32_t max_rank(const Loaded& loaded) {
  return loaded.adapter == nullptr ? 0 : static_cast<std::uint32_t>(loaded.adapter->largest_rank());
}

RunShape run_shape(int threads, model::KvChoice cache) {
  return {.chunk = kChunk, .threads = threads, .drafted = kMostDraftTokens, .cache = cache};
}

Result<Loaded> load(const Arguments& arguments, Console& console, std::uint32_t context) {
  FH_TRY(CheckedModel checked, open_and_check(arguments.text("MODEL"), console));
  return load(std::move(checked), arguments, console, context);
}

Result<Loaded> load_weights(CheckedModel checked, const MemoryPlan& memory, std::shared_ptr<ThreadPool> pool,
                            model::KvChoice cache, const model::Progress& progress,
                            const std::function<void(const std::string&)>& note) {
  FH_TRY(kernel::Level level, kernel::chosen_level());
  auto begin = std::chrono::steady_clock::now();
  Loaded loaded{.opened = std::move(checked.opened),
                .tokenizer = std::move(checked.tokenizer),
                .spec = std::move(checked.plan.spec),
                .pool = std::move(pool),
                .level = level,
                .memory = memory,
                .cache = cache};
  auto prepared = open_prepared(loaded.opened, note);
  auto model = model::Model::load(loaded.opened.checkpoint, *loaded.pool, progress, std::move(prepared));
  if (!model) return in_context(model.error(), printable(loaded.opened.reference));
  loaded.model = std::move(*model);
  if (checked.adapter) {
    FH_TRY(loaded.adapter,
           model::make_adapter(*loaded.model, *loaded.pool, kernel::table_up_to(level), checked.adapter->values));
  }
  loaded.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return loaded;
}

Result<Loaded> load(CheckedModel checked, const Arguments& arguments, Console& console, std::uint32_t context,
                    const LoadNeeds& needs) {
  FH_TRY_VOID(kernel::chosen_level().map([](auto&&) {}));
  int threads = threads_of(arguments);
  std::uint64_t available = available_memory();
  available -= std::min(available, needs.reserved);
  RunShape shape = run_shape(threads, kv_choice(arguments));
  shape.sequences = needs.sequences;
  shape.whole = needs.whole;
  shape.drafted = needs.drafted;
  if (checked.adapter) {
    shape.max_rank = model::largest_rank(checked.adapter->values);
    shape.adapter_bytes = model::adapter_bytes(checked.adapter->values);
  }
  auto chosen = choose_context(checked.plan, context, shape, available);
  if (!chosen) return in_context(chosen.error(), printable(checked.opened.reference));
  if (console.err_is_terminal() || arguments.flag("verbose")) console.note(chosen->memory.describe(available));
  if (chosen->reduced) {
    console.note(fmt::format("note: memory allows a context of {} tokens, not the model's {}", chosen->memory.context,
                             checked.plan.spec.context));
  }
  ProgressBar bar(console, "loading");
  return load_weights(
      std::move(checked), chosen->memory, std::make_shared<ThreadPool>(threads), shape.cache,
      [&](std::uint64_t done, std::uint64_t total) {
        bar.update(done, total);
        return !interrupted();
      },
      [&](const std::string& line) { console.note(line); });
}

Result<std::unique_ptr<Session>> Session::start(Loaded loaded, SpeculationChoice speculation,
                                                const Arguments& arguments, Console& console) {
  auto session = std::unique_ptr<Session>(new Session(std::move(loaded)));
  Loaded& l = session->loaded_;
  FH_TRY(session->speculator_, Speculator::create(std::move(speculation), l, arguments, console));
  FH_TRY(session->decoder_, engine::ModelDecoder::create(l.model, *l.pool, kernel::table_up_to(l.level),
                                                         {.context = l.memory.context,
                                                          .sequences = 1,
                                                          .chunk = kChunk,
                                                          .max_rank = max_rank(l),
                                                          .drafted = session->speculator_.most(),
                                                          .cache_type = l.cache}));
  FH_TRY(session->engine_,
         engine::Engine::create(*session->decoder_, l.tokenizer.tokenizer,
                                {.max_sequences = 1, .chunk = kChunk, .drafting = session->speculator_.options()}));
  return session;
}

Result<Generated> Session::generate(const std::vector<text::TokenId>& prompt, const Settings& settings,
                                    bool text_starts, const std::function<void(std::string_view)>& sink) {
  Generated out;
  out.seed = settings.seed.value_or(random_seed());
  engine::Request request;
  if (settings.constraint && prompt.size() < context()) {
    const auto room = context() - static_cast<std::uint32_t>(prompt.size());
    FH_TRY(const std::uint32_t fewest, engine::fewest_tokens(settings.constraint));
    if (fewest > room) {
      return fail(Errc::exhausted, fmt::format("the shortest answer that is allowed has {} tokens, but the prompt's {} "
                                               "leave {} of the context's {}",
                                               fewest, prompt.size(), room, context()));
    }
  }
  request.prompt = prompt;
  request.sampling = settings.sampling;
  request.seed = out.seed;
  request.max_tokens = settings.max_tokens;
  request.stop = settings.stop;
  request.constraint = settings.constraint;
  request.text_starts = text_starts;
  request.adapter = loaded_.adapter;
  auto on_event = [&](const engine::Event& event) {
    if (const auto* delta = std::get_if<engine::TextDelta>(&event)) {
      out.text += delta->text;
      sink(delta->text);
    } else if (const auto* finished = std::get_if<engine::Finished>(&event)) {
      out.reason = finished->reason;
      out.steered = finished->steered;
      out.stop_string = finished->stop_string;
      out.usage = finished->usage;
    }
  };
  FH_TRY_VOID(engine_->run(std::move(request), on_event, &interrupt_flag()));
  return out;
}

}  // namespace freehold::app
