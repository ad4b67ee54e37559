// Answers under way by the id of their request, so that somebody else than their client can end them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace freehold::app {

// Any thread may call anything.
class RunningRequests {
 public:
  // `cancel` may be called as long as `alive` is.
  void add(std::string id, std::string tenant, std::weak_ptr<void> alive, std::function<void()> cancel);
  // False: there is no such request (any more), or it is another tenant's.
  bool cancel(std::string_view id, std::string_view tenant);

  // Whether it is under way; of any tenant's, if none is named.
  bool has_request(std::string_view id, const std::optional<std::string>& tenant);

  // All that are under way.
  std::vector<std::string> ids();

  // Whether any of this tenant's is under way.
  bool has(std::string_view tenant);

 private:
  struct Entry {
    std::string tenant;
    std::weak_ptr<void> alive;
    std::function<void()> cancel;
  };
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace freehold::app
