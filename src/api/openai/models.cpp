// Models, embeddings and errors.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/openai/common.h"
#include "api/openai/openai.h"
#include "base/base64.h"

namespace freehold::api::openai {
namespace {

Json entry_json(const ModelEntry& m) {
  return {{"id", m.id},
          {"object", "model"},
          {"created", m.created},
          {"owned_by", "freehold"},
          {"max_model_len", m.context},
          {"meta", {{"n_ctx", m.context}}}};
}

}  // namespace

std::string models_json(const std::vector<ModelEntry>& models) {
  Json data = Json::array();
  for (const ModelEntry& m : models) data.push_back(entry_json(m));
  return dump({{"object", "list"}, {"data", std::move(data)}});
}

std::string model_json(const ModelEntry& model) {
  return dump(entry_json(model));
}

Parsed<EmbedCall> parse_embeddings(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  EmbedCall call;
  FH_TRY(auto model, f.string("model"));
  if (!model || model->empty()) return refuse(Problem::invalid, "'model' is required", "model");
  call.model = std::move(*model);
  FH_TRY(auto format, f.string("encoding_format"));
  if (format && *format != "float" && *format != "base64") return f.wrong("encoding_format", "float or base64");
  call.base64 = format == "base64";
  FH_TRY(auto dimensions, f.integer("dimensions", 1, 1 << 20));
  call.dimensions = static_cast<std::uint32_t>(dimensions.value_or(0));
  FH_TRY_VOID(f.string("user"));
  FH_TRY(call.inputs, parse_plain(f, "input"));
  for (const PlainPrompt& input : call.inputs) {
    const auto* text = std::get_if<std::string>(&input);
    if (text != nullptr && text->empty()) return f.wrong("input", "text that is not empty");
  }
  call.ignored = f.left_over();
  return call;
}

std::string embeddings_json(const EmbedCall& call, const std::vector<std::vector<float>>& vectors,
                            std::uint64_t tokens) {
  Json data = Json::array();
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const std::vector<float>& v = vectors[i];
    Json value;
    if (call.base64) {
      value = base64({reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)});
    } else {
      value = v;
    }
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", std::move(value)}});
  }
  return dump({{"object", "list"},
               {"data", std::move(data)},
               {"model", call.model},
               {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
}

std::string error_json(const Failure& failure) {
  std::string_view type = "invalid_request_error", code = failure.code;
  std::string message = failure.message;
  switch (failure.problem) {
    case Problem::context_length:
      code = code.empty() ? "context_length_exceeded" : code;
      // The vendor's words: some clients know by them that they have to shorten it.
      if (failure.excess) {
        const auto& [tokens, context, answered] = *failure.excess;
        message = fmt::format("This model's maximum context length is {} tokens. ", context) +
                  (tokens == 0 ? failure.message
                               : fmt::format("However, your {0} resulted in {1} tokens{2}. Please reduce the length of "
                                             "the {0}.",
                                             failure.param, tokens,
                                             answered && tokens == context ? ", which leaves none for an answer" : ""));
      }
      break;
    case Problem::unauthorised:
      code = code.empty() ? "invalid_api_key" : code;
      break;
    case Problem::too_many:
      type = "rate_limit_error", code = code.empty() ? "rate_limit_exceeded" : code;
      break;
    case Problem::budget:
      type = "insufficient_quota", code = code.empty() ? type : code;
      break;
    case Problem::internal:
    case Problem::unavailable:
      type = "server_error";
      break;
    default:
      break;
  }
  const auto text_or_null = [](std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(std::string(text));
  };
  return dump(
      {{"error",
        {{"message", message}, {"type", type}, {"param", text_or_null(failure.param)}, {"code", text_or_null(code)}}}});
}

}  // namespace freehold::api::openai
