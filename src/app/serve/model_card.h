// What lists and descriptions say about a served model.
#pragma once

#include <string>

#include "api/ollama/models.h"
#include "app/serve/served_model.h"

namespace freehold::app {

api::ollama::ModelCard card_of(const ServedModel& model);
bool can_think(const ServedModel& model);
// The files' metadata as a JSON object. Arrays are long (a whole vocabulary) and become null unless `arrays`.
std::string model_info(const ServedModel& model, bool arrays);
// As the files state it; empty if they do not.
std::string license_of(const ServedModel& model);

}  // namespace freehold::app
