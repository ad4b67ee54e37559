// `models quantize --type nf4`: a Hugging Face folder in, one with 4-bit weights out.
#pragma once

#include <filesystem>

#include "app/command.h"
#include "app/console.h"
#include "app/open_model.h"
#include "base/result.h"

namespace freehold::app {

// The folder that OUT names, also with a slash behind it.
std::filesystem::path nf4_folder(const Arguments& arguments);

// `source` is checked. Errors: Errc::invalid without OUT or if it is there; Errc::unsupported, naming it, for a GGUF.
Result<> quantize_to_nf4(const OpenModel& source, const model::Plan& plan, const Arguments& arguments,
                         Console& console);

}  // namespace freehold::app
