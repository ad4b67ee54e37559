#include "model/tokenizer_metadata.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "format/hf_folder.h"
#include "format/sentencepiece_model.h"
#include "model/gguf_parts.h"

namespace freehold::model {

Result<std::uint32_t> count_tokens(const std::filesystem::path& tokenizer_model) {
  FH_TRY(const MappedFile file, MappedFile::open(tokenizer_model));
  auto parsed = format::parse_sentencepiece_model(file.bytes());
  if (!parsed) return in_context(parsed.error(), printable(tokenizer_model.string()));
  return static_cast<std::uint32_t>(parsed->pieces.size());
}

Result<> add_tokenizer(const std::filesystem::path& tokenizer_model, const std::string& chat_template,
                       format::Metadata& out) {
  format::HfFolder folder;  // with nothing in it but the tokenizer
  FH_TRY(folder.tokenizer_model, MappedFile::open(tokenizer_model));
  std::vector<std::string> notes;
  auto put = put_tokenizer(folder, 0, out, notes);
  if (!put) return in_context(put.error(), printable(tokenizer_model.string()));
  if (!chat_template.empty()) out.set("tokenizer.chat_template", format::Value::string(chat_template));
  return {};
}

}  // namespace freehold::model
