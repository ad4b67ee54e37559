// What a server keeps: models made while it runs, uploads, and the list of answers under way.
#include <gtest/gtest.h>

#include "app/serve/background.h"
#include "app/serve/blob_uploads.h"
#include "app/serve/content_keeper.h"
#include "app/serve/made_models.h"
#include "app/serve/response_store.h"
#include "app/serve/running.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;
using api::ollama::MadeModel;

TEST(MadeModels, AreKeptAndFoundByEitherName) {
  const TemporaryFolder folder;
  MadeModels made;
  ASSERT_TRUE(made.open(folder.path()));
  ASSERT_TRUE(made.put("me", {"x", "base:latest", "base:latest", {"s", {}, {}, {}}, 7, false}));
  ASSERT_TRUE(made.put("me", {"x:latest", "base:latest", "base:latest", {"t", {}, {}, {}}, 8, false}));  // replaces
  ASSERT_TRUE(made.put("me", {"x:2", "base:latest", "base:latest", {}, 9, false}));
  MadeModels again;
  ASSERT_TRUE(again.open(folder.path()));
  ASSERT_EQ(again.list("me").size(), 2u);
  EXPECT_EQ(again.find("me", "x")->preset.system, "t");
  EXPECT_EQ(again.find("me", "x:latest")->made, 8);
  EXPECT_FALSE(again.find("me", "y"));
  EXPECT_FALSE(again.remove("me", "y")->has_value());
  EXPECT_EQ((*again.remove("me", "x"))->made, 8);
  EXPECT_FALSE(again.find("me", "x"));
  MadeModels last;
  ASSERT_TRUE(last.open(folder.path()));
  EXPECT_EQ(last.list("me").size(), 1u);
}

TEST(MadeModels, AreLeftAloneWhileAnotherServerRuns) {
  const TemporaryFolder folder;
  const fs::path serve = folder.path() / "serve", left = serve / ".tmp-abcdef";
  ASSERT_TRUE(MadeModels().open(folder.path()));
  EXPECT_FALSE(fs::exists(serve)) << "nothing is made before something is kept";
  MadeModels running;
  ASSERT_TRUE(running.open(folder.path()));
  ASSERT_TRUE(running.put("me", {"x", "b", "b", {}, 7, false}));
  ASSERT_TRUE(write_file_atomically(left, "half"));
  {
    MadeModels second;
    ASSERT_TRUE(second.open(folder.path()));
    EXPECT_TRUE(fs::exists(left)) << "it may be what the first is writing";
    ASSERT_TRUE(second.put("me", {"y", "b", "b", {}, 7, false}));
  }
  ASSERT_TRUE(running.put("me", {"z", "b", "b", {}, 7, false}));
  ASSERT_TRUE(MadeModels().open(folder.path()));
  EXPECT_TRUE(fs::exists(left));
}

TEST(MadeModels, SeveralServersKnowTheSame) {
  const TemporaryFolder folder;
  MadeModels one, two;
  ASSERT_TRUE(one.open(folder.path()));
  ASSERT_TRUE(two.open(folder.path()));
  ASSERT_TRUE(one.put("me", {"x", "b", "b", {}, 7, false}));
  EXPECT_TRUE(two.find("me", "x"));
  ASSERT_TRUE(two.put("you", {"y", "b", "b", {}, 8, false}));
  ASSERT_TRUE(one.put("me", {"z", "b", "b", {}, 9, false}));
  EXPECT_EQ(two.list("me").size(), 2U);
  EXPECT_EQ(one.tenants(), (std::set<std::string>{"me", "you"}));
  // What one lets go of comes back by no other's hand.
  EXPECT_EQ(*one.forget("me"), 2U);
  EXPECT_EQ(*two.forget("me"), 0U);
  EXPECT_TRUE(two.list("me").empty());
  ASSERT_TRUE(two.put("you", {"v", "b", "b", {}, 8, false}));
  MadeModels later;
  ASSERT_TRUE(later.open(folder.path()));
  EXPECT_EQ(later.tenants(), std::set<std::string>{"you"});
  EXPECT_EQ(later.list("you").size(), 2U);
}

TEST(MadeModels, OneThatIsAloneCleans) {
  const TemporaryFolder folder;
  const fs::path serve = folder.path() / "serve", left = serve / ".tmp-abcdef";
  fs::create_directories(serve / ".tmp-folder");
  ASSERT_TRUE(write_file_atomically(left, "half"));
  ASSERT_TRUE(write_file_atomically(serve / "mine.txt", "a person's"));
  MadeModels alone;
  ASSERT_TRUE(alone.open(folder.path()));
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(serve / "mine.txt"));
  EXPECT_TRUE(fs::exists(serve / ".tmp-folder"));
  // And does not keep others out.
  MadeModels other;
  ASSERT_TRUE(other.open(folder.path()));
  ASSERT_TRUE(other.put("me", {"x", "b", "b", {}, 7, false}));
  ASSERT_TRUE(alone.put("me", {"x", "b", "b", {}, 7, false}));
}

TEST(MadeModels, WhatCannotBeKeptIsNotMade) {
  const TemporaryFolder folder;
  MadeModels made;
  ASSERT_TRUE(made.open(folder.path()));
  ASSERT_TRUE(made.put("me", {"x", "b", "b", {}, 7, false}));
  for (int nth = 1;; ++nth) {
    int left = nth;
    set_disk_fault_for_tests([&](const char*) { return --left == 0 ? ENOSPC : 0; });
    const auto put = made.put("me", {"y", "b", "b", {}, 8, false});
    set_disk_fault_for_tests({});
    MadeModels again;
    ASSERT_TRUE(again.open(folder.path())) << nth;
    EXPECT_TRUE(again.find("me", "x")) << nth;
    EXPECT_EQ(made.find("me", "y").has_value(), put.has_value()) << nth;
    if (put) {
      EXPECT_TRUE(again.find("me", "y"));
      EXPECT_GT(nth, 2);
      break;
    }
    ASSERT_LT(nth, 100);
  }
}

TEST(MadeModels, ADamagedFileIsNamed) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "serve");
  ASSERT_TRUE(write_file_atomically(folder.path() / "serve" / "made.json", "{\"version\":1"));
  MadeModels made;
  const auto opened = made.open(folder.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().what.find("made.json"), std::string::npos);
}

TEST(ContentKeeper, SaysThatMasksDoNotReachWhatIsKept) {
  const auto says = [](const std::string& rules) {
    const auto policy = guard::parse_policy("version: 1\npersonal_data: [" + rules + "]", "p");
    EXPECT_TRUE(policy) << policy.error().what;
    return policy && note_on_what_is_kept(*policy).has_value();
  };
  EXPECT_TRUE(says("{where: request, kinds: \"*\", do: mask}"));
  EXPECT_TRUE(says("{where: vendor, kinds: [card], do: pseudonymise}"));
  EXPECT_FALSE(says("{where: request, kinds: \"*\", do: mask}, {where: log, kinds: \"*\", do: mask}"));
  EXPECT_FALSE(says("{where: request, kinds: \"*\", do: block}"));
  EXPECT_FALSE(says("{where: training, kinds: \"*\", do: mask}"));
}

http::Request request_of(const std::string& id) {
  http::Request request;
  request.id = id;
  return request;
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(MadeModels, BelongToWhoMadeThem) {
  const TemporaryFolder folder;
  MadeModels made;
  ASSERT_TRUE(made.open(folder.path()));
  ASSERT_TRUE(made.put("me", {"x", "b", "b", {"mine", {}, {}, {}}, 7, false}));
  EXPECT_FALSE(made.find("you", "x"));
  EXPECT_TRUE(made.list("you").empty());
  EXPECT_FALSE(made.remove("you", "x")->has_value());
  ASSERT_TRUE(made.put("you", {"x", "b", "b", {"yours", {}, {}, {}}, 8, false}));
  EXPECT_EQ(made.find("me", "x")->preset.system, "mine");
  MadeModels again;
  ASSERT_TRUE(again.open(folder.path()));
  EXPECT_EQ(again.find("me", "x")->preset.system, "mine");
  EXPECT_EQ(again.find("you", "x")->preset.system, "yours");
  EXPECT_TRUE(again.remove("you", "x")->has_value());
  EXPECT_TRUE(again.find("me", "x"));
}

TEST(MadeModels, AreBoundedForEachKey) {
  const TemporaryFolder folder;
  MadeModels made(MadeLimits{.models = 3, .bytes = 1000});
  ASSERT_TRUE(made.open(folder.path()));
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(made.put("me", {name, "b", "b", {}, 7, false}));
  const auto fourth = made.put("me", {"d", "b", "b", {}, 7, false});
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().code, Errc::exhausted);
  EXPECT_TRUE(made.put("me", {"a", "b", "b", {"again", {}, {}, {}}, 7, false}))
      << "in the place of one of the same name";
  const std::string large(990, 'x');
  const auto larger = made.put("me", {"a", "b", "b", {large, {}, {}, {}}, 7, false});
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code, Errc::exhausted);
  EXPECT_EQ(made.find("me", "a")->preset.system, "again");
  EXPECT_TRUE(made.put("you", {"a", "b", "b", {std::string(900, 'x'), {}, {}, {}}, 7, false}));
  EXPECT_TRUE(made.remove("me", "b")->has_value());
  EXPECT_TRUE(made.put("me", {"d", "b", "b", {}, 7, false}));
}

class BlobUploadsTest : public ::testing::Test {
 protected:
  http::BodyPlan send(const std::string& id, std::initializer_list<std::string_view> pieces,
                      const std::string& tenant = "me", const char* length = nullptr) {
    http::Request request = request_of(id);
    if (length != nullptr) request.headers.set("content-length", length);
    http::BodyPlan plan = uploads_.plan(tenant, request);
    for (const std::string_view piece : pieces) EXPECT_TRUE(plan.sink->write(piece));
    plan.sink.reset();
    return plan;
  }
  fs::path folder_of(const std::string& tenant) const { return folder_.path() / "uploads" / tenant; }

  const TemporaryFolder folder_;
  BlobUploads uploads_;
};

TEST_F(BlobUploadsTest, AreKeptUnderTheirDigestOnly) {
  uploads_.open(folder_.path());
  const Digest right = sha256("hello"), other = sha256("other");
  send("1", {"hel", "lo"});
  EXPECT_FALSE(uploads_.has("me", right));
  ASSERT_TRUE(uploads_.keep("me", "1", right));
  EXPECT_TRUE(uploads_.has("me", right));
  EXPECT_EQ(*read_file(folder_of("me") / ("sha256-" + right.hex())), "hello");
  send("2", {"hel", "lo"});
  const auto wrong = uploads_.keep("me", "2", other);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::invalid);
  EXPECT_FALSE(uploads_.has("me", other));
  EXPECT_EQ(files_in(folder_of("me")), 1u);  // nothing of it is left
  EXPECT_EQ(uploads_.keep("me", "3", other).error().code, Errc::not_found);
  send("4", {});
  EXPECT_FALSE(uploads_.keep("me", "4", sha256("")));
}

TEST_F(BlobUploadsTest, AreThereForTheirTenantAlone) {
  uploads_.open(folder_.path());
  const Digest digest = sha256("hello");
  send("1", {"hello"});
  EXPECT_EQ(uploads_.keep("you", "1", digest).error().code, Errc::not_found);
  ASSERT_TRUE(uploads_.keep("me", "1", digest));
  EXPECT_FALSE(uploads_.has("you", digest));
  send("2", {"hello"}, "you");
  ASSERT_TRUE(uploads_.keep("you", "2", digest));
  EXPECT_TRUE(uploads_.has("you", digest));
  // Whatever a tenant is called, its files stay in the folder.
  send("3", {"hello"}, "../../x");
  ASSERT_TRUE(uploads_.keep("../../x", "3", digest));
  EXPECT_TRUE(uploads_.has("../../x", digest));
  EXPECT_EQ(files_in(folder_.path() / "uploads"), 3u);
}

TEST_F(BlobUploadsTest, HaveAQuotaInBytesAndNumber) {
  uploads_.open(folder_.path(), {.bytes = 10, .count = 2});
  EXPECT_EQ(uploads_.plan("p", request_of("0")).limit, 10u);
  EXPECT_EQ(send("1", {}, "p", "11").refusal.value().status, 413);
  EXPECT_FALSE(send("1", {}, "p", "10").refusal);
  // Two at once, each of which would fit alone.
  const http::BodyPlan first = uploads_.plan("me", request_of("a")), second = uploads_.plan("me", request_of("b"));
  EXPECT_TRUE(first.sink->write("123456"));
  const auto over = second.sink->write("12345");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::exhausted);
  ASSERT_TRUE(uploads_.keep("me", "a", sha256("123456")));
  EXPECT_EQ(uploads_.plan("me", request_of("c")).limit, 4u);
  EXPECT_EQ(uploads_.plan("you", request_of("c")).limit, 10u);
  send("d", {"1"}, "other");
  ASSERT_TRUE(uploads_.keep("other", "d", sha256("1")));
  send("e", {"2"}, "other");
  ASSERT_TRUE(uploads_.keep("other", "e", sha256("2")));
  EXPECT_EQ(send("f", {}, "other").refusal.value().status, 413);
}

TEST_F(BlobUploadsTest, SoManyAtATime) {
  uploads_.open(folder_.path());
  std::vector<http::BodyPlan> open;
  for (std::size_t i = 0; i < kMostUploads; ++i) open.push_back(uploads_.plan("me", request_of(std::to_string(i))));
  for (const auto& plan : open) EXPECT_FALSE(plan.refusal);
  EXPECT_EQ(uploads_.plan("me", request_of("more")).refusal.value().status, 429);
  EXPECT_FALSE(uploads_.plan("you", request_of("more")).refusal);
  open[0].sink.reset();
  EXPECT_FALSE(uploads_.keep("me", "0", sha256("x")));  // that one is over
  EXPECT_FALSE(uploads_.plan("me", request_of("more")).refusal);
}

TEST_F(BlobUploadsTest, AreCleanedAwayWhenTheyAreOld) {
  uploads_.open(folder_.path());
  send("1", {"hello"});
  ASSERT_TRUE(uploads_.keep("me", "1", sha256("hello")));
  ASSERT_TRUE(write_file_atomically(folder_.path() / "uploads" / ("sha256-" + sha256("x").hex()), "x"));
  uploads_.tidy();
  EXPECT_EQ(files_in(folder_of("me")), 1u);
  uploads_.tidy(std::chrono::system_clock::now() + BlobUploads::kUnused + std::chrono::hours(1));
  EXPECT_EQ(files_in(folder_of("me")), 0u);
  EXPECT_EQ(files_in(folder_.path() / "uploads"), 1u) << "what nobody owns goes too";
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

// Where its events go: what the store said of the response at each.
class Watching : public http::Exchange {
 public:
  Watching(const ResponseStore& store, std::vector<std::string>& seen) : store_(store), seen_(seen) {}
  const http::Request& request() const override { return request_; }
  void respond(http::Response) override { look(); }
  void start(http::Response) override {}
  bool send(std::string) override {
    look();
    return true;
  }
  void finish() override { look(); }
  void abort() override { look(); }
  void on_gone(std::function<void()>) override {}

 private:
  void look() { seen_.push_back(store_.find("a", "resp_1")->response); }
  const http::Request request_;
  const ResponseStore& store_;
  std::vector<std::string>& seen_;
};

TEST(Background, TheAnswerIsThereBeforeItsLastEventAndOnlyIfItWasRecorded) {
  for (const bool recorded : {true, false}) {
    ResponseStore store(1 << 20);
    std::vector<std::string> seen;
    Background background({}, store, "a", std::make_shared<Watching>(store, seen));
    background.begin({"resp_1", "{}", "[]", "[]", "req_1"});
    background.send("a delta");
    if (recorded) background.made({"resp_1", "whole", "[]", "[]", ""});
    background.send("the last");
    background.finish();
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0], "{}");
    EXPECT_EQ(seen[1], recorded ? "whole" : "{}");
    EXPECT_EQ(seen[2] == "whole", recorded);
    EXPECT_EQ(seen[2].find("\"failed\"") != std::string::npos, !recorded) << seen[2];
    EXPECT_TRUE(store.find("a", "resp_1")->running.empty());
  }
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
  EXPECT_TRUE(running.has("tenant"));
  EXPECT_FALSE(running.has("other"));
  alive.reset();
  EXPECT_FALSE(running.has("tenant"));
  EXPECT_FALSE(running.cancel("r", "tenant"));
}

}  // namespace
}  // namespace freehold::app
