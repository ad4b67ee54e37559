// Whatever is changed in a log, in any of its files, is found: by itself, or where the result is an older state of the
// log, by a checkpoint that was kept elsewhere. $FREEHOLD_AUDIT_TAMPERS: how many (1500). tests/e2e/audit_test.py does
// the same from outside, with both verifiers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include "audit/reader.h"
#include "audit/record.h"
#include "audit/testing.h"
#include "audit/verify.h"
#include "audit/writer.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;
using Content = std::map<std::string, std::string>;  // by name

constexpr const char* kFiles[] = {"key.pub", "checkpoint", "tree/level-00", "tree/level-08", "tree/index"};

struct Sample {
  testing::LogFolder folder;
  Content now, before;  // the log, and an older state of it
  std::string note;     // the latest checkpoint

  Sample() {
    WriterOptions options;
    options.segment_bytes = 30'000;
    std::mt19937 random(1);
    int number = 0;
    for (int part = 0; part < 2; ++part) {
      {
        Writer writer = Writer::open(folder.log(), options).value();
        while (writer.size() < (part == 0 ? 150u : 300u)) {
          std::vector<std::string> entries(1 + random() % 30);
          for (std::string& e : entries) {
            e = R"({"id":"req_)" + std::to_string(number++) + R"(","text":")" + std::string(random() % 200, 'x') +
                "\"}";
          }
          const std::vector<std::string_view> views(entries.begin(), entries.end());
          if (!writer.commit(views)) std::abort();
        }
        note = writer.note();
      }
      (part == 0 ? before : now) = read();
    }
  }

  Content read() const {
    Content out;
    const std::vector<Segment> segments = list_segments({folder.log()}).value();
    for (const Segment& s : segments) out[s.path.filename().string()] = read_file(s.path).value();
    for (const char* name : kFiles) out[name] = read_file(folder.log() / name).value();
    return out;
  }
  void write(const Content& content) const {
    const std::vector<Segment> segments = list_segments({folder.log()}).value();
    for (const Segment& s : segments) fs::remove(s.path);
    for (const char* name : kFiles) fs::remove(folder.log() / name);
    for (const auto& [name, bytes] : content) std::ofstream(folder.log() / name, std::ios::binary) << bytes;
  }
};

// Each record of a segment.
std::vector<std::string> records_of(std::string_view bytes) {
  std::vector<std::string> out;
  while (const auto record = read_record(bytes)) {
    out.emplace_back(bytes.substr(0, record->bytes));
    bytes.remove_prefix(record->bytes);
  }
  return out;
}
std::string joined(const std::vector<std::string>& records) {
  std::string out;
  for (const std::string& record : records) out += record;
  return out;
}

// Another content of `sample`, and what was done. Records are changed as somebody would who knows the format: sums fit.
std::string tamper(const Sample& sample, Content& content, std::mt19937& random) {
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  auto file = std::next(content.begin(), static_cast<std::ptrdiff_t>(pick(content.size())));
  std::string& bytes = file->second;
  std::vector<Content::iterator> segments;
  for (auto it = content.begin(); it != content.end(); ++it) {
    if (it->first.starts_with("entries-")) segments.push_back(it);
  }
  std::string& segment = segments[pick(segments.size())]->second;
  std::vector<std::string> records = records_of(segment);
  const std::size_t i = pick(records.size()), j = pick(records.size());
  switch (pick(12)) {
    case 0:
      bytes[pick(bytes.size())] ^= static_cast<char>(1u << pick(8));
      return "flip in " + file->first;
    case 1: {
      const std::size_t from = pick(bytes.size());
      bytes.erase(from, 1 + pick(300));
      return "delete in " + file->first;
    }
    case 2:
      bytes.resize(pick(bytes.size()));
      return "truncate " + file->first;
    case 3:
      bytes.insert(pick(bytes.size() + 1), bytes.substr(pick(bytes.size()), 1 + pick(200)));
      return "insert in " + file->first;
    case 4:
      records.erase(records.begin() + static_cast<std::ptrdiff_t>(i));
      segment = joined(records);
      return "delete a record";
    case 5:
      std::swap(records[i], records[j]);
      segment = joined(records);
      return "swap records";
    case 6:
      records.insert(records.begin() + static_cast<std::ptrdiff_t>(i), records[j]);
      segment = joined(records);
      return "repeat a record";
    case 7: {
      const auto record = read_record(records[i]).value();
      std::string payload(record.payload), forged;
      payload[pick(payload.size())] ^= 1;
      append_record(forged, record.kind, payload);
      records[i] = forged;
      segment = joined(records);
      return "forge a record";
    }
    case 8: {
      std::string forged;
      append_record(forged, RecordKind::entry, R"({"id":"req_forged"})");
      records.insert(records.begin() + static_cast<std::ptrdiff_t>(pick(records.size() + 1)), forged);
      segment = joined(records);
      return "splice in an entry";
    }
    case 9:
      content.erase(file);
      return "remove a file";
    case 10: {
      // Everything of an older log, or only some of its files.
      content = sample.before;
      if (pick(2) == 0) return "roll back";
      for (const auto& [name, now] : sample.now) {
        if (pick(2) == 0) content[name] = now;
      }
      return "roll back in part";
    }
    default: {
      // The last groups cut off, and every file made to fit what is left: a log that is right in itself.
      std::vector<std::string> last = records_of(segments.back()->second);
      while (!last.empty() && (last.back()[0] != 'C' || pick(3) != 0)) last.pop_back();
      if (last.empty()) {
        content.erase(segments.back());
      } else {
        segments.back()->second = joined(last);
      }
      content.erase("checkpoint");
      return "cut at a checkpoint";
    }
  }
}

TEST(Tamper, EveryChangeOfALogIsFound) {
  const Sample sample;
  ASSERT_TRUE(verify_log(sample.folder.log(), {.against = {KeptCheckpoint(sample.note)}}));
  std::mt19937 random(7);
  std::map<std::string, int> done;
  const char* wanted = std::getenv("FREEHOLD_AUDIT_TAMPERS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 1500;
  for (int round = 0; round < rounds; ++round) {
    Content content = sample.now;
    const std::string what = tamper(sample, content, random);
    // A swap of a record with itself; or only the copy for mirrors is older or gone, which it may be.
    Content without = content, whole = sample.now;
    without.erase("checkpoint"), whole.erase("checkpoint");
    if (content == sample.now || ((what == "roll back in part" || what == "cut at a checkpoint") && without == whole))
      continue;
    if (what == "remove a file" && content.size() + 1 == sample.now.size() && !content.contains("checkpoint")) continue;
    ++done[what.substr(0, what.find(" in "))];
    sample.write(content);
    const auto verified = verify_log(sample.folder.log(), {.against = {KeptCheckpoint(sample.note)}});
    ASSERT_FALSE(verified) << "round " << round << ": " << what;
    ASSERT_TRUE(verified.error().code == Errc::corrupt || verified.error().code == Errc::invalid ||
                verified.error().code == Errc::not_found)
        << verified.error().what;
    // Without a checkpoint from elsewhere only older states pass.
    if (what != "roll back" && what != "cut at a checkpoint" && what.find("checkpoint") == std::string::npos) {
      const auto alone = verify_log(sample.folder.log());
      ASSERT_TRUE(!alone || alone->checkpoint.size < 300) << "round " << round << ": " << what;
    }
  }
  EXPECT_GE(done.size(), 10u);
  sample.write(sample.now);
  EXPECT_TRUE(verify_log(sample.folder.log(), {.against = {KeptCheckpoint(sample.note)}}));
}

// Somebody with all rights on the machine makes the whole log anew, with a key of his own.
TEST(Tamper, ALogMadeAnewIsFoundByTheKeyOrByAnOldCheckpoint) {
  const Sample mine, forged;
  const std::string kept = mine.note;
  EXPECT_TRUE(verify_log(forged.folder.log()));
  EXPECT_FALSE(verify_log(forged.folder.log(), {.against = {KeptCheckpoint(kept)}}));
  const VerifierKey key = VerifierKey::parse(read_file(mine.folder.log() / "key.pub").value()).value();
  EXPECT_FALSE(verify_log(forged.folder.log(), {.key = key}));
  EXPECT_TRUE(verify_log(mine.folder.log(), {.key = key, .against = {KeptCheckpoint(kept)}}));
}

TEST(Tamper, EveryEntryIsProvenByAFileThatNothingElseFits) {
  const Sample sample;
  const Reader reader = Reader::open(sample.folder.log()).value();
  std::mt19937 random(5);
  for (std::uint64_t number = 0; number < reader.size(); number += 1 + random() % 9) {
    const std::string proof = reader.prove(number).value();
    const Proven proven = check_proof(proof, reader.key()).value();
    EXPECT_EQ(proven.number, number);
    EXPECT_EQ(proven.entry, reader.entry(number).value());
    EXPECT_EQ(reader.find("req_" + std::to_string(number)).value(), number);
    for (int round = 0; round < 20; ++round) {
      std::string other = proof;
      other[random() % other.size()] ^= static_cast<char>(1u << random() % 8);
      EXPECT_FALSE(check_proof(other, reader.key()));
      EXPECT_FALSE(check_proof(std::string_view(proof).substr(0, random() % proof.size()), reader.key()));
    }
  }
  EXPECT_EQ(reader.prove(reader.size()).error().code, Errc::not_found);
  EXPECT_EQ(reader.find("req_none").value(), std::nullopt);
  const VerifierKey& key = reader.key();
  const Checkpoint old = key.open(sample.before.at("checkpoint")).value();
  EXPECT_TRUE(verify_consistency(old.size, old.root, reader.size(), key.open(reader.note()).value().root,
                                 reader.consistency(old).value()));
}

}  // namespace
}  // namespace freehold::audit
