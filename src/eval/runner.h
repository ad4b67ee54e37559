// Runs a task's questions on one model: scores through the Scorer, texts and letters through the engine. What is known
// already is not computed again; what is new is kept as it comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/decoder.h"
#include "engine/engine.h"
#include "eval/prompter.h"
#include "eval/question.h"
#include "eval/result.h"
#include "eval/result_store.h"

namespace freehold::eval {

// Under what a task's results are kept.
std::string run_key(const Questions& questions, const Tokenized& tokens);

struct RunStats {
  std::uint64_t computed = 0;  // tokens read by the model
  std::uint64_t saved = 0;     // not read again, because they were shared
  std::uint64_t written = 0;   // tokens that the model wrote
  std::uint64_t items = 0;     // measured now, by aspect
  std::uint64_t known = 0;     // measured before
};

class Runner {
 public:
  struct Parts {
    engine::Decoder* decoder = nullptr;
    const text::Tokenizer* tokenizer = nullptr;
    ThreadPool* pool = nullptr;
    std::shared_ptr<const model::Adapter> adapter;
    std::string model;                          // its identity in the store
    ResultStore* store = nullptr;               // null: nothing is kept
    bool chat = false;                          // prompts are chats': letters need no blank before them
    std::uint32_t sequences = 16;               // answers written at the same time
    const sandbox::Sandbox* sandbox = nullptr;  // for tasks whose answers are programs
    const std::atomic<bool>* stop = nullptr;
    std::function<void(std::uint64_t items)> progress;  // items done since the last call
  };
  // All that `parts` names outlives the runner.
  explicit Runner(Parts parts);
  ~Runner();

  // Only what is missing. Errors: cancelled (what was finished is kept), and those of the engine and the store.
  Result<std::vector<ItemResult>> run(const Questions& questions, const Tokenized& tokens);
  const RunStats& stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::eval
