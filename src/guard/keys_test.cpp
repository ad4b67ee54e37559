// Keys: made once, kept as hashes, revoked for good; hostile names and damaged files are errors.
#include "guard/keys.h"

#include <gtest/gtest.h>
#include <soci/soci.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "guard/schema.h"
#include "sql/database.h"

namespace freehold::guard {
namespace {

namespace fs = std::filesystem;

Error error_of(const Result<CreatedKey>& made) {
  return made ? Error{Errc::internal, "taken"} : made.error();
}

class KeysTest : public ::testing::Test {
 protected:
  ~KeysTest() override { set_disk_fault_for_tests(nullptr); }
  Keys open() {
    return Keys::open(folder_.path(), OpenKeys::create, [this] { return now_; }).value();
  }
  TemporaryFolder folder_;
  std::int64_t now_ = 1'800'000'000;
};

TEST_F(KeysTest, AKeyHasItsFormAndOnlyItsHashIsStored) {
  std::string text;
  {
    Keys keys = open();
    auto made = keys.create({.name = "Büro 1"});
    ASSERT_TRUE(made) << made.error().what;
    text = made->text;
    ASSERT_EQ(text.size(), 3u + 8 + 1 + 43);
    const std::optional<KeyParts> parts = parse_key(text);
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->id, made->info.id);
    EXPECT_NE(keys.create({.name = "Büro 2"}).value().text.substr(12), text.substr(12));
  }
  const std::string secret = text.substr(12);
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_EQ(read_file(entry.path()).value().find(secret), std::string::npos) << entry.path();
  }
}

TEST_F(KeysTest, EverythingIsReadBackByAnotherConnection) {
  Keys keys = open();
  NewKey wanted{.name = "a \"quoted' name; DROP TABLE keys",
                .role = Role::operator_,
                .expires = now_ + 10,
                .limits = {7, 1'000'000'000'000, 3},
                .models = {{"mistral:q4", "qwen3"}}};
  auto made = keys.create(wanted);
  ASSERT_TRUE(made) << made.error().what;
  ASSERT_TRUE(keys.create({.name = "plain"}));
  const std::vector<KeyInfo> all = open().list().value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], made->info);
  EXPECT_EQ(all[0].name, wanted.name);
  EXPECT_EQ(all[0].limits, wanted.limits);
  EXPECT_EQ(all[0].models, wanted.models);
  EXPECT_EQ(all[0].created, now_);
  EXPECT_EQ(all[1].limits, Limits{});
  EXPECT_FALSE(all[1].models);
  EXPECT_TRUE(all[0].usable(now_ + 9));
  EXPECT_FALSE(all[0].usable(now_ + 10));
}

TEST_F(KeysTest, RevokingIsForGood) {
  Keys keys = open();
  const KeyInfo info = keys.create({.name = "x"}).value().info;
  now_ += 5;
  EXPECT_EQ(keys.revoke(info.id).value().revoked, now_);
  now_ += 5;
  EXPECT_EQ(keys.revoke(info.id).value().revoked, now_ - 5) << "the first time counts";
  EXPECT_FALSE(open().list().value()[0].usable(now_));
  EXPECT_EQ(keys.revoke("aaaaaaaa").error().code, Errc::not_found);
  const std::string text = keys.create({.name = "y"}).value().text;
  const Error error = keys.revoke(text).error();
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_EQ(error.what.find(text.substr(12)), std::string::npos) << "a secret is not repeated";
}

TEST_F(KeysTest, RotatingChangesTheSecretAlone) {
  Keys keys = open();
  const CreatedKey first =
      keys.create({.name = "x", .role = Role::operator_, .expires = now_ + 10, .label = "internal"}).value();
  const std::string before = keys.load().value()[0].hash;
  const auto second = keys.rotate(first.info.id);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(second->info, first.info);
  EXPECT_EQ(second->text.substr(0, 12), first.text.substr(0, 12)) << "the id stays, and what belongs to it";
  EXPECT_NE(second->text, first.text);
  EXPECT_NE(open().load().value()[0].hash, before);
  EXPECT_EQ(error_of(keys.rotate("aaaaaaaa")).code, Errc::not_found);
  EXPECT_EQ(error_of(keys.rotate(first.text)).what.find(first.text.substr(12)), std::string::npos);
  now_ += 10;
  EXPECT_EQ(error_of(keys.rotate(first.info.id)).code, Errc::invalid) << "what has expired is not brought back";
  const CreatedKey revoked = keys.create({.name = "y"}).value();
  ASSERT_TRUE(keys.revoke(revoked.info.id));
  EXPECT_EQ(error_of(keys.rotate(revoked.info.id)).code, Errc::invalid);
}

TEST_F(KeysTest, HostileFieldsAreRefused) {
  Keys keys = open();
  auto refused = [&](NewKey key) {
    const Error error = error_of(keys.create(key));
    EXPECT_EQ(error.code, Errc::invalid) << key.name;
    return error.what;
  };
  for (std::string name :
       {std::string(), std::string("a\nb"), std::string("\x1b[1m"), std::string("a\0b", 3), std::string("\xff"),
        std::string("\u202e"), std::string(65, 'x'), std::string(100'000, 'x'), std::string(" x"), std::string("x ")}) {
    const std::string what = refused({.name = name});
    EXPECT_NE(what.find("name"), std::string::npos) << what;
    EXPECT_EQ(what.find('\x1b'), std::string::npos);
    EXPECT_LT(what.size(), 400u);
  }
  refused({.name = "x", .expires = now_});
  refused({.name = "x", .limits = {0, {}, {}}});
  refused({.name = "x", .limits = {{}, ~std::uint64_t{0}, {}}});
  refused({.name = "x", .limits = {{}, {}, 0}});
  refused({.name = "x", .models = Models(std::vector<std::string>())});
  refused({.name = "x", .models = {{"a\nb"}}});
  refused({.name = "x", .models = {{""}}});
  refused({.name = "x", .models = Models(std::vector<std::string>(65, "m"))});
  EXPECT_TRUE(keys.list().value().empty());
  EXPECT_TRUE(keys.create({.name = std::string(64, 'x')}));
}

TEST_F(KeysTest, ParsingTakesExactlyOneForm) {
  const std::string good = "fh-abcdefgh-" + std::string(43, 'A');
  ASSERT_TRUE(parse_key(good));
  for (std::string bad :
       {std::string(), good + "A", good.substr(1), "FH" + good.substr(2), "fh-abcdefg1-" + good.substr(12),
        "fh-abcdefgh_" + good.substr(12), good.substr(0, 54) + "=", good.substr(0, 54) + std::string(1, '\0')}) {
    EXPECT_FALSE(parse_key(bad)) << bad;
  }
}

TEST_F(KeysTest, TheFirstKeyIsMadeOnce) {
  auto text = ensure_first_key(folder_.path());
  ASSERT_TRUE(text && *text) << (text ? "no key" : text.error().what);
  EXPECT_EQ(read_file(own_key_path(folder_.path())).value(), **text + "\n");
  struct stat about {};
  ASSERT_EQ(::stat(own_key_path(folder_.path()).c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_FALSE(ensure_first_key(folder_.path()).value());
  Keys keys = open();
  const KeyInfo first = keys.list().value().at(0);
  EXPECT_EQ(first.role, Role::admin);
  // Whatever key there is, somebody has made it and meant no other; a revoked or expired one no longer counts.
  const auto user = keys.create({.name = "user"});
  ASSERT_TRUE(user && keys.revoke(first.id));
  EXPECT_FALSE(keys.ensure_first_key().value());
  ASSERT_TRUE(keys.revoke(user->info.id));
  auto second = keys.ensure_first_key();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ(read_file(own_key_path(folder_.path())).value(), (*second)->text + "\n");
}

// Disk operation 1, 2, 3 … of the first start fails: nothing is promised, and the next start makes a key that works.
TEST_F(KeysTest, TheFirstKeySurvivesAFailingDisk) {
  int failures = 0;
  for (int n = 1;; ++n) {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove_all(entry.path(), ec);
    int count = 0;
    set_disk_fault_for_tests([&](const char*) { return ++count == n ? ENOSPC : 0; });
    auto made = ensure_first_key(folder_.path());
    set_disk_fault_for_tests(nullptr);
    if (made) {
      EXPECT_TRUE(*made);
      break;
    }
    ++failures;
    ASSERT_LT(n, 100);
    auto again = ensure_first_key(folder_.path());
    ASSERT_TRUE(again) << again.error().what;
    // Had the failure come after the commit, the key is there, and in its file.
    const std::string kept = read_file(own_key_path(folder_.path())).value();
    if (*again) {
      EXPECT_EQ(kept, **again + "\n");
    }
    EXPECT_EQ(open().list().value().size(), 1u) << n;
    EXPECT_EQ(open().list().value()[0].id, kept.substr(3, 8)) << n;
  }
  EXPECT_GE(failures, 5);
}

TEST_F(KeysTest, DamagedRowsAreAnError) {
  ASSERT_TRUE(open().create({.name = "x"}));
  for (const char* damage : {"UPDATE keys SET role = 'root'", "UPDATE keys SET role = 'user', hash = 'x'",
                             "UPDATE keys SET hash = '', concurrency = -1", "ALTER TABLE keys DROP COLUMN name"}) {
    {
      auto database =
          sql::Database::open(keys_path(folder_.path()), keys_schema(), sql::Open::existing, sql::Check::none);
      ASSERT_TRUE(database) << database.error().what;
      ASSERT_TRUE(database->run([&](soci::session& s) -> Result<> {
        s << damage;
        return {};
      }));
    }
    auto keys = Keys::open(folder_.path());
    ASSERT_TRUE(keys);
    auto listed = keys->list();
    ASSERT_FALSE(listed) << damage;
    EXPECT_EQ(listed.error().code, Errc::corrupt) << listed.error().what;
  }
}

// A file of version 1: its keys carry the lowest label and have no ceiling.
TEST_F(KeysTest, KeysOfTheFirstVersionAreKept) {
  const sql::Schema first = {"keys", {keys_schema().steps[0]}};
  {
    auto database = sql::Database::open(keys_path(folder_.path()), first, sql::Open::create, sql::Check::none);
    ASSERT_TRUE(database) << database.error().what;
    ASSERT_TRUE(database->run([&](soci::session& s) -> Result<> {
      s << "INSERT INTO keys (id, name, role, hash, created) VALUES ('aaaaaaaa', 'old', 'user', '$argon2id$x', 5)";
      return {};
    }));
  }
  const KeyInfo old = open().list().value().at(0);
  EXPECT_EQ(old.name, "old");
  EXPECT_EQ(old.label, "");
  EXPECT_FALSE(old.ceiling);
}

TEST_F(KeysTest, LabelsAreKeptAndChecked) {
  Keys keys = open();
  const KeyInfo made = keys.create({.name = "x", .label = "internal", .ceiling = "health"}).value().info;
  EXPECT_EQ(open().list().value().at(0), made);
  for (const char* label : {"Health", "a b", "-a", "a\nb", "\x1b[1m"}) {
    EXPECT_EQ(error_of(keys.create({.name = "x", .label = label})).code, Errc::invalid) << label;
    EXPECT_EQ(error_of(keys.create({.name = "x", .ceiling = label})).code, Errc::invalid) << label;
  }
}

TEST_F(KeysTest, ModelsAreNamedWithOrWithoutTag) {
  EXPECT_TRUE(allows(std::nullopt, "anything"));
  const Models some = {{"mistral", "qwen3:q4"}};
  EXPECT_TRUE(allows(some, "mistral"));
  EXPECT_TRUE(allows(some, "mistral:q8"));
  EXPECT_FALSE(allows(some, "mistral-large"));
  EXPECT_TRUE(allows(some, "qwen3:q4"));
  EXPECT_FALSE(allows(some, "qwen3"));
  EXPECT_FALSE(allows(some, "qwen3:q4:x"));
  EXPECT_FALSE(allows(some, ""));
}

}  // namespace
}  // namespace freehold::guard
