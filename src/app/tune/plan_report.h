// What a recipe will do, as text or JSON: what `tune plan` shows, and `tune start` before it begins.
#pragma once

#include <optional>
#include <string>

#include "app/console.h"
#include "app/tune/cost.h"
#include "app/tune/prepare.h"
#include "app/tune/training.h"

namespace freehold::app {

// The data, their lengths, three examples with what is learned marked, and the keys that change nothing.
std::string data_text(const Prepared& prepared, const Console& console);
// Steps, memory, and the time if it has been measured; with it, what the run costs.
std::string run_text(const Prepared& prepared, const train::RunPlan& plan, const TrainingMemory& memory,
                     std::uint64_t available, std::optional<double> seconds_a_token,
                     const std::optional<Energy>& energy = {});
// All of it; without a plan the data alone (they are too long).
std::string plan_json(const Prepared& prepared, const train::RunPlan* plan, const TrainingMemory& memory,
                      std::uint64_t available, std::optional<double> seconds_a_token,
                      const std::optional<Energy>& energy = {});

}  // namespace freehold::app
