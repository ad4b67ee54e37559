#include "sql/copy.h"

#include <gtest/gtest.h>
#include <soci/soci.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "sql/database.h"

namespace freehold::sql {
namespace {

const Schema kCopied = {"things", {{"CREATE TABLE things (name TEXT NOT NULL) STRICT"}}};

class CopyTest : public ::testing::Test {
 protected:
  ~CopyTest() override { set_disk_fault_for_tests({}); }
  std::filesystem::path from() const { return folder_.path() / "from.db"; }
  std::filesystem::path to() const { return folder_.path() / "to.db"; }
  Result<Database> open(const std::filesystem::path& path) {
    return Database::open(path, kCopied, Open::create, Check::whole);
  }
  static Result<> add(Database& database, const std::string& name) {
    return database.transaction([&](soci::session& s) -> Result<> {
      s << "INSERT INTO things VALUES (:name)", soci::use(name);
      return {};
    });
  }
  static Result<long long> count(Database& database) {
    return database.run([](soci::session& s) -> Result<long long> {
      long long n = 0;
      s << "SELECT COUNT(*) FROM things", soci::into(n);
      return n;
    });
  }
  TemporaryFolder folder_;
};

TEST_F(CopyTest, WhatIsCommittedIsInItWhileOthersHaveItOpen) {
  auto database = open(from());
  ASSERT_TRUE(database) << database.error().what;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(add(*database, "thing " + std::to_string(i)));
  ASSERT_TRUE(is_database(from()));
  const auto copied = copy_database(from(), to());
  ASSERT_TRUE(copied) << copied.error().what;
  ASSERT_TRUE(add(*database, "later"));
  struct stat about {};
  ASSERT_EQ(::stat(to().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "to.db-wal"));
  auto copy = open(to());
  ASSERT_TRUE(copy) << copy.error().what;
  EXPECT_EQ(count(*copy).value(), 100);
}

TEST_F(CopyTest, WhatWasDeletedIsNotInIt) {
  auto database = open(from());
  ASSERT_TRUE(database);
  ASSERT_TRUE(add(*database, "a canary called Xenophon"));
  ASSERT_TRUE(database->transaction([](soci::session& s) -> Result<> {
    s << "DELETE FROM things";
    return {};
  }));
  ASSERT_TRUE(copy_database(from(), to()));
  EXPECT_EQ(read_file(to()).value().find("Xenophon"), std::string::npos);
}

TEST_F(CopyTest, WhatCannotBeCopiedLeavesNothing) {
  EXPECT_EQ(copy_database(from(), to()).error().code, Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(from()));
  const auto text = folder_.write("text.db", std::string("SQLite format 3\0", 16) + std::string(5000, 'x'));
  EXPECT_TRUE(is_database(text));
  EXPECT_FALSE(copy_database(text, to()));
  EXPECT_FALSE(std::filesystem::exists(to()));
  EXPECT_FALSE(is_database(folder_.write("short", "SQLite")));
  ASSERT_TRUE(open(from()));
  for (const char* fails : {"open", "fsync"}) {
    set_disk_fault_for_tests([&](const char* operation) { return std::string_view(operation) == fails ? EIO : 0; });
    EXPECT_EQ(copy_database(from(), to()).error().code, Errc::io) << fails;
    EXPECT_FALSE(std::filesystem::exists(to())) << fails;
  }
  set_disk_fault_for_tests({});
  ASSERT_TRUE(copy_database(from(), to()));
  EXPECT_FALSE(copy_database(from(), to())) << "what is there is not overwritten";
}

}  // namespace
}  // namespace freehold::sql
