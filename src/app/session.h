// A loaded model ready to answer: files, tokenizer, threads, weights, cache and scheduler, put together in the right
// order and within the memory there is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/console.h"
#include "app/memory_plan.h"
#include "app/open_model.h"
#include "app/settings.h"
#include "app/speculation.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "engine/model_decoder.h"
#include "kernel/level.h"
#include "model/adapter.h"

namespace freehold::app {

// The weights in memory, without a cache or a scheduler: what the glass box needs.
struct Loaded {
  OpenModel opened;
  model::LoadedTokenizer tokenizer;
  model::Spec spec;
  std::shared_ptr<ThreadPool> pool;  // several models may share one, in turns
  kernel::Level level = kernel::Level::scalar;
  MemoryPlan memory;
  model::KvChoice cache = model::KvChoice::automatic;  // --kv-cache; memory.cache_type is what came of it
  double load_seconds = 0;
  std::shared_ptr<const model::Model> model;
  std::shared_ptr<const model::Adapter> adapter;  // null: none
};

inline constexpr std::uint32_t kChunk = 256;  // tokens of a prompt that one step takes

// Checks everything, computes the memory (and shows it on a terminal or with --verbose), refuses what does not fit,
// loads with a progress bar. `arguments` has run_options().
Result<Loaded> load(const Arguments& arguments, Console& console, std::uint32_t context);
struct LoadNeeds {
  std::uint64_t reserved = 0;   // bytes of the memory there is that are promised to somebody else
  std::uint32_t sequences = 1;  // as RunShape has these
  std::uint32_t whole = 1;
  std::uint32_t drafted = kMostDraftTokens;
};
Result<Loaded> load(CheckedModel checked, const Arguments& arguments, Console& console, std::uint32_t context,
                    const LoadNeeds& needs = {});
// With the adapter that `checked` has, if any.
// The last step alone: what was planned is loaded. `note` gets what the user should know, in one line.
Result<Loaded> load_weights(CheckedModel checked, const MemoryPlan& memory, std::shared_ptr<ThreadPool> pool,
                            model::KvChoice cache, const model::Progress& progress,
                            const std::function<void(const std::string&)>& note);

std::uint32_t max_rank(const Loaded& loaded);  // of its adapter; 0: there is none

// What one conversation takes, guesses included.
RunShape run_shape(int threads, model::KvChoice cache = model::KvChoice::automatic);

struct Generated {
  std::string text;
  engine::FinishReason reason = engine::FinishReason::stop;
  bool steered = false;  // as engine::Finished has it
  std::string stop_string;
  engine::Usage usage;
  std::uint64_t seed = 0;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> start(Loaded loaded, SpeculationChoice speculation,
                                                const Arguments& arguments, Console& console);

  const Loaded& loaded() const { return loaded_; }
  const text::Tokenizer& tokenizer() const { return loaded_.tokenizer.tokenizer; }
  std::uint32_t context() const { return decoder_->context(); }

  // Runs one answer; `sink` gets the text as it comes (whole characters). An interrupt ends it with
  // FinishReason::cancelled. `text_starts`: see engine::Request.
  Result<Generated> generate(const std::vector<text::TokenId>& prompt, const Settings& settings, bool text_starts,
                             const std::function<void(std::string_view)>& sink);

 private:
  explicit Session(Loaded loaded) : loaded_(std::move(loaded)) {}
  Loaded loaded_;
  Speculator speculator_;
  std::unique_ptr<engine::ModelDecoder> decoder_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace freehold::app
