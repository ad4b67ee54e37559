#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/byte_alphabet.h"
#include "text/detokenizer.h"
#include "text/merger.h"
#include "text/normalizer.h"
#include "text/splitter.h"

namespace freehold::text {
namespace {

// What a vocabulary's patterns may take on a text. Real ones need 0.1 to 0.3 s a megabyte, ten times that without JIT.
std::chrono::milliseconds time_for(std::size_t bytes) {
  return std::chrono::milliseconds(700 + bytes / 100);
}

}  // namespace

struct Tokenizer::State {
  Vocabulary vocabulary;
  TextTable raw;                           // a bytes alphabet: the bytes of each token; otherwise empty
  std::vector<TokenId> end_of_generation;  // sorted
  TextMap spelling;
  AddedTokens added;
  Splitter splitter;
  std::optional<Merger> merger;

  const TextTable& texts() const { return vocabulary.alphabet == Alphabet::bytes ? raw : vocabulary.tokens; }
  TokenType type(TokenId id) const {
    const auto& types = vocabulary.types;
    return types.empty() ? TokenType::normal : types[static_cast<std::size_t>(id)];
  }
};

namespace {

Result<> check_id(const Vocabulary& v, TokenId id, std::string_view part) {
  if (id == kNoToken || (id >= 0 && static_cast<std::size_t>(id) < v.tokens.size())) return {};
  return fail(Errc::corrupt,
              fmt::format("the {} token is {}, but the vocabulary has {} tokens", part, id, v.tokens.size()));
}

Result<> check(const Vocabulary& v) {
  const std::size_t n = v.tokens.size();
  if (n == 0) return fail(Errc::corrupt, "the vocabulary is empty");
  if (n > kMaxTokens) return fail(Errc::unsupported, fmt::format("{} tokens (the limit is {})", n, kMaxTokens));
  if (!v.types.empty() && v.types.size() != n) {
    return fail(Errc::corrupt, fmt::format("{} token types for {} tokens", v.types.size(), n));
  }
  if (v.order == MergeOrder::by_score && v.scores.size() != n) {
    return fail(Errc::corrupt, fmt::format("{} scores for {} tokens", v.scores.size(), n));
  }
  if (v.order == MergeOrder::by_score && v.alphabet == Alphabet::bytes) {
    return fail(Errc::unsupported, "a byte-level vocabulary with scores");
  }
  if (v.merges.size() % 2 != 0) return fail(Errc::corrupt, "a merge without its right part");
  if (v.merges.size() / 2 > kMaxMerges) {
    return fail(Errc::unsupported, fmt::format("{} merges (the limit is {})", v.merges.size() / 2, kMaxMerges));
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (!is_utf8(v.tokens[i])) {
      return fail(Errc::corrupt, fmt::format("token {} '{}' is not UTF-8", i, printable(v.tokens[i], 40)));
    }
  }
  for (std::size_t i = 0; i < v.types.size(); ++i) {
    auto number = static_cast<unsigned>(v.types[i]);
    if (number < 1 || number > 6) return fail(Errc::corrupt, fmt::format("token {}: type {} is unknown", i, number));
  }
  FH_TRY_VOID(check_id(v, v.bos, "beginning-of-text (bos)"));
  FH_TRY_VOID(check_id(v, v.eos, "end-of-text (eos)"));
  FH_TRY_VOID(check_id(v, v.eot, "end-of-turn (eot)"));
  FH_TRY_VOID(check_id(v, v.unknown, "unknown (unk)"));
  FH_TRY_VOID(check_id(v, v.padding, "padding (pad)"));
  for (TokenId id : v.prefix) FH_TRY_VOID(check_id(v, id, "prefix"));
  for (TokenId id : v.suffix) FH_TRY_VOID(check_id(v, id, "suffix"));
  for (TokenId id : v.end_of_generation) FH_TRY_VOID(check_id(v, id, "end-of-generation"));
  for (const StripRule& r : v.strips) FH_TRY_VOID(check_id(v, r.token, "white-space-stripping"));
  return {};
}

// The bytes that each token of a byte-level vocabulary stands for. A special token is its text; so is one that holds a
// character outside the alphabet (it cannot come out of encoding then).
TextTable raw_bytes(const Vocabulary& v) {
  TextTable raw;
  raw.reserve(v.tokens.size(), v.tokens.total_bytes());
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    TokenType type = v.types.empty() ? TokenType::normal : v.types[i];
    std::string_view text = v.tokens[i];
    bool spelled = type == TokenType::normal || type == TokenType::unused;
    auto bytes = spelled ? bytes_of_token(text) : std::nullopt;
    raw.add(bytes ? std::string_view(*bytes) : text);
  }
  return raw;
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::create(Vocabulary v) {
  FH_TRY_VOID(check(v));
  auto state = std::make_unique<State>();
  state->vocabulary = std::move(v);
  Vocabulary& own = state->vocabulary;
  if (own.alphabet == Alphabet::bytes) state->raw = raw_bytes(own);
  state->spelling = TextMap(own.tokens.size());
  for (std::size_t i = 0; i < own.tokens.size(); ++i) state->spelling.insert(own.tokens, static_cast<TokenId>(i));
  state->end_of_generation = own.end_of_generation;
  std::sort(state->end_of_generation.begin(), state->end_of_generation.end());
  FH_TRY(state->added, AddedTokens::create(own));
  FH_TRY(state->splitter, Splitter::create(own.splits));
  FH_TRY(state->merger, Merger::create(own, state->texts()));
  own.merges = {};
  return Tokenizer(std::move(state));
}

namespace {

// Collects tokens, with or without the places they come from.
struct Sink {
  std::vector<TokenId>& ids;
  std::vector<TokenSpan>* spans;
  void add(TokenId id, std::size_t begin, std::size_t end) {
    ids.push_back(id);
    if (spans != nullptr) spans->push_back({begin, end});
  }
};

// One call's working memory, and the steps from a stretch of text to tokens.
class Run {
 public:
  Run(std::span<const NormalizerStep> normalizer, const Splitter& splitter, const Merger& merger, std::size_t bytes)
      : normalizer_(normalizer), splitter_(splitter), merger_(merger), matcher_(time_for(bytes)) {}

  // `stretch` lies at `offset` of the text and holds no special token.
  Result<> stretch(std::string_view stretch, std::size_t offset, Sink& sink) {
    std::string_view text = stretch;
    if (!normalizer_.empty()) {
      FH_TRY_VOID(normalize(normalizer_, stretch, offset == 0, sink.spans != nullptr, normalized_));
      text = normalized_.text;
    }
    if (splitter_.empty()) {
      words_.assign(text.empty() ? 0 : 1, Span{0, text.size()});
    } else {
      FH_TRY_VOID(splitter_.split(text, matcher_, words_, spare_));
    }
    for (const Span& word : words_) {
      pieces_.clear();
      merger_.run(text.substr(word.begin, word.size()), workspace_, pieces_);
      for (const Piece& p : pieces_) {
        sink.add(p.token, offset + origin(word.begin + p.begin), offset + origin(word.begin + p.end));
      }
    }
    return {};
  }

  std::size_t dropped_bytes() const { return workspace_.dropped_bytes; }

 private:
  std::size_t origin(std::size_t at) const {
    return normalizer_.empty() || normalized_.origin.empty() ? at : normalized_.origin[at];
  }

  std::span<const NormalizerStep> normalizer_;
  const Splitter& splitter_;
  const Merger& merger_;
  Matcher matcher_;
  NormalizedText normalized_;
  std::vector<Span> words_;
  std::vector<Span> spare_;
  std::vector<Piece> pieces_;
  MergeWorkspace workspace_;
};

}  // namespace

static Result<std::size_t> encode_into(std::string_view text, const Vocabulary& v, const AddedTokens& added,
                                       const Splitter& splitter, const Merger& merger, EncodeOptions options,
                                       Sink sink) {
  if (text.size() > kMaxTextBytes) {
    return fail(Errc::exhausted, fmt::format("a text of {} bytes (the limit is {})", text.size(), kMaxTextBytes));
  }
  std::string replaced;
  if (!is_utf8(text)) {
    replaced = replace_invalid_utf8(text);
    text = replaced;
  }
  if (options.add_special) {
    for (TokenId id : v.prefix) sink.add(id, 0, 0);
  }
  Run run(v.normalizer, splitter, merger, text.size());
  for (std::size_t at = 0; at < text.size();) {
    auto hit = added.find(text, at, options.parse_special);
    std::size_t end = hit ? hit->text.begin : text.size();
    if (end > at) FH_TRY_VOID(run.stretch(text.substr(at, end - at), at, sink));
    if (!hit) break;
    sink.add(hit->token, hit->text.begin, hit->text.end);
    at = hit->text.end;
  }
  if (options.add_special) {
    for (TokenId id : v.suffix) sink.add(id, text.size(), text.size());
  }
  return run.dropped_bytes();
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  const State& s = *state_;
  FH_TRY([[maybe_unused]] auto dropped,
         encode_into(text, s.vocabulary, s.added, s.splitter, *s.merger, options, Sink{ids, nullptr}));
  return ids;
}

Result<Encoding> Tokenizer::encode_with_offsets(std::string_view text, EncodeOptions options) const {
  Encoding e;
  const State& s = *state_;
  FH_TRY(e.dropped_bytes,
         encode_into(text, s.vocabulary, s.added, s.splitter, *s.merger, options, Sink{e.ids, &e.spans}));
  return e;
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> ids, DecodeOptions options) const {
  const Vocabulary& v = state_->vocabulary;
  std::string out;
  for (TokenId id : ids) {
    if (!contains(id)) {
      return fail(Errc::invalid, fmt::format("token {} is not in the vocabulary (of {} tokens)", id, size()));
    }
    append_bytes(id, options, out);
  }
  if (options.at_start && v.drop_leading_space && out.starts_with(' ')) out.erase(0, 1);
  if (!options.clean_up_spaces || v.cleanup == SpaceCleanup::none) return out;
  std::string cleaned;
  SpaceCleaner(v.cleanup).push(out, true, cleaned);
  return cleaned;
}

void Tokenizer::append_bytes(TokenId id, const DecodeOptions& options, std::string& out) const {
  TokenType type = state_->type(id);
  const bool silent = type == TokenType::control || type == TokenType::unknown;
  if (silent && !options.render_special && !std::binary_search(options.shown.begin(), options.shown.end(), id)) return;
  const Vocabulary& v = state_->vocabulary;
  std::string_view text = state_->texts()[static_cast<std::size_t>(id)];
  if (v.alphabet == Alphabet::bytes || type == TokenType::control || type == TokenType::unknown) {
    out.append(text);
    return;
  }
  if (type == TokenType::byte) {
    // Checked at creation: exactly "<0xHH>".
    auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
    out += static_cast<char>(digit(text[3]) * 16 + digit(text[4]));
    return;
  }
  std::size_t at = 0;
  for (std::size_t mark = 0; (mark = text.find(kSpaceMark, at)) != std::string_view::npos; at = mark + 3) {
    out.append(text.substr(at, mark - at));
    out += ' ';
  }
  out.append(text.substr(at));
}

std::size_t Tokenizer::size() const {
  return state_->vocabulary.tokens.size();
}

std::string_view Tokenizer::token_text(TokenId id) const {
  return contains(id) ? state_->vocabulary.tokens[static_cast<std::size_t>(id)] : std::string_view();
}

std::string Tokenizer::token_bytes(TokenId id) const {
  std::string out;
  if (contains(id)) append_bytes(id, {.render_special = true}, out);
  return out;
}

TokenType Tokenizer::token_type(TokenId id) const {
  return contains(id) ? state_->type(id) : TokenType::unused;
}

bool Tokenizer::ends_generation(TokenId id) const {
  return std::binary_search(state_->end_of_generation.begin(), state_->end_of_generation.end(), id);
}

TokenId Tokenizer::find_token(std::string_view text) const {
  return state_->spelling.find(state_->vocabulary.tokens, text);
}

const Vocabulary& Tokenizer::vocabulary() const {
  return state_->vocabulary;
}

Detokenizer::Detokenizer(const Tokenizer& tokenizer, DecodeOptions options)
    : tokenizer_(&tokenizer),
      options_(options),
      drop_space_(options.at_start && tokenizer.vocabulary().drop_leading_space),
      cleaner_(options.clean_up_spaces ? tokenizer.vocabulary().cleanup : SpaceCleanup::none) {}

Result<> Detokenizer::push(TokenId id, std::string& out) {
  if (!tokenizer_->contains(id)) {
    return fail(Errc::invalid, fmt::format("token {} is not in the vocabulary (of {} tokens)", id, tokenizer_->size()));
  }
  bytes_.clear();
  tokenizer_->append_bytes(id, options_, bytes_);
  if (bytes_.empty()) return {};
  std::string_view text = bytes_;
  if (std::exchange(drop_space_, false) && text.starts_with(' ')) text.remove_prefix(1);
  cleaner_.push(text, false, tail_);
  release(false, out);
  return {};
}

Result<std::string> Detokenizer::push(TokenId id) {
  std::string out;
  FH_TRY_VOID(push(id, out));
  return out;
}

void Detokenizer::release(bool end, std::string& out) {
  std::size_t whole = end ? tail_.size() : complete_utf8_prefix(tail_);
  std::string_view ready = std::string_view(tail_).substr(0, whole);
  if (is_utf8(ready)) {
    out.append(ready);
  } else {
    out.append(replace_invalid_utf8(ready));
  }
  tail_.erase(0, whole);
}

void Detokenizer::finish(std::string& out) {
  cleaner_.push({}, true, tail_);
  release(true, out);
  drop_space_ = options_.at_start && tokenizer_->vocabulary().drop_leading_space;
}

std::string Detokenizer::finish() {
  std::string out;
  finish(out);
  return out;
}

}  // namespace freehold::text
