// Models, counts, embeddings and errors.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/gemini/contents.h"
#include "api/gemini/gemini.h"
#include "api/gemini/proto_fields.h"

namespace freehold::api::gemini {
namespace {

Json entry_json(const ModelEntry& m) {
  return {{"name", "models/" + m.id},
          {"displayName", m.id},
          {"inputTokenLimit", m.context},
          {"outputTokenLimit", m.context},
          {"supportedGenerationMethods", {"generateContent", "countTokens", "embedContent"}},
          {"temperature", 1},
          {"maxTemperature", 2},
          {"topP", 1},
          {"thinking", m.thinks}};
}

// A number in a query, at most `most`; nothing if it is none.
std::optional<std::size_t> number_in(std::string_view text, std::size_t most) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string_view::npos) return {};
  return std::min<std::size_t>(std::stoul(std::string(text)), most);
}

constexpr const char* kTaskType = "taskType";
constexpr std::string_view kTasks[] = {"TASK_TYPE_UNSPECIFIED", "RETRIEVAL_QUERY",   "RETRIEVAL_DOCUMENT",
                                       "SEMANTIC_SIMILARITY",   "CLASSIFICATION",    "CLUSTERING",
                                       "QUESTION_ANSWERING",    "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"};

Parsed<void> add_input(ProtoFields& f, EmbedCall& call) {
  FH_TRY(auto name, f.string("model"));
  if (name && model_id(*name) != call.model) return f.wrong("model", "the model in the address, or absent");
  FH_TRY(const Json* content, f.object("content"));
  if (content == nullptr) return f.missing("content");
  FH_TRY(std::string text, content_text(*content, f.name("content"), call.ignored));
  if (text.empty()) return f.wrong("content", "text that is not empty");
  FH_TRY(auto dimensions, f.integer("outputDimensionality", 1, 1 << 20));
  const auto wanted = static_cast<std::uint32_t>(dimensions.value_or(0));
  if (!call.inputs.empty() && wanted != call.dimensions) {
    return f.wrong("outputDimensionality", "the same in all requests");
  }
  call.dimensions = wanted;
  if (call.inputs.empty()) {
    call.input_field = f.name("content");
    call.dimensions_field = f.name("outputDimensionality");
  }
  // The model has one vector for a text, whatever it is for.
  for (const char* key : {kTaskType, "title"}) {
    FH_TRY(auto value, f.string(key));
    if (value && call.inputs.empty()) call.ignored.push_back(f.name(key));
    if (value && key == kTaskType && std::find(std::begin(kTasks), std::end(kTasks), *value) == std::end(kTasks)) {
      return f.wrong(key, fmt::format("one of {}", fmt::join(kTasks, ", ")));
    }
  }
  f.add_left_over(call.ignored);
  call.inputs.emplace_back(std::move(text));
  return {};
}

}  // namespace

Parsed<std::string> models_json(const std::vector<ModelEntry>& models, std::string_view size, std::string_view token) {
  std::size_t most = 50, first = 0;  // the documented default
  if (!size.empty()) {
    const auto given = number_in(size, 1000);
    if (!given) return refuse(Problem::invalid, "'pageSize' must be an integer of at least 0", "pageSize");
    if (*given > 0) most = *given;
  }
  if (!token.empty()) {
    const auto given = number_in(token, models.size());
    if (!given) return refuse(Problem::invalid, "'pageToken' is none that was given out", "pageToken");
    first = *given;
  }
  const std::size_t last = std::min(models.size(), first + most);
  Json out = {{"models", Json::array()}};
  for (std::size_t i = first; i < last; ++i) out["models"].push_back(entry_json(models[i]));
  if (last < models.size()) out["nextPageToken"] = std::to_string(last);
  return dump(out);
}

std::string model_json(const ModelEntry& model) {
  return dump(entry_json(model));
}

std::string count_json(std::size_t tokens) {
  return dump({{"totalTokens", tokens}});
}

Parsed<EmbedCall> parse_embed(std::string_view body, std::string model) {
  FH_TRY(const Json root, parse_object(body));
  ProtoFields f(root);
  EmbedCall call;
  call.model = std::move(model);
  FH_TRY_VOID(add_input(f, call));
  return call;
}

Parsed<EmbedCall> parse_embed_batch(std::string_view body, std::string model) {
  constexpr std::size_t kMostInputs = 2048;
  FH_TRY(const Json root, parse_object(body));
  ProtoFields f(root);
  EmbedCall call;
  call.model = std::move(model);
  FH_TRY(const auto requests, f.items("requests"));
  if (requests.empty() || requests.size() > kMostInputs) {
    return f.wrong("requests", fmt::format("an array of 1 to {} requests", kMostInputs));
  }
  for (const auto& request : requests) {
    ProtoFields one(*request.json, request.where);
    FH_TRY_VOID(add_input(one, call));
  }
  f.add_left_over(call.ignored);
  return call;
}

std::string embed_json(const std::vector<std::vector<float>>& vectors, std::uint64_t tokens, bool batch) {
  Json all = Json::array();
  for (const std::vector<float>& v : vectors) all.push_back({{"values", v}});
  Json out = Json::object();
  if (batch) {
    out["embeddings"] = std::move(all);
  } else {
    out["embedding"] = all.empty() ? Json::object() : std::move(all[0]);
  }
  out["usageMetadata"] = {{"promptTokenCount", tokens}};
  return dump(out);
}

std::string error_json(const Failure& failure) {
  std::string_view status = "INVALID_ARGUMENT";
  std::string message = named_message(failure);
  switch (failure.problem) {
    case Problem::context_length:
      if (failure.excess && failure.excess->tokens != 0) {
        message = fmt::format("The input token count ({}) exceeds the maximum number of tokens allowed ({}).",
                              failure.excess->tokens, failure.excess->most());
      }
      break;
    case Problem::unauthorised:
      status = "UNAUTHENTICATED";
      break;
    case Problem::forbidden:
      status = "PERMISSION_DENIED";
      break;
    case Problem::not_found:
      status = "NOT_FOUND";
      break;
    case Problem::conflict:
      status = "ABORTED";
      break;
    case Problem::too_many:
    case Problem::budget:
      status = "RESOURCE_EXHAUSTED";
      break;
    case Problem::internal:
      status = "INTERNAL";
      break;
    case Problem::unavailable:
      status = "UNAVAILABLE";
      break;
    default:
      break;
  }
  Json details = Json::array();
  if (failure.problem == Problem::invalid && !failure.param.empty()) {
    details.push_back(
        {{"@type", "type.googleapis.com/google.rpc.BadRequest"},
         {"fieldViolations", Json::array({{{"field", failure.param}, {"description", failure.message}}})}});
  }
  return dump({{"error",
                {{"code", status_of(failure)},
                 {"message", std::move(message)},
                 {"status", status},
                 {"details", std::move(details)}}}});
}

}  // namespace freehold::api::gemini
