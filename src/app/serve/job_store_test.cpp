#include "app/serve/job_store.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

using api::openai::JobStatus;

struct JobStoreTest : ::testing::Test {
  TemporaryFolder temporary;
  const std::filesystem::path& folder() const { return temporary.path(); }
  std::int64_t clock = 1000;
  std::unique_ptr<JobStore> open(Quota quota = {}) {
    auto store = JobStore::open(
        folder(), [this] { return clock; }, quota);
    EXPECT_TRUE(store.has_value()) << store.error().what;
    return std::move(*store);
  }
  static JobRecord add(JobStore& store, const std::string& tenant) {
    JobRecord begin;
    begin.job.model = "m";
    begin.base_key = "key";
    auto added = store.add(tenant, {.model = "m", .training_file = "file-1", .metadata = R"({"t":"1"})"}, begin,
                           [](const std::filesystem::path& folder) -> Result<> {
                             std::ofstream(folder / "training.upload") << "x";
                             return {};
                           });
    EXPECT_TRUE(added.has_value()) << added.error().what;
    return *added;
  }
};

TEST_F(JobStoreTest, KeepsWhatItIsTold) {
  std::string id;
  {
    const auto store = open();
    id = add(*store, "a").job.id;
    const auto updated = store->update(id, [](JobRecord& r) {
      r.recipe = "x: 1\n";
      r.models.push_back({"ft:m", ".", "sha256:00", 5, {}});
      r.models.push_back({"ft:m:ckpt", "step-4", "sha256:00", 5, {"ftckpt_1", 7, r.job.id, "ft:m:ckpt", 4, 0.5, 0.25}});
      r.job.become(JobStatus::queued, 1);
    });
    ASSERT_TRUE(updated) << updated.error().what;
  }
  const auto store = open();
  const auto found = store->find("a", id);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->job.status, JobStatus::queued);
  EXPECT_EQ((*found)->recipe, "x: 1\n");
  ASSERT_EQ((*found)->models.size(), 2u);
  EXPECT_EQ((*found)->models[1].checkpoint.valid_loss, 0.25);
  EXPECT_EQ(record_json(**found), record_json(*read_job_record(record_json(**found))));
  EXPECT_FALSE(*store->find("b", id));
  EXPECT_EQ(store->with_models()->size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(store->folder_of(id)));
  EXPECT_EQ(read_job_record("{}").error().code, Errc::corrupt);
}

TEST_F(JobStoreTest, TenantsTakeTurns) {
  const auto store = open();
  std::vector<std::string> ids;
  for (const char* tenant : {"a", "a", "b"}) ids.push_back(add(*store, tenant).job.id);
  for (const std::string& id : ids) {
    ASSERT_TRUE(store->update(id, [](JobRecord& r) { r.job.become(JobStatus::queued, 1); }));
  }
  EXPECT_FALSE(*store->next(JobStatus::validating_files));
  std::vector<std::string> order;
  for (int i = 0; i < 3; ++i) {
    const auto next = store->next(JobStatus::queued);
    ASSERT_TRUE(next && *next);
    order.push_back((*next)->job.id);
    ASSERT_TRUE(store->update(order.back(), [](JobRecord& r) { r.job.become(JobStatus::running, 1); }));
  }
  EXPECT_EQ(order, (std::vector<std::string>{ids[0], ids[2], ids[1]}));
  EXPECT_FALSE(*store->next(JobStatus::queued));
}

TEST_F(JobStoreTest, ListsInPages) {
  const auto store = open();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(add(*store, "a").job.id);
  add(*store, "b");
  const auto listed = [&](const api::openai::Query& query) {
    std::vector<std::string> out;
    const auto page = store->list("a", *api::openai::parse_job_page(query));
    for (const JobRecord& r : page->items) out.push_back(r.job.id);
    if (page->has_more) out.emplace_back("more");
    return out;
  };
  EXPECT_EQ(listed({{"limit", "2"}}), (std::vector<std::string>{ids[4], ids[3], "more"}));
  EXPECT_EQ(listed({{"limit", "3"}, {"after", ids[3]}}), (std::vector<std::string>{ids[2], ids[1], ids[0]}));
  EXPECT_EQ(listed({{"metadata[t]", "2"}}), std::vector<std::string>{});
  EXPECT_EQ(store->list("b", *api::openai::parse_job_page({{"after", ids[0]}})).error().code, Errc::invalid);
  std::vector<JobStore::NewEvent> events;
  for (std::uint64_t step : {0, 1, 2, 3}) events.push_back({"info", "metrics", std::to_string(step), "null", step});
  ASSERT_TRUE(store->add_events(ids[0], events));
  ASSERT_TRUE(store->forget_events_after(ids[0], 2));
  const auto left = store->events(ids[0], {.limit = 2});
  ASSERT_EQ(left->items.size(), 2u);
  EXPECT_EQ(left->items[0].message, "2");
  EXPECT_TRUE(left->has_more);
  EXPECT_EQ(store->events(ids[0], {.limit = 5, .after = left->items[1].id})->items[0].message, "0");
}

TEST_F(JobStoreTest, AKeyMayHaveSoMany) {
  const auto store = open({.bytes = 10, .count = 5});
  std::string id;
  for (long long i = 0; i < JobStore::kMostOpen; ++i) id = add(*store, "a").job.id;
  const auto fill = [](const std::filesystem::path&) -> Result<> { return {}; };
  auto more = store->add("a", {.model = "m", .training_file = "f"}, {}, fill);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().what.substr(0, 4), "jobs");
  add(*store, "b");
  ASSERT_TRUE(store->update(id, [](JobRecord& r) {
    r.models.push_back({"ft:m", ".", "sha256:00", 10, {}});
    r.job.become(JobStatus::cancelled, 1);
  }));
  more = store->add("a", {.model = "m", .training_file = "f"}, {}, fill);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().what.substr(0, 6), "models");
}

// What a killed server left without a row, and what is over without a model, goes.
TEST_F(JobStoreTest, SweepsWhatNothingLeadsTo) {
  std::string open_one, over, model;
  {
    const auto store = open();
    open_one = add(*store, "a").job.id, over = add(*store, "a").job.id, model = add(*store, "a").job.id;
    ASSERT_TRUE(store->update(over, [](JobRecord& r) { r.job.become(JobStatus::cancelled, 1); }));
    ASSERT_TRUE(store->update(model, [](JobRecord& r) {
      r.job.become(JobStatus::failed, 1);
      r.models.push_back({"ft:m", ".", "sha256:00", 5, {}});
    }));
    std::filesystem::create_directories(folder() / "fine_tuning" / "ftjob-lost");
    EXPECT_FALSE(JobStore::open(folder(), [] { return 1; }).has_value()) << "one process holds it";
  }
  const auto store = open();
  EXPECT_TRUE(std::filesystem::exists(store->folder_of(open_one)));
  EXPECT_TRUE(std::filesystem::exists(store->folder_of(model)));
  EXPECT_FALSE(std::filesystem::exists(store->folder_of(over)));
  EXPECT_FALSE(std::filesystem::exists(store->folder_of("ftjob-lost")));
}

// What a job learned from goes with the change that ends it, and where something was left behind, when the store is
// opened and when somebody erases.
struct JobStoreLessonsTest : JobStoreTest {
  static constexpr std::array<const char*, 6> kLessons = {"training.upload",  "training.jsonl", "validation.upload",
                                                          "validation.jsonl", ".tmp-a1b2c3",    "checkpoints/1/x"};
  static std::string job_with_files(JobStore& store, JobStatus status) {
    const std::string id = add(store, "a").job.id;
    leave(store, id);
    EXPECT_TRUE(store.update(id, [&](JobRecord& r) {
      if (status != JobStatus::validating_files) r.job.become(JobStatus::queued, 1);
      if (status != JobStatus::validating_files && status != JobStatus::queued) r.job.become(JobStatus::running, 1);
      r.models.push_back({"ft:m:" + id, ".", "sha256:00", 5, {}});
    }));
    return id;
  }
  static void leave(const JobStore& store, const std::string& id) {
    const std::filesystem::path folder = store.folder_of(id);
    std::filesystem::create_directories(folder / "checkpoints" / "1");
    for (const char* name : kLessons) std::ofstream(folder / name) << "what was said";
    std::ofstream(folder / "adapter_model.safetensors") << "w";
  }
  static std::vector<std::string> left(const JobStore& store, const std::string& id) {
    std::vector<std::string> out;
    for (const char* name : kLessons) {
      if (std::filesystem::exists(store.folder_of(id) / name)) out.emplace_back(name);
    }
    return out;
  }
  static Result<JobRecord> become(JobStore& store, const std::string& id, JobStatus next) {
    return store.update(id, [next](JobRecord& r) { r.job.become(next, 2); });
  }
};

TEST_F(JobStoreLessonsTest, GoWithTheChangeThatEndsAJob) {
  const auto store = open();
  for (const JobStatus end : {JobStatus::succeeded, JobStatus::failed}) {
    const std::string id = job_with_files(*store, JobStatus::running);
    EXPECT_EQ(left(*store, id).size(), kLessons.size());
    ASSERT_EQ(become(*store, id, end)->job.status, end);
    EXPECT_EQ(left(*store, id), std::vector<std::string>{});
    EXPECT_TRUE(std::filesystem::exists(store->folder_of(id) / "adapter_model.safetensors"));
  }
  for (const JobStatus waits : {JobStatus::validating_files, JobStatus::queued}) {
    const std::string id = job_with_files(*store, waits);
    ASSERT_TRUE(become(*store, id, JobStatus::cancelled));
    EXPECT_EQ(left(*store, id), std::vector<std::string>{});
  }
  // Whoever runs it still has the folder in hand, and clears it away.
  const std::string runs = job_with_files(*store, JobStatus::running);
  ASSERT_TRUE(become(*store, runs, JobStatus::cancelled));
  EXPECT_EQ(left(*store, runs).size(), kLessons.size());
}

TEST_F(JobStoreLessonsTest, GoWhenTheStoreIsOpened) {
  std::string over, cancelled, queued, checked;
  {
    const auto store = open();
    over = job_with_files(*store, JobStatus::running), cancelled = job_with_files(*store, JobStatus::running);
    queued = job_with_files(*store, JobStatus::queued), checked = job_with_files(*store, JobStatus::validating_files);
    ASSERT_TRUE(become(*store, over, JobStatus::succeeded));
    ASSERT_TRUE(become(*store, cancelled, JobStatus::cancelled));
    leave(*store, over);  // as somebody who was killed behind the change leaves it
  }
  const auto store = open();
  EXPECT_EQ(left(*store, over), std::vector<std::string>{});
  EXPECT_EQ(left(*store, cancelled), std::vector<std::string>{});
  EXPECT_EQ(left(*store, queued), (std::vector<std::string>{"training.jsonl", "validation.jsonl", "checkpoints/1/x"}));
  EXPECT_EQ(left(*store, checked).size(), kLessons.size() - 1) << "all but what was being written";
  for (const std::string& id : {over, cancelled, queued, checked})
    EXPECT_TRUE(std::filesystem::exists(store->folder_of(id) / "adapter_model.safetensors"));
}

TEST_F(JobStoreLessonsTest, GoWithWhatSomebodyErases) {
  const auto store = open();
  const std::string id = job_with_files(*store, JobStatus::running);
  EXPECT_FALSE(*store->drop_lessons(id)) << "it runs";
  EXPECT_EQ(left(*store, id).size(), kLessons.size());
  ASSERT_TRUE(become(*store, id, JobStatus::succeeded));
  ASSERT_TRUE(*store->drop_words(id));  // what its client said
  EXPECT_FALSE(*store->drop_words(id));
  for (auto drop : {&JobStore::drop_words, &JobStore::drop_lessons}) {
    leave(*store, id);
    EXPECT_TRUE(*(store.get()->*drop)(id));
    EXPECT_EQ(left(*store, id), std::vector<std::string>{});
  }
}

TEST_F(JobStoreLessonsTest, AJobGoesWithItsFolder) {
  const auto store = open();
  const std::string id = job_with_files(*store, JobStatus::running);
  ASSERT_TRUE(store->update(id, [](JobRecord& r) {
    r.job.become(JobStatus::failed, 2);
    r.models.clear();
  }));
  ASSERT_TRUE(store->remove(id));
  EXPECT_FALSE(std::filesystem::exists(store->folder_of(id)));
  EXPECT_FALSE(*store->find("a", id));
}

}  // namespace
}  // namespace freehold::app
