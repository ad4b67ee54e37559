// Documented parameters that change nothing in an answer here: checked all the same, so that a client's mistake is told
// and not kept, and named as ignored where a value asks for something.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/openai/common.h"

namespace freehold::api::openai {
namespace {

constexpr std::size_t kMostMetadata = 16, kMostKey = 64, kMostValue = 512;  // as documented

// Code points.
std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// llama-server's scales of adapters, by number: here an adapter is asked for by a name of its own.
Parsed<void> refuse_scales(Fields& f) {
  const Json* lora = f.find("lora");
  if (lora == nullptr) return {};
  bool none = lora->is_array();
  for (const Json& entry : none ? *lora : Json::array()) {
    none = none && entry.is_object() && entry.contains("scale") && entry["scale"] == 0;
  }
  if (none) return {};
  return refuse(Problem::invalid, "'lora' is not supported: name the adapter as 'model'", "lora");
}

}  // namespace

Parsed<std::optional<std::string>> one_of(Fields& f, std::string_view key,
                                          std::initializer_list<std::string_view> words) {
  FH_TRY(auto value, f.string(key));
  if (value && std::find(words.begin(), words.end(), *value) == words.end()) {
    return f.wrong(key, fmt::format("one of {}", fmt::join(words, ", ")));
  }
  return value;
}

Parsed<std::string> parse_metadata(Fields& f) {
  const Json* metadata = f.find("metadata");
  if (metadata == nullptr) return "null";
  const auto expected = [&] {
    return f.wrong("metadata", fmt::format("an object of at most {} strings, keys of at most {} and values of at most "
                                           "{} characters",
                                           kMostMetadata, kMostKey, kMostValue));
  };
  if (!metadata->is_object() || metadata->size() > kMostMetadata) return expected();
  for (const auto& item : metadata->items()) {
    if (!item.value().is_string() || length(item.key()) > kMostKey ||
        length(item.value().get_ref<const std::string&>()) > kMostValue) {
      return expected();
    }
  }
  return dump(*metadata);
}

Parsed<std::optional<std::string>> parse_effort(Fields& f, std::string_view key, Call& call) {
  FH_TRY(auto effort, one_of(f, key, {"none", "minimal", "low", "medium", "high", "xhigh", "max"}));
  if (effort == "none") {
    call.thinking = false;
  } else if (effort) {
    call.ignored.push_back(f.name(key));
  }
  return effort;
}

Parsed<void> parse_bookkeeping(Fields& f, Call& call) {
  for (const char* key : {"user", "safety_identifier", "prompt_cache_key"}) {
    FH_TRY_VOID(f.string(key));
  }
  FH_TRY_VOID(f.boolean("cache_prompt"));
  FH_TRY_VOID(refuse_scales(f));
  FH_TRY_VOID(parse_metadata(f));
  // There is one tier, the default.
  FH_TRY(auto tier, one_of(f, "service_tier", {"auto", "default", "flex", "scale", "priority", "fast"}));
  if (tier && tier != "auto" && tier != "default") call.ignored.emplace_back("service_tier");
  FH_TRY(auto retention, one_of(f, "prompt_cache_retention", {"in_memory", "in-memory", "24h"}));
  if (retention) call.ignored.emplace_back("prompt_cache_retention");
  return {};
}

}  // namespace freehold::api::openai
