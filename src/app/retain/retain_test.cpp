// The policy's retention on a home with everything in it: what goes, what stays, what is held, and when the clock is
// not believed.
#include "app/retain/retain.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <utime.h>

#include <fstream>
#include <future>

#include "app/moment.h"
#include "app/retain/judge.h"
#include "app/serve/file_store.h"
#include "app/serve/job_store.h"
#include "audit/content.h"
#include "audit/folder.h"
#include "audit/kept_files.h"
#include "audit/log.h"
#include "audit/reader.h"
#include "audit/vault.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "eval/result_store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDay = 86'400, kStart = 1'800'000'000;
// A day in the life of the home.
constexpr std::int64_t day(int n) {
  return kStart + n * kDay;
}

class RetainTest : public ::testing::Test {
 protected:
  RetainTest() {
    policy_ = guard::parse_policy(
                  "version: 1\nretention:\n  default: {drop_content_after: 20 days, delete_after: 40 days}\n  labels:\n"
                  "    public: {drop_content_after: 10 days, delete_after: 30 days}\n    health: keep\n",
                  "policy.yaml")
                  .value();
  }
  ~RetainTest() override { set_disk_fault_for_tests({}); }

  audit::Subjects subjects() {
    auto master = audit::MasterKey::open(home() / "keys" / "master.key", audit::MasterKey::Make::if_missing);
    return std::move(*audit::Subjects::open(home(), std::move(*master), audit::MasterKey::Make::if_missing));
  }
  // A request whose words are kept.
  audit::ContentPlace ask(const std::string& id, std::int64_t when, const std::string& subject,
                          const std::string& label = {}, const std::string& key = "k1") {
    auto log = audit::ContentLog::open(home(), subjects());
    std::promise<std::optional<audit::ContentPlace>> kept;
    log->append({id, key, subject, {{"body", "words of " + id}}},
                [&](auto place) { kept.set_value(std::move(place)); });
    const auto place = kept.get_future().get().value_or(audit::ContentPlace{});
    audit::RequestEntry entry;
    entry.id = id;
    entry.time = when * 1'000'000;
    entry.who.key = key;
    entry.label = label;
    entry.subject = place.subject;
    entry.content = place.place;
    entry.content_digest = place.digest;
    EXPECT_TRUE(audit::append_one(audit::audit_folder(home()), audit::entry_of(entry)));
    return place;
  }
  void act(std::int64_t when) {
    const audit::AdminEntry entry{fmt::format("adm_{}", when), when * 1'000'000, {}, "note", {}, {}};
    EXPECT_TRUE(audit::append_one(audit::audit_folder(home()), audit::entry_of(entry)));
  }
  // An entry each day, as a server's run of the retention leaves one.
  void days(int from, int to) {
    for (int n = from; n <= to; ++n) act(day(n));
  }
  bool there(const audit::ContentPlace& place) { return audit::read_content(home(), place).has_value(); }
  RetainOptions options(std::int64_t now) { return {.home = home(), .policy = &policy_, .holds = &holds_, .now = now}; }
  RetainReport run(std::int64_t now, bool dry = false) {
    RetainOptions how = options(now);
    how.dry = dry;
    auto report = retain(how);
    EXPECT_TRUE(report) << report.error().what;
    EXPECT_FALSE(report->failure) << report->failure->what;
    return std::move(*report);
  }
  static RetainCounts row(const RetainReport& report, const std::string& place, const std::string& label = {}) {
    const auto found = report.rows.find({place, label});
    return found != report.rows.end() ? found->second : RetainCounts{};
  }
  static void touch(const fs::path& file, std::int64_t when) {
    const utimbuf times{when, when};
    ASSERT_EQ(::utime(file.c_str(), &times), 0);
  }
  std::string put_file(std::int64_t when, const std::string& label, const std::string& tenant = "k1") {
    auto store = FileStore::open(home(), [when] { return when; });
    auto incoming = (*store)->receive();
    EXPECT_TRUE(incoming->file.write("the words"));
    const auto file = (*store)->add(tenant, {"words.txt", "user_data", {}}, std::move(*incoming), label);
    return file ? file->id : "";
  }
  bool has_file(const std::string& id) { return fs::exists(home() / "files" / id); }
  fs::path home() const { return folder_.path(); }

  TemporaryFolder folder_;
  guard::Policy policy_;
  guard::HoldBook holds_{folder_.path()};
};

TEST_F(RetainTest, WordsGoByLabelAndTheLogStays) {
  const auto old = ask("req_1", day(0), "alice"), health = ask("req_2", day(0), "alice", "health"),
             personal = ask("req_3", day(0), "bob", "personal"), later = ask("req_4", day(5), "carol"),
             strange = ask("req_5", day(0), "dora", "secret");
  days(1, 12);
  const auto before = audit::Reader::open(audit::audit_folder(home()))->size();
  // A dry run says what would go, and nothing does.
  RetainReport report = run(day(12), true);
  EXPECT_EQ(row(report, "content", "public").dropped, 1U);
  EXPECT_TRUE(there(old));
  report = run(day(12));
  EXPECT_EQ(report.clock, "");
  EXPECT_EQ(row(report, "content", "public").items, 2U);
  EXPECT_EQ(row(report, "content", "public").oldest, day(0));
  EXPECT_EQ(row(report, "content", "public").dropped, 1U);
  EXPECT_EQ(row(report, "content", "personal").dropped, 0U);
  EXPECT_EQ(row(report, "content", "secret").unknown, 1U);
  EXPECT_EQ(report.removed(), 1U);
  EXPECT_FALSE(there(old));
  EXPECT_TRUE(there(health) && there(personal) && there(later) && there(strange));
  EXPECT_EQ(audit::Reader::open(audit::audit_folder(home()))->size(), before);
  EXPECT_EQ(run(day(12)).removed(), 0U);  // again: nothing is left to do
  days(13, 60);
  for (const auto& file : audit::subject_files(home())) touch(file.path, day(60) - 3'600);
  report = run(day(60));
  EXPECT_FALSE(there(personal) || there(later));
  EXPECT_TRUE(there(health) && there(strange));
  // Of bob and carol everything has had its time; alice and dora have entries that have not.
  EXPECT_EQ(report.subject_keys, 0U);  // their keys were made an hour ago
  for (const auto& file : audit::subject_files(home())) touch(file.path, day(0));
  EXPECT_EQ(run(day(60)).subject_keys, 2U);
  const auto keys = subjects();
  EXPECT_TRUE(*keys.find("k1", "alice"));
  EXPECT_FALSE(*keys.find("k1", "bob"));
  EXPECT_TRUE(*keys.find("k1", "dora"));
  EXPECT_TRUE(there(health));
}

TEST_F(RetainTest, EveryPlaceHasItsDateAndLabel) {
  days(0, 100);
  const std::string old_public = put_file(day(0), ""), old_health = put_file(day(0), "health"),
                    young = put_file(day(95), "public");
  {
    const auto store = FileStore::open(home(), [] { return day(0); });
    const auto batch = (*store)->add_batch("k1", {old_public, "/v1/completions", R"({"of":"ann"})", {}}, "public");
    ASSERT_TRUE(batch && *batch);
  }
  {
    const auto jobs = JobStore::open(home(), [] { return day(0); });
    JobRecord begin;
    begin.label = "personal";
    const auto job =
        (*jobs)->add("k1", {.model = "m", .training_file = "f"}, begin, [](const fs::path&) { return Result<>(); });
    ASSERT_TRUE((*jobs)->update(job->job.id, [](JobRecord& r) { r.job.status = api::openai::JobStatus::failed; }));
  }
  {
    auto results = eval::ResultStore::open(home() / "eval.db", [] { return day(75); });
    results->label("personal");
    ASSERT_TRUE(results->save("m", "t", eval::Aspect::texts, {{0, "[\"words\"]"}}));
    ASSERT_TRUE(results->save("m", "t", eval::Aspect::scores, {{0, "[]"}}));
  }
  audit::Vault vault(home(), subjects());
  ASSERT_TRUE(vault.keep("k1", "alice", {{vault.token("k1", "email", "x"), "x"}}));
  touch(audit::vault_files(home()).at(0).path, day(79));
  std::ofstream(home() / "history") << "typed\n";
  touch(home() / "history", day(81));
  RetainReport report = run(day(100));
  EXPECT_EQ(row(report, "files", "public").items, 2U);
  EXPECT_EQ(row(report, "files", "public").deleted, 1U);
  EXPECT_EQ(row(report, "files", "health").deleted, 0U);
  EXPECT_TRUE(has_file(old_health) && has_file(young));
  EXPECT_TRUE(has_file(old_public));  // a batch under way reads it
  EXPECT_EQ(row(report, "batches", "public").items, 1U);
  EXPECT_EQ(row(report, "batches", "public").deleted, 0U);
  EXPECT_EQ(row(report, "jobs", "personal").deleted, 1U);
  EXPECT_EQ(row(report, "evaluations", "personal").items, 2U);
  EXPECT_EQ(row(report, "evaluations", "personal").dropped, 1U);  // the scores are no words
  EXPECT_EQ(row(report, "pseudonyms").deleted, 1U);               // has no label: the default
  EXPECT_EQ(row(report, "history").deleted, 0U);
  EXPECT_TRUE(audit::vault_files(home()).empty());
  // Its batch is over: it goes by its own age, in two steps.
  std::string id;
  {
    const auto store = FileStore::open(home(), [] { return day(0); });
    EXPECT_TRUE(has_file(old_public));
    id = (*store)->all_batches()->at(0).id;
    ASSERT_TRUE(
        (*store)->update_batch(id, [](BatchRecord& r) { r.batch.become(api::openai::BatchStatus::failed, day(0)); }));
  }
  EXPECT_FALSE(has_file(old_public));
  policy_.retention.labels["public"].remove.reset();
  EXPECT_EQ(row(run(day(100)), "batches", "public").dropped, 1U);
  EXPECT_EQ(row(run(day(100)), "batches", "public").dropped, 0U);
  EXPECT_EQ(FileStore::open(home(), [] { return day(0); }).value()->find_batch("k1", id).value()->metadata, "null");
  policy_.retention.labels["public"].remove = guard::period_from("30 days");
  report = run(day(100));
  EXPECT_EQ(row(report, "batches", "public").deleted, 1U);
  days(101, 120);
  report = run(day(120));
  EXPECT_EQ(row(report, "history").deleted, 1U);
  EXPECT_FALSE(fs::exists(home() / "history"));
  EXPECT_EQ(row(report, "evaluations", "personal").deleted, 1U);
  EXPECT_EQ(run(day(120)).removed(), 0U);
}

TEST_F(RetainTest, WhatIsHeldStays) {
  const auto alice = ask("req_1", day(0), "alice"), bob = ask("req_2", day(0), "bob"),
             other = ask("req_3", day(0), "carol", "", "k2");
  const std::string file = put_file(day(0), "public", "k2");
  days(1, 50);
  const auto hold = holds_.add({"", {alice.subject}, "", "case", "ann", day(1), {}, "", ""});
  const auto key = holds_.add({"", {"k2"}, "", "case", "ann", day(1), {}, "", ""});
  ASSERT_TRUE(hold && key);
  RetainReport report = run(day(50));
  EXPECT_TRUE(there(alice) && there(other) && has_file(file));
  EXPECT_FALSE(there(bob));
  EXPECT_EQ(row(report, "content", "public").held, 2U);
  EXPECT_EQ(row(report, "files", "public").held, 1U);
  ASSERT_TRUE(holds_.release(key->id, "over", "ann", day(50)));
  const auto label = holds_.add({"", {}, "public", "audit", "ann", day(50), {}, "", ""});
  EXPECT_EQ(run(day(50)).removed(), 0U);
  ASSERT_TRUE(holds_.release(label->id, "over", "ann", day(50)));
  EXPECT_EQ(run(day(50)).removed(), 2U);
  EXPECT_TRUE(there(alice));
  ASSERT_TRUE(holds_.release(hold->id, "over", "ann", day(50)));
  EXPECT_EQ(run(day(50)).removed(), 1U);
  EXPECT_FALSE(there(alice));
}

TEST_F(RetainTest, AHoldOnALabelHoldsTheKeysOfItsEntries) {
  ask("req_1", day(0), "alice");
  days(1, 15);
  run(day(15));  // the words have gone
  const auto hold = holds_.add({"", {}, "public", "case", "ann", day(15), {}, "", ""});
  ASSERT_TRUE(hold) << hold.error().what;
  days(16, 45);
  touch(audit::subject_files(home())[0].path, day(0));
  EXPECT_EQ(run(day(45)).subject_keys, 0U);
  ASSERT_TRUE(holds_.release(hold->id, "over", "ann", day(45)));
  EXPECT_EQ(run(day(45)).subject_keys, 1U);
}

TEST_F(RetainTest, WhatAClockThatWasBehindHasDatedIsNotOlderThanItsNeighbours) {
  days(0, 1);
  const auto place = ask("req_1", 1'000'000, "alice");
  days(2, 5);
  run(day(5));
  EXPECT_TRUE(there(place));
}

TEST_F(RetainTest, AHeldFileDoesNotExpire) {
  bool held = true, told = false;
  int asked = 0;
  std::int64_t now = day(0);
  const auto store = FileStore::open(
      home(), [&] { return now; }, {},
      [&]() -> Result<FileStore::Standing> {
        if (!told) return fail(Errc::io, "nobody knows");
        ++asked;
        guard::Hold hold;
        hold.subjects = {held ? "k1" : "k9"};
        return FileStore::Standing{{nullptr, {hold}}, "public"};
      });
  std::vector<std::string> ids;
  for (const char* tenant : {"k1", "k2"}) {
    auto incoming = (*store)->receive();
    ids.push_back((*store)->add(tenant, {"a", "user_data", 100}, std::move(*incoming))->id);
  }
  told = true;
  ASSERT_TRUE((*store)->expire());
  EXPECT_EQ(asked, 0);  // nothing is due
  now += 101;
  told = false;  // what is held cannot be told: nothing goes
  ASSERT_TRUE((*store)->expire());
  EXPECT_TRUE(has_file(ids[1]));
  told = true;
  ASSERT_TRUE((*store)->expire());
  EXPECT_TRUE(has_file(ids[0]));
  EXPECT_FALSE(has_file(ids[1]));
  EXPECT_EQ(asked, 1);  // once for both
  held = false;
  ASSERT_TRUE((*store)->expire());
  EXPECT_FALSE(has_file(ids[0]));
}

TEST_F(RetainTest, WhatStaysHoldsUpNoHold) {
  RetentionJudge judge(policy_, holds_, day(45));
  // Whether a hold would have to wait for the judge.
  const auto waits = [&] {
    auto lock = FolderLock::open(home() / "holds", FolderLock::Mode::exclusive);
    return lock && !*lock->take(0);
  };
  ASSERT_TRUE(holds_.stand(0));  // makes the files
  KeptThing thing{.place = "batches", .label = "public", .since = day(30), .key = "k1", .words = false};
  EXPECT_EQ(*judge.judge(thing), guard::Fate::keep);  // 15 days old, and without a word to drop
  EXPECT_FALSE(waits());
  thing.words = true;
  EXPECT_EQ(*judge.judge(thing), guard::Fate::drop_content);
  EXPECT_TRUE(waits());
  judge.stays();
  EXPECT_FALSE(waits());
  thing.words = false;
  thing.since = day(1);
  EXPECT_EQ(*judge.judge(thing), guard::Fate::remove);
  EXPECT_TRUE(waits());
  judge.gone(thing, guard::Fate::remove);
  EXPECT_FALSE(waits());
}

// By a clock that has gone wrong nothing goes, however often it is tried.
TEST_F(RetainTest, AWrongClockDeletesNothing) {
  const auto place = ask("req_1", day(0), "alice");
  days(1, 12);
  for (const std::int64_t now : {day(12) - 3'600, day(12) + 37 * 3'600, day(4'000)}) {
    const RetainReport report = run(now);
    EXPECT_NE(report.clock, "") << now;
    EXPECT_EQ(report.removed(), 1U) << now;  // what would have gone
    EXPECT_TRUE(there(place)) << now;
    EXPECT_EQ(retain_details(report).text().find("removed"), std::string::npos);
  }
  // The log goes on at the new time: a day has to pass.
  act(day(4'000));
  EXPECT_NE(run(day(4'000) + 60).clock, "");
  EXPECT_NE(run(day(4'000) + 23 * 3'600).clock, "");
  EXPECT_TRUE(there(place));
  RetainOptions sure = options(day(4'000) + 60);
  sure.trust_clock = true;
  EXPECT_EQ(retain(sure)->removed(), 1U);
  EXPECT_FALSE(there(place));
  EXPECT_EQ(run(day(4'001)).clock, "");
}

TEST(LogTimesTest, WhenAClockIsBelieved) {
  LogTimes times;
  EXPECT_NE(times.doubt(day(0)), "");  // nothing to tell by
  times.add(day(0));
  EXPECT_EQ(times.doubt(day(0) - 59), "");
  EXPECT_NE(times.doubt(day(0) - 61), "");
  EXPECT_EQ(times.doubt(day(0) + 36 * 3'600), "");
  EXPECT_NE(times.doubt(day(0) + 36 * 3'600 + 1), "");
  times.add(day(3));        // a long weekend
  times.add(day(3) - 600);  // requests are written when they end
  EXPECT_NE(times.doubt(day(3) + 23 * 3'600), "");
  EXPECT_EQ(times.doubt(day(4)), "");
  times.add(day(4));
  EXPECT_EQ(times.doubt(day(4) + 5), "");
}

// Ended at any thing, the next run finishes; nothing goes twice.
TEST_F(RetainTest, EndedAnywhereTheNextRunFinishes) {
  std::vector<audit::ContentPlace> places;
  for (int i = 0; i < 5; ++i) places.push_back(ask(fmt::format("req_{}", i), day(0), "alice"));
  const std::string file = put_file(day(0), "public");
  days(1, 50);
  std::uint64_t removed = 0;
  for (int after = 1; after < 100; ++after) {
    RetainOptions how = options(day(50));
    int left = after;
    how.go_on = [&left] { return --left > 0; };
    const auto report = retain(how);
    ASSERT_TRUE(report) << report.error().what;
    removed += report->removed();
    if (!report->ended) break;
  }
  EXPECT_EQ(removed, 6U);
  for (const auto& place : places) EXPECT_FALSE(there(place));
  EXPECT_FALSE(has_file(file));
  EXPECT_EQ(run(day(50)).removed(), 0U);
}

TEST_F(RetainTest, ADiskThatFailsIsSaidAndWhatWentIsCounted) {
  ask("req_1", day(0), "alice");
  put_file(day(0), "public");
  days(1, 50);
  int syncs = 0;
  set_disk_fault_for_tests([&](std::string_view what) { return what == "fsync" && ++syncs == 2 ? EIO : 0; });
  const auto report = retain(options(day(50)));
  set_disk_fault_for_tests({});
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_TRUE(report->failure);
  EXPECT_NE(retain_details(*report).text().find("failed"), std::string::npos);
  EXPECT_EQ(run(day(50)).removed(), 2U);
}

TEST_F(RetainTest, OneRunAtATime) {
  days(0, 1);
  RetainOptions how = options(day(1));
  std::optional<Error> second;
  how.go_on = [&] {
    const auto other = retain(options(day(1)));
    if (!other) second = other.error();
    return true;
  };
  ASSERT_TRUE(retain(how));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->code, Errc::io);
}

TEST_F(RetainTest, CountsAreInTheLogByPlaceAndLabel) {
  ask("req_1", day(0), "alice");
  days(1, 12);
  EXPECT_EQ(retain_details(run(day(12))).text(), R"({"content":{"public":{"dropped":1}},"removed":1})");
}

}  // namespace
}  // namespace freehold::app
