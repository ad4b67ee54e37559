// The lines of OpenAI's training files (platform.openai.com/docs/guides/supervised-fine-tuning, and
// direct-preference-optimization), checked and written as the rows that train/examples.h reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "api/openai/fine_tuning.h"

namespace freehold::api::openai {

enum class TuningRows : std::uint8_t {
  chat,         // {"messages": [{"role", "content", "weight"}, …], "tools": […]}
  completions,  // {"prompt", "completion"}
  preferences,  // {"messages": […], "tools": […], "chosen": message, "rejected": message}
};

struct TuningRow {
  TuningRows rows = TuningRows::chat;
  std::string json;    // in one line
  bool tools = false;  // it has tools or calls of tools
};

// Error: what is wrong with the line, in words for whoever wrote it.
tl::expected<TuningRow, std::string> parse_tuning_line(std::string_view line, TuningMethod method);

}  // namespace freehold::api::openai
