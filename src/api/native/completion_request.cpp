// POST /completion: bytes to a Call.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/native/native.h"

namespace freehold::api::native {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 24;

Parsed<void> parse_sampling(Fields& f, engine::Sampling& s) {
  FH_TRY(auto temperature, f.number("temperature", -1, 100));
  s.temperature = std::max(temperature.value_or(0.8), 0.0);  // below 0: greedy, as 0
  if (s.temperature < 1e-100) s.temperature = 0;
  FH_TRY(auto top_k, f.integer("top_k", -1, kMost));
  s.top_k = static_cast<std::uint32_t>(std::max<std::int64_t>(top_k.value_or(40), 0));
  FH_TRY(auto top_p, f.number("top_p", 0, 1));
  if (top_p && *top_p == 0) {
    s.top_k = 1;
  } else {
    s.top_p = top_p.value_or(0.95);
  }
  FH_TRY(auto min_p, f.number("min_p", 0, 1));
  s.min_p = min_p.value_or(0.05);
  FH_TRY(auto typical, f.number("typical_p", 0, 1));
  if (typical && *typical == 0) return f.wrong("typical_p", "above 0");
  s.typical_p = typical.value_or(1);
  FH_TRY(auto repeat, f.number("repeat_penalty", 0.01, 100));
  FH_TRY(auto presence, f.number("presence_penalty", -100, 100));
  FH_TRY(auto frequency, f.number("frequency_penalty", -100, 100));
  FH_TRY(auto last, f.integer("repeat_last_n", -1, kMost));
  if (last.value_or(64) != 0) {
    s.repetition_penalty = repeat.value_or(1);
    s.presence_penalty = presence.value_or(0);
    s.frequency_penalty = frequency.value_or(0);
    s.penalty_last = last == -1 ? 0 : static_cast<std::uint32_t>(last.value_or(64));
  }
  return {};
}

// [[id, bias], …] with `false` for never, or {"id": bias}.
Parsed<void> parse_bias(Fields& f, engine::Sampling& s) {
  const Json* bias = f.find("logit_bias");
  if (bias == nullptr) return {};
  const auto expected = [&] {
    return f.wrong("logit_bias", "at most 1024 pairs of a token id and a number (or false), or an object of these");
  };
  if ((!bias->is_array() && !bias->is_object()) || bias->size() > 1024) return expected();
  const auto add = [&](std::int64_t id, const Json& value) {
    const bool never = value.is_boolean() && !value.get<bool>();
    if (id < 0 || id > INT32_MAX || (!never && !value.is_number())) return false;
    const double by = never ? -INFINITY : value.get<double>();
    if (!never && std::abs(by) > 1e6) return false;
    s.logit_bias.push_back({static_cast<std::int32_t>(id), by});
    return true;
  };
  for (const auto& item : bias->items()) {
    if (bias->is_object()) {
      const std::string& key = item.key();
      if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos) return expected();
      if (!add(std::stol(key), item.value())) return expected();
    } else {
      const Json& pair = item.value();
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer()) return expected();
      if (!add(pair[0].get<std::int64_t>(), pair[1])) return expected();
    }
  }
  return {};
}

Parsed<void> parse_format(Fields& f, Format& format) {
  FH_TRY(auto grammar, f.string("grammar"));
  const Json* schema = f.find("json_schema");
  if (schema != nullptr && !schema->is_object() && !schema->is_boolean())
    return f.wrong("json_schema", "a JSON Schema (an object)");
  const bool has_grammar = grammar && !grammar->empty();
  const bool has_schema = schema != nullptr && *schema != Json::object();
  if (has_grammar && has_schema)
    return refuse(Problem::invalid, "'grammar' and 'json_schema' cannot be combined", "json_schema");
  if (has_grammar) format = {Format::Kind::gbnf, std::move(*grammar), {}, false, "grammar"};
  if (has_schema) format = {Format::Kind::json_schema, dump(*schema), {}, false, "json_schema"};
  return {};
}

// A text, or token ids.
Parsed<PlainPrompt> parse_prompt(Fields& f) {
  const Json* prompt = f.find("prompt");
  const auto expected = [&] { return f.wrong("prompt", "a string, or an array of token ids"); };
  if (prompt == nullptr) return expected();
  if (prompt->is_string()) return PlainPrompt(prompt->get<std::string>());
  if (!prompt->is_array() || prompt->empty()) return expected();
  std::vector<std::int32_t> ids;
  for (const Json& id : *prompt) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX) return expected();
    ids.push_back(id.get<std::int32_t>());
  }
  return PlainPrompt(std::move(ids));
}

}  // namespace

Parsed<Call> parse_completion(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  Call call;
  engine::Request& r = call.request;
  FH_TRY(auto model, f.string("model"));
  call.model = model.value_or("");
  FH_TRY(PlainPrompt prompt, parse_prompt(f));
  call.input = std::vector<PlainPrompt>{std::move(prompt)};
  call.control_tokens = true;
  FH_TRY_VOID(parse_sampling(f, r.sampling));
  FH_TRY_VOID(parse_bias(f, r.sampling));
  FH_TRY_VOID(parse_format(f, call.format));
  FH_TRY(auto predict, f.integer("n_predict", -1, kMost));
  FH_TRY(auto limit, f.integer("max_tokens", -1, kMost));
  const std::int64_t tokens = predict.value_or(limit.value_or(-1));
  if (tokens == 0)
    return refuse(Problem::invalid, "'n_predict': 0 is not supported: at least one token is made", "n_predict");
  r.max_tokens = tokens < 0 ? 0 : static_cast<std::uint32_t>(tokens);
  FH_TRY(auto seed, f.integer("seed", INT64_MIN, INT64_MAX));
  call.has_seed = seed && *seed != -1;
  if (call.has_seed) r.seed = static_cast<std::uint64_t>(*seed);
  FH_TRY(r.stop, f.strings("stop", engine::kMaxStopStrings));
  for (const std::string& s : r.stop) {
    if (s.empty() || s.size() > engine::kMaxStopBytes)
      return f.wrong("stop", fmt::format("strings of 1 to {} bytes", engine::kMaxStopBytes));
  }
  FH_TRY(auto ignore_end, f.boolean("ignore_eos"));
  r.stop_at_end_of_generation = !ignore_end.value_or(false);
  FH_TRY(auto probabilities, f.integer("n_probs", 0, engine::kMaxLogprobs));
  if (probabilities.value_or(0) > 0) r.logprobs = static_cast<std::uint32_t>(*probabilities);
  FH_TRY(auto stream, f.boolean("stream"));
  call.stream = stream.value_or(false);
  f.known("cache_prompt");  // it is, in any case
  call.ignored = f.left_over();
  return call;
}

}  // namespace freehold::api::native
