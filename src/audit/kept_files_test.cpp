// What was kept for long enough goes: records in place, files of the vault, keys of whom nothing is left; killed
// anywhere between, the next run finishes it.
#include "audit/kept_files.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "audit/content.h"
#include "audit/content_testing.h"
#include "audit/disk.h"
#include "audit/vault.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

class KeptFilesTest : public HomeTest {
 protected:
  Subjects subjects() {
    auto master = MasterKey::open(home() / "elsewhere" / "master.key", MasterKey::Make::if_missing);
    return std::move(*Subjects::open(home(), std::move(*master), MasterKey::Make::if_missing));
  }
  ContentLog log() { return std::move(*ContentLog::open(home(), subjects())); }
  static ContentPlace keep(ContentLog& log, const std::string& id, const std::string& subject, std::string body) {
    return HomeTest::keep(log, {id, "key1", subject, {{"body", std::move(body)}}}).value_or(ContentPlace{});
  }
  std::string opened(const std::string& id, const std::string& subject, const ContentPlace& place) {
    const auto sealed = read_content(home(), place);
    if (!sealed) return std::string(sealed.error().code == Errc::not_found ? "gone" : "corrupt");
    const auto keys = subjects();
    const auto whose = keys.find("key1", subject);
    if (!whose || !*whose) return "no key";
    const auto parts = open_content(**whose, id, *sealed);
    return parts ? parts->at(0).second : "unreadable";
  }
};

TEST_F(KeptFilesTest, ARecordIsDroppedAndItsNeighboursStay) {
  ContentPlace first, second, third;
  {
    ContentLog log = this->log();
    first = keep(log, "req_1", "alice", "one");
    second = keep(log, "req_2", "bob", std::string(200'000, 'x'));  // more than is overwritten at once
    third = keep(log, "req_3", "alice", "three");
  }
  const std::string sealed = *read_content(home(), second);
  EXPECT_TRUE(anywhere(std::string_view(sealed).substr(100'000, 64)));
  KeptRecords records(home());
  ASSERT_TRUE(records.look());
  ASSERT_EQ(records.all().size(), 3U);
  EXPECT_EQ(records.all()[1].place(), second.place);
  EXPECT_EQ(records.all()[1].id, "req_2");
  EXPECT_EQ(records.all()[1].subject, second.subject);
  ASSERT_TRUE(records.drop(std::array{std::size_t{1}}));
  EXPECT_TRUE(records.all()[1].dropped);
  for (std::size_t at = 0; at + 64 < sealed.size(); at += 10'000) {
    EXPECT_FALSE(anywhere(std::string_view(sealed).substr(at, 64))) << at;
  }
  EXPECT_EQ(opened("req_2", "bob", second), "gone");
  EXPECT_EQ(opened("req_1", "alice", first), "one");
  EXPECT_EQ(opened("req_3", "alice", third), "three");
  KeptRecords again(home());
  ASSERT_TRUE(again.look());
  ASSERT_EQ(again.all().size(), 3U);
  EXPECT_TRUE(again.all()[1].dropped);
  EXPECT_EQ(*again.remove_dropped(true), 0U);  // something else is in it
  ASSERT_TRUE(again.drop(std::array{std::size_t{0}, std::size_t{2}}));
  EXPECT_EQ(*again.remove_dropped(false), 0U);  // somebody may still write to it
  EXPECT_EQ(*again.remove_dropped(true), 1U);
  EXPECT_FALSE(fs::exists(home() / "content" / again.all()[0].file));
}

TEST_F(KeptFilesTest, WhatComesLaterIsSeenAndWhatIsNoRecordIsNot) {
  ContentLog log = this->log();
  keep(log, "req_1", "alice", "one");
  KeptRecords records(home());
  ASSERT_TRUE(records.look());
  EXPECT_EQ(records.all().size(), 1U);
  keep(log, "req_2", "alice", "two");
  ASSERT_TRUE(records.look());
  EXPECT_EQ(records.all().size(), 2U);
  for (const char* torn : {"freehold-content 1 req_9 sub_9 1000\nxx", "freehold-content 1 a b 99999999999999999999\n",
                           "freehold-content 1 a b\n", "other\n", "freehold-content 1 a b -1\n\n"}) {
    std::ofstream(home() / "content" / "records-torn") << torn;
    KeptRecords more(home());
    ASSERT_TRUE(more.look());
    EXPECT_EQ(more.all().size(), 2U) << torn;
  }
}

// Each write and each sync fails once: what is left is the record as it was, or one that the next run drops.
TEST_F(KeptFilesTest, BrokenOffAnywhereTheNextRunFinishes) {
  std::set<std::string> seen;
  for (int allowed = 0; allowed < 7; ++allowed) {
    ContentPlace place;
    const std::string id = "req_" + std::to_string(allowed);
    {
      ContentLog log = this->log();
      place = keep(log, id, "alice", "the words");
    }
    KeptRecords records(home());
    ASSERT_TRUE(records.look());
    std::size_t at = records.all().size();
    for (std::size_t i = 0; i < records.all().size(); ++i) at = records.all()[i].id == id ? i : at;
    int left = allowed;
    set_disk_fault_for_tests(
        [&left](std::string_view what) { return (what == "write" || what == "fsync") && left-- <= 0 ? EIO : 0; });
    const bool done = records.drop(std::array{at}).has_value();
    set_disk_fault_for_tests({});
    EXPECT_EQ(done, allowed >= 6);
    const std::string state = opened(id, "alice", place);
    EXPECT_NE(state, "corrupt") << allowed;
    seen.insert(state);
    KeptRecords next(home());
    ASSERT_TRUE(next.look());
    EXPECT_EQ(next.all()[at].leaving, allowed >= 1 && allowed <= 4) << allowed;  // before that as it was, then dropped
    ASSERT_TRUE(next.drop(std::array{at}));
    EXPECT_EQ(opened(id, "alice", place), "gone");
  }
  EXPECT_EQ(seen, (std::set<std::string>{"the words", "gone"}));
}

TEST_F(KeptFilesTest, AFileOfTheVaultGoesAndItsValueIsKeptAgainWhenItComesAgain) {
  Vault vault(home(), subjects());
  const std::string token = vault.token("k1", "email", "ann@example.org");
  ASSERT_TRUE(vault.keep("k1", "alice", {{token, "ann@example.org"}}));
  const auto files = vault_files(home());
  ASSERT_EQ(files.size(), 1U);
  EXPECT_GT(files[0].time, 1'000'000'000);
  {
    auto unused = Unused::shut_out(home());
    ASSERT_TRUE(unused) << unused.error().what;
    ASSERT_TRUE(unused->remove(files[0]));
    ASSERT_TRUE(unused->remove(files[0]));  // gone already
  }
  EXPECT_TRUE(vault_files(home()).empty());
  EXPECT_TRUE(vault.find(token)->empty());
  ASSERT_TRUE(vault.keep("k1", "alice", {{token, "ann@example.org"}}));
  EXPECT_EQ(vault.find(token)->size(), 1U);
}

TEST_F(KeptFilesTest, AKeyGoesWhenNothingIsUnderIt) {
  {
    ContentLog log = this->log();
    keep(log, "req_1", "alice", "one");
  }
  ASSERT_TRUE(subjects().find_or_make("key1", "nobody"));
  Vault vault(home(), subjects());
  ASSERT_TRUE(vault.keep("key1", "bob", {{vault.token("key1", "email", "x"), "x"}}));
  auto files = subject_files(home());
  ASSERT_EQ(files.size(), 3U);
  KeptRecords records(home());
  ASSERT_TRUE(records.look());
  std::size_t destroyed = 0;
  {
    auto unused = Unused::shut_out(home());
    ASSERT_TRUE(unused);
    for (const SubjectFile& file : files) destroyed += *unused->destroy(file, records) ? 1 : 0;
    EXPECT_EQ(destroyed, 1U);
    EXPECT_FALSE(*subjects().find("key1", "nobody"));
    ASSERT_TRUE(records.drop(std::array{std::size_t{0}}));
    ASSERT_TRUE(unused->remove(vault_files(home())[0]));
    for (const SubjectFile& file : files) destroyed += *unused->destroy(file, records) ? 1 : 0;
  }
  EXPECT_EQ(destroyed, 3U);
  EXPECT_TRUE(subject_files(home()).empty());
}

TEST_F(KeptFilesTest, WhatWasLeftHalfRemovedStopsNobodyAndGoes) {
  const Subjects keys = subjects();
  const auto alice = keys.find_or_make("key1", "alice");
  ASSERT_TRUE(alice);
  Vault vault(home(), subjects());
  const std::string token = vault.token("key1", "email", "x");
  ASSERT_TRUE(vault.keep("key1", "bob", {{token, "x"}}));
  for (const fs::path& path : {alice->file, vault_files(home())[0].path}) {
    fs::path leaving = path;
    leaving += kLeavingSuffix;
    fs::rename(path, leaving);
    std::ofstream(leaving) << "noise";
  }
  EXPECT_EQ(keys.list()->size(), 1U);
  EXPECT_NE(keys.find_or_make("key1", "alice")->id, alice->id) << "another one";
  EXPECT_TRUE(vault.find(token)->empty());
  ASSERT_TRUE(finish_removals(home()));
  EXPECT_FALSE(anywhere("noise"));
  EXPECT_EQ(subject_files(home()).size(), 2U);
}

TEST_F(KeptFilesTest, AMarkDoesNotExcuseWhatIsNotZeros) {
  ContentPlace place;
  {
    ContentLog log = this->log();
    place = keep(log, "req_1", "alice", "one");
  }
  KeptRecords records(home());
  ASSERT_TRUE(records.look());
  std::fstream file(home() / "content" / records.all()[0].file, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(records.all()[0].line));
  file << kDroppedMark;
  file.seekp(static_cast<std::streamoff>(records.all()[0].offset));
  file << "?";
  file.close();
  EXPECT_EQ(opened("req_1", "alice", place), "corrupt");
}

// No key goes between the moment in which somebody finds it and that in which what is under it is there.
TEST_F(KeptFilesTest, WhoWritesIsWaitedFor) {
  const Subjects keys = subjects();
  ASSERT_TRUE(keys.find_or_make("key1", "alice"));
  auto use = std::optional(std::move(*keys.use()));
  auto second = keys.use();  // several may
  EXPECT_TRUE(second);
  std::promise<void> begun;
  std::atomic<bool> in = false;
  std::thread other([&] {
    begun.set_value();
    const auto unused = Unused::shut_out(home());
    in = unused.has_value();
  });
  begun.get_future().wait();
  EXPECT_FALSE(in);
  use.reset();
  second->release();
  other.join();
  EXPECT_TRUE(in);
}

}  // namespace
}  // namespace freehold::audit
