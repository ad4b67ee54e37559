// A Hugging Face folder's tokenizer as a Vocabulary: the parts of tokenizer.json put together, or a SentencePiece
// model. Combinations of parts that our tokenizer cannot follow exactly are refused by name.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/sentencepiece_model.h"
#include "format/tokenizer_json.h"
#include "model/tokenizer_sources.h"
#include "text/pre_tokenizers.h"
#include "text/regex_dialect.h"

namespace freehold::model {
namespace {

using format::TokenizerConfig;
using format::TokenizerJson;
using text::NormalizerStep;
using text::SplitStep;
using text::TokenId;
using text::TokenType;
using text::Vocabulary;

// Ids may leave gaps (a few files have some), but a gap costs memory, so a file cannot buy many with one large id.
constexpr std::size_t kMaxGaps = 65536;

bool is_byte_token(std::string_view t) {
  auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return t.size() == 6 && t.starts_with("<0x") && hex(t[3]) && hex(t[4]) && t[5] == '>';
}

// Tokens as they come, in any order of ids, later written out without holes. Views borrow what was read.
class TokenList {
 public:
  // No id may be larger than this many tokens and kMaxGaps make it.
  void expect(std::size_t tokens) { limit_ = std::min(tokens + kMaxGaps, text::kMaxTokens); }

  Result<> add(std::uint32_t id, std::string_view text, TokenType type, float score = 0) {
    if (id >= limit_) {
      return fail(Errc::corrupt,
                  fmt::format("token '{}': the id {} is too large for so few tokens", printable(text, 60), id));
    }
    if (id >= tokens_.size()) tokens_.resize(id + std::size_t{1});
    if (tokens_[id].used) {
      return fail(Errc::corrupt, fmt::format("the id {} stands for '{}' and for '{}'", id,
                                             printable(tokens_[id].text, 60), printable(text, 60)));
    }
    tokens_[id] = {text, type, score, true};
    return {};
  }

  // Special and user-defined tokens, which may be known already.
  Result<> add_extra(const format::AddedToken& a) {
    if (a.single_word) {
      return fail(Errc::unsupported, fmt::format("the added token '{}' with single_word", printable(a.content, 60)));
    }
    TokenType type = a.special ? TokenType::control : TokenType::user_defined;
    if (a.id < tokens_.size() && tokens_[a.id].used) {
      if (tokens_[a.id].text != a.content) return add(a.id, a.content, type);  // fails, naming both
      TokenType& known = tokens_[a.id].type;
      if (known != TokenType::unknown && known != TokenType::byte) known = type;
    } else {
      FH_TRY_VOID(add(a.id, a.content, type));
    }
    if (a.lstrip || a.rstrip) strips_.push_back({static_cast<TokenId>(a.id), a.lstrip, a.rstrip});
    return {};
  }

  void set_type(TokenId id, TokenType type) { tokens_[static_cast<std::size_t>(id)].type = type; }

  // The first token with this text.
  TokenId find(std::string_view text) const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].used && tokens_[i].text == text) return static_cast<TokenId>(i);
    }
    return text::kNoToken;
  }

  void write(Vocabulary& v) const {
    std::size_t bytes = 0;
    for (const Token& t : tokens_) bytes += t.text.size();
    v.tokens.reserve(tokens_.size(), bytes);
    v.types.reserve(tokens_.size());
    for (const Token& t : tokens_) {
      v.tokens.add(t.text);
      v.types.push_back(t.used ? t.type : TokenType::unused);
      if (v.order == text::MergeOrder::by_score) v.scores.push_back(t.score);
    }
    v.strips = strips_;
  }

 private:
  struct Token {
    std::string_view text;
    TokenType type = TokenType::unused;
    float score = 0;
    bool used = false;
  };
  std::vector<Token> tokens_;
  std::vector<text::StripRule> strips_;
  std::size_t limit_ = 0;
};

Result<> convert_normalizer(const TokenizerJson& t, Vocabulary& v) {
  using From = format::NormalizerPart::Kind;
  using To = NormalizerStep::Kind;
  for (const auto& n : t.normalizer) {
    switch (n.kind) {
      case From::prepend:
        v.normalizer.push_back({.kind = To::prepend, .to = n.content});
        break;
      case From::replace:
        // Each step of growth multiplies: a chain of them must not blow a short text up.
        if (n.content.size() > 16 * n.pattern.size()) {
          return fail(Errc::unsupported, "normalizer 'Replace' by something more than 16 times as long");
        }
        v.normalizer.push_back({.kind = To::replace, .from = n.pattern, .to = n.content});
        break;
      case From::nfc:
        v.normalizer.push_back({.kind = To::nfc});
        break;
      case From::nfd:
        v.normalizer.push_back({.kind = To::nfd});
        break;
      case From::nfkc:
        v.normalizer.push_back({.kind = To::nfkc});
        break;
      case From::nfkd:
        v.normalizer.push_back({.kind = To::nfkd});
        break;
    }
  }
  return {};
}

SplitStep::Behaviour behaviour_of(format::SplitBehaviour b) {
  switch (b) {
    case format::SplitBehaviour::isolated:
      return SplitStep::Behaviour::isolated;
    case format::SplitBehaviour::removed:
      return SplitStep::Behaviour::removed;
    case format::SplitBehaviour::merged_with_previous:
      return SplitStep::Behaviour::merged_with_previous;
    case format::SplitBehaviour::merged_with_next:
      return SplitStep::Behaviour::merged_with_next;
    case format::SplitBehaviour::contiguous:
      return SplitStep::Behaviour::contiguous;
  }
  return SplitStep::Behaviour::isolated;
}

Result<> convert_metaspace(const format::PreTokenizerPart& p, bool first, Vocabulary& v) {
  if (!first) return fail(Errc::unsupported, "pre_tokenizer 'Metaspace' behind another");
  if (p.replacement != text::kSpaceMark) {
    return fail(Errc::unsupported, fmt::format("pre_tokenizer 'Metaspace' with '{}'", printable(p.replacement, 20)));
  }
  std::string mark(text::kSpaceMark);
  v.normalizer.push_back({.kind = NormalizerStep::Kind::replace, .from = " ", .to = mark});
  if (p.prepend != format::PrependScheme::never) {
    v.normalizer.push_back({.kind = NormalizerStep::Kind::prepend_if_absent,
                            .to = mark,
                            .only_at_start = p.prepend == format::PrependScheme::first});
  }
  if (p.split) v.splits.push_back({.pattern = mark, .behaviour = SplitStep::Behaviour::merged_with_next});
  return {};
}

Result<> convert_pre_tokenizer(const TokenizerJson& t, Vocabulary& v) {
  using Kind = format::PreTokenizerPart::Kind;
  for (std::size_t i = 0; i < t.pre_tokenizer.size(); ++i) {
    const auto& p = t.pre_tokenizer[i];
    if (v.alphabet == text::Alphabet::bytes) {
      return fail(Errc::unsupported, "a pre_tokenizer behind 'ByteLevel'");
    }
    switch (p.kind) {
      case Kind::split:
        v.splits.push_back({.pattern = p.is_regex ? p.pattern : text::quote_regex(p.pattern),
                            .behaviour = behaviour_of(p.behaviour),
                            .invert = p.invert});
        break;
      case Kind::byte_level:
        v.alphabet = text::Alphabet::bytes;
        if (p.add_prefix_space) {
          if (i > 0) return fail(Errc::unsupported, "pre_tokenizer 'ByteLevel' with add_prefix_space behind another");
          v.normalizer.push_back({.kind = NormalizerStep::Kind::prepend_if_absent, .to = " "});
        }
        if (p.use_regex) v.splits.push_back({.pattern = std::string(text::gpt2_pattern())});
        break;
      case Kind::metaspace:
        FH_TRY_VOID(convert_metaspace(p, i == 0, v));
        break;
      case Kind::digits:
        v.splits.push_back({.pattern = p.individual_digits ? R"(\p{N})" : R"(\p{N}+)"});
        break;
      case Kind::punctuation:
        v.splits.push_back({.pattern = R"([!-\/:-@\[-`\{-~\p{P}])", .behaviour = behaviour_of(p.behaviour)});
        break;
      case Kind::white_space_split:
        v.splits.push_back({.pattern = R"(\s)", .behaviour = SplitStep::Behaviour::removed});
        break;
    }
  }
  return {};
}

// The decoder must be the one that undoes what encoding does: ours does nothing else.
Result<> check_decoder(const TokenizerJson& t, Vocabulary& v) {
  using Kind = format::DecoderPart::Kind;
  if (t.decoder.empty()) return fail(Errc::unsupported, "a tokenizer without decoder");
  bool marks = false;
  for (const auto& d : t.decoder) {
    if ((d.kind == Kind::byte_level) != (v.alphabet == text::Alphabet::bytes)) {
      return fail(Errc::unsupported, "a decoder that does not fit the pre_tokenizer");
    }
    switch (d.kind) {
      case Kind::byte_level:
      case Kind::byte_fallback:
      case Kind::fuse:
        break;
      case Kind::replace:
        if (d.pattern != text::kSpaceMark || d.content != " ") {
          return fail(Errc::unsupported, fmt::format("decoder 'Replace' of '{}'", printable(d.pattern, 20)));
        }
        marks = true;
        break;
      case Kind::strip:
        if (d.pattern != " " || d.start > 1 || d.stop != 0) {
          return fail(Errc::unsupported, "decoder 'Strip' of more than one leading space");
        }
        v.drop_leading_space = v.drop_leading_space || d.start == 1;
        break;
      case Kind::metaspace:
        if (d.pattern != text::kSpaceMark) {
          return fail(Errc::unsupported, fmt::format("decoder 'Metaspace' with '{}'", printable(d.pattern, 20)));
        }
        marks = true;
        v.drop_leading_space = v.drop_leading_space || d.drop_prefix;
        break;
    }
  }
  if (v.alphabet == text::Alphabet::characters && !marks) {
    return fail(Errc::unsupported, "a decoder that leaves \"\u2581\" in the text");
  }
  return {};
}

Result<> convert_json(const TokenizerJson& t, Vocabulary& v, TokenList& tokens) {
  v.order = text::MergeOrder::by_rank;
  v.ignore_merges = t.ignore_merges;
  v.fuse_unknown = t.fuse_unknown;
  tokens.expect(t.vocabulary.size() + t.added_tokens.size());
  for (const auto& entry : t.vocabulary) {
    bool byte = t.byte_fallback && is_byte_token(entry.token);
    FH_TRY_VOID(tokens.add(entry.id, entry.token, byte ? TokenType::byte : TokenType::normal));
  }
  if (t.unknown_token) {
    v.unknown = tokens.find(*t.unknown_token);
    if (v.unknown == text::kNoToken) {
      return fail(Errc::corrupt,
                  fmt::format("the unknown token '{}' is not in the vocabulary", printable(*t.unknown_token, 60)));
    }
    tokens.set_type(v.unknown, TokenType::unknown);
  }
  for (const auto& a : t.added_tokens) FH_TRY_VOID(tokens.add_extra(a));
  std::size_t bytes = 0;
  for (const auto& m : t.merges) bytes += m.left.size() + m.right.size();
  v.merges.reserve(2 * t.merges.size(), bytes);
  for (const auto& m : t.merges) {
    v.merges.add(m.left);
    v.merges.add(m.right);
  }
  FH_TRY_VOID(convert_normalizer(t, v));
  FH_TRY_VOID(convert_pre_tokenizer(t, v));
  FH_TRY_VOID(check_decoder(t, v));
  for (std::uint32_t id : t.prefix) v.prefix.push_back(static_cast<TokenId>(id));
  for (std::uint32_t id : t.suffix) v.suffix.push_back(static_cast<TokenId>(id));
  return {};
}

Result<> convert_sentencepiece(const format::SentencePieceModel& m, Vocabulary& v, TokenList& tokens) {
  using Kind = NormalizerStep::Kind;
  if (m.type != format::SentencePieceModel::Type::bpe) {
    constexpr std::string_view kNames[] = {"", "Unigram", "BPE", "word", "character"};
    return fail(Errc::unsupported, fmt::format("a SentencePiece model of type {} (we read BPE)",
                                               kNames[static_cast<std::size_t>(m.type)]));
  }
  if (!m.charsmap.empty() || !m.denormalizer_charsmap.empty()) {
    return fail(Errc::unsupported, fmt::format("SentencePiece's normalizer '{}'", printable(m.normalizer, 60)));
  }
  if (m.treat_whitespace_as_suffix || !m.escape_whitespaces) {
    return fail(Errc::unsupported, "SentencePiece's white space at the end of words, or unescaped");
  }
  v.order = text::MergeOrder::by_score;
  v.fuse_unknown = true;
  std::uint32_t id = 0;
  for (const auto& p : m.pieces) FH_TRY_VOID(tokens.add(id++, p.text, static_cast<TokenType>(p.type), p.score));
  v.unknown = m.unk_id;
  v.bos = m.bos_id;
  v.eos = m.eos_id;
  v.padding = m.pad_id;
  std::string mark(text::kSpaceMark);
  if (m.remove_extra_whitespaces) v.normalizer.push_back({.kind = Kind::collapse_spaces});
  if (m.add_dummy_prefix) v.normalizer.push_back({.kind = Kind::prepend, .to = mark});
  v.normalizer.push_back({.kind = Kind::replace, .from = " ", .to = mark});
  v.drop_leading_space = m.add_dummy_prefix;
  // What the tokenizer classes for these models do when nothing is said.
  if (m.bos_id >= 0) v.prefix.push_back(m.bos_id);
  return {};
}

// A special token that tokenizer_config.json names by its text.
Result<> set_special(const TokenList& tokens, const std::optional<std::string>& name, std::string_view key,
                     TokenId& id) {
  if (!name) return {};
  TokenId found = tokens.find(*name);
  if (found == text::kNoToken) {
    return fail(Errc::corrupt,
                fmt::format("tokenizer_config.json: {} '{}' is not in the vocabulary", key, printable(*name, 60)));
  }
  id = found;
  return {};
}

// What the configuration says about bos or eos at an end of every text overrides what the tokenizer's own file says.
Result<> override_end(std::optional<bool> add, TokenId id, std::string_view key, std::vector<TokenId>& end) {
  if (!add) return {};
  if (*add && id == text::kNoToken) {
    return fail(Errc::corrupt, fmt::format("tokenizer_config.json: {} without such a token", key));
  }
  bool there = !end.empty() && end.front() == id;
  if (*add && !there) end.insert(end.begin(), id);
  if (!*add && there) end.erase(end.begin());
  return {};
}

Result<> apply_config(const TokenizerConfig& c, const TokenList& tokens, TokenizerSource& source) {
  Vocabulary& v = source.vocabulary;
  FH_TRY_VOID(set_special(tokens, c.bos_token, "bos_token", v.bos));
  FH_TRY_VOID(set_special(tokens, c.eos_token, "eos_token", v.eos));
  if (c.pad_token) v.padding = tokens.find(*c.pad_token);  // we never pad, so it may be missing
  FH_TRY_VOID(override_end(c.add_bos_token, v.bos, "add_bos_token", v.prefix));
  FH_TRY_VOID(override_end(c.add_eos_token, v.eos, "add_eos_token", v.suffix));
  v.cleanup =
      c.clean_up_tokenization_spaces.value_or(false) ? text::SpaceCleanup::hugging_face : text::SpaceCleanup::none;
  for (const auto& t : c.chat_templates) source.chat_templates.push_back({t.name, t.source});
  return {};
}

// `key` of config.json or generation_config.json: one id or a list of them.
Result<std::vector<TokenId>> ids_of(const format::Metadata& metadata, std::string_view key, std::size_t tokens) {
  std::vector<TokenId> ids;
  const format::Value* value = metadata.find(key);
  const std::string members = std::string(key) + ".";
  for (const auto& entry : metadata.entries()) {
    if (entry.key.starts_with(members))
      return fail(Errc::corrupt, fmt::format("{}: expected one id or a list, found an object", key));
  }
  if (value == nullptr || value->is_null()) return ids;
  std::vector<std::int64_t> numbers;
  if (auto one = value->as_i64()) {
    numbers.push_back(*one);
  } else if (auto list = value->as_i64s()) {
    numbers = std::move(*list);
  } else {
    return fail(Errc::corrupt, fmt::format("{}: expected one id or a list, found {}", key, value->describe()));
  }
  for (std::int64_t n : numbers) {
    if (n < 0 || static_cast<std::uint64_t>(n) >= tokens) {
      return fail(Errc::corrupt, fmt::format("{} is {}, but the vocabulary has {} tokens", key, n, tokens));
    }
    ids.push_back(static_cast<TokenId>(n));
  }
  return ids;
}

Result<> apply_model_config(const format::HfFolder& folder, bool has_tokenizer_config, Vocabulary& v) {
  const std::size_t n = v.tokens.size();
  const format::Metadata* sources[] = {folder.generation_config ? &*folder.generation_config : nullptr, &folder.config};
  for (const format::Metadata* m : sources) {
    if (m == nullptr) continue;
    FH_TRY(auto ends, ids_of(*m, "eos_token_id", n));
    v.end_of_generation.insert(v.end_of_generation.end(), ends.begin(), ends.end());
    FH_TRY(auto begins, ids_of(*m, "bos_token_id", n));  // checked also when the tokenizer's own file decides
    if (has_tokenizer_config) continue;
    if (v.bos == text::kNoToken && !begins.empty()) v.bos = begins.front();
    if (v.eos == text::kNoToken && !ends.empty()) v.eos = ends.front();
  }
  return {};
}

}  // namespace

Result<TokenizerSource> tokenizer_from_json(const TokenizerJson& json, const TokenizerConfig& config) {
  TokenizerSource source;
  TokenList tokens;
  auto converted = convert_json(json, source.vocabulary, tokens);
  if (!converted) return in_context(std::move(converted).error(), "tokenizer.json");
  FH_TRY_VOID(apply_config(config, tokens, source));
  tokens.write(source.vocabulary);
  return source;
}

Result<TokenizerSource> tokenizer_from_sentencepiece(const format::SentencePieceModel& model,
                                                     const TokenizerConfig& config) {
  TokenizerSource source;
  TokenList tokens;
  tokens.expect(model.pieces.size() + config.added_tokens.size());
  auto converted = convert_sentencepiece(model, source.vocabulary, tokens);
  if (!converted) return in_context(std::move(converted).error(), "tokenizer.model");
  for (const auto& a : config.added_tokens) FH_TRY_VOID(tokens.add_extra(a));
  FH_TRY_VOID(apply_config(config, tokens, source));
  tokens.write(source.vocabulary);
  return source;
}

Result<TokenizerSource> tokenizer_from_folder(const format::HfFolder& folder) {
  TokenizerConfig config;
  if (folder.tokenizer_config_json) {
    auto read = format::parse_tokenizer_config(as_text(folder.tokenizer_config_json->bytes()));
    if (!read) return in_context(std::move(read).error(), "tokenizer_config.json");
    config = std::move(*read);
  }
  TokenizerSource source;
  if (folder.tokenizer_json) {
    auto read = format::parse_tokenizer_json(as_text(folder.tokenizer_json->bytes()));
    if (!read) return in_context(std::move(read).error(), "tokenizer.json");
    FH_TRY(source, tokenizer_from_json(*read, config));
  } else if (folder.tokenizer_model) {
    auto read = format::parse_sentencepiece_model(folder.tokenizer_model->bytes());
    if (!read) return in_context(std::move(read).error(), "tokenizer.model");
    FH_TRY(source, tokenizer_from_sentencepiece(*read, config));
  } else {
    return fail(Errc::not_found, "the folder has neither tokenizer.json nor tokenizer.model");
  }
  FH_TRY_VOID(apply_model_config(folder, folder.tokenizer_config_json.has_value(), source.vocabulary));
  if (folder.chat_template_jinja) {
    std::erase_if(source.chat_templates, [](const ChatTemplate& t) { return t.name == "default"; });
    source.chat_templates.push_back({"default", std::string(as_text(folder.chat_template_jinja->bytes()))});
  }
  default_first(source.chat_templates);
  add_known_ends(source.vocabulary);
  return source;
}

}  // namespace freehold::model
