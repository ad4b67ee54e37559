// What a server keeps: models made while it runs, uploads, and the list of answers under way.
#include <gtest/gtest.h>

#include "app/serve/blob_uploads.h"
#include "app/serve/made_models.h"
#include "app/serve/response_store.h"
#include "app/serve/running.h"
#include "base/file.h"
#include "format/temporary_folder_test.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;
using api::ollama::MadeModel;

TEST(MadeModels, AreKeptAndFoundByEitherName) {
  const format::testing::TemporaryFolder folder;
  MadeModels made;
  ASSERT_TRUE(made.open(folder.path()));
  ASSERT_TRUE(made.put({"x", "base:latest", "base:latest", {"s", {}, {}, {}}, 7, false}));
  ASSERT_TRUE(made.put({"x:latest", "base:latest", "base:latest", {"t", {}, {}, {}}, 8, false}));  // replaces
  ASSERT_TRUE(made.put({"x:2", "base:latest", "base:latest", {}, 9, false}));
  MadeModels again;
  ASSERT_TRUE(again.open(folder.path()));
  ASSERT_EQ(again.list().size(), 2u);
  EXPECT_EQ(again.find("x")->preset.system, "t");
  EXPECT_EQ(again.find("x:latest")->made, 8);
  EXPECT_FALSE(again.find("y"));
  EXPECT_FALSE(again.remove("y")->has_value());
  EXPECT_EQ((*again.remove("x"))->made, 8);
  EXPECT_FALSE(again.find("x"));
  MadeModels last;
  ASSERT_TRUE(last.open(folder.path()));
  EXPECT_EQ(last.list().size(), 1u);
}

TEST(MadeModels, WhatCannotBeKeptIsNotMade) {
  const format::testing::TemporaryFolder folder;
  MadeModels made;
  ASSERT_TRUE(made.open(folder.path()));
  ASSERT_TRUE(made.put({"x", "b", "b", {}, 7, false}));
  for (int nth = 1;; ++nth) {
    int left = nth;
    set_disk_fault_for_tests([&](const char*) { return --left == 0 ? ENOSPC : 0; });
    const auto put = made.put({"y", "b", "b", {}, 8, false});
    set_disk_fault_for_tests({});
    MadeModels again;
    ASSERT_TRUE(again.open(folder.path())) << nth;
    EXPECT_TRUE(again.find("x")) << nth;
    EXPECT_EQ(made.find("y").has_value(), put.has_value()) << nth;
    if (put) {
      EXPECT_TRUE(again.find("y"));
      EXPECT_GT(nth, 2);
      break;
    }
    ASSERT_LT(nth, 100);
  }
}

TEST(MadeModels, ADamagedFileIsNamed) {
  const format::testing::TemporaryFolder folder;
  fs::create_directories(folder.path() / "serve");
  ASSERT_TRUE(write_file_atomically(folder.path() / "serve" / "made.json", "{\"version\":1"));
  MadeModels made;
  const auto opened = made.open(folder.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().what.find("made.json"), std::string::npos);
}

http::Request request_of(const std::string& id) {
  http::Request request;
  request.id = id;
  return request;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(BlobUploads, AreKeptUnderTheirDigestOnly) {
  const format::testing::TemporaryFolder folder;
  BlobUploads uploads;
  uploads.open(folder.path());
  const Digest right = sha256("hello"), other = sha256("other");
  const auto send = [&](const std::string& id, std::string_view first, std::string_view second) {
    const http::BodyPlan plan = uploads.plan(request_of(id));
    EXPECT_TRUE(plan.sink->write(first));
    EXPECT_TRUE(plan.sink->write(second));
  };
  send("1", "hel", "lo");
  EXPECT_FALSE(uploads.has(right));
  ASSERT_TRUE(uploads.keep("1", right));
  EXPECT_TRUE(uploads.has(right));
  EXPECT_EQ(*read_file(folder.path() / "uploads" / ("sha256-" + right.hex())), "hello");
  send("2", "hel", "lo");
  const auto wrong = uploads.keep("2", other);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::invalid);
  EXPECT_FALSE(uploads.has(other));
  EXPECT_EQ(files_in(folder.path() / "uploads"), 1u);  // nothing of it is left
  EXPECT_EQ(uploads.keep("3", other).error().code, Errc::not_found);
  (void)uploads.plan(request_of("4"));
  EXPECT_FALSE(uploads.keep("4", sha256("")));
}

TEST(ResponseStore, WhatIsStillMadeIsConcludedOnce) {
  ResponseStore store(1 << 20);
  const auto response = [](const char* text, const char* running) {
    return api::openai::StoredResponse{"resp_1", text, "[]", "[]", running};
  };
  EXPECT_FALSE(store.conclude("a", response("{}", "")));
  store.put("a", response("begun", "req_1"));
  EXPECT_EQ(store.find("a", "resp_1")->running, "req_1");
  EXPECT_FALSE(store.conclude("b", response("other", "")));
  EXPECT_TRUE(store.conclude("a", response("done", "")));
  EXPECT_FALSE(store.conclude("a", response("later", "")));
  EXPECT_EQ(store.find("a", "resp_1")->response, "done");
  EXPECT_TRUE(store.erase("a", "resp_1"));
  EXPECT_FALSE(store.conclude("a", response("later", "")));
}

TEST(RunningRequests, EndForTheirTenantAlone) {
  RunningRequests running;
  int cancelled = 0;
  auto alive = std::make_shared<int>(1);
  running.add("r", "tenant", alive, [&] { ++cancelled; });
  EXPECT_FALSE(running.cancel("r", "other"));
  EXPECT_FALSE(running.cancel("s", "tenant"));
  EXPECT_TRUE(running.cancel("r", "tenant"));
  EXPECT_EQ(cancelled, 1);
  alive.reset();
  EXPECT_FALSE(running.cancel("r", "tenant"));
}

}  // namespace
}  // namespace freehold::app
