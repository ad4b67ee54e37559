#include "sql/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/file_mode.h"
#include "base/scrub.h"
#include "base/utf8.h"

namespace freehold::sql {

namespace fs = std::filesystem;

struct Database::State {
  fs::path path;
  std::string contents;
  std::unique_ptr<soci::session> session = std::make_unique<soci::session>();
};

namespace {

// How long a statement waits for another process that is writing.
constexpr int kBusyMilliseconds = 10'000;

// SQLite's memory by the C library, given back as all of this program's is (sqlite.org/c3ref/mem_methods.html).
void* sqlite_take(int bytes) {
  return std::malloc(static_cast<std::size_t>(bytes));
}
int sqlite_size(void* memory) {
  return static_cast<int>(std::min<std::size_t>(::malloc_usable_size(memory), INT_MAX));
}
void* sqlite_resize(void* memory, int bytes) {
  void* const larger = std::malloc(static_cast<std::size_t>(bytes));
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, std::min(::malloc_usable_size(memory), static_cast<std::size_t>(bytes)));
  scrub_and_free(memory);
  return larger;
}

// Once, before the first database. Where SQLite has begun already it keeps what it has.
void bring_memory() {
  static const int done = [] {
    sqlite_api::sqlite3_mem_methods methods{};
    methods.xMalloc = sqlite_take;
    methods.xFree = [](void* memory) { scrub_and_free(memory); };
    methods.xRealloc = sqlite_resize;
    methods.xSize = sqlite_size;
    methods.xRoundup = [](int bytes) { return (bytes + 7) / 8 * 8; };
    methods.xInit = [](void*) { return 0; };
    methods.xShutdown = [](void*) {};
    return sqlite_api::sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
  }();
  (void)done;
}

std::string shown(const fs::path& path) {
  return printable(path.string());
}

Unexpected refused(const fs::path& path, std::string_view what, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT ? Errc::exhausted : Errc::io;
  return fail(code, fmt::format("cannot {} {}: {}", what, shown(path), std::strerror(error)));
}

std::string damage(const fs::path& path, std::string_view contents, std::string_view why) {
  // SOCI puts the name of its function before what SQLite says.
  if (why.starts_with("sqlite3_") && why.rfind(": ") != why.npos) why.remove_prefix(why.rfind(": ") + 2);
  return fmt::format(
      "{} is damaged, or not a file of {} ({}): put a backup in its place, or move it away to begin anew", shown(path),
      contents, printable(why));
}

// SQLite would make the file with the umask's mode. A file that is there is only looked at by name: closing a second
// descriptor of it would drop the locks of this process's other connections (sqlite.org/howtocorrupt.html, 2.2).
Result<> ready_file(const fs::path& path, Open how, std::string_view contents) {
  // What SOCI's connection string could not hold.
  if (path.string().find_first_of("\"\n\r") != std::string::npos || path.empty()) {
    return fail(Errc::invalid, fmt::format("'{}' cannot be the path of a database", shown(path)));
  }
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) {
    if (errno != ENOENT) return refused(path, "look at", errno);
    if (how == Open::existing)
      return fail(Errc::not_found, fmt::format("there are no {} yet: {}", contents, shown(path)));
    std::error_code ec;
    if (!fs::exists(path.parent_path(), ec)) {
      FH_TRY_VOID(make_directories(path.parent_path()));
      set_mode(path.parent_path(), 0700);  // as the store makes the home folder
    }
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
      ::close(fd);
      return sync_folder(path.parent_path());
    }
    if (errno != EEXIST || ::lstat(path.c_str(), &about) != 0) return refused(path, "create", errno);
  }
  if (!S_ISREG(about.st_mode)) return fail(Errc::invalid, fmt::format("{} is not a regular file", shown(path)));
  if (about.st_size > 0 &&
      about.st_size < 100) {  // SQLite takes a file of one byte for an empty one, and overwrites it
    return fail(Errc::corrupt, damage(path, contents, "too short for a database"));
  }
  if ((about.st_mode & 0077) != 0 && !set_mode(path, 0600)) return refused(path, "protect", errno);
  return {};
}

Errc code_of(int sqlite) {
  switch (sqlite & 0xFF) {
    case 13:  // SQLITE_FULL
    case 7:   // SQLITE_NOMEM
      return Errc::exhausted;
    case 11:  // SQLITE_CORRUPT
    case 26:  // SQLITE_NOTADB
    case 1:   // SQLITE_ERROR: our SQL is fixed, so tables or columns are not what we made
    case 19:  // SQLITE_CONSTRAINT: rows contradict each other
    case 20:  // SQLITE_MISMATCH
      return Errc::corrupt;
    default:
      return Errc::io;
  }
}

}  // namespace

Error Database::error_of(const std::exception& e) const {
  const std::string where = shown(state_->path);
  if (const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&e)) {
    // Not what(): it repeats the values that were bound.
    const std::string why = printable(error->get_error_message());
    const int code = error->result() & 0xFF;
    if (code == 5 || code == 6) {
      return {Errc::io,
              fmt::format("{}: another process has been writing for {} s: try again", where, kBusyMilliseconds / 1000)};
    }
    if (code_of(code) == Errc::corrupt) return {Errc::corrupt, damage(state_->path, state_->contents, why)};
    return {code_of(code), fmt::format("{}: {}", where, why)};
  }
  if (const auto* error = dynamic_cast<const soci::soci_error*>(&e)) {
    return {Errc::corrupt, damage(state_->path, state_->contents, error->get_error_message())};
  }
  if (dynamic_cast<const std::bad_alloc*>(&e) != nullptr) return {Errc::exhausted, where + ": out of memory"};
  // A value of another type than its column's (std::bad_cast), say.
  return {Errc::corrupt, damage(state_->path, state_->contents, e.what())};
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

const fs::path& Database::path() const {
  return state_->path;
}
soci::session& Database::session() {
  return *state_->session;
}

Result<Database> Database::open(const fs::path& path, const Schema& schema, Open how, Check check) {
  bring_memory();
  std::error_code ec;
  auto state = std::make_unique<State>();
  state->path = fs::absolute(path, ec);
  state->contents = schema.contents;
  FH_TRY_VOID(ready_file(state->path, how, schema.contents));
  Database database(std::move(state));
  FH_TRY_VOID(database.connect());
  FH_TRY_VOID(database.configure(check));
  FH_TRY_VOID(database.migrate(schema));
  return database;
}

Result<> Database::connect() {
  return run([&](soci::session& s) -> Result<> {
    s.open(soci::sqlite3, fmt::format("dbname=\"{}\" timeout={}", path().string(), kBusyMilliseconds / 1000));
    return {};
  });
}

Result<> Database::configure(Check check) {
  return run([&](soci::session& s) -> Result<> {
    s << fmt::format("PRAGMA busy_timeout = {}", kBusyMilliseconds);
    s << "PRAGMA trusted_schema = OFF";
    s << "PRAGMA cell_size_check = ON";
    s << "PRAGMA foreign_keys = ON";
    s << "PRAGMA secure_delete = ON";  // what is deleted is overwritten
    std::string mode;
    s << "PRAGMA journal_mode = WAL", soci::into(mode);
    if (mode != "wal") {
      return fail(Errc::io, fmt::format("{}: this file system cannot hold a database in WAL mode", shown(path())));
    }
    s << "PRAGMA synchronous = FULL";  // in WAL mode: every commit syncs the log before it returns
    if (check == Check::whole) {
      std::string verdict;
      s << "PRAGMA quick_check(1)", soci::into(verdict);
      if (verdict != "ok") throw soci::sqlite3_soci_error(verdict, 11);
    }
    return {};
  });
}

Result<> Database::migrate(const Schema& schema) {
  const auto newest = static_cast<long long>(schema.steps.size());
  // The version of the file; 0 if it has no tables at all.
  auto version_of = [&](soci::session& s) -> Result<long long> {
    long long tables = 0;
    long long ours = 0;
    s << "SELECT COUNT(*), COALESCE(SUM(name = 'freehold_schema'), 0) FROM sqlite_master WHERE type = 'table'",
        soci::into(tables), soci::into(ours);
    if (tables == 0) return 0;
    long long version = 0;
    std::string contents;
    if (ours != 0) s << "SELECT version, contents FROM freehold_schema", soci::into(version), soci::into(contents);
    if (ours == 0 || version < 1 || contents != schema.contents) {
      return fail(Errc::corrupt, fmt::format("{} is a database, but not one of {}: move it away to begin anew",
                                             shown(path()), schema.contents));
    }
    if (version > newest) {
      return fail(Errc::unsupported,
                  fmt::format("{} has version {}, and this program knows versions up to {}: use a newer freehold",
                              shown(path()), version, newest));
    }
    return version;
  };
  FH_TRY(long long version, run(version_of));
  if (version == newest) return {};
  return transaction([&](soci::session& s) -> Result<> {
    FH_TRY(long long from, version_of(s));  // again, now that nobody else migrates
    if (from == 0) {
      const std::string contents(schema.contents);
      s << "CREATE TABLE freehold_schema (version INTEGER NOT NULL, contents TEXT NOT NULL)";
      s << "INSERT INTO freehold_schema VALUES (0, :contents)", soci::use(contents);
    }
    for (long long i = from; i < newest; ++i) {
      for (std::string_view statement : schema.steps[static_cast<std::size_t>(i)]) s << std::string(statement);
    }
    s << "UPDATE freehold_schema SET version = :version", soci::use(newest);
    return {};
  });
}

Result<long long> Database::data_version() {
  return run([](soci::session& s) -> Result<long long> {
    long long version = 0;
    s << "PRAGMA data_version", soci::into(version);
    return version;
  });
}

Result<> Database::flush() {
  FH_TRY_VOID(run([](soci::session& s) -> Result<> {
    s << "PRAGMA wal_checkpoint(TRUNCATE)";
    return {};
  }));
  // A connection keeps pages as they were, and the row that it wrote last where it put it together; "shrink_memory"
  // reaches neither all of the one nor the other.
  auto before = std::exchange(state_->session, std::make_unique<soci::session>());
  auto connected = connect();
  if (connected) connected = configure(Check::none);
  if (!connected) state_->session = std::move(before);
  return connected;
}

Database::Rollback::Rollback(Database& database) : database_(database) {
  database_.session() << "BEGIN IMMEDIATE";
}

void Database::Rollback::commit() {
  if (disk_fault_for_tests("commit") != 0) throw soci::sqlite3_soci_error("disk I/O error (injected)", 10);
  database_.session() << "COMMIT";
  done_ = true;
}

Database::Rollback::~Rollback() {
  if (done_) return;
  try {
    database_.session() << "ROLLBACK";
  } catch (const std::exception&) {
    // SQLite has rolled back by itself after the errors that leave it no choice.
  }
}

}  // namespace freehold::sql
