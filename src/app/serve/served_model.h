// A loaded model behind a service thread, as the server holds it: many sequences at once, one cache.
#pragma once

#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <string>

#include "api/call.h"
#include "app/serve/adapter_shelf.h"
#include "app/serve/answer_plan.h"
#include "app/serve/model_pool.h"
#include "app/session.h"
#include "base/turns.h"
#include "engine/constraints.h"
#include "engine/drafting/ngram.h"
#include "engine/service.h"
#include "text/chat_template.h"
#include "text/prompt.h"
#include "text/tools/conversation.h"

namespace freehold::app {

struct ModelFacts;

// Of sequences that run at the same time, as many have room for a whole context at once; every one of them would often
// not fit.
inline constexpr std::uint32_t kWholeSequences = 4;

// The prompt in that field leaves no room for an answer in the context, or none for itself; `answered`: it is to have
// one.
api::Failure too_long(std::uint64_t tokens, std::uint32_t context, bool answered, std::string field);

class ServedModel final : public PooledModel {
 public:
  struct Options {
    std::size_t max_pending = 8192;     // requests; a call may be thousands (embeddings)
    std::shared_ptr<Turns> turns = {};  // if other models share its threads
    std::uint32_t max_rank = 0;         // of adapters that requests may bring
    Guessing guessing = {};             // loaded.memory.drafted tokens a step
    std::shared_ptr<const ModelFacts> facts = {};
    std::function<void(const ServedModel&)> at_end = {};  // called before it goes
    std::function<std::tm()> clock = {};                  // for chat templates that ask; empty: the local time
  };
  // How many sequences of which length it runs, loaded.memory says.
  static Result<std::unique_ptr<ServedModel>> start(std::string name, Loaded loaded, const Options& options);
  // Ends what runs.
  ~ServedModel() override;

  const std::string& name() const { return name_; }
  // "sha256:…" of the weights, if the store knows it; else empty.
  const std::string& digest() const { return digest_; }
  // "fp_…": the same program and the same weights have the same.
  const std::string& fingerprint() const { return fingerprint_; }
  const Loaded& loaded() const { return loaded_; }
  const std::shared_ptr<const ModelFacts>& facts() const { return facts_; }  // as the options had them
  AdapterShelf& adapters() const { return adapters_; }
  // The same of the model with an adapter on it.
  std::string fingerprint(const AdapterFile* adapter) const;
  engine::Service& service() { return *service_; }
  const engine::RequestLimits& limits() const { return service_->limits(); }
  std::uint32_t context() const { return decoder_->context(); }
  std::uint32_t sequences() const { return loaded_.memory.sequences; }  // answers at the same time
  struct Load {
    engine::EngineCounters counters;
    std::uint64_t submitted = 0;  // requests, ever
    std::size_t running = 0;      // as many as have a place of their own
    std::size_t waiting = 0;
    std::size_t kv_used = 0, kv_total = 0;                // blocks of the cache; kept prefixes count as used
    std::uint32_t batch_tokens = 0, batch_sequences = 0;  // of the last step
  };
  Load load() const;
  void count_submitted() { ++submitted_; }
  // Null if the model has none.
  const text::ChatTemplate* chat_template() const { return template_ ? &*template_ : nullptr; }
  // Whether it thinks before it answers, in a way that can be told from the answer.
  bool can_think() const { return support_.thinking.has_value(); }
  // Whether it guesses ahead.
  bool guesses() const { return loaded_.memory.drafted > 0; }

  // Everything that the engine is told of a call but its sampling. Failures name the field. In two steps: what costs
  // what the prompt costs, and the constraint, which a stranger can make costly. `tenant`: whose constraints are kept.
  api::Parsed<AnswerPlan> plan_prompt(const api::Call& call) const;
  api::Parsed<void> constrain(const api::Call& call, const std::string& tenant, AnswerPlan& plan) const;
  // Does it if that needs no compilation: false otherwise.
  bool constrain_at_once(const api::Call& call, const std::string& tenant, AnswerPlan& plan) const;
  api::Parsed<AnswerPlan> plan(const api::Call& call, const std::string& tenant) const;
  // Forgets what is kept of a tenant: constraints, and prompts that were read.
  void forget(const std::string& tenant);
  void forget_all();
  // What the engine is asked, checked: one request a prompt, or several if it wants more answers than have places at a
  // time (Request::first_choice tells them apart). An answer that would pass the end of the context ends
  // there, and says `length`. Failures as above.
  api::Parsed<std::vector<engine::Request>> requests(const api::Call& call, const AnswerPlan& plan,
                                                     const std::string& tenant) const;
  // The token ids a call becomes; several plain prompts give several.
  // `clock`, if given, is told the time that the template has read (AnswerPlan).
  api::Parsed<std::vector<text::Prompt>> prompts(const api::Call& call, std::string* clock = nullptr) const;
  // The token ids of texts without a template. `control_tokens`: their spellings are not taken literally. `each_fits`:
  // none after the first that is longer than the context is looked at, which is refused.
  api::Parsed<std::vector<text::Prompt>> prompts(const std::vector<api::PlainPrompt>& plain, const std::string& field,
                                                 bool control_tokens = false, bool each_fits = false) const;
  // What is only turned into tokens, or back, may be as long as what is asked: far more than the context is refused
  // (text::kFarMore), before anything is done with it.
  api::Parsed<void> check_text(std::string_view text, std::string field) const;
  api::Parsed<void> check_tokens(std::size_t count, std::string field) const;
  // How many tokens a text has.
  std::uint32_t count(std::string_view text) const;
  // What a client's ids spell, for echo.
  std::string text_of(const text::Prompt& prompt) const;
  std::string spelled(const std::vector<std::int32_t>& tokens) const;

 private:
  ServedModel(std::string name, Loaded loaded) : name_(std::move(name)), loaded_(std::move(loaded)) {}
  std::string name_;
  std::string digest_, fingerprint_;
  mutable AdapterShelf adapters_;
  Loaded loaded_;
  // Call::expected as tokens; none if that is of no use here.
  std::vector<std::int32_t> expected(const api::Call& call) const;
  api::Parsed<text::Prompt> prompt(const api::Call& call, const api::Conversation& chat, std::string* clock) const;
  std::uint32_t choices_at_once(const engine::Request& request) const;

  std::shared_ptr<Turns> turns_;
  std::shared_ptr<const ModelFacts> facts_;
  std::function<void(const ServedModel&)> at_end_;
  std::function<std::tm()> clock_;
  std::atomic<std::uint64_t> submitted_{0};
  std::optional<text::ChatTemplate> template_;
  text::tools::TemplateSupport support_;
  std::vector<std::int32_t> shown_;  // control tokens that are part of answers' text, sorted
  std::unique_ptr<engine::ConstraintCache> constraints_;
  engine::NgramDrafter drafter_;
  std::unique_ptr<engine::ModelDecoder> decoder_;
  std::unique_ptr<engine::Service> service_;  // last: its thread uses all of the above
};

}  // namespace freehold::app
