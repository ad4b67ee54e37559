#include <gtest/gtest.h>

#include "app/backup/create.h"
#include "app/backup/home_files.h"
#include "app/backup/restore.h"
#include "app/backup/staging.h"
#include "audit/folder.h"
#include "audit/log.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr PassphraseCost kCheap{1, 64};

class BackupTest : public ::testing::Test {
 protected:
  ~BackupTest() override { set_disk_fault_for_tests({}); }
  void put(const fs::path& path, std::string_view content) {
    ASSERT_TRUE(make_directories((home() / path).parent_path()));
    ASSERT_TRUE(write_file_atomically(home() / path, content, FileAccess::owner));
  }
  void fill() {
    put("policy.yaml", "freehold-policy: 1\n");
    put("files/file-1", "content");
    put("tmp/left", "temporary");
    put("history", "typed");
    put("somebody.key", "a key by its name");
    put("other", "-----BEGIN PRIVATE KEY-----\n");
    put("server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n");
    put("public.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    put("content/subjects/ab", "wrapped");
    ASSERT_TRUE(audit::append_one(audit::audit_folder(home()), R"({"id":"adm_1","kind":"admin"})"));
  }
  fs::path home() const { return folder_.path() / "home"; }
  fs::path backup() const { return folder_.path() / "backup"; }
  fs::path other() const { return folder_.path() / "other"; }
  TemporaryFolder folder_;
};

TEST(BackupKeys, OpenUnderTheirPassphraseAlone) {
  HomeKeys keys;
  keys.emplace("keys/master.key", SecretText(std::string("a\n\0b", 4)));
  keys.emplace("content/subjects/x y", SecretText(""));
  const auto file = lock_keys(keys, "correct horse", kCheap);
  ASSERT_TRUE(file) << file.error().what;
  const auto again = unlock_keys(*file, "correct horse");
  ASSERT_TRUE(again) << again.error().what;
  ASSERT_EQ(again->size(), 2U);
  EXPECT_EQ(again->at("keys/master.key").text(), std::string_view("a\n\0b", 4));
  EXPECT_EQ(again->at("content/subjects/x y").text(), "");
  EXPECT_EQ(unlock_keys(*file, "correct horsf").error().code, Errc::corrupt);
  EXPECT_NE(*file, lock_keys(keys, "correct horse", kCheap).value()) << "a salt and a nonce of its own";
  for (std::size_t i = 0; i < file->size(); ++i) {
    std::string changed = *file;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(unlock_keys(changed, "correct horse")) << i;
  }
  for (const std::size_t cut : {std::size_t{0}, std::size_t{10}, file->size() - 1})
    EXPECT_FALSE(unlock_keys(std::string_view(*file).substr(0, cut), "correct horse"));
  EXPECT_EQ(unlock_keys("freehold-keys 1 argon2id 4000000000 64 AAAAAAAAAAAAAAAAAAAAAA==\nAAAA\n", "x").error().code,
            Errc::unsupported);
  EXPECT_EQ(unlock_keys("freehold-keys 2 x\n", "x").error().code, Errc::unsupported);
}

TEST(BackupParts, EveryNameHasItsPart) {
  EXPECT_EQ(part_by_name("key"), HomePart::secret);
  EXPECT_EQ(part_by_name("audit/key"), HomePart::secret);
  EXPECT_EQ(part_by_name("audit/key.pub"), HomePart::log);
  EXPECT_EQ(part_by_name("keys/master.key"), HomePart::secret);
  EXPECT_EQ(part_by_name("tls/self.crt"), HomePart::secret);
  EXPECT_EQ(part_by_name("price-signing.key"), HomePart::secret);
  EXPECT_EQ(part_by_name("content/subjects/ab"), HomePart::subject);
  EXPECT_EQ(part_by_name("content/master-id"), HomePart::file);
  EXPECT_EQ(part_by_name("usage.db-wal"), HomePart::left_out);
  EXPECT_EQ(part_by_name("serve/lock"), HomePart::left_out);
  EXPECT_EQ(part_by_name("serve/writing/lock"), HomePart::left_out);
  EXPECT_EQ(part_by_name("content/subjects/sub_a.leaving"), HomePart::left_out);
  EXPECT_EQ(part_by_name("content/vault/sub_a.leaving"), HomePart::left_out);
  EXPECT_EQ(part_by_name("content/subjects/sub_a"), HomePart::subject);
  EXPECT_EQ(part_by_name("quantization-7/x"), HomePart::left_out);
  EXPECT_EQ(part_by_name("history"), HomePart::left_out);
  EXPECT_EQ(part_by_name("historyx"), HomePart::file);
  EXPECT_EQ(part_by_name("what/a/later/version/keeps"), HomePart::file);
}

TEST_F(BackupTest, ThereAndBackWithoutAnyKeyInIt) {
  fill();
  const auto made = make_backup(home(), backup());
  ASSERT_TRUE(made) << made.error().what;
  const auto read = read_backup(backup(), {});
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_TRUE(read->is_signed);
  EXPECT_EQ(read->digest, made->digest);
  EXPECT_EQ(read->manifest.secrets, (std::vector<std::string>{"audit/key", "other", "server.pem", "somebody.key"}));
  EXPECT_EQ(read->manifest.subject_keys, 1U);
  EXPECT_EQ(read->manifest.left_out, (std::vector<std::string>{"history"}));
  for (const char* absent :
       {"audit/key", "other", "server.pem", "somebody.key", "content/subjects/ab", "tmp", "history"})
    EXPECT_FALSE(fs::exists(backup() / kBackupData / absent)) << absent;
  EXPECT_TRUE(damages_of(backup(), read->manifest).value().empty());
  EXPECT_EQ(make_backup(home(), backup()).error().code, Errc::invalid) << "nothing is overwritten";
  EXPECT_EQ(make_backup(home(), home() / "in" / "it").error().code, Errc::invalid);
  const auto keys = keys_of_home(home());
  ASSERT_TRUE(keys);
  const auto restored = restore_backup(backup(), *read, other(), {.keys = &*keys});
  ASSERT_TRUE(restored) << restored.error().what;
  EXPECT_TRUE(restored->recorded);
  for (const char* path :
       {"policy.yaml", "files/file-1", "public.pem", "other", "server.pem", "content/subjects/ab", "audit/key"})
    EXPECT_EQ(read_file(other() / path).value(), read_file(home() / path).value()) << path;
  EXPECT_TRUE(check_restored_log(other(), read->manifest));
}

TEST_F(BackupTest, WhateverFailsTheOldHomeStaysAndNothingIsLeft) {
  fill();
  ASSERT_TRUE(make_backup(home(), backup()));
  const auto read = read_backup(backup(), {});
  ASSERT_TRUE(read);
  const auto keys = keys_of_home(home());
  ASSERT_TRUE(keys);
  ASSERT_TRUE(make_directories(other()));
  ASSERT_TRUE(write_file_atomically(other() / "old", "old"));
  EXPECT_EQ(restore_backup(backup(), *read, other(), {.keys = &*keys}).error().code, Errc::invalid);
  bool done = false;
  for (int nth = 1; !done; ++nth) {
    ASSERT_LT(nth, 1000);
    int count = 0;
    set_disk_fault_for_tests([&](const char*) { return ++count == nth ? EIO : 0; });
    const auto restored = restore_backup(backup(), *read, other(), {.keys = &*keys, .replace = true});
    set_disk_fault_for_tests({});
    done = count < nth;
    ASSERT_EQ(done, done && restored.has_value()) << nth;
    const bool changed = !fs::exists(other() / "old");
    if (changed) {
      EXPECT_TRUE(check_restored_log(other(), read->manifest)) << nth;
      if (!done) {  // it failed after the one step: what was there is beside it
        fs::path aside;
        for (const auto& entry : fs::directory_iterator(folder_.path())) {
          if (fs::exists(entry.path() / "old")) aside = entry.path();
        }
        ASSERT_FALSE(aside.empty()) << nth;
        fs::remove_all(other());
        fs::rename(aside, other());
      }
    } else {
      EXPECT_FALSE(restored) << nth;
    }
  }
}

TEST_F(BackupTest, WhatAKilledOneLeftIsClearedAway) {
  const fs::path left = folder_.path() / ".other.unfinished-1", whole = folder_.path() / ".other.unfinished-2";
  ASSERT_TRUE(make_directories(left / "data"));
  ASSERT_TRUE(make_directories(whole));
  ASSERT_TRUE(write_file_atomically(left / "unfinished", ""));
  ASSERT_TRUE(write_file_atomically(whole / "old", "a home that was exchanged"));
  auto running = StagingFolder::create(other());
  ASSERT_TRUE(running) << running.error().what;
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(whole));
  auto second = StagingFolder::create(other());
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_TRUE(fs::exists(running->path())) << "its process is there";
  ASSERT_TRUE(second->publish());
  EXPECT_TRUE(fs::is_empty(other()));
}

TEST(BackupPaths, StayBelowTheHome) {
  for (const char* good : {"a", "a/b", "a/..b", ".a/b c"}) EXPECT_TRUE(safe_backup_path(good)) << good;
  for (const char* bad : {"", "/a", "a/", "a//b", "..", "a/../b", ".", "a/."})
    EXPECT_FALSE(safe_backup_path(bad)) << bad;
  EXPECT_FALSE(safe_backup_path(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace freehold::app
