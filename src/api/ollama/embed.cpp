// POST /api/embed and /api/embeddings.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/ollama/common.h"

namespace freehold::api::ollama {
namespace {

constexpr std::size_t kMostInputs = 2048;

Parsed<EmbedCall> parse_common_part(Fields& f) {
  EmbedCall call;
  FH_TRY(call.model, parse_model(f));
  FH_TRY(auto truncate, f.boolean("truncate"));
  call.cut = truncate.value_or(true);
  FH_TRY(auto dimensions, f.integer("dimensions", 0, 1 << 20));
  call.dimensions = static_cast<std::uint32_t>(dimensions.value_or(0));
  FH_TRY(call.keep_alive, parse_keep_alive(f));
  if (const Json* options = f.find("options"); options != nullptr && !(options->is_object() && options->empty())) {
    if (!options->is_object()) return f.wrong("options", "an object");
    call.ignored.emplace_back("options");
  }
  return call;
}

}  // namespace

Parsed<EmbedCall> parse_embed(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(EmbedCall call, parse_common_part(f));
  FH_TRY(std::vector<std::string> inputs, f.strings("input", kMostInputs));
  if (f.find("input") == nullptr) return refuse(Problem::invalid, "'input' is required", "input");
  const bool one = f.find("input")->is_string();
  for (std::string& text : inputs) {
    if (text.empty() && one) continue;  // as an empty list
    if (text.empty()) return f.wrong("input", "texts that are not empty");
    call.inputs.emplace_back(std::move(text));
  }
  for (std::string& name : f.left_over()) call.ignored.push_back(std::move(name));
  return call;
}

Parsed<EmbedCall> parse_embeddings(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(EmbedCall call, parse_common_part(f));
  FH_TRY(auto prompt, f.string("prompt"));
  if (prompt && !prompt->empty()) call.inputs.emplace_back(std::move(*prompt));
  for (std::string& name : f.left_over()) call.ignored.push_back(std::move(name));
  return call;
}

std::string embed_json(const EmbedCall& call, const std::vector<std::vector<float>>& vectors, std::uint64_t tokens,
                       std::chrono::nanoseconds total) {
  return dump({{"model", call.model},
               {"embeddings", vectors},
               {"total_duration", total.count()},
               {"load_duration", 0},
               {"prompt_eval_count", tokens}});
}

std::string embeddings_json(const std::vector<std::vector<float>>& vectors) {
  return dump({{"embedding", vectors.empty() ? std::vector<float>() : vectors.front()}});
}

}  // namespace freehold::api::ollama
