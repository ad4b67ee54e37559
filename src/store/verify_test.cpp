// Verifying while another process works on the store: its work is no damage, and a damage is found all the same.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>

#include "store/blob.h"
#include "store/lock.h"
#include "store/testing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;
using testing::name;
using testing::put;
using testing::tiny_gguf;

// a, b and c are models of their own.
class VerifyBesideWork : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      put(source(seed), tiny_gguf(seed));
      if (seed == 3) break;
      digests_.push_back(store().import(source(seed), name(kNames[seed]))->manifest.model.weights());
    }
  }
  fs::path home() const { return folder_.path() / "home"; }
  Store store() const { return Store::open(home()).value(); }
  fs::path source(std::uint64_t seed) const { return folder_.path() / (std::to_string(seed) + ".gguf"); }
  void remove_all() const {
    for (const char* n : kNames) EXPECT_TRUE(store().remove(n));
  }
  // Does `work` once, when the manifests have been read and the first file is being read.
  static Progress during(std::function<void()> work) {
    return [work = std::move(work), done = false](std::string_view, std::uint64_t, std::uint64_t) mutable {
      if (!std::exchange(done, true)) work();
      return true;
    };
  }
  static constexpr const char* kNames[] = {"a", "b", "c"};
  TemporaryFolder folder_;
  std::vector<Digest> digests_;
};

TEST_F(VerifyBesideWork, WhatWasRemovedIsNoDamage) {
  auto found = store().verify_all(during([&] { remove_all(); }));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->damages.empty()) << found->damages[0].what;
  EXPECT_EQ(found->models, 0u);
}

TEST_F(VerifyBesideWork, WhatLeadsElsewhereByThenIsNoDamage) {
  auto found = store().verify_all(during([&] {
    for (const char* n : kNames) EXPECT_TRUE(store().import(source(3), name(n), {.replace = true}));
  }));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->damages.empty()) << found->damages[0].what;
  EXPECT_EQ(found->models, 3u);
}

TEST_F(VerifyBesideWork, WhatIsThereAgainWhenTheOtherIsDoneIsNoDamage) {
  std::optional<Lock> other = Lock::take(home(), {}).value();
  const fs::path blob = blob_path(home(), digests_[1]);
  fs::rename(blob, folder_.path() / "away");
  int waits = 0;
  auto found = store().verify_all({}, [&](int) {
    ++waits;
    fs::rename(folder_.path() / "away", blob);
    other.reset();
  });
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->damages.empty()) << found->damages[0].what;
  EXPECT_EQ(found->models, 3u);
  EXPECT_EQ(waits, 1);
}

TEST_F(VerifyBesideWork, ASoundStoreIsVerifiedWithoutTheLock) {
  const Lock other = Lock::take(home(), {}).value();
  auto found = store().verify_all({}, [](int) { ADD_FAILURE() << "waits"; });
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->damages.empty());
}

TEST_F(VerifyBesideWork, ADamageIsFound) {
  const fs::path blob = blob_path(home(), digests_[2]);
  std::string bad = read_file(blob).value();
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  put(blob, bad);
  auto found = store().verify_all(during([&] {
    for (const char* n : {"a", "b"}) EXPECT_TRUE(store().remove(n));
  }));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->models, 1u);
  ASSERT_EQ(found->damages.size(), 1u);
  EXPECT_EQ(found->damages[0].blob, blob);
  EXPECT_EQ(found->damages[0].digest, digests_[2]);
  EXPECT_EQ(found->damages[0].names, std::vector{name("c")});
  EXPECT_EQ(found->damages[0].places.size(), 1u);
}

TEST_F(VerifyBesideWork, TheModelAskedForIsNotFoundOnceItIsRemoved) {
  auto found = store().verify("a", during([&] { remove_all(); }));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::not_found);
}

}  // namespace
}  // namespace freehold::store
