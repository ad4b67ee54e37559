// Answers of the responses API that clients may come back to. They are what people wrote, so they are kept in memory
// only: bounded in all and for each tenant, the oldest forgotten first, gone when the server stops.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/openai/responses.h"

namespace freehold::app {

// Any thread. A tenant sees its own only.
class ResponseStore {
 public:
  explicit ResponseStore(std::size_t max_bytes = std::size_t{64} << 20) : max_bytes_(max_bytes) {}

  void put(const std::string& tenant, api::openai::StoredResponse response);
  // Takes the place of a response that was still being made. False, and no change, if that is gone or over.
  bool conclude(const std::string& tenant, api::openai::StoredResponse response);
  std::optional<api::openai::StoredResponse> find(const std::string& tenant, std::string_view id) const;
  // An item of any response's conversation, as JSON text, and that response's label.
  struct Item {
    std::string text, label;
  };
  std::optional<Item> find_item(const std::string& tenant, std::string_view id) const;
  bool erase(const std::string& tenant, std::string_view id);
  // Everything of one tenant.
  void forget(const std::string& tenant);

 private:
  struct Entry {
    std::string tenant;
    api::openai::StoredResponse response;
    std::size_t bytes() const {
      return tenant.size() + response.response.size() + response.input_items.size() + response.conversation.size();
    }
  };
  void add(Entry entry);  // with the lock held, as all here
  void drop(std::list<Entry>::iterator entry);

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;  // guards what follows
  std::list<Entry> entries_;  // oldest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace freehold::app
