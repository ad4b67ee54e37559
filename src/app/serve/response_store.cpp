#include "app/serve/response_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/fields.h"

namespace freehold::app {

void ResponseStore::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes();
  by_id_.erase(entry->response.id);
  entries_.erase(entry);
}

void ResponseStore::put(const std::string& tenant, api::openai::StoredResponse response) {
  const auto writing = erasures_ != nullptr ? erasures_->writing() : std::shared_lock<std::shared_mutex>();
  const bool erased = erasures_ != nullptr &&
                      std::any_of(response.subjects.begin(), response.subjects.end(), [&](const std::string& subject) {
                        return erasures_->since(response.asked, tenant, subject);
                      });
  if (erased) return;
  const std::lock_guard lock(mutex_);
  add({tenant, std::move(response), clock_()});
}

bool ResponseStore::conclude(const std::string& tenant, api::openai::StoredResponse response) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(response.id);
  if (found == by_id_.end() || found->second->tenant != tenant || found->second->response.running.empty()) return false;
  add({tenant, std::move(response), clock_()});
  return true;
}

void ResponseStore::add(Entry entry) {
  const std::string& tenant = entry.tenant;
  if (const auto same = by_id_.find(entry.response.id); same != by_id_.end()) drop(same->second);
  // A quarter at most is one tenant's: its own oldest go first.
  const std::size_t most = max_bytes_ / 4;
  if (entry.bytes() > most) return;
  std::size_t own = entry.bytes();
  for (const Entry& e : entries_) own += e.tenant == tenant ? e.bytes() : 0;
  for (auto e = entries_.begin(); own > most && e != entries_.end();) {
    const auto next = std::next(e);
    if (e->tenant == tenant) own -= e->bytes(), drop(e);
    e = next;
  }
  while (bytes_ + entry.bytes() > max_bytes_) drop(entries_.begin());
  bytes_ += entry.bytes();
  entries_.push_back(std::move(entry));
  by_id_[entries_.back().response.id] = std::prev(entries_.end());
}

std::optional<api::openai::StoredResponse> ResponseStore::find(const std::string& tenant, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end() || found->second->tenant != tenant) return std::nullopt;
  return found->second->response;
}

std::optional<ResponseStore::Item> ResponseStore::find_item(const std::string& tenant, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->tenant != tenant || entry->response.conversation.find(id) == std::string::npos) continue;
    const auto items = api::parse_json(entry->response.conversation);
    if (!items) continue;
    for (const api::Json& item : *items) {
      if (item.is_object() && item.contains("id") && item["id"] == id) {
        return Item{api::dump(item), entry->response.label, entry->response.subjects};
      }
    }
  }
  return std::nullopt;
}

bool ResponseStore::erase(const std::string& tenant, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end() || found->second->tenant != tenant) return false;
  drop(found->second);
  return true;
}

bool ResponseStore::Entry::is_about(const ErasureOrder& order) const {
  return std::any_of(response.subjects.begin(), response.subjects.end(),
                     [&](const std::string& subject) { return order.is_about(tenant, subject); });
}

std::vector<std::pair<std::string, std::string>> ResponseStore::erase(const ErasureOrder& order, std::uint64_t& count) {
  std::vector<std::pair<std::string, std::string>> running;
  const std::lock_guard lock(mutex_);
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto next = std::next(e);
    if (e->is_about(order)) {
      if (!e->response.running.empty()) running.emplace_back(e->tenant, e->response.running);
      ++count;
      drop(e);
    }
    e = next;
  }
  return running;
}

bool ResponseStore::any(const ErasureOrder& order,
                        const std::function<bool(const std::string& tenant, const std::string& label)>& wanted) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.is_about(order) && wanted(e.tenant, e.response.label); });
}

void ResponseStore::expire(const Over& over) {
  const std::lock_guard lock(mutex_);
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto next = std::next(e);
    if (e->response.running.empty() && over(e->tenant, e->response.label, e->since)) drop(e);
    e = next;
  }
}

void ResponseStore::forget(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto next = std::next(e);
    if (e->tenant == tenant) drop(e);
    e = next;
  }
}

}  // namespace freehold::app
