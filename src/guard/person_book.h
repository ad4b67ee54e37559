// People whom others vouch for (people.h), in $FREEHOLD_HOME/freehold.db: who has been here, and who is blocked. What
// goes on after they have left (a batch) goes on as who they were; a block ends a token before its time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/keys.h"
#include "guard/principal.h"
#include "sql/database.h"

namespace freehold::guard {

struct Person {
  std::string id;  // "issuer|subject"
  std::string name;
  Role role = Role::user;               // when they were seen last
  std::optional<std::int64_t> seen;     // seconds since 1970, UTC; kept to the hour
  std::optional<std::int64_t> blocked;  // since when
  bool operator==(const Person&) const = default;
};

// What somebody left here goes on for so long after they were seen last.
inline constexpr std::int64_t kGoesOnFor = std::int64_t{7} * 24 * 3600;

// One connection: one thread at a time. Several processes may have the file open.
class PersonBook {
 public:
  static Result<PersonBook> open(const std::filesystem::path& home, OpenKeys how = OpenKeys::create);

  Result<std::vector<Person>> all();  // by id
  Result<> saw(const Principal& who, std::int64_t now);
  // Blocks somebody, seen before or not, or lets them in again. On return it is on disk.
  Result<> block(const std::string& id, std::optional<std::int64_t> since);
  Result<long long> data_version();  // changes when another connection has written

 private:
  explicit PersonBook(sql::Database database) : database_(std::move(database)) {}
  sql::Database database_;
};

}  // namespace freehold::guard
