#include "app/serve/running.h"

namespace freehold::app {

void RunningRequests::add(std::string id, std::string tenant, std::weak_ptr<void> alive, std::function<void()> cancel) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const auto& entry) { return entry.second.alive.expired(); });
  entries_[std::move(id)] = {std::move(tenant), std::move(alive), std::move(cancel)};
}

bool RunningRequests::cancel(std::string_view id, std::string_view tenant) {
  std::function<void()> call;
  std::shared_ptr<void> alive;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(std::string(id));
    if (found == entries_.end() || found->second.tenant != tenant) return false;
    alive = found->second.alive.lock();
    if (alive == nullptr) return false;
    call = found->second.cancel;
  }
  call();
  return true;
}

bool RunningRequests::has_request(std::string_view id, const std::optional<std::string>& tenant) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(std::string(id));
  return found != entries_.end() && (!tenant || found->second.tenant == *tenant) && !found->second.alive.expired();
}

std::vector<std::string> RunningRequests::ids() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [id, entry] : entries_) {
    if (!entry.alive.expired()) out.push_back(id);
  }
  return out;
}

bool RunningRequests::has(std::string_view tenant) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    if (entry.tenant == tenant && !entry.alive.expired()) return true;
  }
  return false;
}

}  // namespace freehold::app
