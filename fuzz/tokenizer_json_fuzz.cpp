// tokenizer.json from bytes to tokens: read it, build the tokenizer, encode and decode a short text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "format/tokenizer_json.h"
#include "model/tokenizer_sources.h"
#include "text/detokenizer.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 16) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)format::parse_tokenizer_config(text);
  auto json = format::parse_tokenizer_json(text);
  if (!json) return 0;
  auto source = model::tokenizer_from_json(*json, {});
  if (!source) return 0;
  auto tokenizer = text::Tokenizer::create(std::move(source->vocabulary));
  if (!tokenizer) return 0;
  constexpr std::string_view kText =
      " Hello, w\u00F6rld\u3000'S 123\n\n\t<s>\u4F60\U0001F600 e\u0301aaaaaaaaaaaaaaaaaaaa";
  auto encoding = tokenizer->encode_with_offsets(kText, {.parse_special = true, .add_special = true});
  if (!encoding) return 0;
  auto whole = tokenizer->decode(encoding->ids);
  if (!whole) std::abort();
  text::Detokenizer detokenizer(*tokenizer);
  std::string parts;
  for (auto id : encoding->ids) {
    if (!detokenizer.push(id, parts)) std::abort();
  }
  detokenizer.finish(parts);
  if (parts != replace_invalid_utf8(*whole)) std::abort();
  return 0;
}
