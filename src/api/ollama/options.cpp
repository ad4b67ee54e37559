// The parts of a request that generate and chat share.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/duration.h"
#include "api/ollama/common.h"
#include "base/utf8.h"

namespace freehold::api::ollama {
namespace {

// How Ollama runs a model on its machine: these change nothing here but speed and memory, which are the server's
// business. Checked, because a wrong type is a mistake of the client whatever comes of it.
constexpr const char* kIntegers[] = {"num_batch", "num_gpu",  "main_gpu", "num_thread",
                                     "num_gqa",   "mirostat", "n_probs",  "draft_num_predict"};
constexpr const char* kNumbers[] = {"mirostat_eta", "mirostat_tau", "tfs_z", "rope_frequency_base",
                                    "rope_frequency_scale"};
constexpr const char* kBooleans[] = {"use_mmap",   "use_mlock",  "numa",           "low_vram",        "f16_kv",
                                     "logits_all", "vocab_only", "embedding_only", "penalize_newline"};

Parsed<void> parse_ignored_options(Fields& f, Call& call) {
  const auto ignored = [&](const char* key) {
    if (f.find(key) != nullptr) call.ignored.push_back(f.name(key));
  };
  for (const char* key : kIntegers) {
    FH_TRY_VOID(f.integer(key, INT32_MIN, INT32_MAX));
    ignored(key);
  }
  for (const char* key : kNumbers) {
    FH_TRY_VOID(f.number(key, -1e30, 1e30));
    ignored(key);
  }
  for (const char* key : kBooleans) {
    FH_TRY_VOID(f.boolean(key));
    ignored(key);
  }
  return {};
}

// Penalties look at the last `repeat_last_n` tokens of prompt and answer: 0 at none, -1 at all.
Parsed<void> parse_penalties(Fields& f, engine::Sampling& s) {
  FH_TRY(auto repeat, f.number("repeat_penalty", 0.01, 100));
  FH_TRY(auto presence, f.number("presence_penalty", -100, 100));
  FH_TRY(auto frequency, f.number("frequency_penalty", -100, 100));
  FH_TRY(auto last, f.integer("repeat_last_n", -1, kMostTokens));
  if (last.value_or(64) == 0) return {};
  s.repetition_penalty = repeat.value_or(1.1);
  s.presence_penalty = presence.value_or(0);
  s.frequency_penalty = frequency.value_or(0);
  s.penalty_last = last == -1 ? 0 : static_cast<std::uint32_t>(last.value_or(64));
  return {};
}

Parsed<void> parse_sampling(Fields& f, engine::Sampling& s) {
  FH_TRY(auto temperature, f.number("temperature", 0, 100));
  s.temperature = temperature.value_or(0.8);
  if (s.temperature < 1e-100) s.temperature = 0;
  FH_TRY(auto top_k, f.integer("top_k", -1, kMostTokens));
  s.top_k = static_cast<std::uint32_t>(std::max<std::int64_t>(top_k.value_or(40), 0));
  FH_TRY(auto top_p, f.number("top_p", 0, 1));
  if (top_p && *top_p == 0) {
    s.top_k = 1;  // the smallest set that holds anything
  } else {
    s.top_p = top_p.value_or(0.9);
  }
  FH_TRY(auto min_p, f.number("min_p", 0, 1));
  s.min_p = min_p.value_or(0);
  FH_TRY(auto typical, f.number("typical_p", 0, 1));
  if (typical && *typical == 0) return f.wrong("typical_p", "above 0");
  s.typical_p = typical.value_or(1);
  return parse_penalties(f, s);
}

Parsed<void> parse_format(Fields& f, Call& call) {
  const Json* format = f.find("format");
  if (format == nullptr || *format == "") return {};
  call.format.param = "format";
  if (*format == "json") {
    call.format.kind = Format::Kind::json_object;
  } else if (format->is_object()) {
    call.format.kind = Format::Kind::json_schema;
    call.format.source = dump(*format);
  } else {
    return f.wrong("format", "\"json\" or a JSON Schema (an object)");
  }
  return {};
}

// Levels are what some templates call reasoning_effort.
Parsed<std::string> parse_think(Fields& f, Call& call) {
  const Json* think = f.find("think");
  if (think == nullptr) return std::string();
  if (think->is_boolean()) {
    call.thinking = think->get<bool>();
    return std::string();
  }
  if (*think != "low" && *think != "medium" && *think != "high") {
    return f.wrong("think", "true, false, \"low\", \"medium\" or \"high\"");
  }
  call.thinking = true;
  return think->get<std::string>();
}

}  // namespace

Parsed<std::optional<std::chrono::nanoseconds>> parse_keep_alive(Fields& f) {
  const Json* value = f.find("keep_alive");
  std::optional<std::chrono::nanoseconds> time;
  if (value == nullptr) return time;
  if (value->is_number()) {
    time = keep_alive_of_seconds(value->get<double>());
  } else if (value->is_string()) {
    time = parse_keep_alive_text(value->get<std::string>());
  }
  if (!time) return f.wrong("keep_alive", "seconds, or a duration like \"5m\"");
  return time;
}

Parsed<std::string> parse_model(Fields& f) {
  FH_TRY(auto model, f.string("model"));
  FH_TRY(auto name, f.string("name"));
  if (!model || model->empty()) model = std::move(name);
  if (!model || model->empty()) return refuse(Problem::invalid, "model is required", "model");
  return std::move(*model);
}

Parsed<void> parse_options(const Json& options, Asked& asked) {
  if (!options.is_object()) return refuse(Problem::invalid, "'options' must be an object", "options");
  Fields f(options, "options");
  Call& call = asked.call;
  engine::Request& r = call.request;
  FH_TRY_VOID(parse_sampling(f, r.sampling));
  FH_TRY(auto seed, f.integer("seed", INT64_MIN, INT64_MAX));
  call.has_seed = seed && *seed != -1;  // -1: draw one
  if (call.has_seed) r.seed = static_cast<std::uint64_t>(*seed);
  FH_TRY(r.stop, f.strings("stop", engine::kMaxStopStrings));
  for (const std::string& s : r.stop) {
    if (s.empty() || s.size() > engine::kMaxStopBytes)
      return f.wrong("stop", fmt::format("strings of 1 to {} bytes", engine::kMaxStopBytes));
  }
  FH_TRY(auto context, f.integer("num_ctx", 0, kMostTokens));
  asked.context = static_cast<std::uint32_t>(context.value_or(0));
  FH_TRY(auto keep, f.integer("num_keep", -1, kMostTokens));
  asked.keep = keep == -1 ? UINT32_MAX : static_cast<std::uint32_t>(keep.value_or(4));
  // 0, -1 (no end) and -2 (until the context ends) are all the same here: an answer always ends with the context.
  FH_TRY(auto predict, f.integer("num_predict", -2, kMostTokens));
  asked.predict = static_cast<std::uint32_t>(std::max<std::int64_t>(predict.value_or(0), 0));
  FH_TRY_VOID(parse_ignored_options(f, call));
  for (std::string& name : f.left_over()) call.ignored.push_back(std::move(name));
  return {};
}

Parsed<Asked> parse_common(Fields& f, const FindParameters& parameters) {
  Asked asked;
  Call& call = asked.call;
  FH_TRY(call.model, parse_model(f));
  Json options = Json::object();
  if (const std::string made_with = parameters ? parameters(call.model) : std::string(); !made_with.empty()) {
    FH_TRY(options, parse_object(made_with));
  }
  if (const Json* given = f.find("options"); given != nullptr) {
    if (!given->is_object()) return f.wrong("options", "an object");
    for (const auto& item : given->items()) {
      if (!item.value().is_null()) options[item.key()] = item.value();
    }
  }
  FH_TRY_VOID(parse_options(options, asked));
  FH_TRY_VOID(parse_format(f, call));
  FH_TRY(const std::string effort, parse_think(f, call));
  call.input = Conversation{{}, effort.empty() ? "" : fmt::format(R"({{"reasoning_effort":"{}"}})", effort)};
  FH_TRY(auto logprobs, f.boolean("logprobs"));
  FH_TRY(auto top, f.integer("top_logprobs", 0, 20));
  if (top.value_or(0) > 0 && !logprobs.value_or(false))
    return refuse(Problem::invalid, "'top_logprobs' needs 'logprobs': true", "top_logprobs");
  if (logprobs.value_or(false)) call.request.logprobs = static_cast<std::uint32_t>(top.value_or(0));
  FH_TRY(auto stream, f.boolean("stream"));
  call.stream = stream.value_or(true);
  FH_TRY(auto truncate, f.boolean("truncate"));
  asked.truncate = truncate.value_or(true);
  FH_TRY(auto shift, f.boolean("shift"));
  if (shift.value_or(false)) call.ignored.emplace_back("shift");  // an answer that reaches the context's end ends there
  FH_TRY(call.keep_alive, parse_keep_alive(f));
  return asked;
}

}  // namespace freehold::api::ollama
