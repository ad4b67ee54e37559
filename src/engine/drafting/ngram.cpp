#include "engine/drafting/ngram.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace freehold::engine {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::uint32_t kLongestMatch = 32;  // longer ones are not told apart
// Earlier places looked at: a pair of tokens like two line ends may occur a thousand times.
constexpr int kMostPlaces = 64;

// All places of a text by the pair of tokens that ends there: chains of a hash table, the latest place first.
class Places {
 public:
  explicit Places(std::size_t longest)
      : heads_(std::bit_ceil(std::max<std::size_t>(longest, 16)), kNone), before_(longest) {}

  // Places below `end` are in the index from now on. `text` begins as it did before.
  void know(std::span<const std::int32_t> text, std::size_t end) {
    for (; known_ < end; ++known_) {
      if (known_ == 0) continue;
      std::uint32_t& head = head_of(text[known_ - 1], text[known_]);
      before_[known_] = head;
      head = known_;
    }
  }

  struct Match {
    std::uint32_t place = kNone;
    std::uint32_t length = 0;
  };
  // The place that ends as `of` does, with the longest match of at least two tokens. Of several the latest, or the
  // first from `from` on.
  Match find(std::span<const std::int32_t> text, std::span<const std::int32_t> of, std::uint32_t from = kNone) const {
    Match best;
    if (of.size() < 2) return best;
    std::uint32_t place = head_of(of[of.size() - 2], of.back());
    for (int looked = 0; place != kNone && looked < kMostPlaces; ++looked, place = before_[place]) {
      const std::uint32_t length = match(text.first(place + std::size_t{1}), of);
      if (length < 2) continue;
      if (length > best.length || (length == best.length && place >= from)) best = {place, length};
      if (length >= kLongestMatch && from == kNone) break;
    }
    return best;
  }

 private:
  std::size_t bucket(std::int32_t first, std::int32_t second) const {
    const std::uint64_t pair =
        std::uint64_t{static_cast<std::uint32_t>(first)} << 32 | static_cast<std::uint32_t>(second);
    return (pair * 0x9E3779B97F4A7C15u >> 32) & (heads_.size() - 1);
  }
  std::uint32_t& head_of(std::int32_t first, std::int32_t second) { return heads_[bucket(first, second)]; }
  std::uint32_t head_of(std::int32_t first, std::int32_t second) const { return heads_[bucket(first, second)]; }
  // How many of their last tokens are equal.
  static std::uint32_t match(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
    const std::size_t most = std::min({a.size(), b.size(), std::size_t{kLongestMatch}});
    std::uint32_t length = 0;
    while (length < most && a[a.size() - 1 - length] == b[b.size() - 1 - length]) ++length;
    return length;
  }

  std::vector<std::uint32_t> heads_;   // by hash of a pair: the latest place
  std::vector<std::uint32_t> before_;  // by place: the one before it with the same hash
  std::uint32_t known_ = 0;            // places below are in the index
};

// What an answer may repeat: itself with its prompt, and what it is expected to be.
struct Sources final : DraftState {
  Sources(const Request& request, std::uint32_t limit)
      : own(request.prompt.size() + limit), expected(request.expected.size()), text(request.expected) {
    expected.know(text, text.size());
  }
  Places own;
  Places expected;
  std::span<const std::int32_t> text;  // the request's, which outlives the answer
  std::uint32_t reached = 0;           // in `text`, by the last guess from it
};

Evidence evidence_of(std::uint32_t match) {
  return match >= 8 ? Evidence::strong : match >= 4 ? Evidence::good : match == 3 ? Evidence::fair : Evidence::weak;
}

}  // namespace

std::unique_ptr<DraftState> NgramDrafter::start(const Request& request, std::uint32_t limit, std::uint32_t /*most*/) {
  return std::make_unique<Sources>(request, limit);
}

void NgramDrafter::propose(std::span<DraftQuery> queries) {
  for (DraftQuery& query : queries) {
    auto& sources = *static_cast<Sources*>(query.state);
    // The end itself would match best.
    sources.own.know(query.tokens, query.tokens.size() - 1);
    const Places::Match own = sources.own.find(query.tokens, query.tokens);
    const Places::Match expected = sources.expected.find(sources.text, query.tokens, sources.reached);
    const bool as_expected = expected.length > 0 && expected.length >= own.length;
    if (as_expected) sources.reached = expected.place;
    const std::span<const std::int32_t> source = as_expected ? sources.text : query.tokens;
    const Places::Match match = as_expected ? expected : own;
    if (match.place == kNone) continue;
    std::size_t from = match.place + std::size_t{1};
    // What is expected ends. Past the end of the answer the guess itself goes on: what repeats with a short period
    // repeats again.
    if (as_expected) query.draft = query.draft.first(std::min(query.draft.size(), source.size() - from));
    for (std::int32_t& token : query.draft) {
      token = from < source.size() ? source[from] : query.draft[from - source.size()];
      ++from;
    }
    query.count = static_cast<std::uint32_t>(query.draft.size());
    query.evidence = evidence_of(match.length);
  }
}

}  // namespace freehold::engine
