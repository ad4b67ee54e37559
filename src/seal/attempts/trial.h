// Tries every attempt, each in a process of its own that is sealed first, and says what came of it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "seal/attempts/attempt.h"
#include "seal/seal.h"

namespace freehold::seal {

struct Trial {
  std::string_view group;  // "network", "processes", "kernel", "files", "seal"
  std::string name;
  Verdict verdict = Verdict::unclear;
  std::string how;
};

struct TrialOptions {
  // What the trial's process is sealed with. `write` has at least one folder, which exists; something is put there, and
  // gone afterwards.
  Policy policy;
  std::filesystem::path temporary;  // where what stands outside is made; no rule of the policy names it
  Kernel offered = kernel();
  // What is told of each trial at once: a line of a report, an entry of a log.
  std::function<void(const Trial&)> report;
  // For tests: without the seal, to see that the attempts are real. What would send something is left out.
  bool sealed = true;
};

// In order, and at the end one trial more for everything that stood outside: whether it was reached or changed,
// whatever the calls said. To be called by a process without threads. Errors: io, if the stage cannot be set.
Result<std::vector<Trial>> run_trials(const TrialOptions& options);

}  // namespace freehold::seal
