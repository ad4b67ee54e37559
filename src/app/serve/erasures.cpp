#include "app/serve/erasures.h"

#include <algorithm>

namespace freehold::app {
namespace {

constexpr std::chrono::hours kLongestRequest{25};  // a line of a batch has a day

}  // namespace

void Erasures::note(ErasureOrder order, Time now) {
  const std::unique_lock nobody(writing_);
  const std::lock_guard lock(mutex_);
  std::erase_if(noted_, [&](const auto& one) { return one.first + kLongestRequest < now; });
  noted_.emplace_back(now, std::move(order));
}

void Erasures::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(noted_, [&](const auto& one) { return one.second.id == id; });
}

bool Erasures::since(Time asked, std::string_view key, std::string_view subject) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(noted_.begin(), noted_.end(),
                     [&](const auto& one) { return asked <= one.first && one.second.is_about(key, subject); });
}

std::vector<ErasureOrder> Erasures::orders_since(Time asked) const {
  const std::lock_guard lock(mutex_);
  std::vector<ErasureOrder> out;
  for (const auto& [when, order] : noted_) {
    if (asked <= when) out.push_back(order);
  }
  return out;
}

}  // namespace freehold::app
