// kill -9 while events are appended and acknowledged: afterwards nothing that was acknowledged is missing.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <soci/soci.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <set>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "ledger/usage_log.h"
#include "ledger/usage_query.h"
#include "ledger/usage_rows.h"

namespace freehold::ledger {
namespace {

// The child: appends without end, with up to 64 events on their way, and writes the number of each acknowledged one to
// the pipe, 4 bytes at a time (written whole or not at all).
[[noreturn]] void append_for_ever(const std::filesystem::path& home, int pipe, std::uint32_t first) {
  auto log = UsageLog::open(home);
  if (!log) ::_exit(3);
  for (std::uint32_t i = first;; ++i) {
    Event e;
    e.request_id = std::to_string(i);
    e.prompt_tokens = i;
    log->append(std::move(e), [pipe, i](bool durable) {
      if (!durable || ::write(pipe, &i, sizeof i) != sizeof i) ::_exit(4);
    });
    if (i % 64 == 0) log->flush();
  }
}

TEST(UsageCrash, NothingAcknowledgedIsLostToKill9) {
  TemporaryFolder folder;
  std::mt19937 random(11);
  std::set<std::uint32_t> acknowledged;
  std::uint32_t first = 0;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      append_for_ever(folder.path(), ends[1], first);
    }
    ::close(ends[1]);
    // At a random moment, counted in acknowledgements so that slow machines get as far, and then a little more.
    const std::size_t enough = random() % 300;
    std::size_t got = 0;
    bool killed = false;
    for (std::uint32_t id = 0; ::read(ends[0], &id, sizeof id) == sizeof id;) {
      acknowledged.insert(id);
      first = std::max(first, id + 1);
      if (++got >= enough && !killed) {
        ::usleep(random() % 3000);
        ::kill(child, SIGKILL);
        killed = true;
      }
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child failed by itself: " << status;
    first += 1000;  // of what was not acknowledged, some may be there

    UsageQuery query = UsageQuery::open(folder.path()).value();
    std::set<std::uint32_t> stored;
    const std::vector<Event> all = query.list({}, 1'000'000).value();
    for (const Event& e : all) {
      ASSERT_EQ(e.request_id, std::to_string(e.prompt_tokens)) << "no torn event";
      stored.insert(static_cast<std::uint32_t>(e.prompt_tokens));
    }
    EXPECT_EQ(stored.size(), all.size()) << "none twice";
    std::uint64_t summed = 0;
    const std::vector<DaySum> sums = query.day_sums({}, GroupBy::all).value();
    for (const DaySum& sum : sums) summed += sum.requests;
    EXPECT_EQ(summed, all.size()) << "the sums a day are those of the events";
    for (std::uint32_t id : acknowledged) ASSERT_TRUE(stored.contains(id)) << "round " << round << ": " << id;
    auto database =
        sql::Database::open(usage_path(folder.path()), usage_schema(), sql::Open::existing, sql::Check::none);
    ASSERT_TRUE(database);
    auto verdict = database->run([](soci::session& s) -> Result<std::string> {
      std::string text;
      s << "PRAGMA integrity_check", soci::into(text);
      return text;
    });
    EXPECT_EQ(verdict.value(), "ok");
  }
  EXPECT_GE(acknowledged.size(), 20u);
}

// A power cut cannot be had in a test, but its worst: the write-ahead log ends anywhere. What is read then is a prefix.
TEST(UsageCrash, ATornWriteAheadLogLeavesAPrefix) {
  TemporaryFolder folder;
  TemporaryFolder copy;
  UsageLog log = UsageLog::open(folder.path()).value();
  for (int i = 0; i < 40; ++i) {
    Event e;
    e.request_id = std::to_string(i);
    e.time = i;
    log.append(std::move(e), [](bool) {});
    log.flush();
  }
  const std::string wal = read_file(folder.path() / "usage.db-wal").value();
  std::mt19937 random(5);
  std::size_t most = 0;
  for (int round = 0; round < 30; ++round) {
    const std::size_t length = round == 0 ? wal.size() : random() % wal.size();
    std::error_code ec;
    std::filesystem::remove(copy.path() / "usage.db-shm", ec);
    std::ofstream(usage_path(copy.path()), std::ios::binary) << std::ifstream(usage_path(folder.path())).rdbuf();
    std::ofstream(copy.path() / "usage.db-wal", std::ios::binary) << wal.substr(0, length);
    auto reopened = UsageLog::open(copy.path());
    ASSERT_TRUE(reopened) << reopened.error().what;
    const std::vector<Event> all = UsageQuery::open(copy.path()).value().list({}, 100).value();
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].time, static_cast<std::int64_t>(all.size() - 1 - i));
    most = std::max(most, all.size());
  }
  EXPECT_EQ(most, 40u);
}

}  // namespace
}  // namespace freehold::ledger
