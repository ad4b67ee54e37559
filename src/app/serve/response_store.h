// Answers of the responses API that clients may come back to. They are what people wrote, so they are kept in memory
// only: bounded in all and for each tenant, the oldest forgotten first, gone when the server stops.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/openai/responses.h"
#include "app/serve/erasures.h"
#include "guard/keys.h"

namespace freehold::app {

// Any thread. A tenant sees its own only.
class ResponseStore {
 public:
  using Clock = std::function<std::int64_t()>;  // Unix seconds
  explicit ResponseStore(std::size_t max_bytes = std::size_t{64} << 20, Clock clock = guard::wall_seconds)
      : max_bytes_(max_bytes), clock_(std::move(clock)) {}

  // What was asked before its subject was erased is not kept. Before the first request.
  void heed(const Erasures& erasures) { erasures_ = &erasures; }
  void put(const std::string& tenant, api::openai::StoredResponse response);
  // Takes the place of a response that was still being made. False, and no change, if that is gone or over.
  bool conclude(const std::string& tenant, api::openai::StoredResponse response);
  std::optional<api::openai::StoredResponse> find(const std::string& tenant, std::string_view id) const;
  // An item of any response's conversation, as JSON text, and that response's label and
  // subjects.
  struct Item {
    std::string text, label;
    std::vector<std::string> subjects;
  };
  std::optional<Item> find_item(const std::string& tenant, std::string_view id) const;
  bool erase(const std::string& tenant, std::string_view id);
  // What is about those of the order; of those that are still being made, tenant and request are given back.
  std::vector<std::pair<std::string, std::string>> erase(const ErasureOrder& order, std::uint64_t& count);
  // Whether `wanted` says so of any of these, by its tenant and label.
  bool any(const ErasureOrder& order,
           const std::function<bool(const std::string& tenant, const std::string& label)>& wanted) const;
  // Everything of one tenant.
  void forget(const std::string& tenant);
  // What `over` says is over: of each that is not being made any more its tenant, its label, and since when it is here.
  using Over = std::function<bool(const std::string& tenant, const std::string& label, std::int64_t since)>;
  void expire(const Over& over);

 private:
  struct Entry {
    std::string tenant;
    api::openai::StoredResponse response;
    std::int64_t since = 0;
    bool is_about(const ErasureOrder& order) const;
    std::size_t bytes() const {
      return tenant.size() + response.response.size() + response.input_items.size() + response.conversation.size();
    }
  };
  void add(Entry entry);  // with the lock held, as all here
  void drop(std::list<Entry>::iterator entry);

  const std::size_t max_bytes_;
  const Clock clock_;
  const Erasures* erasures_ = nullptr;
  mutable std::mutex mutex_;  // guards what follows
  std::list<Entry> entries_;  // oldest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace freehold::app
