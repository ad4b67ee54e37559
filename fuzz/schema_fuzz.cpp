// A JSON Schema from hostile bytes (the first byte chooses the dialect, the spaces and what may be left out): compiled,
// and what compiles is run under a small vocabulary with a budget that its shortest text fits; then the text must be
// complete JSON.
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "text/grammar/grammar.h"
#include "text/grammar/matcher.h"

using namespace freehold;
using namespace freehold::text::grammar;

namespace {

std::shared_ptr<const VocabularyIndex> vocabulary() {
  static const auto index = [] {
    std::vector<std::string> tokens;
    for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(b));
    for (std::string_view word :
         {"{\"", "\":", "\",", "\"}", "},", "]}", "[{", "true", "null", "12", "abc", "\\n", "\xC3\xA9"})
      tokens.emplace_back(word);
    tokens.emplace_back();
    auto end = static_cast<text::TokenId>(tokens.size() - 1);
    return VocabularyIndex::create(tokens, {&end, 1});
  }();
  return index;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  SchemaOptions options;
  options.dialect = (data[0] & 1) != 0 ? SchemaDialect::gemini : SchemaDialect::json_schema;
  options.allow_spaces = (data[0] & 2) != 0;
  LeftOut left_out;
  if ((data[0] & 4) != 0) options.left_out = &left_out;
  options.loose = (data[0] & 8) != 0;
  options.limits.steps = 500'000;
  options.limits.nfa_states = 20'000;
  options.limits.dfa_states = 8'000;
  options.limits.nodes = 50'000;
  options.limits.shortest = 4'000;
  auto grammar = compile_json_schema(bytes.substr(1), options);
  if (!grammar) return grammar.error().what.empty() ? std::abort(), 0 : 0;
  auto cache = std::make_shared<MaskCache>(*grammar, vocabulary());
  Matcher matcher(cache);
  std::uint32_t least = matcher.min_tokens();
  if (least > 300) return 0;
  std::mt19937 random(data[0]);
  std::vector<std::uint64_t> mask(vocabulary()->mask_words());
  std::string text;
  for (std::uint32_t budget = least + 6; budget > 0 && !matcher.finished(); --budget) {
    auto kind = matcher.fill_mask(mask, budget);
    if (!kind) return 0;
    if (*kind == MaskKind::cannot_fit) std::abort();
    std::vector<text::TokenId> tokens;
    for (std::size_t i = 0; i < vocabulary()->size(); ++i) {
      if ((mask[i / 64] >> (i % 64) & 1) != 0) tokens.push_back(static_cast<text::TokenId>(i));
    }
    if (tokens.empty()) std::abort();
    text::TokenId token = tokens[random() % tokens.size()];
    if (!matcher.accept(token)) std::abort();
    text += vocabulary()->bytes_of(token);
  }
  if (!matcher.finished() && !matcher.accepting()) std::abort();
  if (!is_utf8(text)) std::abort();
  return 0;
}
