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

// All places by the pair of tokens that ends there: chains of a hash table, the latest place first.
class Places final : public DraftState {
 public:
  explicit Places(std::size_t longest)
      : heads_(std::bit_ceil(std::max<std::size_t>(longest, 16)), kNone), before_(longest) {}

  // The place before the end of `tokens` with the longest match, and its length; the index holds all earlier ones then.
  struct Match {
    std::uint32_t place = kNone;
    std::uint32_t length = 0;
  };
  Match find(std::span<const std::int32_t> tokens) {
    for (; known_ + 1 < tokens.size(); ++known_) {  // the end itself would match best
      if (known_ == 0) continue;
      std::uint32_t& head = head_of(tokens, known_);
      before_[known_] = head;
      head = known_;
    }
    Match best;
    const auto end = static_cast<std::uint32_t>(tokens.size() - 1);
    if (end == 0) return best;
    std::uint32_t place = head_of(tokens, end);
    for (int looked = 0; place != kNone && looked < kMostPlaces; ++looked, place = before_[place]) {
      const std::uint32_t length = match(tokens, place, end);
      if (length >= 2 && length > best.length) best = {place, length};
      if (length >= kLongestMatch) break;
    }
    return best;
  }

 private:
  std::uint32_t& head_of(std::span<const std::int32_t> tokens, std::uint32_t place) {
    std::uint64_t pair =
        std::uint64_t{static_cast<std::uint32_t>(tokens[place - 1])} << 32 | static_cast<std::uint32_t>(tokens[place]);
    return heads_[(pair * 0x9E3779B97F4A7C15u >> 32) & (heads_.size() - 1)];
  }
  static std::uint32_t match(std::span<const std::int32_t> tokens, std::uint32_t a, std::uint32_t b) {
    std::uint32_t length = 0;
    while (length <= a && length < kLongestMatch && tokens[a - length] == tokens[b - length]) ++length;
    return length;
  }

  std::vector<std::uint32_t> heads_;   // by hash of a pair: the latest place
  std::vector<std::uint32_t> before_;  // by place: the one before it with the same hash
  std::uint32_t known_ = 0;            // places below are in the index
};

Evidence evidence_of(std::uint32_t match) {
  return match >= 8 ? Evidence::strong : match >= 4 ? Evidence::good : match == 3 ? Evidence::fair : Evidence::weak;
}

}  // namespace

std::unique_ptr<DraftState> NgramDrafter::start(const Request& request, std::uint32_t limit, std::uint32_t /*most*/) {
  return std::make_unique<Places>(request.prompt.size() + limit);
}

void NgramDrafter::propose(std::span<DraftQuery> queries) {
  for (DraftQuery& query : queries) {
    const auto match = static_cast<Places*>(query.state)->find(query.tokens);
    if (match.place == kNone) continue;
    std::size_t from = match.place + std::size_t{1};
    for (std::int32_t& token : query.draft) {
      // Past the end the guess itself goes on: what repeats with a short period repeats again.
      token = from < query.tokens.size() ? query.tokens[from] : query.draft[from - query.tokens.size()];
      ++from;
    }
    query.count = static_cast<std::uint32_t>(query.draft.size());
    query.evidence = evidence_of(match.length);
  }
}

}  // namespace freehold::engine
