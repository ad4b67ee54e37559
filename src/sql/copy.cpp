#include "sql/copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::sql {
namespace {

constexpr std::string_view kSqliteHead{"SQLite format 3\0", 16};
constexpr int kCopyPatienceSeconds = 10;

Unexpected copy_refused(const std::filesystem::path& path, std::string_view what, int error) {
  return fail(error == ENOSPC || error == EDQUOT ? Errc::exhausted : Errc::io,
              fmt::format("cannot {} {}: {}", what, printable(path.string()), std::strerror(error)));
}

Result<> vacuum_into(const std::filesystem::path& from, const std::filesystem::path& to) {
  try {
    soci::session s(soci::sqlite3, fmt::format("dbname=\"{}\" timeout={}", from.string(), kCopyPatienceSeconds));
    const std::string path = to.string();
    s << "VACUUM INTO :path", soci::use(path);
    return {};
  } catch (const soci::sqlite3_soci_error& e) {
    const int code = e.result() & 0xFF;
    const Errc errc = code == 11 || code == 26 ? Errc::corrupt : code == 13 || code == 7 ? Errc::exhausted : Errc::io;
    return fail(errc, fmt::format("copy {}: {}", printable(from.string()), printable(e.get_error_message())));
  } catch (const std::exception& e) {
    return fail(Errc::io, fmt::format("copy {}: {}", printable(from.string()), printable(e.what())));
  }
}

}  // namespace

bool is_database(const std::filesystem::path& path) {
  auto file = InputFile::open(path);
  if (!file) return false;
  std::array<std::byte, kSqliteHead.size()> head{};
  const auto n = file->read(head);
  return n && *n == head.size() && as_text(head) == kSqliteHead;
}

Result<> copy_database(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const auto* path : {&from, &to}) {
    if (path->string().find_first_of("\"\n\r") != std::string::npos)  // what SOCI's connection string could not hold
      return fail(Errc::invalid, fmt::format("'{}' cannot be the path of a database", printable(path->string())));
  }
  struct stat about {};
  if (::stat(from.c_str(), &about) != 0) {  // SQLite would make it
    return fail(Errc::not_found, fmt::format("there is no {}", printable(from.string())));
  }
  // SQLite fills an empty file that is there, and would make one with the umask's mode.
  if (const int error = disk_fault_for_tests("open")) return copy_refused(to, "create", error);
  Fd made(::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made) return copy_refused(to, "create", errno);
  auto done = vacuum_into(from, to);
  // SQLite does not sync what it makes so: it takes it for something that can be made again.
  int error = disk_fault_for_tests("fsync");
  if (done && error == 0 && ::fsync(made.get()) != 0) error = errno;
  if (done && error == 0) return {};
  ::unlink(to.c_str());
  if (!done) return done;
  return copy_refused(to, "sync", error);
}

}  // namespace freehold::sql
