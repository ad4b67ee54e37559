// A SQLite file as the program keeps its records in: opened with owner-only access, WAL and full synchronisation, with
// a version that migrates forward. Who includes this writes fixed SQL with bound values, through SOCI, in .cpp files.
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace soci {
class session;
}

namespace freehold::sql {

// What a file holds. Step i is the SQL that brings version i to version i + 1; steps are only ever added.
struct Schema {
  std::string_view contents;  // for messages: "keys"
  std::vector<std::vector<std::string_view>> steps;
};

enum class Open : std::uint8_t {
  create,    // make it if it is not there
  existing,  // Errc::not_found if it is not there
};

// Whether everything is read through when it is opened. Time grows with the file: for small ones.
enum class Check : std::uint8_t { none, whole };

// One connection. One thread at a time; threads that work at the same time have connections of their own.
class Database {
 public:
  // Errors: invalid (a folder, a device), corrupt (no database, damaged, or not ours), unsupported (written by a newer
  // version of the program), io, exhausted. A file is made with mode 0600, and one with a wider mode gets 0600.
  static Result<Database> open(const std::filesystem::path& path, const Schema& schema, Open how, Check check);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  const std::filesystem::path& path() const;

  // Runs `work(session)`, which returns a Result; what SOCI throws in it becomes an error that names the file.
  template <typename Work>
  auto run(Work&& work) -> decltype(work(std::declval<soci::session&>())) {
    try {
      return work(session());
    } catch (const std::exception& e) {
      return Unexpected(error_of(e));
    }
  }

  // The same between BEGIN IMMEDIATE and COMMIT. When it returns without error, what was written survives kill -9 and a
  // loss of power; otherwise nothing was written.
  template <typename Work>
  auto transaction(Work&& work) -> decltype(work(std::declval<soci::session&>())) {
    return run([&](soci::session& s) -> decltype(work(s)) {
      Rollback rollback(*this);
      auto result = work(s);
      if (result) rollback.commit();
      return result;
    });
  }

  // Changes whenever another connection has committed to the file: the cheap question whether to read again. Not to be
  // compared across a flush().
  Result<long long> data_version();

  // Empties the file of changes beside the database (-wal), which holds rows as they were before they were deleted, and
  // lets go of what is in memory of it: the connection is another one from here on. If others are at work, only as far
  // as they let it.
  Result<> flush();

 private:
  struct State;
  class Rollback {
   public:
    explicit Rollback(Database& database);
    Rollback(const Rollback&) = delete;
    Rollback& operator=(const Rollback&) = delete;
    ~Rollback();
    void commit();

   private:
    Database& database_;  // owner: the caller
    bool done_ = false;
  };

  explicit Database(std::unique_ptr<State> state);
  soci::session& session();
  Error error_of(const std::exception& e) const;
  Result<> connect();
  Result<> configure(Check check);
  Result<> migrate(const Schema& schema);

  std::unique_ptr<State> state_;
};

}  // namespace freehold::sql
