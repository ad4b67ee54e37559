// Answers that are programs: put together as the task says, and run in the sandbox.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/question.h"
#include "eval/result.h"
#include "sandbox/sandbox.h"

namespace freehold::eval {

// The whole text that is run: what the filters find in `answer`, at its place in the task's program. Errors: as
// extract.
Result<std::string> program_of(const Task& task, const Question& question, std::string_view answer);

// Under what verdicts are kept: they hang on Python's version, too.
std::string verdicts_key(std::string_view run, const sandbox::Sandbox& sandbox);

struct Judging {
  const sandbox::Sandbox* sandbox = nullptr;  // owner: the caller
  std::size_t threads = 1;                    // programs at the same time
  const std::atomic<bool>* stop = nullptr;
  // An item whose verdicts are all there; called by one thread at a time, in any order.
  std::function<Result<>(std::size_t item)> done;
};
// Fills in the verdicts of these items, whose texts are there. Errors: cancelled; of the sandbox; of `done`.
Result<> judge(const Questions& all, const std::vector<std::size_t>& items, std::vector<ItemResult>& results,
               const Judging& how);

}  // namespace freehold::eval
