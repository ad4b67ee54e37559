#include "text/merger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "text/byte_alphabet.h"

namespace freehold::text {
namespace {

// Whether text may become this token by merging. Control and unknown tokens never: what a user writes must not turn
// into one because a vocabulary's merges happen to lead there.
bool mergeable(TokenType type) {
  return type == TokenType::normal || type == TokenType::unused || type == TokenType::user_defined;
}

TokenType type_of(const Vocabulary& v, std::size_t i) {
  return v.types.empty() ? TokenType::normal : v.types[i];
}

// The byte of "<0x0A>", exactly in this form.
std::optional<std::uint8_t> byte_of_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (char c : text.substr(3, 2)) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return static_cast<std::uint8_t>(value);
}

// Scores as ranks: equal scores share one, and what is no number comes last.
std::vector<std::uint32_t> ranks_of(const std::vector<float>& scores) {
  std::vector<float> sorted;
  sorted.reserve(scores.size());
  auto clean = [](float s) { return std::isnan(s) ? -HUGE_VALF : s; };
  for (float s : scores) sorted.push_back(clean(s));
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::uint32_t> ranks;
  ranks.reserve(scores.size());
  for (float s : scores) {
    auto it = std::lower_bound(sorted.begin(), sorted.end(), clean(s), std::greater<>());
    ranks.push_back(static_cast<std::uint32_t>(it - sorted.begin()));
  }
  return ranks;
}

}  // namespace

Result<Merger> Merger::create(const Vocabulary& v, const TextTable& texts) {
  Merger m;
  m.texts_ = &texts;
  m.order_ = v.order;
  m.alphabet_ = v.alphabet;
  m.ignore_merges_ = v.ignore_merges;
  m.fuse_unknown_ = v.fuse_unknown;
  m.unknown_ = v.unknown;
  m.byte_token_.fill(kNoToken);
  FH_TRY_VOID(m.index(v));
  if (v.order == MergeOrder::by_score) {
    m.rank_ = ranks_of(v.scores);
  } else {
    FH_TRY_VOID(m.index_merges(v));
  }
  return m;
}

Result<> Merger::index(const Vocabulary& v) {
  const std::size_t n = texts_->size();
  by_text_ = TextMap(n);
  for (std::size_t i = 0; i < n; ++i) {
    auto id = static_cast<TokenId>(i);
    TokenType type = type_of(v, i);
    std::string_view text = (*texts_)[i];
    if (type == TokenType::byte) {
      if (alphabet_ == Alphabet::bytes)
        return fail(Errc::corrupt, fmt::format("token {}: a byte token in a byte-level vocabulary", i));
      auto byte = byte_of_token(v.tokens[i]);
      if (!byte) {
        return fail(Errc::corrupt,
                    fmt::format("token {}: of type byte, but it reads '{}' instead of '<0x00>' to '<0xFF>'", i,
                                printable(v.tokens[i], 40)));
      }
      if (byte_token_[*byte] == kNoToken) byte_token_[*byte] = id;
      continue;
    }
    if (!mergeable(type) || text.empty()) continue;
    // A user-defined token of a byte-level vocabulary is text, not bytes in the alphabet: it is matched, never merged.
    if (alphabet_ == Alphabet::bytes && type == TokenType::user_defined) continue;
    by_text_.insert(*texts_, id);
    longest_ = std::max(longest_, text.size());
    if (alphabet_ == Alphabet::bytes && text.size() == 1) {
      TokenId& token = byte_token_[static_cast<unsigned char>(text[0])];
      if (token == kNoToken) token = id;
    }
    for (std::size_t at = 1; (at = text.find(kSpaceMark, at)) != std::string_view::npos; ++at) {
      joins_mark_.set(static_cast<unsigned char>(text[at - 1]));
    }
  }
  cut_at_marks_ = alphabet_ == Alphabet::characters;
  return {};
}

Result<> Merger::index_merges(const Vocabulary& v) {
  const std::size_t n = v.merges.size() / 2;
  merges_ = MergeMap(n);
  // Merges are written in the tokens' own spelling.
  TextMap spelling(v.tokens.size());
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    if (!v.tokens[i].empty()) spelling.insert(v.tokens, static_cast<TokenId>(i));
  }
  std::string whole;
  for (std::size_t r = 0; r < n; ++r) {
    std::string_view left = v.merges[2 * r];
    std::string_view right = v.merges[2 * r + 1];
    whole.assign(left).append(right);
    TokenId a = spelling.find(v.tokens, left);
    TokenId b = spelling.find(v.tokens, right);
    TokenId c = spelling.find(v.tokens, whole);
    if (a == kNoToken || b == kNoToken || c == kNoToken) {
      std::string_view lost = a == kNoToken ? left : b == kNoToken ? right : std::string_view(whole);
      return fail(Errc::corrupt, fmt::format("merge {}: '{}' + '{}': '{}' is not in the vocabulary", r,
                                             printable(left, 40), printable(right, 40), printable(lost, 80)));
    }
    if (!mergeable(type_of(v, static_cast<std::size_t>(c)))) continue;
    merges_.insert(a, b, Merge{static_cast<std::uint32_t>(r), c});
  }
  return {};
}

Merge Merger::pair(std::string_view word, const Symbol& left, const Symbol& right) const {
  if (order_ == MergeOrder::by_rank) return merges_.find(left.token, right.token);
  std::size_t size = right.end - left.begin;
  if (size > longest_) return {};
  TokenId token = by_text_.find(*texts_, word.substr(left.begin, size));
  if (token == kNoToken) return {};
  return {rank_[static_cast<std::size_t>(token)], token};
}

// A word of few symbols: entry i of w.merges is kept up to date, and the best is found by looking at all.
void Merger::scan(std::string_view word, MergeWorkspace& w) const {
  auto& s = w.symbols;
  auto& m = w.merges;
  m.clear();
  for (std::size_t i = 0; i + 1 < s.size(); ++i) m.push_back(pair(word, s[i], s[i + 1]));
  while (!m.empty()) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < m.size(); ++i) {
      if (m[i].rank < m[best].rank) best = i;
    }
    if (m[best].result == kNoToken) break;
    s[best].end = s[best + 1].end;
    s[best].token = m[best].result;
    s.erase(s.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    m.erase(m.begin() + static_cast<std::ptrdiff_t>(best));
    if (best > 0) m[best - 1] = pair(word, s[best - 1], s[best]);
    if (best < m.size()) m[best] = pair(word, s[best], s[best + 1]);
  }
}

// A long word: symbols form a list, candidates wait in a heap, and one whose symbols changed meanwhile is skipped.
void Merger::heap(std::string_view word, MergeWorkspace& w) const {
  auto& s = w.symbols;
  auto& h = w.heap;
  h.clear();
  auto later = [](const MergeWorkspace::Candidate& a, const MergeWorkspace::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  auto candidate = [&](std::int32_t left) -> bool {
    const Symbol& a = s[static_cast<std::size_t>(left)];
    if (a.next < 0) return false;
    const Symbol& b = s[static_cast<std::size_t>(a.next)];
    Merge merge = pair(word, a, b);
    if (merge.result == kNoToken) return false;
    h.push_back({merge.rank, left, a.end, b.end, merge.result});
    return true;
  };
  auto count = static_cast<std::int32_t>(s.size());
  for (std::int32_t i = 0; i < count; ++i) {
    s[static_cast<std::size_t>(i)].previous = i - 1;
    s[static_cast<std::size_t>(i)].next = i + 1 < count ? i + 1 : -1;
  }
  for (std::int32_t i = 0; i < count; ++i) candidate(i);
  std::make_heap(h.begin(), h.end(), later);
  while (!h.empty()) {
    std::pop_heap(h.begin(), h.end(), later);
    MergeWorkspace::Candidate c = h.back();
    h.pop_back();
    Symbol& a = s[static_cast<std::size_t>(c.left)];
    // A symbol that was merged into its left neighbour is empty.
    if (a.begin == a.end || a.end != c.middle || a.next < 0) continue;
    Symbol& b = s[static_cast<std::size_t>(a.next)];
    if (b.end != c.end) continue;
    a.end = b.end;
    a.token = c.result;
    a.next = b.next;
    b.end = b.begin;
    if (a.next >= 0) s[static_cast<std::size_t>(a.next)].previous = c.left;
    if (a.previous >= 0 && candidate(a.previous)) std::push_heap(h.begin(), h.end(), later);
    if (candidate(c.left)) std::push_heap(h.begin(), h.end(), later);
  }
  std::erase_if(s, [](const Symbol& x) { return x.begin == x.end; });
}

void Merger::emit(std::string_view word, const Symbol& symbol, std::size_t offset, MergeWorkspace& w,
                  bool& unknown_before, std::vector<Piece>& out) const {
  auto begin = static_cast<std::uint32_t>(offset + symbol.begin);
  auto end = static_cast<std::uint32_t>(offset + symbol.end);
  if (symbol.token != kNoToken) {
    out.push_back({symbol.token, begin, end});
    unknown_before = false;
    return;
  }
  std::string_view text = word.substr(symbol.begin, symbol.end - symbol.begin);
  auto byte_token = [&](char c) { return byte_token_[static_cast<unsigned char>(c)]; };
  bool by_bytes = alphabet_ == Alphabet::characters &&
                  std::all_of(text.begin(), text.end(), [&](char c) { return byte_token(c) != kNoToken; });
  if (by_bytes) {
    for (char c : text) out.push_back({byte_token(c), begin, end});
    unknown_before = false;
  } else if (unknown_ != kNoToken) {
    if (unknown_before && fuse_unknown_) {
      out.back().end = end;
    } else {
      out.push_back({unknown_, begin, end});
    }
    unknown_before = true;
  } else {
    w.dropped_bytes += text.size();
  }
}

void Merger::merge_word(std::string_view word, std::size_t offset, MergeWorkspace& w, std::vector<Piece>& out) const {
  w.symbols.clear();
  w.symbols.reserve(word.size());  // growing would need half as much again; what is not used is not touched
  for (std::size_t at = 0; at < word.size();) {
    std::size_t length = 1;
    TokenId token = kNoToken;
    if (alphabet_ == Alphabet::bytes) {
      token = byte_token_[static_cast<unsigned char>(word[at])];
    } else {
      length = std::max<std::size_t>(decode_utf8(word.substr(at)).length, 1);
      token = by_text_.find(*texts_, word.substr(at, length));
    }
    w.symbols.push_back(
        {.begin = static_cast<std::uint32_t>(at), .end = static_cast<std::uint32_t>(at + length), .token = token});
    at += length;
  }
  if (w.symbols.size() <= scan_limit_) {
    scan(word, w);
  } else {
    heap(word, w);
  }
  if (out.empty()) out.reserve(w.symbols.size());
  bool unknown_before =
      !out.empty() && offset > 0 && fuse_unknown_ && out.back().token == unknown_ && out.back().end == offset;
  for (const Symbol& symbol : w.symbols) emit(word, symbol, offset, w, unknown_before, out);
}

void Merger::run(std::string_view word, MergeWorkspace& w, std::vector<Piece>& out) const {
  if (word.empty()) return;
  if (ignore_merges_ && word.size() <= longest_) {
    TokenId token = by_text_.find(*texts_, word);
    if (token != kNoToken) {
      out.push_back({token, 0, static_cast<std::uint32_t>(word.size())});
      return;
    }
  }
  if (!cut_at_marks_) return merge_word(word, 0, w, out);
  std::size_t begin = 0;
  for (std::size_t at = 1; (at = word.find(kSpaceMark, at)) != std::string_view::npos; ++at) {
    if (joins_mark_[static_cast<unsigned char>(word[at - 1])]) continue;
    merge_word(word.substr(begin, at - begin), begin, w, out);
    begin = at;
  }
  merge_word(word.substr(begin), begin, w, out);
}

}  // namespace freehold::text
