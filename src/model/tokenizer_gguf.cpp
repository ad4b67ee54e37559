// A GGUF's tokenizer.ggml.* keys as a Vocabulary. Source: the GGUF specification (ggml-org/ggml docs/gguf.md); what the
// keys leave open is decided as llama.cpp does, because that is what the files were made for.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/utf8.h"
#include "model/tokenizer_sources.h"
#include "text/pre_tokenizers.h"

namespace freehold::model {
namespace {

using format::Metadata;
using text::TokenId;
using text::TokenType;
using text::Vocabulary;

Result<> read_tokens(const Metadata& m, Vocabulary& v) {
  FH_TRY(auto tokens, m.strings("tokenizer.ggml.tokens"));
  std::size_t bytes = 0;
  for (std::string_view t : tokens) bytes += t.size();
  v.tokens.reserve(tokens.size(), bytes);
  for (std::string_view t : tokens) v.tokens.add(t);
  FH_TRY(auto types, m.find_as<std::vector<std::int64_t>>("tokenizer.ggml.token_type"));
  if (!types) return {};  // guess_types will fill them in
  if (types->size() != tokens.size()) {
    return fail(Errc::corrupt,
                fmt::format("tokenizer.ggml.token_type has {} entries for {} tokens", types->size(), tokens.size()));
  }
  v.types.reserve(types->size());
  for (std::size_t i = 0; i < types->size(); ++i) {
    std::int64_t type = (*types)[i];
    if (type < 0 || type > 6) {
      return fail(Errc::corrupt,
                  fmt::format("tokenizer.ggml.token_type: token {} has type {}, which is unknown", i, type));
    }
    v.types.push_back(type == 0 ? TokenType::normal : static_cast<TokenType>(type));
  }
  return {};
}

// A special token's id; kNoToken if the file does not name one, or says -1 in either of the ways found in the wild.
Result<TokenId> read_id(const Metadata& m, std::string_view key, std::size_t tokens) {
  FH_TRY(auto id, m.find_as<std::int64_t>(key));
  if (!id || *id == -1 || *id == 0xFFFFFFFF) return text::kNoToken;
  if (*id < 0 || static_cast<std::uint64_t>(*id) >= tokens) {
    return fail(Errc::corrupt, fmt::format("{} is {}, but the vocabulary has {} tokens", key, *id, tokens));
  }
  return static_cast<TokenId>(*id);
}

// The first token of this type and, if `text` is not empty, of this text.
TokenId find_special(const Vocabulary& v, TokenType type, std::string_view text) {
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    if (v.types[i] == type && (text.empty() || v.tokens[i] == text)) return static_cast<TokenId>(i);
  }
  return text::kNoToken;
}

Result<> read_special_ids(const Metadata& m, Vocabulary& v) {
  const std::size_t n = v.tokens.size();
  // Also those that nothing here reads: a file that names tokens which it has not is damaged.
  for (const format::Member& entry : m.entries()) {
    if (!entry.key.starts_with("tokenizer.ggml.")) continue;
    if (entry.key.ends_with("_token_id")) {
      FH_TRY_VOID(read_id(m, entry.key, n));
    } else if (entry.key.ends_with("_token_ids")) {
      const auto ids = entry.value.as_i64s();
      const auto outside = [n](std::int64_t id) { return id < -1 || id >= static_cast<std::int64_t>(n); };
      if (!ids || std::any_of(ids->begin(), ids->end(), outside)) {
        return fail(Errc::corrupt, fmt::format("{} is {}: not ids of a vocabulary of {} tokens", printable(entry.key),
                                               entry.value.describe(), n));
      }
    }
  }
  FH_TRY(v.bos, read_id(m, "tokenizer.ggml.bos_token_id", n));
  FH_TRY(v.eos, read_id(m, "tokenizer.ggml.eos_token_id", n));
  FH_TRY(v.eot, read_id(m, "tokenizer.ggml.eot_token_id", n));
  FH_TRY(v.unknown, read_id(m, "tokenizer.ggml.unknown_token_id", n));
  FH_TRY(v.padding, read_id(m, "tokenizer.ggml.padding_token_id", n));
  FH_TRY(TokenId eom, read_id(m, "tokenizer.ggml.eom_token_id", n));
  if (eom != text::kNoToken) v.end_of_generation.push_back(eom);
  return {};
}

// For files from before token types: byte tokens are known by their form, special ones by their ids.
void guess_types(Vocabulary& v, bool byte_tokens) {
  v.types.assign(v.tokens.size(), TokenType::normal);
  auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  for (std::size_t i = 0; byte_tokens && i < v.tokens.size(); ++i) {
    std::string_view t = v.tokens[i];
    if (t.size() == 6 && t.starts_with("<0x") && hex(t[3]) && hex(t[4]) && t[5] == '>') v.types[i] = TokenType::byte;
  }
  for (TokenId id : {v.bos, v.eos, v.eot, v.padding}) {
    if (id != text::kNoToken) v.types[static_cast<std::size_t>(id)] = TokenType::control;
  }
  if (v.unknown != text::kNoToken) v.types[static_cast<std::size_t>(v.unknown)] = TokenType::unknown;
}

Result<> read_spm(const Metadata& m, Vocabulary& v) {
  v.order = text::MergeOrder::by_score;
  v.alphabet = text::Alphabet::characters;
  FH_TRY(v.scores, m.f32s("tokenizer.ggml.scores"));
  if (v.scores.size() != v.tokens.size()) {
    return fail(Errc::corrupt,
                fmt::format("tokenizer.ggml.scores has {} entries for {} tokens", v.scores.size(), v.tokens.size()));
  }
  if (const format::Value* map = m.find("tokenizer.ggml.precompiled_charsmap"); map != nullptr && map->size() > 0) {
    return fail(Errc::unsupported, "tokenizer.ggml.precompiled_charsmap");
  }
  v.fuse_unknown = true;
  if (v.bos == text::kNoToken) v.bos = find_special(v, TokenType::control, "<s>");
  if (v.eos == text::kNoToken) v.eos = find_special(v, TokenType::control, "</s>");
  if (v.unknown == text::kNoToken) v.unknown = find_special(v, TokenType::unknown, "");
  FH_TRY(bool collapse, m.get_or<bool>("tokenizer.ggml.remove_extra_whitespaces", false));
  FH_TRY(bool prefix, m.get_or<bool>("tokenizer.ggml.add_space_prefix", true));
  using Kind = text::NormalizerStep::Kind;
  if (collapse) v.normalizer.push_back({.kind = Kind::collapse_spaces});
  if (prefix) v.normalizer.push_back({.kind = Kind::prepend, .to = std::string(text::kSpaceMark)});
  v.normalizer.push_back({.kind = Kind::replace, .from = " ", .to = std::string(text::kSpaceMark)});
  v.drop_leading_space = prefix;
  return {};
}

Result<> read_merges(const Metadata& m, Vocabulary& v) {
  FH_TRY(auto merges, m.strings("tokenizer.ggml.merges"));
  std::size_t bytes = 0;
  for (std::string_view merge : merges) bytes += merge.size();
  v.merges.reserve(2 * merges.size(), bytes);
  for (std::size_t i = 0; i < merges.size(); ++i) {
    std::size_t space = merges[i].find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merges[i].size()) {
      return fail(Errc::corrupt,
                  fmt::format("tokenizer.ggml.merges: merge {} '{}' is not two parts with a space between", i,
                              printable(merges[i], 60)));
    }
    v.merges.add(merges[i].substr(0, space));
    v.merges.add(merges[i].substr(space + 1));
  }
  return {};
}

Result<bool> read_bpe(const Metadata& m, Vocabulary& v) {
  v.order = text::MergeOrder::by_rank;
  v.alphabet = text::Alphabet::bytes;
  // A byte that has no token is left out, as every engine for these files does; the id that some of them name is not
  // meant for it (StarCoder's is the end of text).
  v.unknown = text::kNoToken;
  FH_TRY_VOID(read_merges(m, v));
  FH_TRY(auto pre_name, m.find_as<std::string_view>("tokenizer.ggml.pre"));
  if (!pre_name) {
    return fail(Errc::unsupported, "the file does not name its pre-tokenizer (tokenizer.ggml.pre): convert it again");
  }
  const text::PreTokenizer* pre = text::find_pre_tokenizer(*pre_name);
  if (pre == nullptr) return fail(Errc::unsupported, fmt::format("pre-tokenizer '{}'", printable(*pre_name, 60)));
  v.splits = text::split_steps(*pre);
  v.ignore_merges = pre->ignore_merges;
  v.cleanup = pre->cleanup;
  return pre->add_bos;
}

// Phi-3's special tokens take the white space behind them along. Its tokenizer.json says so, a GGUF cannot: its name
// must do.
void add_phi3_strips(const Metadata& m, Vocabulary& v) {
  const format::Value* name = m.find("general.name");
  if (name == nullptr || !name->is_string()) return;
  std::string lower(*name->as_string());
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower.find("phi-3") == std::string::npos && lower.find("phi3") == std::string::npos) return;
  for (std::size_t i = 0; i < v.types.size(); ++i) {
    if (v.types[i] != TokenType::control && v.types[i] != TokenType::user_defined) continue;
    std::string_view text = v.tokens[i];
    if (text == "<unk>" || text == "<s>" || text == "<|endoftext|>") continue;
    v.strips.push_back({.token = static_cast<TokenId>(i), .right = true});
  }
}

Result<std::vector<ChatTemplate>> read_templates(const Metadata& m) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  std::vector<ChatTemplate> templates;
  for (const format::Member& entry : m.entries()) {
    std::string_view key = entry.key;
    if (!key.starts_with(kKey)) continue;
    std::string_view rest = key.substr(kKey.size());
    if (!rest.empty() && rest[0] != '.') continue;  // tokenizer.chat_templates only lists the names
    auto source = entry.value.as_string();
    if (!source)
      return fail(Errc::corrupt,
                  fmt::format("{}: expected a string, found {}", printable(key), entry.value.describe()));
    templates.push_back({std::string(rest.empty() ? "default" : rest.substr(1)), std::string(*source)});
  }
  default_first(templates);
  return templates;
}

}  // namespace

Result<TokenizerSource> tokenizer_from_gguf(const Metadata& m) {
  FH_TRY(auto kind, m.find_as<std::string_view>("tokenizer.ggml.model"));
  if (!kind || *kind == "no_vocab" || *kind == "none")
    return fail(Errc::not_found, "the file holds none (tokenizer.ggml.model)");
  TokenizerSource source;
  Vocabulary& v = source.vocabulary;
  if (*kind != "llama" && *kind != "gpt2") {
    return fail(Errc::unsupported,
                fmt::format("tokenizer.ggml.model '{}' (we read 'llama' and 'gpt2')", printable(*kind, 60)));
  }
  FH_TRY_VOID(read_tokens(m, v));
  FH_TRY_VOID(read_special_ids(m, v));
  if (v.types.empty()) guess_types(v, *kind == "llama");
  bool add_bos = true;
  if (*kind == "llama") {
    FH_TRY_VOID(read_spm(m, v));
  } else {
    FH_TRY(add_bos, read_bpe(m, v));
  }
  FH_TRY(auto says_bos, m.find_as<bool>("tokenizer.ggml.add_bos_token"));
  FH_TRY(bool add_eos, m.get_or<bool>("tokenizer.ggml.add_eos_token", false));
  if (says_bos.value_or(add_bos) && v.bos != text::kNoToken) v.prefix.push_back(v.bos);
  if (says_bos.value_or(false) && v.bos == text::kNoToken) {
    return fail(Errc::corrupt, "tokenizer.ggml.add_bos_token is true, but no bos token is named");
  }
  if (add_eos) {
    if (v.eos == text::kNoToken)
      return fail(Errc::corrupt, "tokenizer.ggml.add_eos_token is true, but no eos token is named");
    v.suffix.push_back(v.eos);
  }
  add_phi3_strips(m, v);
  add_known_ends(v);
  FH_TRY(source.chat_templates, read_templates(m));
  return source;
}

}  // namespace freehold::model
