// What the command line and the server share about models that come with prompts and options of their own.
#pragma once

#include "api/ollama/models.h"
#include "base/result.h"
#include "store/manifest.h"

namespace freehold::app {

// Whether a conversation can be begun with these: options that are known and of their types, messages that are some.
Result<> check_defaults(const store::Defaults& defaults);

// What a model came with, in the words of Ollama's dialect.
api::ollama::Preset preset_of(const store::Manifest& manifest);

}  // namespace freehold::app
