#include "audit/writer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <random>

#include "audit/log.h"
#include "audit/record.h"
#include "audit/testing.h"
#include "audit/verify.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;
using testing::LogFolder;

std::string entry(int i) {
  return R"({"id":"req_)" + std::to_string(i) + R"(","kind":"request"})";
}

// Groups of `sizes`; the entries are numbered on from what is there.
Result<> add(Writer& writer, std::initializer_list<int> sizes) {
  for (const int size : sizes) {
    std::vector<std::string> entries;
    for (int i = 0; i < size; ++i) entries.push_back(entry(static_cast<int>(writer.size()) + i));
    const std::vector<std::string_view> views(entries.begin(), entries.end());
    FH_TRY_VOID(writer.commit(views));
  }
  return {};
}

std::vector<std::string> entries_of(const fs::path& folder) {
  std::vector<std::string> out;
  const std::vector<Segment> segments = list_segments({folder}).value();
  for (const Segment& segment : segments) {
    const std::string bytes = read_file(segment.path).value();
    for (std::size_t at = 0; at < bytes.size();) {
      const auto record = read_record(std::string_view(bytes).substr(at));
      if (!record) break;
      if (record->kind == RecordKind::entry) out.emplace_back(record->payload);
      at += record->bytes;
    }
  }
  return out;
}

WriterOptions small_segments() {
  WriterOptions options;
  options.segment_bytes = 2000;
  options.now = [] { return std::int64_t{1'800'000'000}; };
  return options;
}

TEST(Writer, WhatIsWrittenVerifiesAndGoesOnAfterReopening) {
  LogFolder folder;
  std::string first_note;
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    EXPECT_EQ(writer.size(), 0u);
    ASSERT_TRUE(add(writer, {1, 3, 256, 1, 1}));
    first_note = writer.note();
  }
  EXPECT_GE(list_segments({folder.log()}).value().size(), 2u);
  const Verified verified = verify_log(folder.log()).value();
  EXPECT_EQ(verified.checkpoint.size, 262u);
  EXPECT_EQ(verified.checkpoints, 5u);
  EXPECT_EQ(read_file(folder.log() / "checkpoint").value(), first_note);
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    EXPECT_EQ(writer.size(), 262u);
    ASSERT_TRUE(add(writer, {2, 40}));
  }
  const Verified more = verify_log(folder.log(), {.key = VerifierKey::parse(verified.key).value(),
                                                  .against = {KeptCheckpoint(first_note)}})
                            .value();
  EXPECT_EQ(more.checkpoint.size, 304u);
  const auto entries = entries_of(folder.log());
  ASSERT_EQ(entries.size(), 304u);
  for (int i = 0; i < 304; ++i) EXPECT_EQ(entries[i], entry(i));
  struct stat about {};
  ASSERT_EQ(::stat((folder.log() / "key").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(folder.log().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700u);
}

TEST(Writer, TwoWritersTakeTurns) {
  LogFolder folder;
  Writer a = Writer::open(folder.log(), small_segments()).value(),
         b = Writer::open(folder.log(), small_segments()).value();
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(add(i % 3 == 0 ? a : b, {1 + i % 4}));
  }
  EXPECT_GT(verify_log(folder.log()).value().checkpoint.size, 60u);
}

TEST(Writer, ATornTailIsCutAndNothingElse) {
  LogFolder folder, copy;
  std::vector<std::pair<std::size_t, std::uint64_t>> ends;  // bytes of the segment, entries
  WriterOptions options = small_segments();
  options.segment_bytes = 1 << 20;
  {
    Writer writer = Writer::open(folder.log(), options).value();
    for (const int n : {1, 2, 1, 3}) {
      ASSERT_TRUE(add(writer, {n}));
      ends.emplace_back(fs::file_size(Files{folder.log()}.segment(0)), writer.size());
    }
  }
  fs::remove(folder.log() / "checkpoint");  // it would tell
  const std::size_t all = ends.back().first;
  for (std::size_t length = 0; length <= all; length += length + 40 > all ? 1 : 7) {
    fs::remove_all(copy.log());
    fs::copy(folder.log(), copy.log(), fs::copy_options::recursive);
    fs::resize_file(Files{copy.log()}.segment(0), length);
    std::uint64_t expected = 0;
    for (const auto& [bytes, entries] : ends) expected = length >= bytes ? entries : expected;
    {
      auto writer = Writer::open(copy.log(), options);
      ASSERT_TRUE(writer) << length << ": " << writer.error().what;
      ASSERT_EQ(writer->size(), expected) << length;
      ASSERT_TRUE(add(*writer, {1}));
    }
    ASSERT_EQ(verify_log(copy.log()).value().checkpoint.size, expected + 1);
  }
  // A loss of power may leave any pages of the last group: holes before its checkpoint are no damage.
  fs::remove_all(copy.log());
  fs::copy(folder.log(), copy.log(), fs::copy_options::recursive);
  const fs::path segment = Files{copy.log()}.segment(0);
  std::fstream(segment, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(ends[2].first + 30))
      .write("\0\0\0\0", 4);
  EXPECT_EQ(Writer::open(copy.log(), options).value().size(), ends[2].second);
  // The same before it is: what was acknowledged is never cut off.
  fs::remove_all(copy.log());
  fs::copy(folder.log(), copy.log(), fs::copy_options::recursive);
  std::fstream(segment, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(ends[1].first + 30))
      .write("\0\0\0\0", 4);
  const std::string before = read_file(segment).value();
  EXPECT_EQ(Writer::open(copy.log(), options).error().code, Errc::corrupt);
  EXPECT_EQ(read_file(segment).value(), before);
}

TEST(Writer, ALogThatWasRolledBackIsNotOpened) {
  LogFolder folder, old;
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {3}));
  }
  fs::copy(folder.log(), old.log(), fs::copy_options::recursive);
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {3}));
  }
  fs::copy_file(Files{old.log()}.segment(0), Files{folder.log()}.segment(0), fs::copy_options::overwrite_existing);
  auto opened = Writer::open(folder.log(), small_segments());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().what.find("rolled back"), std::string::npos) << opened.error().what;
  EXPECT_EQ(verify_log(folder.log()).error().code, Errc::corrupt);
}

TEST(Writer, ADamagedTreeIsMadeAnew) {
  LogFolder folder;
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {200, 200, 3, 200}));
  }
  for (const char* name : {"level-00", "level-08", "index"}) {
    std::fstream(folder.log() / "tree" / name, std::ios::in | std::ios::out | std::ios::binary).write("damaged", 7);
    EXPECT_EQ(verify_log(folder.log()).error().code, Errc::corrupt) << name;
    fs::remove_all(folder.log() / "tree");
    ASSERT_TRUE(Writer::open(folder.log(), small_segments()));
    EXPECT_TRUE(verify_log(folder.log())) << name;
  }
}

TEST(Writer, NothingIsAcknowledgedThatIsWrittenToWhatWasRemoved) {
  for (const bool replaced : {false, true}) {
    LogFolder folder;
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {2}));
    ASSERT_TRUE(writer.publish());
    const fs::path segment = Files{folder.log()}.segment(0);
    const std::string bytes = read_file(segment).value();
    fs::remove(segment);
    if (replaced) std::ofstream(segment, std::ios::binary) << bytes;
    EXPECT_FALSE(add(writer, {1}));
    EXPECT_TRUE(writer.failed());
    EXPECT_FALSE(add(writer, {1}));
    EXPECT_EQ(Writer::open(folder.log(), small_segments()).has_value(), replaced);  // else it was rolled back
  }
}

TEST(Writer, WritersAgreeOnALockThatWasMadeAnew) {
  LogFolder folder;
  Writer first = Writer::open(folder.log(), small_segments()).value();
  ASSERT_TRUE(add(first, {2}));
  fs::remove(folder.log() / "lock");
  Writer second = Writer::open(folder.log(), small_segments()).value();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(add(second, {1}));
    ASSERT_TRUE(add(first, {1}));
  }
  auto other = FolderLock::open(folder.log(), FolderLock::Mode::exclusive).value();
  ASSERT_TRUE(other.take(1).value());
  WriterOptions hasty = small_segments();
  hasty.lock_seconds = 0.01;
  EXPECT_FALSE(Writer::open(folder.log(), hasty));
  other.release();
  EXPECT_EQ(verify_log(folder.log()).value().checkpoint.size, 12u);
}

TEST(Writer, ALogThatLacksASegmentIsNotOpened) {
  LogFolder folder;
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {200, 200, 200, 200, 200, 200}));
  }
  const std::vector<Segment> segments = list_segments({folder.log()}).value();
  ASSERT_GE(segments.size(), 4u);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::string bytes = read_file(segments[i].path).value();
    const auto refused = [&] {
      const auto opened = Writer::open(folder.log(), small_segments());
      return !opened && opened.error().code == Errc::corrupt && !verify_log(folder.log());
    };
    fs::remove(segments[i].path);
    EXPECT_TRUE(refused()) << i;
    std::ofstream(segments[i].path, std::ios::binary) << std::string(bytes.size(), '\0');
    EXPECT_TRUE(refused()) << i;
    std::ofstream(segments[i].path, std::ios::binary) << bytes.substr(0, bytes.size() - 1);
    EXPECT_TRUE(refused()) << i;
    std::ofstream(segments[i].path, std::ios::binary) << bytes;
    EXPECT_TRUE(Writer::open(folder.log(), small_segments())) << i;
  }
  EXPECT_TRUE(verify_log(folder.log()));
}

// Killed between an entry and its place in tree/.
TEST(Writer, ATreeThatLacksTheLastGroupIsNoDamage) {
  LogFolder folder;
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {200, 3}));
  }
  const fs::path level = Files{folder.log()}.level(0), index = Files{folder.log()}.index();
  fs::resize_file(level, 201 * 32 + 5);
  EXPECT_FALSE(verify_log(folder.log())) << "the file checkpoint vouches for it";
  fs::remove(folder.log() / "checkpoint");
  EXPECT_FALSE(verify_log(folder.log()).value().tree_whole);
  fs::resize_file(level, 200 * 32);
  fs::resize_file(index, 200 * 8);
  EXPECT_FALSE(verify_log(folder.log()).value().tree_whole);
  const Reader reader = Reader::open(folder.log()).value();
  for (const std::uint64_t number : {5u, 199u, 200u, 202u}) {
    const auto proof = reader.prove(number);
    ASSERT_TRUE(proof) << proof.error().what;
    EXPECT_TRUE(check_proof(*proof, reader.key()));
  }
  fs::resize_file(level, 199 * 32);
  EXPECT_FALSE(verify_log(folder.log()));
  ASSERT_TRUE(Writer::open(folder.log(), small_segments()));
  EXPECT_TRUE(verify_log(folder.log()).value().tree_whole);
}

TEST(Writer, WithoutItsKeyALogIsNotContinued) {
  LogFolder folder;
  {
    Writer writer = Writer::open(folder.log(), small_segments()).value();
    ASSERT_TRUE(add(writer, {1}));
  }
  fs::rename(folder.log() / "key", folder.path() / "key");
  EXPECT_EQ(Writer::open(folder.log(), small_segments()).error().code, Errc::not_found);
  std::ofstream(folder.log() / "key") << SigningKey::create().value().text() << '\n';
  EXPECT_EQ(Writer::open(folder.log(), small_segments()).error().code, Errc::corrupt);
  fs::rename(folder.path() / "key", folder.log() / "key");
  EXPECT_TRUE(Writer::open(folder.log(), small_segments()));
}

// A disk that refuses its Nth operation, for every N, for good or once: never an acknowledged entry lost, none twice.
TEST(Writer, AnyFailureOfTheDiskLosesNothingThatWasAcknowledged) {
  for (const int error : {ENOSPC, EIO}) {
    for (const bool once : {true, false}) {
      bool failed = true;
      for (int nth = 1; failed; ++nth) {
        LogFolder folder;
        int count = 0;
        failed = false;
        set_disk_fault_for_tests([&](const char*) {
          ++count;
          const bool now = once ? count == nth : count >= nth;
          failed = failed || now;
          return now ? error : 0;
        });
        std::uint64_t acknowledged = 0;
        bool refused = false;
        for (int round = 0; round < 2; ++round) {
          auto writer = Writer::open(folder.log(), small_segments());
          if (!writer) continue;
          for (int i = 0; i < 6; ++i) {
            const std::uint64_t before = writer->size();
            if (add(*writer, {i % 3 + 1})) {
              ASSERT_FALSE(refused && round == 0) << "nothing is acknowledged after a failure";
              acknowledged = std::max(acknowledged, before + i % 3 + 1);
            } else {
              refused = true;
              EXPECT_TRUE(writer->failed());
            }
          }
        }
        set_disk_fault_for_tests({});
        const std::vector<std::string> there = entries_of(folder.log());
        ASSERT_GE(there.size(), acknowledged) << "operation " << nth;
        {
          auto reopened = Writer::open(folder.log(), small_segments());
          ASSERT_TRUE(reopened) << "operation " << nth << ": " << reopened.error().what;
          ASSERT_GE(reopened->size(), acknowledged) << "operation " << nth;
          ASSERT_TRUE(add(*reopened, {1}));
        }
        const auto verified = verify_log(folder.log());
        ASSERT_TRUE(verified) << "operation " << nth << ": " << verified.error().what;
        const auto entries = entries_of(folder.log());
        for (std::size_t i = 0; i < entries.size(); ++i) ASSERT_EQ(entries[i], entry(static_cast<int>(i)));
        ASSERT_LT(nth, 500);
      }
    }
  }
}

// Of a write that ran out of space, any part may be there.
TEST(Writer, AFullDiskLeavesALogThatOpens) {
  LogFolder folder;
  WriterOptions options = small_segments();
  options.segment_bytes = 1 << 20;
  const fs::path segment = Files{folder.log()}.segment(0);
  std::mt19937 random(3);
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 60; ++round) {
    Writer writer = Writer::open(folder.log(), options).value();
    ASSERT_EQ(writer.size(), acknowledged);
    ASSERT_TRUE(add(writer, {2}));
    acknowledged += 2;
    // What the kernel has taken of the next group before it says ENOSPC.
    const std::size_t whole = fs::file_size(segment);
    set_disk_fault_for_tests(
        [&](const char* operation) { return std::string_view(operation) == "fsync" ? ENOSPC : 0; });
    ASSERT_FALSE(add(writer, {3}));
    set_disk_fault_for_tests({});
    ASSERT_FALSE(add(writer, {1})) << "not tried again";
    const std::size_t written = fs::file_size(segment);
    ASSERT_GT(written, whole);
    fs::resize_file(segment, whole + random() % (written - whole));
  }
  ASSERT_EQ(Writer::open(folder.log(), options).value().size(), acknowledged);
  EXPECT_EQ(verify_log(folder.log()).value().checkpoint.size, acknowledged);
}

TEST(Log, EntriesAreCalledBackOnceInGroups) {
  LogFolder folder;
  std::atomic<int> durable = 0;
  {
    Log log = Log::open(folder.log()).value();
    for (int i = 0; i < 3000; ++i) log.append(entry(i), [&](bool good) { durable += good ? 1 : 1000; });
    log.flush();
    EXPECT_EQ(durable, 3000);
    const GroupCommitCounts counts = log.counts();
    EXPECT_EQ(counts.stored, 3000u);
    EXPECT_GE(counts.groups, 3000u / kLargestGroup);
    EXPECT_LE(counts.groups, 3000u);
    log.append(entry(3000), [&](bool good) { durable += good ? 1 : 1000; });
  }
  EXPECT_EQ(durable, 3001) << "what waits when the log is closed is written";
  EXPECT_EQ(verify_log(folder.log()).value().checkpoint.size, 3001u);
  const auto entries = entries_of(folder.log());
  for (int i = 0; i <= 3000; ++i) ASSERT_EQ(entries[i], entry(i)) << "in the order of arrival";
}

TEST(Log, AfterAFailureNothingIsAcknowledged) {
  LogFolder folder;
  Log log = Log::open(folder.log()).value();
  int good = 0, bad = 0;
  const auto count = [&](bool durable) { ++(durable ? good : bad); };
  log.append(entry(0), count);
  log.flush();
  set_disk_fault_for_tests([](const char* operation) { return std::string_view(operation) == "fsync" ? EIO : 0; });
  log.append(entry(1), count);
  log.flush();
  set_disk_fault_for_tests({});
  ASSERT_TRUE(log.failure());
  EXPECT_EQ(log.failure()->code, Errc::io);
  log.append(entry(2), count);
  log.flush();
  EXPECT_EQ(good, 1);
  EXPECT_EQ(bad, 2);
  ASSERT_TRUE(append_one(folder.log(), entry(3))) << "another start goes on";
  EXPECT_TRUE(verify_log(folder.log()));
}

}  // namespace
}  // namespace freehold::audit
