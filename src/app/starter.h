// The model that the program carries in itself (models/starter.gguf), so that it answers on a machine that has no
// model: `starter` wherever a model is named, unless the store or the working folder has something of that name.
#pragma once

#include <string_view>

#include "app/open_model.h"
#include "base/file.h"
#include "base/result.h"

namespace freehold::app {

inline constexpr std::string_view kStarterName = "starter";

// The file's bytes; empty in a build without it. starter_data.cpp
Bytes starter_bytes();

// Whether `reference` is the starter, given that the store knows nothing of it; false in a build without it.
bool means_starter(std::string_view reference);

// The starter, opened where it lies: no file is touched, and the checkpoint holds none.
Result<OpenModel> open_starter();
bool is_starter(const OpenModel& opened);

}  // namespace freehold::app
