#include "model/tokenizer_loader.h"

#include <algorithm>
#include <utility>

#include "model/tokenizer_sources.h"

namespace freehold::model {
namespace {

// Ends of a turn, in the order in which one of them becomes `eot`.
constexpr std::string_view kEndsOfTurn[] = {"<|eot_id|>", "<|im_end|>", "<end_of_turn>",         "<|end|>",
                                            "<|eot|>",    "<EOT>",      "<|END_OF_TURN_TOKEN|>", "<end_of_utterance>"};
constexpr std::string_view kEndsOfText[] = {
    "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "</s>", "<eos>", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"};

void add_once(std::vector<text::TokenId>& ids, text::TokenId id) {
  if (id != text::kNoToken && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

std::optional<std::string> text_of(const text::Tokenizer& tokenizer, text::TokenId id) {
  if (!tokenizer.contains(id)) return std::nullopt;
  return std::string(tokenizer.token_text(id));
}

}  // namespace

void add_known_ends(text::Vocabulary& v) {
  add_once(v.end_of_generation, v.eos);
  add_once(v.end_of_generation, v.eot);
  text::TokenId best = text::kNoToken;
  const auto* eot = std::end(kEndsOfTurn);
  for (std::size_t i = 0; i < v.types.size() && i < v.tokens.size(); ++i) {
    if (v.types[i] != text::TokenType::control && v.types[i] != text::TokenType::user_defined) continue;
    const auto* turn = std::find(std::begin(kEndsOfTurn), std::end(kEndsOfTurn), v.tokens[i]);
    bool ends_text = std::find(std::begin(kEndsOfText), std::end(kEndsOfText), v.tokens[i]) != std::end(kEndsOfText);
    auto id = static_cast<text::TokenId>(i);
    if (!ends_text && turn == std::end(kEndsOfTurn)) continue;
    add_once(v.end_of_generation, id);
    v.types[i] = text::TokenType::control;
    if (turn < eot && v.eot == text::kNoToken) eot = turn, best = id;
  }
  if (v.eot == text::kNoToken) v.eot = best;
}

void default_first(std::vector<ChatTemplate>& templates) {
  std::stable_partition(templates.begin(), templates.end(), [](const ChatTemplate& t) { return t.name == "default"; });
}

Result<LoadedTokenizer> load_tokenizer(const format::Checkpoint& checkpoint) {
  auto source = checkpoint.gguf() != nullptr ? tokenizer_from_gguf(checkpoint.gguf()->metadata)
                                             : tokenizer_from_folder(*checkpoint.hf());
  if (!source) return in_context(std::move(source).error(), "tokenizer");
  text::TokenId bos = source->vocabulary.bos;
  text::TokenId eos = source->vocabulary.eos;
  auto tokenizer = text::Tokenizer::create(std::move(source->vocabulary));
  if (!tokenizer) return in_context(std::move(tokenizer).error(), "tokenizer");
  LoadedTokenizer loaded{.tokenizer = std::move(*tokenizer), .chat_templates = std::move(source->chat_templates)};
  loaded.bos_token = text_of(loaded.tokenizer, bos);
  loaded.eos_token = text_of(loaded.tokenizer, eos);
  return loaded;
}

Result<text::Tokenizer> tokenizer_of(Bytes file) {
  const std::size_t first = as_text(file).find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && as_text(file)[first] == '{';
  TokenizerSource source;
  if (json) {
    FH_TRY(const format::TokenizerJson read, format::parse_tokenizer_json(as_text(file)));
    FH_TRY(source, tokenizer_from_json(read, {}));
  } else {
    FH_TRY(const format::SentencePieceModel read, format::parse_sentencepiece_model(file));
    FH_TRY(source, tokenizer_from_sentencepiece(read, {}));
  }
  return text::Tokenizer::create(std::move(source.vocabulary));
}

}  // namespace freehold::model
