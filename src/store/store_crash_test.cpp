// The store under failing disks and kill -9: what was there stays, what was promised is there, rubbish is cleared away.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <random>

#include "store/testing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;
using testing::name;
using testing::put;
using testing::tiny_gguf;

class StoreCrash : public ::testing::Test {
 protected:
  StoreCrash() {
    put(gguf(0), tiny_gguf(0));
    put(gguf(1), tiny_gguf(1));
    testing::put_hf_folder(hf());
  }
  ~StoreCrash() override { set_disk_fault_for_tests(nullptr); }
  fs::path gguf(int i) const { return folder_.path() / ("tiny" + std::to_string(i) + ".gguf"); }
  fs::path hf() const { return folder_.path() / "hf"; }
  fs::path home() const { return folder_.path() / "home"; }
  Store store() const { return Store::open(home()).value(); }

  // Every name leads to a whole model.
  void expect_consistent(const std::string& when) {
    auto verified = store().verify_all();
    ASSERT_TRUE(verified) << when;
    for (const Damage& d : verified->damages) ADD_FAILURE() << when << ": " << d.blob << ": " << d.what;
    const std::vector<Listed> listed = store().list().value();
    for (const Listed& l : listed) {
      auto resolved = store().resolve(l.name.text());
      ASSERT_TRUE(resolved) << when << ": " << resolved.error().what;
      EXPECT_TRUE(format::open_checkpoint(resolved->path)) << when;
    }
  }

  // Fails disk operation 1, 2, 3 … of `work` until it succeeds. Before each try `prepare` makes the old state; after
  // each, names are in the old or the new state and lead to whole models, and the next writer leaves no rubbish.
  void fail_each_operation(const std::function<void()>& prepare, const std::function<bool()>& work,
                           const std::vector<std::string>& names_before, const std::vector<std::string>& names_after) {
    int failures = 0;
    for (int n = 1;; ++n) {
      std::error_code ec;
      fs::remove_all(home(), ec);
      prepare();
      int count = 0;
      set_disk_fault_for_tests([&](const char*) { return ++count == n ? ENOSPC : 0; });
      const bool succeeded = work();
      set_disk_fault_for_tests(nullptr);
      const std::string when = "after the failure of operation " + std::to_string(n);
      expect_consistent(when);
      std::vector<std::string> names;
      const std::vector<Listed> listed = store().list().value();
      for (const Listed& l : listed) names.push_back(l.name.text());
      EXPECT_TRUE(names == names_before || names == names_after) << when;
      if (succeeded) {
        EXPECT_EQ(names, names_after);
      }
      // A writer that changes nothing in the end.
      ASSERT_TRUE(store().import(gguf(0), name("zz"))) << when;
      ASSERT_TRUE(store().remove("zz")) << when;
      std::size_t expected = 0;
      std::set<std::string> digests;
      for (const Listed& l : listed) {
        const ModelTuple& model = l.manifest->model;
        const bool links = model.needs_tree() && digests.insert(model.tree().hex()).second;
        if (links) expected += model.files.size();
        const auto add = [&](const StoredFile& f) {
          expected += digests.insert(f.digest.hex()).second + digests.insert(f.checks.hex()).second;
        };
        for (const StoredFile& f : model.files) add(f);
        if (l.manifest->prepared) add(*l.manifest->prepared);
      }
      EXPECT_EQ(testing::snapshot(home()).size(), expected + names.size()) << when << ": rubbish is left";
      if (::testing::Test::HasFailure()) return;
      if (succeeded && count < n) break;  // nothing failed any more
      ++failures;
    }
    EXPECT_GT(failures, 1);
  }

  TemporaryFolder folder_;
};

TEST_F(StoreCrash, EveryDiskOperationOfAnImportMayFail) {
  fail_each_operation([] {}, [&] { return store().import(gguf(0), name("a")).has_value(); }, {}, {"a:latest"});
}

TEST_F(StoreCrash, EveryDiskOperationOfAnImportThatPreparesMayFail) {
  WriteOptions prepares;
  prepares.prepare = testing::fake_preparation();
  fail_each_operation([] {}, [&] { return store().import(gguf(0), name("a"), prepares).has_value(); }, {},
                      {"a:latest"});
}

TEST_F(StoreCrash, EveryDiskOperationOfAFoldersImportMayFail) {
  fail_each_operation([&] { ASSERT_TRUE(store().import(gguf(1), name("b"))); },
                      [&] { return store().import(hf(), name("a/x:y")).has_value(); }, {"b:latest"},
                      {"a/x:y", "b:latest"});
}

TEST_F(StoreCrash, EveryDiskOperationOfMovingANameMayFail) {
  WriteOptions replace;
  replace.replace = true;
  fail_each_operation(
      [&] {
        ASSERT_TRUE(store().import(gguf(0), name("a")));
        ASSERT_TRUE(store().import(gguf(1), name("b")));
      },
      [&] { return store().alias("b", name("a"), replace).has_value(); }, {"a:latest", "b:latest"},
      {"a:latest", "b:latest"});
}

TEST_F(StoreCrash, EveryDiskOperationOfRemovingMayFail) {
  fail_each_operation(
      [&] {
        ASSERT_TRUE(store().import(gguf(1), name("a")));
        ASSERT_TRUE(store().import(hf(), name("b")));
      },
      [&] { return store().remove("b").has_value(); }, {"a:latest", "b:latest"}, {"a:latest"});
}

// A child imports, moves and removes until it is killed at a random instant.
TEST_F(StoreCrash, KilledAtAnyInstantTheStoreIsWhole) {
  ASSERT_TRUE(store().import(gguf(0), name("kept")));
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      WriteOptions replace;
      replace.replace = true;
      for (int i = round;; ++i) {
        const bool fine = store().import(gguf(1), name("x")) && store().import(hf(), name("y")) &&
                          store().alias(i % 2 == 0 ? "x" : "y", name("z"), replace) && store().remove("x") &&
                          store().remove("y") && store().remove("z");
        if (!fine) ::_exit(1);
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 30'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself in round " << round;
    expect_consistent("killed in round " + std::to_string(round));
    ASSERT_TRUE(store().resolve("kept"));
    for (const char* left : {"x", "y", "z"}) (void)store().remove(left);
    if (::testing::Test::HasFailure()) return;
  }
  // The next writer has cleared everything away: one model, its checks and its name.
  ASSERT_TRUE(store().alias("kept", name("kept")));
  EXPECT_EQ(testing::snapshot(home()).size(), 3u);
}

}  // namespace
}  // namespace freehold::store
