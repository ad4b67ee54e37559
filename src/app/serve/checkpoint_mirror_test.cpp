#include "app/serve/checkpoint_mirror.h"

#include <gtest/gtest.h>

#include "audit/note.h"
#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

std::string note_of(const audit::SigningKey& key, std::uint64_t size, std::int64_t time) {
  return key.sign({key.verifier().name(), size, audit::leaf_hash(std::to_string(size)), {}, time});
}

constexpr std::int64_t kNoon = 1'801'396'800;  // 2027-01-31T12:00:00Z

TEST(CheckpointMirror, TheLatestAndTheLastOfEachDay) {
  const TemporaryFolder folder;
  const auto key = audit::SigningKey::create();
  const std::string one = note_of(*key, 10, kNoon), two = note_of(*key, 20, kNoon + 60),
                    three = note_of(*key, 21, kNoon + 86'400);
  for (const std::string& note : {one, two, two, three}) ASSERT_TRUE(mirror_checkpoint(note, folder.path()));
  EXPECT_EQ(*read_file(folder.path() / "checkpoint"), three);
  EXPECT_EQ(*read_file(folder.path() / "checkpoint-2027-01-31"), two);
  EXPECT_EQ(*read_file(folder.path() / "checkpoint-2027-02-01"), three);
}

TEST(CheckpointMirror, NothingIsMadeAndNothingOverwritten) {
  const TemporaryFolder folder;
  const auto key = audit::SigningKey::create(), other = audit::SigningKey::create();
  EXPECT_EQ(mirror_checkpoint(note_of(*key, 10, kNoon), folder.path() / "stick").error().code, Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "stick")) << "it would look like the stick";
  ASSERT_TRUE(mirror_checkpoint(note_of(*key, 10, kNoon), folder.path()));
  EXPECT_EQ(mirror_checkpoint(note_of(*key, 9, kNoon), folder.path()).error().code, Errc::corrupt) << "rolled back";
  EXPECT_EQ(mirror_checkpoint(note_of(*other, 11, kNoon), folder.path()).error().code, Errc::corrupt) << "another log";
  const std::string regrown = key->sign({key->verifier().name(), 10, audit::leaf_hash("others"), {}, kNoon + 60});
  EXPECT_EQ(mirror_checkpoint(regrown, folder.path()).error().code, Errc::corrupt) << "as many entries, and others";
  EXPECT_EQ(*read_file(folder.path() / "checkpoint"), note_of(*key, 10, kNoon));
  const auto never = [](const audit::Checkpoint&) -> Result<> { return fail(Errc::corrupt, "no"); };
  EXPECT_EQ(mirror_checkpoint(note_of(*key, 11, kNoon), folder.path(), never).error().code, Errc::corrupt)
      << "rolled back, and grown since";
  EXPECT_EQ(*read_file(folder.path() / "checkpoint"), note_of(*key, 10, kNoon));
  std::filesystem::remove(folder.path() / "checkpoint");
  EXPECT_EQ(mirror_checkpoint(note_of(*key, 9, kNoon), folder.path()).error().code, Errc::corrupt) << "that of the day";
  EXPECT_FALSE(mirror_checkpoint("no note", folder.path()));
}

TEST(CheckpointMirror, AThreadThatSaysWhatItCannotDo) {
  const TemporaryFolder folder;
  const auto key = audit::SigningKey::create();
  ASSERT_TRUE(make_directories(folder.path() / "log"));
  ASSERT_TRUE(write_file_atomically(folder.path() / "log" / "checkpoint", note_of(*key, 10, kNoon)));
  std::vector<std::string> said;
  {
    CheckpointMirror mirror(folder.path() / "log", folder.path() / "stick",
                            [&](const std::string& line) { said.push_back(line); });
  }
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("NOT mirrored"), std::string::npos);
  ASSERT_TRUE(make_directories(folder.path() / "stick"));
  { CheckpointMirror mirror(folder.path() / "log", folder.path() / "stick", {}); }
  EXPECT_EQ(*read_file(folder.path() / "stick" / "checkpoint"), note_of(*key, 10, kNoon));
}

}  // namespace
}  // namespace freehold::app
