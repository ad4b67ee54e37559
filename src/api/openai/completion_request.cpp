// POST /v1/completions: bytes to a Call.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/openai/common.h"
#include "api/openai/openai.h"

namespace freehold::api::openai {

Parsed<std::vector<PlainPrompt>> parse_plain(Fields& f, std::string_view key) {
  const Json* prompt = f.find(key);
  std::vector<PlainPrompt> prompts;
  const auto add = [&](const Json& one) {
    if (one.is_string()) {
      prompts.emplace_back(one.get<std::string>());
      return true;
    }
    if (!one.is_array() || one.empty()) return false;
    std::vector<std::int32_t> ids;
    for (const Json& id : one) {
      if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX) return false;
      ids.push_back(id.get<std::int32_t>());
    }
    prompts.emplace_back(std::move(ids));
    return true;
  };
  bool good = prompt != nullptr && (prompt->is_string() || (prompt->is_array() && !prompt->empty()));
  if (good && prompt->is_array() && !(*prompt)[0].is_number()) {
    good = prompt->size() <= kMostPrompts;
    for (std::size_t i = 0; good && i < prompt->size(); ++i) good = add((*prompt)[i]);
  } else if (good) {
    good = add(*prompt);
  }
  if (!good) {
    return f.wrong(key,
                   fmt::format("a string, an array of token ids, or an array of at most {} of either", kMostPrompts));
  }
  return prompts;
}

Parsed<Call> parse_completion(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(Call call, parse_common(f));
  call.input_field = "prompt";
  FH_TRY(auto echo, f.boolean("echo"));
  call.echo = echo.value_or(false);
  FH_TRY(auto limit, f.integer("max_tokens", call.echo ? 0 : 1, kMostTokens));
  call.request.max_tokens = static_cast<std::uint32_t>(limit.value_or(16));  // the documented default
  FH_TRY(auto logprobs, f.integer("logprobs", 0, 5));
  if (logprobs) call.request.logprobs = static_cast<std::uint32_t>(*logprobs);
  if (call.echo && logprobs) call.request.prompt_logprobs = call.request.logprobs;
  call.request.score_only = call.request.max_tokens == 0;
  FH_TRY(auto suffix, f.string("suffix"));
  if (suffix && !suffix->empty()) return refuse(Problem::invalid, "'suffix' is not supported", "suffix");
  FH_TRY(auto best_of, f.integer("best_of", 1, 128));
  if (best_of && *best_of < call.request.n) return f.wrong("best_of", "at least 'n'");
  if (best_of && *best_of > call.request.n) {
    if (call.stream) return refuse(Problem::invalid, "'best_of' above 'n' cannot be streamed", "best_of");
    call.best = call.request.n;
    call.request.n = static_cast<std::uint32_t>(*best_of);
    call.logprobs_shown = call.request.logprobs.has_value();
    if (!call.logprobs_shown) call.request.logprobs = 0;
  }
  FH_TRY_VOID(parse_structured(f, call));
  FH_TRY(call.input, parse_plain(f, "prompt"));
  add_left_over(f, call);
  return call;
}

}  // namespace freehold::api::openai
