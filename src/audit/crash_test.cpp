// kill -9 while entries are appended and acknowledged: afterwards nothing that was acknowledged is missing, nothing is
// there twice, and the log goes on. $FREEHOLD_AUDIT_KILLS says how often (200; 10,000 in `./dev nightly`).
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "audit/log.h"
#include "audit/reader.h"
#include "audit/record.h"
#include "audit/testing.h"
#include "audit/verify.h"

namespace freehold::audit {
namespace {

WriterOptions small() {
  WriterOptions options;
  options.segment_bytes = 100'000;
  return options;
}

// The child: appends without end, with some entries on their way, and writes the number of each acknowledged one to the
// pipe, 4 bytes at a time (written whole or not at all).
[[noreturn]] void append_for_ever(const std::filesystem::path& folder, int pipe, std::uint32_t first) {
  auto log = Log::open(folder, small());
  if (!log) {
    (void)!::write(2, log.error().what.data(), log.error().what.size());
    ::_exit(3);
  }
  for (std::uint32_t i = first;; ++i) {
    log->append(std::to_string(i), [pipe, i](bool durable) {
      if (!durable || ::write(pipe, &i, sizeof i) != sizeof i) ::_exit(4);
    });
    if (i % 16 == 0) log->flush();
  }
}

std::vector<std::uint32_t> numbers_of(const std::filesystem::path& folder, std::uint64_t from) {
  std::vector<std::uint32_t> out;
  const std::vector<Segment> segments = list_segments({folder}).value();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i + 1 < segments.size() && segments[i + 1].first <= from) continue;
    const std::string bytes = read_file(segments[i].path).value();
    std::uint64_t number = segments[i].first;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto record = read_record(std::string_view(bytes).substr(at));
      if (!record) break;
      at += record->bytes;
      if (record->kind == RecordKind::entry && number++ >= from) {
        out.push_back(static_cast<std::uint32_t>(std::stoul(std::string(record->payload))));
      }
    }
  }
  return out;
}

TEST(Crash, NothingAcknowledgedIsLostToKill9) {
  const char* wanted = std::getenv("FREEHOLD_AUDIT_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 200;
  testing::LogFolder folder;
  std::mt19937 random(11);
  std::uint32_t next = 0;
  std::uint64_t known = 0, all = 0;
  for (int round = 0; round < kills; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      append_for_ever(folder.log(), ends[1], next);
    }
    ::close(ends[1]);
    // At a random moment, sometimes before the log is open: counted in acknowledgements so that slow machines get as
    // far.
    const std::size_t enough = random() % 4 == 0 ? 0 : random() % 60;
    std::vector<std::uint32_t> acknowledged;
    if (enough == 0) ::usleep(random() % 4000);
    bool killed = enough == 0 && ::kill(child, SIGKILL) == 0;
    for (std::uint32_t id = 0; ::read(ends[0], &id, sizeof id) == sizeof id;) {
      acknowledged.push_back(id);
      if (acknowledged.size() >= enough && !killed) {
        ::usleep(random() % 500);
        ::kill(child, SIGKILL);
        killed = true;
      }
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child failed by itself: " << status;
    // What is there of this round: a beginning of what it appended, and all that it was told is durable.
    const auto there = numbers_of(folder.log(), known);
    for (std::size_t i = 0; i < there.size(); ++i) ASSERT_EQ(there[i], next + i) << "round " << round;
    for (std::size_t i = 0; i < acknowledged.size(); ++i) ASSERT_EQ(acknowledged[i], next + i);
    ASSERT_GE(there.size(), acknowledged.size()) << "round " << round;
    all += acknowledged.size();
    // Nobody takes it for damage: entries are whole groups, and tree/ is behind by one at most.
    const auto found = verify_log(folder.log());
    if (!found && list_segments({folder.log()}).value_or(std::vector<Segment>()).empty()) {
      ASSERT_EQ(found.error().code, Errc::not_found);  // killed before there was a key
    } else if (!found) {
      ASSERT_NE(found.error().what.find("killed in"), std::string::npos) << found.error().what;
    } else {
      ASSERT_EQ(found->checkpoint.size, known + there.size());
      const Reader reader = Reader::open(folder.log()).value();
      if (reader.size() > 0) {
        const auto proof = reader.prove(reader.size() - 1);
        ASSERT_TRUE(proof) << proof.error().what;
        ASSERT_TRUE(check_proof(*proof, reader.key()));
      }
    }
    {
      auto writer = Writer::open(folder.log(), small());
      ASSERT_TRUE(writer) << "round " << round << ": " << writer.error().what;
      ASSERT_GE(writer->size(), known + acknowledged.size()) << "round " << round;
      ASSERT_LE(writer->size(), known + there.size());
      known = writer->size();
    }
    next = 1'000'000u + static_cast<std::uint32_t>(round) * 10'000u;
    if (round % 50 == 49 || round + 1 == kills) {
      const auto verified = verify_log(folder.log());
      ASSERT_TRUE(verified) << "round " << round << ": " << verified.error().what;
      ASSERT_EQ(verified->checkpoint.size, known);
    }
  }
  EXPECT_GE(all, 5u * static_cast<unsigned>(kills));
}

}  // namespace
}  // namespace freehold::audit
