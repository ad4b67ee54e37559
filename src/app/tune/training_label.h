// How much harm the data of a training run could do, and so its result (docs/policy.md).
#pragma once

#include <string>
#include <vector>

#include "app/command.h"
#include "app/tune/prepare.h"
#include "base/result.h"
#include "train/result_files.h"

namespace freehold::app {

// --label, or "". Errors: invalid (not one of the policy's).
Result<std::string> given_label(const Arguments& arguments);
// The highest of `given`, of the recipe's data sets, of the adapter that it goes on from and of what its base model was
// made of; empty: the policy's lowest. Errors: invalid (a label that is not one of the policy's, or one above the
// ceiling of the base model).
Result<std::string> training_label(const ReadRecipe& read, const std::string& given);
// Marks the weights among a result's files, whatever they will be called.
Result<> mark_result(const std::vector<train::ResultFile>& files, const std::string& label);

}  // namespace freehold::app
