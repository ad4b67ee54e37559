// Files that were fetched become a model of the store: without a copy, whatever is in the way, and with their receipt.
#include <gtest/gtest.h>

#include <cerrno>

#include "store/blob.h"
#include "store/store.h"
#include "store/testing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;
using testing::name;
using testing::put;
using testing::tiny_gguf;

class AdoptTest : public ::testing::Test {
 protected:
  fs::path home() const { return folder_.path() / "home"; }
  Store store() const { return Store::open(home()).value(); }
  // A file that has arrived beside the store.
  Arrived arrived(std::uint64_t seed = 0) const {
    const fs::path path = folder_.path() / ("part" + std::to_string(seed));
    put(path, tiny_gguf(seed));
    auto hashed = hash_file(path, [](std::uint64_t) { return Result<>(); }).value();
    return {{"model.gguf", hashed.size, hashed.digest, sha256(hashed.checks), true}, path, hashed.checks};
  }
  Pulled receipt() const { return {"https://r.example", "library/tiny:1", "", "", "", {}}; }
  TemporaryFolder folder_;
};

TEST_F(AdoptTest, TakesFilesInWithoutCopyingThem) {
  const Arrived file = arrived();
  auto done = store().adopt(name("tiny"), Kind::gguf, {file}, {"Be brief.", "", ""}, receipt());
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_TRUE(fs::equivalent(file.path, blob_path(home(), file.file.digest)));
  fs::remove(file.path);
  EXPECT_TRUE(store().verify_all()->damages.empty());
  const Resolved found = store().resolve("tiny").value();
  EXPECT_EQ(found.manifest->model.defaults.system, "Be brief.");
  EXPECT_EQ(found.manifest->from.pulled, receipt());
  EXPECT_EQ(found.manifest->from.source, "https://r.example/library/tiny:1");
  // It is the same model as an imported one, but for what it is asked with.
  put(folder_.path() / "tiny.gguf", tiny_gguf());
  auto imported = store().import(folder_.path() / "tiny.gguf", name("other"));
  EXPECT_EQ(imported->manifest.model.weights(), found.manifest->model.weights());
  EXPECT_NE(imported->manifest.model.id(), found.manifest->model.id());
  EXPECT_TRUE(store().alias("tiny", name("third"))->manifest.from.pulled);
}

TEST_F(AdoptTest, KnowsWhatIsThereAlready) {
  const Arrived file = arrived();
  EXPECT_FALSE(store().find_file(file.file.digest).value());
  ASSERT_TRUE(store().adopt(name("a"), Kind::gguf, {file}, {}, receipt()));
  fs::remove(file.path);
  auto known = store().find_file(file.file.digest).value();
  ASSERT_TRUE(known);
  auto again = store().adopt(name("a"), Kind::gguf, {{*known, {}, {}}}, {}, receipt());
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_TRUE(again->already);
  Arrived unknown = arrived(1);
  unknown.path.clear();
  EXPECT_EQ(store().adopt(name("b"), Kind::gguf, {unknown}, {}, receipt()).error().code, Errc::not_found);
}

TEST_F(AdoptTest, ARefusedModelLeavesItsFilesAndNothingElse) {
  const Arrived file = arrived();
  WriteOptions options;
  options.validate = [](const format::Checkpoint&) -> Result<> { return fail(Errc::unsupported, "not this one"); };
  EXPECT_FALSE(store().adopt(name("a"), Kind::gguf, {file}, {}, receipt(), options));
  EXPECT_EQ(read_file(file.path).value(), tiny_gguf());
  EXPECT_TRUE(store().list()->empty());
  EXPECT_TRUE(fs::is_empty(home() / "blobs"));
  ASSERT_TRUE(store().adopt(name("a"), Kind::gguf, {file}, {}, receipt()));
  // Taken in twice without having been removed in between.
  ASSERT_TRUE(store().adopt(name("b"), Kind::gguf, {file}, {}, receipt()));
  EXPECT_EQ(store().adopt(name("a"), Kind::gguf, {arrived(1)}, {}, receipt()).error().code, Errc::invalid);
  EXPECT_TRUE(store().verify_all()->damages.empty());
  Arrived escape = file;
  escape.file.name = "../model.gguf";
  EXPECT_EQ(store().adopt(name("c"), Kind::gguf, {escape}, {}, receipt()).error().code, Errc::corrupt);
}

TEST_F(AdoptTest, WhateverDiskOperationFailsNothingIsHalfDone) {
  const Arrived file = arrived();
  ASSERT_TRUE(store().adopt(name("kept"), Kind::gguf, {arrived(1)}, {}, receipt()));
  const auto before = testing::snapshot(home());
  for (int nth = 1;; ++nth) {
    int count = 0;
    set_disk_fault_for_tests(
        [&](const char* operation) { return std::string_view(operation) != "unlink" && ++count == nth ? ENOSPC : 0; });
    auto done = store().adopt(name("new"), Kind::gguf, {file}, {}, receipt());
    set_disk_fault_for_tests({});
    ASSERT_EQ(read_file(file.path).value(), tiny_gguf());
    ASSERT_TRUE(store().verify_all()->damages.empty()) << nth;
    if (done) {
      EXPECT_GT(nth, 5);
      break;
    }
    if (store().resolve("new")) {  // its name was there when the folder's sync failed
      ASSERT_TRUE(store().remove("new"));
    }
    EXPECT_EQ(testing::snapshot(home()), before) << nth;
  }
}

}  // namespace
}  // namespace freehold::store
