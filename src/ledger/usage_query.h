// The reading side of $FREEHOLD_HOME/usage.db: one request, a range, sums. Has a connection of its own, so it neither
// waits for the writer nor holds it up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/event.h"

namespace freehold::ledger {

// All that are set must hold.
struct Filter {
  std::optional<std::string> key_id;
  std::optional<std::string> model;
  std::optional<std::int64_t> since;  // microseconds since 1970, UTC: at or after
  std::optional<std::int64_t> until;  // before
};

enum class GroupBy : std::uint8_t { all, key, model, day };  // day: of UTC, "2027-01-31"

struct Sum {
  std::string group;  // empty for GroupBy::all
  std::uint64_t requests = 0;
  std::uint64_t completed = 0;  // of the requests
  std::uint64_t prompt_tokens = 0;
  std::uint64_t cached_tokens = 0;
  std::uint64_t completion_tokens = 0;
  double queue_seconds = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
  bool operator==(const Sum&) const = default;
};

// One thread at a time.
class UsageQuery {
 public:
  // Errors: not_found if nothing was ever recorded; else sql/database.h.
  static Result<UsageQuery> open(const std::filesystem::path& home);
  UsageQuery(UsageQuery&&) noexcept;
  UsageQuery& operator=(UsageQuery&&) noexcept;
  ~UsageQuery();

  Result<std::optional<Event>> find(std::string_view request_id);
  // Newest first.
  Result<std::vector<Event>> list(const Filter& filter, std::uint64_t limit);
  // By group, in its alphabetical order. GroupBy::all gives exactly one.
  Result<std::vector<Sum>> sums(const Filter& filter, GroupBy by);

 private:
  struct State;
  explicit UsageQuery(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::ledger
