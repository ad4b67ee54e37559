// What lies in a home, and what becomes of it in a backup. A table of what is left out; all else is taken, so that what
// a later version keeps is not forgotten.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::app {

enum class HomePart : std::uint8_t {
  left_out,  // made again by itself, or nobody's record: temporary files, locks, what is being fetched
  file,      // copied as it is
  database,  // copied as of one moment
  log,       // the audit log: copied up to its last checkpoint
  records,   // what was kept of requests: only ever grows; copied after the log, which points to it
  secret,    // a key: never in a backup
  subject,   // the same, of a subject (audit/subjects.h)
  model,     // blobs, and folders made of them: only those that are wanted
};

struct HomeFile {
  std::filesystem::path path;  // where it is
  HomePart part = HomePart::file;
  // To see that it has changed since.
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;
  bool operator==(const HomeFile&) const = default;
};

// By its path below the home, parts joined by '/'; those that are left out are not in it. Errors: io, not_found.
Result<std::map<std::string, HomeFile>> files_of_home(const std::filesystem::path& home);

// What is in this home, and left out by its name alone, for people.
std::vector<std::string> left_out_of_home(const std::filesystem::path& home);

// Of a path below the home, by its name; what the content decides (databases, keys) is HomePart::file.
HomePart part_by_name(std::string_view path);

}  // namespace freehold::app
