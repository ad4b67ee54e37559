#include "model/family/family.h"

#include <fmt/format.h>

#include <array>

#include "base/utf8.h"

namespace freehold::model {
namespace {

const std::array kFamilies = {
    Family{"llama", "llama", read_llama, &kLlamaHfNames},     // GGUF keeps Mistral and Mixtral under this name too
    Family{"", "mistral", read_mistral, &kLlamaHfNames},      //
    Family{"", "mixtral", read_mixtral, &kMixtralHfNames},    //
    Family{"qwen2", "qwen2", read_qwen2, &kLlamaHfNames},     //
    Family{"qwen3", "qwen3", read_qwen3, &kLlamaHfNames},     //
    Family{"gemma2", "gemma2", read_gemma2, &kGemmaHfNames},  //
    Family{"gemma3", "gemma3_text", read_gemma3, &kGemmaHfNames},
};

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

Result<const Family*> family_of(const format::Checkpoint& checkpoint) {
  const bool gguf = checkpoint.kind() == format::Checkpoint::Kind::gguf;
  const char* key = gguf ? "general.architecture" : "model_type";
  FH_TRY(auto name, checkpoint.metadata().get<std::string_view>(key));
  std::string known;
  for (const Family& family : kFamilies) {
    std::string_view own = gguf ? family.gguf : family.hf;
    if (own.empty()) continue;
    if (own == name) return &family;
    known += (known.empty() ? "" : ", ") + std::string(own);
  }
  return fail(Errc::unsupported, fmt::format("{} '{}': no such model family here (there are {})",
                                             gguf ? "architecture" : "model_type", printable(name), known));
}

}  // namespace freehold::model
