// Databases: made for their owner only, migrated forward, and clear errors for what is no database of ours.
#include "sql/database.h"

#include <gtest/gtest.h>
#include <soci/soci.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::sql {
namespace {

namespace fs = std::filesystem;

const Schema kOne = {"tests", {{"CREATE TABLE words (word TEXT NOT NULL)"}}};
const Schema kTwo = {"tests",
                     {{"CREATE TABLE words (word TEXT NOT NULL)"},
                      {"ALTER TABLE words ADD COLUMN weight INTEGER NOT NULL DEFAULT 7",
                       "CREATE INDEX words_by_weight ON words (weight)"}}};

class DatabaseTest : public ::testing::Test {
 protected:
  fs::path path(std::string_view name = "a.db") const { return folder_.path() / name; }
  Result<Database> open(const Schema& schema = kOne, Open how = Open::create) const {
    return Database::open(path(), schema, how, Check::whole);
  }
  static Result<> add(Database& database, std::string word) {
    return database.transaction([&](soci::session& s) -> Result<> {
      s << "INSERT INTO words (word) VALUES (:word)", soci::use(word);
      return {};
    });
  }
  static long long count(Database& database) {
    return database
        .run([](soci::session& s) -> Result<long long> {
          long long n = 0;
          s << "SELECT COUNT(*) FROM words", soci::into(n);
          return n;
        })
        .value();
  }
  TemporaryFolder folder_;
};

TEST_F(DatabaseTest, IsMadeForItsOwnerOnly) {
  ASSERT_FALSE(open(kOne, Open::existing));
  EXPECT_EQ(open(kOne, Open::existing).error().code, Errc::not_found);
  auto database = open();
  ASSERT_TRUE(database) << database.error().what;
  ASSERT_TRUE(add(*database, "x"));
  for (const char* name : {"a.db", "a.db-wal", "a.db-shm"}) {
    struct stat about {};
    ASSERT_EQ(::stat(path(name).c_str(), &about), 0) << name;
    EXPECT_EQ(about.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(DatabaseTest, NarrowsAWiderMode) {
  ASSERT_TRUE(open());
  ASSERT_EQ(::chmod(path().c_str(), 0644), 0);
  ASSERT_TRUE(open());
  struct stat about {};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, MigratesForwardAndRefusesNewerOnes) {
  {
    auto database = open(kOne);
    ASSERT_TRUE(database) << database.error().what;
    ASSERT_TRUE(add(*database, "kept"));
  }
  for (int i = 0; i < 2; ++i) {
    auto database = open(kTwo);
    ASSERT_TRUE(database) << database.error().what;
    auto weight = database->run([](soci::session& s) -> Result<long long> {
      long long w = 0;
      s << "SELECT weight FROM words WHERE word = 'kept'", soci::into(w);
      return w;
    });
    EXPECT_EQ(weight.value(), 7);
  }
  auto older = open(kOne);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Errc::unsupported);
  EXPECT_NE(older.error().what.find("newer freehold"), std::string::npos) << older.error().what;
}

TEST_F(DatabaseTest, AFailedTransactionLeavesNothing) {
  auto database = open();
  ASSERT_TRUE(database) << database.error().what;
  auto refused = database->transaction([](soci::session& s) -> Result<> {
    s << "INSERT INTO words (word) VALUES ('gone')";
    return fail(Errc::invalid, "changed my mind");
  });
  EXPECT_EQ(refused.error().code, Errc::invalid);
  set_disk_fault_for_tests([](const char* operation) { return std::string_view(operation) == "commit" ? EIO : 0; });
  EXPECT_EQ(add(*database, "gone").error().code, Errc::io);
  set_disk_fault_for_tests(nullptr);
  EXPECT_EQ(count(*database), 0);
  EXPECT_TRUE(add(*database, "kept"));
  EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseTest, NoticesWhatOthersCommit) {
  auto one = open();
  auto two = open();
  ASSERT_TRUE(one && two);
  const long long before = one->data_version().value();
  EXPECT_EQ(one->data_version().value(), before);
  ASSERT_TRUE(add(*two, "x"));
  EXPECT_NE(one->data_version().value(), before);
  EXPECT_EQ(count(*one), 1);
}

TEST_F(DatabaseTest, RefusesWhatIsNoDatabaseOfOurs) {
  auto expect = [&](Errc code, const std::string& what) {
    auto opened = open();
    ASSERT_FALSE(opened) << what;
    EXPECT_EQ(opened.error().code, code) << what << ": " << opened.error().what;
    EXPECT_NE(opened.error().what.find("a.db"), std::string::npos) << opened.error().what;
  };
  fs::create_directory(path());
  expect(Errc::invalid, "a folder");
  fs::remove(path());
  fs::create_symlink("/dev/null", path());
  expect(Errc::invalid, "a link");
  fs::remove(path());
  std::ofstream(path()) << std::string(5000, 'x');
  expect(Errc::corrupt, "text");
  fs::remove(path());
  {
    auto other = Database::open(path(), {"recipes", {{"CREATE TABLE recipes (name TEXT)"}}}, Open::create, Check::none);
    ASSERT_TRUE(other);
  }
  expect(Errc::corrupt, "other contents");
  EXPECT_FALSE(Database::open(folder_.path() / "a\"b.db", kOne, Open::create, Check::none));
}

TEST_F(DatabaseTest, FindsATruncatedFile) {
  {
    auto database = open();
    ASSERT_TRUE(database);
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(add(*database, std::string(2000, 'x')));
  }
  const std::string whole = read_file(path()).value();
  ASSERT_GT(whole.size(), 16384u);
  int found = 0;
  for (std::size_t size : {std::size_t{1}, std::size_t{50}, std::size_t{4096}, whole.size() / 2, whole.size() - 4096}) {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    auto opened = open();
    if (opened) continue;
    EXPECT_EQ(opened.error().code, Errc::corrupt) << opened.error().what;
    ++found;
  }
  EXPECT_EQ(found, 5);
}

TEST_F(DatabaseTest, TakesOddPaths) {
  for (const char* name : {"with space", "a=b", "semi;colon", "per%cent", "quote's", "ü"}) {
    const fs::path odd = folder_.path() / name / "a.db";
    ASSERT_TRUE(Database::open(odd, kOne, Open::create, Check::whole)) << name;
    EXPECT_TRUE(fs::is_regular_file(odd)) << name;
    EXPECT_EQ(fs::status(odd.parent_path()).permissions(), fs::perms::owner_all) << name;
  }
}

}  // namespace
}  // namespace freehold::sql
