// A folder's vocabulary in GGUF's words. GGUF names one of two kinds of tokenizer and, for byte-level ones, a
// pre-tokenizer; everything else about it is implied. So what is written is read back and tried on the text of every
// token: a tokenizer that would cut text otherwise is refused, not converted.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/sentencepiece_model.h"
#include "model/gguf_parts.h"
#include "model/tokenizer_sources.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer.h"

namespace freehold::model {
namespace {

using format::Metadata;
using format::Value;
using text::NormalizerStep;
using text::TokenId;
using text::TokenType;
using text::Vocabulary;

constexpr std::string_view kPrefix = "tokenizer.ggml.";

void set(Metadata& out, std::string_view key, Value value) {
  out.set(std::string(kPrefix) + std::string(key), std::move(value));
}

void put_tokens(const Vocabulary& v, std::uint32_t rows, Metadata& out) {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  for (std::size_t i = 0; i < std::max<std::size_t>(rows, v.tokens.size()); ++i) {
    const bool there = i < v.tokens.size() && !v.tokens[i].empty();
    tokens.push_back(there ? std::string(v.tokens[i]) : fmt::format("[PAD{}]", i));
    const TokenType type = !there ? TokenType::unused : v.types.empty() ? TokenType::normal : v.types[i];
    types.push_back(static_cast<std::int32_t>(type));
  }
  set(out, "tokens", Value::strings(tokens));
  set(out, "token_type", Value::i32s(types));
}

// SentencePiece's scores for a vocabulary that says its merges in order: the token whose merge comes first is the best.
std::vector<float> scores_of(const Vocabulary& v, std::uint32_t rows) {
  std::vector<float> scores = v.scores;
  scores.resize(std::max<std::size_t>(rows, v.tokens.size()), 0.0f);
  if (v.order == text::MergeOrder::by_score) return scores;
  std::vector<std::pair<std::string_view, std::size_t>> ids;
  for (std::size_t i = 0; i < v.tokens.size(); ++i) ids.emplace_back(v.tokens[i], i);
  std::sort(ids.begin(), ids.end());
  std::vector<bool> known(scores.size());
  std::string whole;
  for (std::size_t r = 0; 2 * r + 1 < v.merges.size(); ++r) {
    whole = std::string(v.merges[2 * r]) + std::string(v.merges[2 * r + 1]);
    auto it = std::lower_bound(ids.begin(), ids.end(), std::pair<std::string_view, std::size_t>(whole, 0));
    if (it == ids.end() || it->first != whole || known[it->second]) continue;
    known[it->second] = true;
    scores[it->second] = -static_cast<float>(r);  // exact up to 2^24 merges, more than a tokenizer may have
  }
  // No merge makes the others (single characters): the worst, as SentencePiece has them.
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    const bool normal = v.types.empty() || v.types[i] == TokenType::normal;
    if (!known[i] && normal) scores[i] = -static_cast<float>(v.merges.size() / 2 + i);
  }
  return scores;
}

bool has_step(const Vocabulary& v, NormalizerStep::Kind kind) {
  return std::any_of(v.normalizer.begin(), v.normalizer.end(), [&](const auto& step) { return step.kind == kind; });
}

void put_characters(const Vocabulary& v, std::uint32_t rows, Metadata& out, std::vector<std::string>& notes) {
  using Kind = NormalizerStep::Kind;
  set(out, "model", Value::string("llama"));
  set(out, "pre", Value::string("default"));
  set(out, "scores", Value::f32s(scores_of(v, rows)));
  const bool if_absent = has_step(v, Kind::prepend_if_absent);
  set(out, "add_space_prefix", Value::boolean(if_absent || has_step(v, Kind::prepend)));
  if (has_step(v, Kind::collapse_spaces)) set(out, "remove_extra_whitespaces", Value::boolean(true));
  if (if_absent) {
    notes.emplace_back(
        "a GGUF cannot say that the space before a text is put only where none is (and not behind a special token)");
  }
}

Result<> put_bytes(const Vocabulary& v, Metadata& out) {
  const text::PreTokenizer* pre = text::matching_pre_tokenizer(v.splits, v.ignore_merges);
  if (pre == nullptr) return fail(Errc::unsupported, "no pre-tokenizer that a GGUF can name cuts text as this one");
  set(out, "model", Value::string("gpt2"));
  set(out, "pre", Value::string(std::string(pre->names.front())));
  std::vector<std::string> merges;
  for (std::size_t r = 0; 2 * r + 1 < v.merges.size(); ++r) {
    merges.push_back(fmt::format("{} {}", v.merges[2 * r], v.merges[2 * r + 1]));
  }
  set(out, "merges", Value::strings(merges));
  return {};
}

// Normal forms are lost by every converter: GGUF has no word for them.
void drop_normal_forms(Vocabulary& v, std::vector<std::string>& notes) {
  using Kind = NormalizerStep::Kind;
  const auto form = [](const NormalizerStep& s) {
    return s.kind == Kind::nfc || s.kind == Kind::nfd || s.kind == Kind::nfkc || s.kind == Kind::nfkd;
  };
  if (std::erase_if(v.normalizer, form) == 0) return;
  notes.emplace_back(
      "a GGUF cannot state the tokenizer's Unicode normal form: text with combining characters may give other tokens");
}

Result<> put_ends(const Vocabulary& v, Metadata& out) {
  const auto put = [&](std::string_view key, TokenId id) {
    if (id != text::kNoToken) set(out, key, Value::u32(static_cast<std::uint32_t>(id)));
  };
  put("bos_token_id", v.bos);
  put("eos_token_id", v.eos);
  put("eot_token_id", v.eot);
  put("unknown_token_id", v.unknown);
  put("padding_token_id", v.padding);
  const auto around = [](const std::vector<TokenId>& ids, TokenId id) {
    return ids.empty() || (ids.size() == 1 && ids[0] == id);
  };
  if (!around(v.prefix, v.bos) || !around(v.suffix, v.eos)) {
    return fail(Errc::unsupported, "tokens other than bos and eos around every text cannot be stated in a GGUF");
  }
  set(out, "add_bos_token", Value::boolean(!v.prefix.empty()));
  set(out, "add_eos_token", Value::boolean(!v.suffix.empty()));
  return {};
}

void put_templates(const std::vector<ChatTemplate>& templates, Metadata& out) {
  for (const ChatTemplate& t : templates) {
    out.set(t.name == "default" ? "tokenizer.chat_template" : "tokenizer.chat_template." + t.name,
            Value::string(t.source));
  }
}

// The text of every token, and what stands between words: as much of what a tokenizer does as one text can show.
std::string probe(const Vocabulary& v) {
  constexpr std::size_t kMost = std::size_t{4} << 20;
  std::string out = "Hello, World!  It's 1234567 o'clock\n\n\tdon't  stop; Grüße, 世界 \xF0\x9F\xA6\x99 x=[1,2];\r\n";
  for (std::size_t i = 0; i < v.tokens.size() && out.size() < kMost; ++i) {
    const bool normal = v.types.empty() || v.types[i] == TokenType::normal;
    if (normal) out += fmt::format("{}{}", v.tokens[i], i % 3 == 0 ? " " : i % 3 == 1 ? "" : "\n");
  }
  return out;
}

Result<> check(const Vocabulary& own, const Metadata& written, const Vocabulary& original,
               std::vector<std::string>& notes) {
  FH_TRY(TokenizerSource again, tokenizer_from_gguf(written));
  for (TokenId id : original.end_of_generation) {
    const auto& ends = again.vocabulary.end_of_generation;
    if (std::find(ends.begin(), ends.end(), id) != ends.end()) continue;
    notes.push_back(fmt::format("a GGUF cannot say that the token {} '{}' ends an answer too", id,
                                printable(own.tokens[static_cast<std::size_t>(id)], 60)));
  }
  if (!original.strips.empty() && again.vocabulary.strips.empty())
    notes.emplace_back("a GGUF cannot say which special tokens take the white space beside them along");
  const std::string text = probe(own);
  FH_TRY(auto before, text::Tokenizer::create(own));
  FH_TRY(auto after, text::Tokenizer::create(std::move(again.vocabulary)));
  FH_TRY(auto a, before.encode_with_offsets(text));
  FH_TRY(auto b, after.encode_with_offsets(text));
  if (a.ids == b.ids) return {};
  const auto differ = static_cast<std::size_t>(
      std::mismatch(a.ids.begin(), a.ids.end(), b.ids.begin(), b.ids.end()).first - a.ids.begin());
  const std::size_t at = differ < a.spans.size() ? a.spans[differ].begin : 0;
  return fail(Errc::unsupported, fmt::format("a GGUF's tokenizer would cut '{}' otherwise than this one",
                                             printable(std::string_view(text).substr(std::min(at, text.size()), 24))));
}

}  // namespace

Result<> put_tokenizer(const format::HfFolder& folder, std::uint32_t rows, Metadata& out,
                       std::vector<std::string>& notes) {
  FH_TRY(TokenizerSource source, tokenizer_from_folder(folder));
  const Vocabulary original = source.vocabulary;
  Vocabulary& v = source.vocabulary;
  drop_normal_forms(v, notes);
  v.strips.clear();
  put_tokens(v, rows, out);
  if (v.alphabet == text::Alphabet::bytes) {
    FH_TRY_VOID(put_bytes(v, out));
  } else {
    put_characters(v, rows, out, notes);
  }
  FH_TRY_VOID(put_ends(v, out));
  put_templates(source.chat_templates, out);
  auto same = check(v, out, original, notes);
  if (!same) return in_context(std::move(same).error(), "tokenizer");
  return {};
}

}  // namespace freehold::model
