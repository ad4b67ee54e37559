#include "audit/content.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <future>

#include "audit/content_testing.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

class ContentTest : public HomeTest {
 protected:
  Result<Subjects> subjects(MasterKey::Make make = MasterKey::Make::if_missing) {
    FH_TRY(MasterKey master, MasterKey::open(home() / "elsewhere" / "master.key", make));
    return Subjects::open(home(), std::move(master), make);
  }
  Result<ContentLog> log(ContentOptions options = {}) {
    FH_TRY(Subjects keys, subjects());
    return ContentLog::open(home(), std::move(keys), options);
  }
};

TEST_F(ContentTest, WhatIsKeptComesBackUnderItsSubjectsKeyAlone) {
  auto log = this->log();
  ASSERT_TRUE(log) << log.error().what;
  const Parts parts = {{"body", std::string("the canary\n\0 7\n", 14)}, {"answer", ""}, {"answer", "second"}};
  const auto place = keep(*log, {"req_1", "key1", "alice", parts});
  const auto other = keep(*log, {"req_2", "key1", "bob", parts});
  const auto again = keep(*log, {"req_3", "key1", "alice", parts});
  const auto elsewhere = keep(*log, {"req_4", "key2", "alice", parts});
  ASSERT_TRUE(place && other && again && elsewhere);
  EXPECT_EQ(place->subject, again->subject);
  EXPECT_NE(place->subject, other->subject);
  EXPECT_NE(place->subject, elsewhere->subject);  // another tenant's alice
  EXPECT_NE(place->digest, again->digest);        // a nonce of its own
  EXPECT_FALSE(anywhere("the canary"));
  EXPECT_FALSE(anywhere("alice"));

  const auto keys = subjects(MasterKey::Make::never);
  ASSERT_TRUE(keys) << keys.error().what;
  const auto alice = keys->find("key1", "alice"), bob = keys->find("key1", "bob");
  ASSERT_TRUE(alice && *alice && bob && *bob);
  const auto sealed = read_content(home(), *place);
  ASSERT_TRUE(sealed) << sealed.error().what;
  const auto back = open_content(**alice, "req_1", *sealed);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*back, parts);
  EXPECT_FALSE(open_content(**bob, "req_1", *sealed));
  EXPECT_FALSE(open_content(**alice, "req_3", *sealed));  // of another entry
  EXPECT_EQ(keys->list()->size(), 3U);
}

TEST_F(ContentTest, DestroyingAKeyLeavesNothingToRead) {
  std::optional<ContentPlace> place;
  {
    auto log = this->log();
    ASSERT_TRUE(log);
    place = keep(*log, {"req_1", "key1", "alice", {{"body", "the canary"}}});
    ASSERT_TRUE(place);
    const auto keys = subjects();
    auto alice = keys->find("key1", "alice");
    ASSERT_TRUE(alice && *alice);
    const std::string key((*alice)->key.text()), id = (*alice)->id;
    const std::string line = *read_file((*alice)->file);
    ASSERT_TRUE(keys->destroy(**alice));
    EXPECT_FALSE(anywhere("freehold-subject 1 " + id));  // neither the line with the wrapped key …
    EXPECT_FALSE(anywhere(line));
    EXPECT_FALSE(anywhere(key));
    EXPECT_FALSE(*keys->find("key1", "alice"));
    EXPECT_TRUE(read_content(home(), *place));  // … while what was written stays as it was
    // The log goes on, and somebody of the same name is somebody else.
    const auto later = keep(*log, {"req_2", "key1", "alice", {{"body", "after"}}});
    ASSERT_TRUE(later);
    EXPECT_NE(later->subject, place->subject);
    alice = keys->find("key1", "alice");
    EXPECT_FALSE(open_content(**alice, "req_1", *read_content(home(), *place)));
  }
}

TEST_F(ContentTest, FilesAreTheirOwnersAloneAndChangesAreSeen) {
  auto log = this->log({.file_bytes = 300});
  ASSERT_TRUE(log);
  std::vector<ContentPlace> places;
  for (int i = 0; i < 20; ++i) {
    const auto place = keep(*log, {"req_" + std::to_string(i), "k", "s", {{"body", std::string(100, 'x')}}});
    ASSERT_TRUE(place);
    places.push_back(*place);
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(home())) {
    if (!entry.is_regular_file() || entry.path().filename() == "lock") continue;
    struct stat about {};
    ASSERT_EQ(::stat(entry.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600U) << entry.path();
    files += entry.path().filename().string().starts_with("records-") ? 1 : 0;
  }
  EXPECT_GT(files, 5U);
  for (const ContentPlace& place : places) EXPECT_TRUE(read_content(home(), place));
  for (const char* wrong : {"", "records-x", "records-x:1", "records-x:1:2", "records-../../x:0:1", "../x:0:1"}) {
    EXPECT_FALSE(read_content(home(), {"", wrong, ""})) << wrong;
  }
  ContentPlace beyond = places[0];
  beyond.place += "0";
  EXPECT_EQ(read_content(home(), beyond).error().code, Errc::corrupt);
  const fs::path file = content_folder(home()) / places[0].place.substr(0, places[0].place.find(':'));
  std::string bytes = *read_file(file);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  std::ofstream(file) << bytes;
  EXPECT_EQ(read_content(home(), places[0]).error().code, Errc::corrupt);
}

TEST_F(ContentTest, TheMasterKeyIsCheckedBeforeAnythingIsDone) {
  { ASSERT_TRUE(subjects()); }
  const fs::path key = home() / "elsewhere" / "master.key";
  ::chmod(key.c_str(), 0644);
  EXPECT_EQ(subjects().error().code, Errc::invalid);
  ::chmod(key.c_str(), 0600);
  const std::string good = *read_file(key);
  for (const std::string& bad : {std::string("no key\n"), std::string(), good.substr(0, good.size() - 8)}) {
    std::ofstream(key) << bad;
    EXPECT_EQ(subjects().error().code, Errc::corrupt) << bad;
  }
  fs::remove(key);
  EXPECT_EQ(subjects(MasterKey::Make::never).error().code, Errc::not_found);
  EXPECT_EQ(subjects().error().code, Errc::invalid);  // a new one is another one
}

// Whatever fails, nothing that was acknowledged is lost, and nothing is acknowledged that cannot be read.
TEST_F(ContentTest, EveryFailureOfTheDisk) {
  for (int nth = 1; nth < 60; ++nth) {
    std::vector<ContentPlace> kept;
    int calls = 0;
    bool failed = false;
    set_disk_fault_for_tests([&](const char*) { return ++calls == nth ? (failed = true, EIO) : 0; });
    if (auto log = this->log({.file_bytes = 200})) {
      for (int i = 0; i < 4; ++i) {
        if (auto place = keep(*log, {"req", "k", "s" + std::to_string(nth) + std::to_string(i), {{"body", "x"}}}))
          kept.push_back(*place);
      }
    }
    set_disk_fault_for_tests({});
    const auto keys = subjects();
    ASSERT_TRUE(keys) << nth << keys.error().what;
    const auto all = keys->list();
    ASSERT_TRUE(all) << nth << all.error().what;
    for (const ContentPlace& place : kept) {
      const auto sealed = read_content(home(), place);
      ASSERT_TRUE(sealed) << nth << sealed.error().what;
      bool readable = false;
      for (const Subject& s : *all) readable = readable || (s.id == place.subject && open_content(s, "req", *sealed));
      EXPECT_TRUE(readable) << nth;
    }
    if (!failed) {
      EXPECT_EQ(kept.size(), 4U);
      EXPECT_GT(nth, 10);
      return;
    }
    EXPECT_LT(kept.size(), 4U) << nth;
  }
  FAIL() << "it never went through";
}

}  // namespace
}  // namespace freehold::audit
