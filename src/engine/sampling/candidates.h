// The tokens that may still be chosen, with their logits; what the samplers work on.
//
// Invariants that make every result the same on every machine and standard library:
// 1. A sum of weights runs over the candidates in an order that the input alone defines: by id, or by rank, or by
// whatever key a
//    sampler sorted a whole prefix by. A tail in no defined order (what a partial sort leaves) is never summed, only
//    cut off.
// 2. Every comparison is a total order: ties go to the lower id.
// 3. Arithmetic is double, exp and log are our own (weight.h, base/mathd.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace freehold::engine {

struct Candidate {
  double logit = 0;
  double weight = 0;  // exp(logit - largest logit) (weight.h): proportional to the probability; valid after weigh()
  std::int32_t id = 0;
};

// The error of a row that no model in order writes.
Unexpected broken_logit(std::size_t token, float logit);

class Candidates {
 public:
  explicit Candidates(std::size_t vocab) { items_.reserve(vocab); }

  // All tokens. Error: corrupt (NaN or +infinity: a broken model).
  Result<> reset(std::span<const float> logits);
  // Those whose bit is set in `allowed` (bit i of word i / 64 is token i; tokens behind its end are not allowed), at
  // least one. NaN counts as -infinity. Where the candidates left have no probability at all, weigh() takes the lowest
  // id of them instead of failing. Error: corrupt (+infinity), invalid (none is allowed).
  Result<> reset(std::span<const float> logits, std::span<const std::uint64_t> allowed);

  std::size_t size() const { return items_.size(); }
  std::span<const Candidate> items() const { return items_; }
  double total() const { return total_; }  // sum of all weights; valid after weigh()

  // Changes logits: change(logit, id) -> logit. Of one token, if it is still there, or of all.
  template <typename Change>
  void change_one(std::int32_t id, Change change);
  template <typename Change>
  void change_all(Change change) {
    for (Candidate& c : items_) c.logit = change(c.logit, c.id);
    changed();
  }

  // Computes weights and their sum. Error: invalid if no candidate has any probability (everything was forbidden;
  // never with a mask).
  Result<> weigh();

  // Keeps the `count` likeliest, ranked.
  void keep_top(std::size_t count);
  // Keeps the shortest prefix by falling probability whose weights sum to `sum` at least. After weigh().
  void keep_nucleus(double sum);
  // The same by rising |surprise - entropy|. After weigh().
  void keep_typical(double sum);
  // Keeps candidates of at least this weight, in their order. After weigh().
  void keep_weight(double weight);
  void keep_best();

  // Puts the `count` likeliest first, by falling logit. After that, sums over the rest are no longer defined.
  void rank(std::size_t count);
  // The first candidate by rank where the running sum of weights exceeds `target` (0 <= target < total). After weigh().
  const Candidate& at_sum(double target);

 private:
  struct Prefix {
    std::size_t count;
    double sum;
  };
  template <typename Less>
  Prefix shortest_prefix(Less less, std::size_t sorted, double sum, bool strictly);
  void changed();
  void cut(Prefix kept);

  std::vector<Candidate> items_;
  bool by_id_ = false;   // items_[i].id == i
  bool rising_ = false;  // ids rise
  bool masked_ = false;
  std::size_t ranked_ = 0;  // so many at the front are the likeliest, in order
  bool weighed_ = false;
  double total_ = 0;
};

template <typename Change>
void Candidates::change_one(std::int32_t id, Change change) {
  auto index = static_cast<std::size_t>(id);
  if (by_id_) {
    if (index < items_.size()) items_[index].logit = change(items_[index].logit, id);
  } else if (rising_) {
    auto at =
        std::lower_bound(items_.begin(), items_.end(), id, [](const Candidate& c, std::int32_t i) { return c.id < i; });
    if (at != items_.end() && at->id == id) at->logit = change(at->logit, id);
  } else {
    for (Candidate& c : items_) {
      if (c.id == id) c.logit = change(c.logit, id);
    }
  }
  changed();
}

}  // namespace freehold::engine
