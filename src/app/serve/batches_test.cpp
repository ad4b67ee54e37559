// Files and batches without a server or a model: whoever answers the lines is a function of the test.
#include "app/serve/batches.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include "app/serve/reply.h"
#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

using api::openai::Batch;
using api::openai::BatchStatus;
using api::openai::FileForm;
using api::openai::FileObject;
using nlohmann::json;

class BatchesTest : public ::testing::Test {
 protected:
  ~BatchesTest() override { set_disk_fault_for_tests({}); }

  Result<std::unique_ptr<FileStore>> open() {
    return FileStore::open(folder_.path(), [this] { return now_.load(); });
  }
  static Result<FileObject> put(FileStore& store, std::string_view content, FileForm form = {"in.jsonl", "batch", {}},
                                const std::string& tenant = "me") {
    FH_TRY(FileStore::Incoming incoming, store.receive());
    FH_TRY_VOID(incoming.file.write(content));
    return store.add(tenant, form, std::move(incoming));
  }
  static std::string input(int lines) {
    std::string out;
    for (int i = 0; i < lines; ++i) {
      out += fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/completions","body":{{"n":{}}}}})"
                         "\n",
                         i, i);
    }
    return out;
  }
  static std::string submit(FileStore& store, std::string_view content) {
    const auto file = put(store, content);
    EXPECT_TRUE(file) << file.error().what;
    const auto batch = store.add_batch("me", {file->id, "/v1/completions", "null", {}});
    EXPECT_TRUE(batch && *batch);
    return (*batch)->id;
  }
  std::unique_ptr<Batches> run(Batches::Handler handler, std::size_t parallel = 3) {
    Batches::Options options;
    options.home = folder_.path();
    options.parallel = parallel;
    options.clock = [this] { return now_.load(); };
    return std::make_unique<Batches>(std::move(options), std::move(handler));
  }
  static Batch wait(FileStore& store, const std::string& id) {
    for (int i = 0; i < 20'000; ++i) {
      const auto batch = store.find_batch("me", id);
      if (batch && *batch && is_over((*batch)->status)) return **batch;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "the batch does not end";
    return {};
  }
  static std::vector<json> lines(FileStore& store, const std::string& id) {
    std::vector<json> out;
    const auto text = read_file(store.path_of(id));
    EXPECT_TRUE(text) << text.error().what;
    for (std::size_t at = 0; text && at < text->size();) {
      const std::size_t end = text->find('\n', at);
      out.push_back(json::parse(text->substr(at, end - at)));
      at = end + 1;
    }
    return out;
  }
  static void answer(const std::shared_ptr<http::Exchange>& exchange) {
    exchange->respond(json_response(200, exchange->request().body));
  }
  std::set<std::string> contents() const {
    std::set<std::string> out;
    for (const auto& e : std::filesystem::directory_iterator(folder_.path() / "files")) {
      if (e.path().filename() != "lock") out.insert(e.path().filename());
    }
    return out;
  }

  TemporaryFolder folder_;
  std::atomic<std::int64_t> now_{1'000'000};
};

TEST_F(BatchesTest, FilesBelongToOneTenantAndGoWhenTheirTimeIsOver) {
  auto store = open();
  ASSERT_TRUE(store) << store.error().what;
  const auto file = put(**store, "abc", {"a.txt", "user_data", 100});
  ASSERT_TRUE(file);
  EXPECT_EQ(file->expires_at, now_ + 100);
  EXPECT_EQ(*read_file((*store)->path_of(file->id)), "abc");
  EXPECT_TRUE(*(*store)->find("me", file->id));
  EXPECT_FALSE(*(*store)->find("you", file->id));
  EXPECT_FALSE(*(*store)->erase("you", file->id));
  now_ += 100;
  EXPECT_FALSE(*(*store)->find("me", file->id));
  EXPECT_TRUE((*store)->list("me", {.limit = 10})->items.empty());
  ASSERT_TRUE((*store)->expire());
  EXPECT_TRUE(contents().empty());
}

TEST_F(BatchesTest, WhatWasDeletedIsForgottenADayLater) {
  auto store = open();
  ASSERT_TRUE(store);
  const std::string first = put(**store, "a")->id, second = put(**store, "b")->id, third = put(**store, "c")->id;
  const std::string brief = put(**store, "d", {"d", "batch", 100})->id;
  ASSERT_TRUE(*(*store)->erase("me", second));
  ASSERT_TRUE((*store)->expire());
  // A list that had come to it goes on.
  const auto list = (*store)->list("me", {.limit = 10, .after = second, .ascending = true});
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ(list->items.front().id, third);
  now_ += 100;
  ASSERT_TRUE((*store)->expire());  // takes the brief one
  now_ += 86'400 - 100;
  ASSERT_TRUE((*store)->expire());
  EXPECT_FALSE((*store)->list("me", {.limit = 10, .after = second}));
  EXPECT_TRUE((*store)->list("me", {.limit = 10, .after = brief}));
  now_ += 100;
  ASSERT_TRUE((*store)->expire());
  EXPECT_FALSE((*store)->list("me", {.limit = 10, .after = brief}));
  EXPECT_TRUE(*(*store)->find("me", first));
  EXPECT_TRUE(*(*store)->find("me", third));
}

TEST_F(BatchesTest, PagesOfEverySizeGiveTheWholeList) {
  auto store = open();
  ASSERT_TRUE(store);
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(put(**store, "x")->id);
    ASSERT_TRUE(put(**store, "x", {"f", "batch", {}}, "you"));
  }
  for (const bool ascending : {true, false}) {
    for (std::size_t limit = 1; limit <= 7; ++limit) {
      std::vector<std::string> seen;
      api::openai::Page page{.limit = limit, .after = "", .ascending = ascending, .purpose = "batch"};
      while (true) {
        const auto list = (*store)->list("me", page);
        ASSERT_TRUE(list);
        ASSERT_FALSE(list->items.empty());
        for (const auto& f : list->items) seen.push_back(f.id);
        ASSERT_LE(seen.size(), ids.size());
        if (!list->has_more) break;
        page.after = seen.back();
      }
      const auto expected = ascending ? ids : std::vector<std::string>(ids.rbegin(), ids.rend());
      EXPECT_EQ(seen, expected) << limit;
    }
  }
  const auto foreign = (*store)->list("you", {.limit = 1, .after = ids[0]});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Errc::invalid);
}

TEST_F(BatchesTest, AKeyKeepsSoMuchAndNoMore) {
  auto opened = FileStore::open(folder_.path(), [this] { return now_.load(); }, {.bytes = 10, .count = 3});
  ASSERT_TRUE(opened);
  FileStore& store = **opened;
  const auto first = put(store, "123456");
  ASSERT_TRUE(first);
  const auto over = put(store, "12345");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::exhausted);
  EXPECT_EQ(contents().size(), 1u) << "its content is not left behind";
  EXPECT_TRUE(put(store, "12345", {"f", "batch", {}}, "you")) << "another key has its own";
  ASSERT_TRUE(put(store, "1234"));
  EXPECT_EQ(store.kept("me")->bytes, 10u);
  ASSERT_TRUE(*store.erase("me", first->id));
  ASSERT_TRUE(put(store, "1"));
  ASSERT_TRUE(put(store, "2"));
  EXPECT_FALSE(put(store, "3")) << "three are there";
  EXPECT_EQ(store.kept("me")->count, 3u);
}

TEST_F(BatchesTest, AKeyHasSoManyBatchesUnderWay) {
  auto store = open();
  ASSERT_TRUE(store);
  const auto file = put(**store, input(1));
  for (int i = 0; i < FileStore::kMostOpenBatches; ++i) {
    ASSERT_TRUE((*store)->add_batch("me", {file->id, "/v1/completions", "null", {}}));
  }
  const auto more = (*store)->add_batch("me", {file->id, "/v1/completions", "null", {}});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::exhausted);
  const auto theirs = put(**store, input(1), {"f", "batch", {}}, "you");
  EXPECT_TRUE(*(*store)->add_batch("you", {theirs->id, "/v1/completions", "null", {}}));
}

TEST_F(BatchesTest, KeysTakeTurns) {
  auto store = open();
  ASSERT_TRUE(store);
  const auto add = [&](const std::string& tenant) {
    const auto file = put(**store, input(1), {"f", "batch", {}}, tenant);
    return (*(*store)->add_batch(tenant, {file->id, "/v1/completions", "null", {}}))->id;
  };
  const std::vector<std::string> a = {add("a"), add("a"), add("a")}, b = {add("b"), add("b")}, c = {add("c")};
  std::vector<std::string> order;
  while (true) {
    const auto next = (*store)->next_batch();
    ASSERT_TRUE(next);
    if (!*next) break;
    order.push_back((*next)->batch.id);
    ASSERT_TRUE((*store)->update_batch(order.back(), [](BatchRecord& r) { r.batch.become(BatchStatus::failed, 1); }));
    ASSERT_LT(order.size(), 10u);
  }
  EXPECT_EQ(order, (std::vector{a[0], b[0], c[0], a[1], b[1], a[2]}));
}

TEST_F(BatchesTest, UploadsAreTheirTenantsAndFitTheQuota) {
  auto store = FileStore::open(folder_.path(), [this] { return now_.load(); }, {.bytes = 10, .count = 2});
  ASSERT_TRUE(store);
  Uploads uploads;
  const auto request = [](const std::string& id) {
    http::Request out;
    out.id = id;
    out.headers.set("content-type", "multipart/form-data; boundary=b");
    return out;
  };
  const auto send = [&](const std::string& id, std::string_view content) {
    auto plan = uploads.plan(request(id), **store, "me");
    EXPECT_TRUE(plan);
    EXPECT_TRUE(
        plan->sink->write(fmt::format("--b\r\nContent-Disposition: form-data; name=\"file\"; "
                                      "filename=\"f\"\r\n\r\n{}\r\n--b--\r\n",
                                      content)));
  };
  send("1", "123456");
  EXPECT_EQ(uploads.take("1", "you"), nullptr);
  auto mine = uploads.take("1", "me");
  ASSERT_NE(mine, nullptr);
  auto form = mine->finish();
  ASSERT_TRUE(form) << form.error().what;
  ASSERT_TRUE((*store)->add("me", {"f", "batch", {}}, std::move(*form->file)));
  mine.reset();
  send("2", "12345");
  const auto over = uploads.take("2", "me")->finish();
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::exhausted);
  std::vector<http::BodyPlan> open;
  for (std::size_t i = 0; i < kMostUploads; ++i)
    open.push_back(*uploads.plan(request(std::to_string(10 + i)), **store, "me"));
  EXPECT_EQ(uploads.plan(request("more"), **store, "me")->refusal.value().status, 429);
  EXPECT_FALSE(uploads.plan(request("more"), **store, "you")->refusal);
  ASSERT_TRUE(put(**store, "1"));
  EXPECT_EQ(uploads.plan(request("full"), **store, "me")->refusal.value().status, 413);
}

TEST_F(BatchesTest, EveryFailureOfTheDiskLeavesFilesWholeOrNotThere) {
  std::set<std::string> good;
  for (int nth = 1;; ++nth) {
    auto store = open();
    ASSERT_TRUE(store) << store.error().what;
    int left = nth;
    set_disk_fault_for_tests([&](const char*) { return --left == 0 ? EIO : 0; });
    const auto file = put(**store, "content");
    set_disk_fault_for_tests({});
    if (file) good.insert(file->id);
    store->reset();
    store = open();
    ASSERT_TRUE(store) << store.error().what;
    EXPECT_EQ(contents(), good) << nth;
    const auto list = (*store)->list("me", {.limit = 1000});
    ASSERT_TRUE(list);
    EXPECT_EQ(list->items.size(), good.size());
    for (const auto& f : list->items) EXPECT_EQ(*read_file((*store)->path_of(f.id)), "content");
    if (left > 0) break;
    ASSERT_LT(nth, 100);
  }
}

TEST_F(BatchesTest, AnswersOutOfOrderAreWrittenInOrder) {
  std::mutex mutex;
  std::vector<std::shared_ptr<http::Exchange>> held;
  std::atomic<int> most{0};
  // Every third one is answered last of its three.
  auto batches = run([&](const std::shared_ptr<http::Exchange>& exchange) {
    const std::lock_guard lock(mutex);
    held.push_back(exchange);
    most = std::max(most.load(), static_cast<int>(held.size()));
    if (held.size() < 3 && json::parse(exchange->request().body)["n"] != 29) return;
    for (auto e = held.rbegin(); e != held.rend(); ++e) answer(*e);
    held.clear();
  });
  FileStore& store = **batches->store();
  const std::string id = submit(store, input(30));
  batches->wake();
  const Batch done = wait(store, id);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(done.completed, 30u);
  EXPECT_EQ(most, 3);
  const auto written = lines(store, done.output_file_id);
  ASSERT_EQ(written.size(), 30u);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(written[i]["custom_id"], std::to_string(i));
    EXPECT_EQ(written[i]["response"]["body"]["n"], i);
  }
  EXPECT_TRUE(done.error_file_id.empty());
}

TEST_F(BatchesTest, AFullQueueIsNoAnswerAndAnErrorIsOne) {
  std::atomic<int> refusals{5};
  auto batches = run([&](const std::shared_ptr<http::Exchange>& exchange) {
    if (refusals-- > 0) return exchange->respond({429, {}, "{}"});
    if (json::parse(exchange->request().body)["n"] == 2) return exchange->respond({400, {}, R"({"error":1})"});
    answer(exchange);
  });
  FileStore& store = **batches->store();
  const std::string id = submit(store, input(4));
  batches->wake();
  const Batch done = wait(store, id);
  EXPECT_EQ(done.completed, 3u);
  EXPECT_EQ(done.failed, 1u);
  ASSERT_EQ(lines(store, done.error_file_id).size(), 1u);
  EXPECT_EQ(lines(store, done.error_file_id)[0]["response"]["status_code"], 400);
}

TEST_F(BatchesTest, StoppedItGoesOnBehindWhatWasCounted) {
  std::string id;
  {
    std::atomic<int> answers{0};
    auto batches = run([&](const std::shared_ptr<http::Exchange>& exchange) {
      // The tenth is never answered, until it is let go: then with something that must not be kept.
      if (++answers != 10) return answer(exchange);
      exchange->on_gone([weak = std::weak_ptr(exchange)] {
        if (auto e = weak.lock()) e->respond({200, {}, R"({"n":"cut"})"});
      });
    });
    FileStore& store = **batches->store();
    id = submit(store, input(20));
    batches->wake();
    while (answers < 12) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    while ((*store.find_batch("me", id))->completed < 9) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    batches->stop();
    EXPECT_EQ((*store.find_batch("me", id))->status, BatchStatus::in_progress);
  }
  // As if it had been killed between an append and its count.
  std::string output;
  {
    auto store = open();
    ASSERT_TRUE(store);
    output = (*(*store)->next_batch())->output_id;
    auto file = AtomicFile::create((*store)->path_of(output));
    ASSERT_TRUE(file->write(*read_file((*store)->path_of(output)) + "{\"torn"));
    ASSERT_TRUE(file->commit());
  }
  auto batches = run(answer);
  batches->resume();
  FileStore& store = **batches->store();
  const Batch done = wait(store, id);
  EXPECT_EQ(done.output_file_id, output);
  const auto written = lines(store, output);
  ASSERT_EQ(written.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(written[i]["response"]["body"]["n"], i);
}

TEST_F(BatchesTest, WhatIsNotAnsweredInTimeHasExpired) {
  std::atomic<int> asked{0};
  auto batches = run([&](const std::shared_ptr<http::Exchange>& exchange) {
    ++asked;
    if (json::parse(exchange->request().body)["n"] != 1) return answer(exchange);
    exchange->on_gone([weak = std::weak_ptr(exchange)] {
      if (auto e = weak.lock()) e->respond({200, {}, "{}"});
    });
  });
  FileStore& store = **batches->store();
  const std::string id = submit(store, input(40));
  batches->wake();
  while (asked < 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  now_ += 24 * 3600;
  const Batch done = wait(store, id);
  EXPECT_EQ(done.status, BatchStatus::expired);
  const auto good = lines(store, done.output_file_id), late = lines(store, done.error_file_id);
  EXPECT_EQ(good.size() + late.size(), 40u);
  EXPECT_EQ(done.completed, good.size());
  EXPECT_EQ(late[0]["custom_id"], "1");
  EXPECT_EQ(late[0]["error"]["code"], "batch_expired");
  EXPECT_EQ(late.back()["custom_id"], "39");
}

TEST_F(BatchesTest, ADiskThatFailsOnceCostsNoLine) {
  std::atomic<bool> armed{false};
  std::atomic<int> writes{0};
  set_disk_fault_for_tests(
      [&](const char* what) { return armed && std::string_view(what) == "write" && ++writes == 2 ? EIO : 0; });
  auto batches = run(
      [&](const std::shared_ptr<http::Exchange>& exchange) {
        while (!armed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        answer(exchange);
      },
      1);
  FileStore& store = **batches->store();
  const std::string id = submit(store, input(6));
  armed = true;
  // It would wait ten seconds before it tries again.
  for (int i = 0; i < 10'000 && !is_over((*store.find_batch("me", id))->status); ++i) {
    batches->wake();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const Batch done = wait(store, id);
  batches->stop();
  EXPECT_GE(writes, 2);
  EXPECT_EQ(done.status, BatchStatus::completed);
  EXPECT_EQ(lines(store, done.output_file_id).size(), 6u);
}

}  // namespace
}  // namespace freehold::app
