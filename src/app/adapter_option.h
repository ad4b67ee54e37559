// --adapter, of the commands that run a model.
#pragma once

#include <string_view>

#include "app/command.h"
#include "app/open_model.h"
#include "base/result.h"

namespace freehold::app {

Option adapter_option();

// Reads the adapter that --adapter names, if it is given, for the model that has been checked: a PEFT folder, a GGUF,
// or a name in the store. Errors: those of model::read_adapter; invalid if the model's name stands for one with an
// adapter already.
Result<> take_adapter(const Arguments& arguments, CheckedModel& checked);

// `reference`: what --adapter says. Errors name it.
Result<model::PeftAdapter> open_adapter(std::string_view reference, const CheckedModel& checked);

}  // namespace freehold::app
