// The order of a batch's rows when several adapters share it.
#include <algorithm>
#include <numeric>

#include "engine/scheduler.h"
#include "model/adapter.h"

namespace freehold::engine {

Digest Job::adapter() const {
  return request.adapter != nullptr ? request.adapter->digest : Digest{};
}

// Neighbours with the same adapter share its products, so they are made neighbours.
void Engine::State::group_by_adapter() {
  if (std::none_of(items.begin(), items.end(), [](const auto& item) { return item.adapter != nullptr; })) return;
  order.resize(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
    const model::Adapter *x = items[a].adapter, *y = items[b].adapter;
    if (x == y) return a < b;
    if (x == nullptr || y == nullptr) return x == nullptr;
    return x->digest == y->digest ? a < b : x->digest.bytes < y->digest.bytes;
  });
  ordered_items.clear();
  ordered_owners.clear();
  for (std::uint32_t i : order) {
    ordered_items.push_back(items[i]);
    ordered_owners.push_back(owners[i]);
  }
  items.swap(ordered_items);
  owners.swap(ordered_owners);
}

}  // namespace freehold::engine
