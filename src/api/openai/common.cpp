#include "api/openai/common.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

// logit_bias {"<token id>": -100 … 100}. 100 selects and -100 bans (the documentation's words), whatever the logits
// are.
Parsed<std::vector<engine::LogitBias>> parse_bias(Fields& fields) {
  std::vector<engine::LogitBias> out;
  const Json* bias = fields.find("logit_bias");
  if (bias == nullptr) return out;
  const char* kExpected = "an object that maps at most 1024 token ids to numbers from -100 to 100";
  if (!bias->is_object() || bias->size() > 1024) return fields.wrong("logit_bias", kExpected);
  for (const auto& item : bias->items()) {
    const std::string& key = item.key();
    const double value = item.value().is_number() ? item.value().get<double>() : std::nan("");
    if (key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != std::string::npos ||
        !(value >= -100 && value <= 100)) {
      return fields.wrong("logit_bias", kExpected);
    }
    const double effect = value == 100 ? 1e6 : value == -100 ? -INFINITY : value;
    out.push_back({static_cast<std::int32_t>(std::stol(key)), effect});
  }
  return out;
}

// The integers of an array.
Parsed<std::vector<std::int32_t>> token_ids(Fields& fields, std::string_view key, std::size_t most) {
  std::vector<std::int32_t> out;
  const Json* list = fields.find(key);
  if (list == nullptr) return out;
  const auto expected = [&] { return fields.wrong(key, fmt::format("an array of at most {} token ids", most)); };
  if (!list->is_array() || list->size() > most) return expected();
  for (const Json& id : *list) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX) return expected();
    out.push_back(id.get<std::int32_t>());
  }
  return out;
}

Parsed<void> parse_sampling(Fields& f, engine::Sampling& s) {
  FH_TRY(auto temperature, f.number("temperature", 0, 2));
  s.temperature = temperature.value_or(1);
  FH_TRY(auto top_p, f.number("top_p", 0, 1));
  if (top_p && *top_p == 0) {
    s.top_k = 1;  // the smallest set that holds anything
  } else {
    s.top_p = top_p.value_or(1);
  }
  FH_TRY(auto top_k, f.integer("top_k", -1, kMostTokens));
  if (top_k && *top_k > 0) s.top_k = static_cast<std::uint32_t>(*top_k);
  FH_TRY(auto min_p, f.number("min_p", 0, 1));
  s.min_p = min_p.value_or(0);
  FH_TRY(auto typical, f.number("typical_p", 0, 1));
  if (typical && *typical == 0) return f.wrong("typical_p", "above 0");
  s.typical_p = typical.value_or(1);
  FH_TRY(auto repetition, f.number("repetition_penalty", 0.01, 100));
  FH_TRY(auto repeat, f.number("repeat_penalty", 0.01, 100));
  s.repetition_penalty = repetition.value_or(repeat.value_or(1));
  FH_TRY(auto presence, f.number("presence_penalty", -2, 2));
  s.presence_penalty = presence.value_or(0);
  FH_TRY(auto frequency, f.number("frequency_penalty", -2, 2));
  s.frequency_penalty = frequency.value_or(0);
  if (presence.value_or(0) != 0 || frequency.value_or(0) != 0) s.penalty_scope = engine::PenaltyScope::answer;
  FH_TRY(s.logit_bias, parse_bias(f));
  return {};
}

Parsed<std::string> schema_text(const Json& schema, const std::string& where) {
  if (!schema.is_object() && !schema.is_boolean())
    return refuse(Problem::invalid, fmt::format("'{}' must be a JSON Schema (an object)", where), where);
  return dump(schema);
}

}  // namespace

Parsed<Call> parse_common(Fields& f) {
  Call call;
  engine::Request& r = call.request;
  FH_TRY(auto model, f.string("model"));
  if (!model || model->empty()) return refuse(Problem::invalid, "'model' is required", "model");
  call.model = std::move(*model);
  FH_TRY(auto n, f.integer("n", 1, 128));
  r.n = static_cast<std::uint32_t>(n.value_or(1));
  FH_TRY_VOID(parse_sampling(f, r.sampling));
  FH_TRY(auto seed, f.integer("seed", INT64_MIN, INT64_MAX));
  call.has_seed = seed.has_value();
  if (seed) r.seed = static_cast<std::uint64_t>(*seed);
  FH_TRY(r.stop, f.strings("stop", engine::kMaxStopStrings));
  for (const std::string& s : r.stop) {
    if (s.empty() || s.size() > engine::kMaxStopBytes)
      return f.wrong("stop", fmt::format("strings of 1 to {} bytes", engine::kMaxStopBytes));
  }
  FH_TRY(r.stop_tokens, token_ids(f, "stop_token_ids", 256));
  FH_TRY(auto least, f.integer("min_tokens", 0, kMostTokens));
  r.min_tokens = static_cast<std::uint32_t>(least.value_or(0));
  FH_TRY(auto ignore_end, f.boolean("ignore_eos"));
  r.stop_at_end_of_generation = !ignore_end.value_or(false);
  FH_TRY(auto stream, f.boolean("stream"));
  call.stream = stream.value_or(false);
  if (const Json* options = f.find("stream_options"); options != nullptr) {
    if (!call.stream) return refuse(Problem::invalid, "'stream_options' needs 'stream': true", "stream_options");
    if (!options->is_object()) return f.wrong("stream_options", "an object");
    Fields o(*options, "stream_options");
    FH_TRY(auto usage, o.boolean("include_usage"));
    call.usage_in_stream = usage.value_or(false);
    // Padding against who guesses texts from lengths; there is none, so leaving it out is granted.
    FH_TRY(auto padding, o.boolean("include_obfuscation"));
    if (padding.value_or(false)) call.ignored.push_back(o.name("include_obfuscation"));
    for (std::string& name : o.left_over()) call.ignored.push_back(std::move(name));
  }
  FH_TRY_VOID(parse_bookkeeping(f, call));
  return call;
}

Parsed<Format> parse_format(const Json& format, const std::string& where, bool nested) {
  if (!format.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(format, where);
  FH_TRY(auto type, f.string("type"));
  Format out;
  out.param = where;
  if (type == "text") return out;
  if (type == "json_object") {
    out.kind = Format::Kind::json_object;
    // llama-server takes a schema here too.
    if (const Json* schema = f.find("schema"); schema != nullptr) {
      out.kind = Format::Kind::json_schema;
      FH_TRY(out.source, schema_text(*schema, f.name("schema")));
    }
    return out;
  }
  if (type != "json_schema") return f.wrong("type", "one of text, json_object, json_schema");
  const Json* inner = f.find("json_schema");
  if (inner != nullptr && !nested) {
    return refuse(Problem::invalid,
                  fmt::format("'{}' is not part of this format: 'name', 'schema' and 'strict' stand in '{}' itself",
                              f.name("json_schema"), where),
                  f.name("json_schema"));
  }
  if (inner != nullptr && !inner->is_object()) return f.wrong("json_schema", "an object");
  Fields in(inner != nullptr ? *inner : format, inner != nullptr ? f.name("json_schema") : where);
  FH_TRY(auto name, in.string("name"));
  if (name && (name->empty() || name->size() > 64)) return in.wrong("name", "of 1 to 64 characters");
  FH_TRY(auto strict, in.boolean("strict"));
  (void)strict;  // what is asked for is always kept to
  const Json* schema = in.find("schema");
  if (schema == nullptr) {
    const std::string missing = nested && inner == nullptr ? f.name("json_schema") : in.name("schema");
    return refuse(Problem::invalid, fmt::format("'{}' is required", missing), missing);
  }
  out.kind = Format::Kind::json_schema;
  out.param = in.name("schema");
  FH_TRY(out.source, schema_text(*schema, out.param));
  return out;
}

Parsed<void> parse_structured(Fields& f, Call& call) {
  std::vector<Format> found;
  if (const Json* format = f.find("response_format"); format != nullptr) {
    FH_TRY(Format parsed, parse_format(*format, "response_format", true));
    if (parsed.kind != Format::Kind::text) found.push_back(std::move(parsed));
  }
  const auto take = [&](Fields& from, std::string_view schema, std::string_view regex, std::string_view grammar,
                        std::string_view choice) -> Parsed<void> {
    if (const Json* value = schema.empty() ? nullptr : from.find(schema); value != nullptr) {
      // Some clients send the schema as text.
      std::string text;
      if (value->is_string()) {
        text = value->get<std::string>();
      } else {
        FH_TRY(text, schema_text(*value, from.name(schema)));
      }
      found.push_back({Format::Kind::json_schema, std::move(text), {}, false, from.name(schema)});
    }
    for (const auto& [key, kind] : {std::pair{regex, Format::Kind::regex}, std::pair{grammar, Format::Kind::gbnf}}) {
      if (key.empty()) continue;
      FH_TRY(auto text, from.string(key));
      if (text && !text->empty()) found.push_back({kind, std::move(*text), {}, false, from.name(key)});
    }
    if (!choice.empty() && from.find(choice) != nullptr) {
      FH_TRY(auto choices, from.strings(choice, 1024));
      if (choices.empty()) return from.wrong(choice, "an array of at least one string");
      found.push_back({Format::Kind::choice, {}, std::move(choices), false, from.name(choice)});
    }
    return {};
  };
  FH_TRY_VOID(take(f, "guided_json", "guided_regex", "guided_grammar", "guided_choice"));
  FH_TRY_VOID(take(f, "json_schema", "", "grammar", ""));
  if (const Json* outputs = f.find("structured_outputs"); outputs != nullptr) {
    if (!outputs->is_object()) return f.wrong("structured_outputs", "an object");
    Fields in(*outputs, "structured_outputs");
    FH_TRY_VOID(take(in, "json", "regex", "grammar", "choice"));
    FH_TRY(auto object, in.boolean("json_object"));
    if (object.value_or(false)) found.push_back({Format::Kind::json_object, {}, {}, false, in.name("json_object")});
    for (std::string& name : in.left_over()) call.ignored.push_back(std::move(name));
  }
  if (found.size() > 1) {
    return refuse(Problem::invalid,
                  fmt::format("'{}' and '{}' cannot be combined: one format at most", found[0].param, found[1].param),
                  found[1].param);
  }
  if (!found.empty()) call.format = std::move(found.front());
  return {};
}

Parsed<Tool> parse_function(const Json& function, const std::string& where) {
  if (!function.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(function, where);
  Tool tool;
  FH_TRY(auto name, f.string("name"));
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (!name || name->empty() || name->size() > 128 || !std::all_of(name->begin(), name->end(), good)) {
    return f.wrong("name", "of 1 to 128 letters, digits, '_', '-' and '.'");
  }
  tool.name = std::move(*name);
  FH_TRY(auto description, f.string("description"));
  tool.description = description.value_or("");
  FH_TRY(auto strict, f.boolean("strict"));
  tool.strict = strict.value_or(false);
  if (const Json* parameters = f.find("parameters"); parameters != nullptr) {
    if (!parameters->is_object()) return f.wrong("parameters", "a JSON Schema (an object)");
    tool.param = f.name("parameters");
    tool.parameters = dump(*parameters);
  } else {
    tool.parameters = R"({"type":"object","properties":{},"additionalProperties":false})";  // as documented
  }
  return tool;
}

Parsed<void> parse_tool_list(Fields& f, bool nested, ToolUse& use) {
  if (const Json* tools = f.find("tools"); tools != nullptr) {
    if (!tools->is_array()) return f.wrong("tools", "an array");
    for (std::size_t i = 0; i < tools->size(); ++i) {
      const std::string at = fmt::format("tools[{}]", i);
      const Json& tool = (*tools)[i];
      if (!tool.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", at), at);
      Fields t(tool, at);
      FH_TRY(auto type, t.string("type"));
      if (type != "function") return t.wrong("type", "'function': other kinds of tools are not supported");
      const Json* function = nested ? t.find("function") : &tool;
      const std::string where = nested ? at + ".function" : at;
      if (function == nullptr) return refuse(Problem::invalid, fmt::format("'{}' is required", where), where);
      FH_TRY(Tool parsed, parse_function(*function, where));
      use.tools.push_back(std::move(parsed));
    }
  }
  FH_TRY(auto parallel, f.boolean("parallel_tool_calls"));
  use.parallel = parallel.value_or(true);
  return {};
}

Parsed<std::string> content_text(const Json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array())
    return refuse(Problem::invalid, fmt::format("'{}' must be a string or an array of parts", where), where);
  std::string out;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", where, i);
    const Json& part = content[i];
    if (!part.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", at), at);
    Fields f(part, at);
    FH_TRY(auto type, f.string("type"));
    const bool text = type == "text" || type == "input_text" || type == "output_text";
    if (!text && type != "refusal") {
      return refuse(Problem::invalid,
                    fmt::format("'{}': this model reads text only, not '{}'", at, printable(type.value_or(""))), at);
    }
    FH_TRY(auto value, f.string(text ? "text" : "refusal"));
    if (!value) return refuse(Problem::invalid, fmt::format("'{}' has no text", at), at);
    out += *value;
  }
  return out;
}

bool read_choice(const std::string& word, ToolUse& use) {
  if (word == "none") {
    use.choice = ToolChoice::none;
  } else if (word == "auto") {
    use.choice = ToolChoice::automatic;
  } else if (word == "required") {
    use.choice = ToolChoice::required;
  } else {
    return false;
  }
  return true;
}

void add_left_over(const Fields& f, Call& call) {
  for (std::string& name : f.left_over()) call.ignored.push_back(std::move(name));
}

}  // namespace freehold::api::openai
