// How an answer is made: the options that `run` and the chat's /set share, as one table.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "engine/request.h"

namespace freehold::app {

struct Settings {
  engine::Sampling sampling;
  std::optional<std::uint64_t> seed;  // none: a new random one for each answer
  std::uint32_t max_tokens = 0;       // 0: until the model ends, or the context
  std::vector<std::string> stop;
  // What every answer must look like (constraint.h); null: anything.
  std::shared_ptr<text::grammar::MaskCache> constraint;
};

// temperature, top-k, …, seed, max-tokens, stop, logit-bias, with the defaults of `run`.
const std::vector<Option>& settings_options();

// The options of a command that has them all.
Result<Settings> settings_from(const Arguments& arguments);

// One option by name, as /set has it. Errors name it, and the nearest name of an unknown one. An empty value gives back
// the default (and empties lists).
Result<> set_option(Settings& settings, std::string_view name, std::string_view value);

// name and value of each, for /set without arguments, and JSON.
std::vector<std::pair<std::string, std::string>> describe(const Settings& settings);

std::uint64_t random_seed();  // below 2^53, so that JSON readers keep it exact

}  // namespace freehold::app
