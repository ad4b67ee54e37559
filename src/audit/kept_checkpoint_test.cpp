#include "audit/kept_checkpoint.h"

#include <gtest/gtest.h>

namespace freehold::audit {
namespace {

std::string with(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

struct Kept : ::testing::Test {
  SigningKey key = SigningKey::create().value();
  Checkpoint checkpoint{key.verifier().name(), 1234, leaf_hash("root"), leaf_hash("previous"), 1'801'396'800};
  std::string note = key.sign(checkpoint);

  Error error_of(std::string text) {
    return open_kept(key.verifier(), KeptCheckpoint(std::move(text), "paper")).error();
  }
};

TEST_F(Kept, BlanksLineEndsAndDashesDoNotMatter) {
  EXPECT_EQ(tidied_note(note), note);
  for (const std::string& typed :
       {note, with(note, "\n", "\r\n"), with(note, "\n", " \t\n"), note.substr(0, note.size() - 1), note + "\n \r\n",
        with(note, kDash, "- "), with(note, kDash, "-- "), with(with(note, kDash, "\xE2\x80\x93 "), "\n", " \r\n")}) {
    EXPECT_EQ(tidied_note(typed), note);
    EXPECT_EQ(open_kept(key.verifier(), KeptCheckpoint(typed)).value(), checkpoint);
  }
  EXPECT_EQ(tidied_note(" \r\n"), "");
}

TEST_F(Kept, EveryCharacterCountsAndNoMistakeSaysThatTheLogWasChanged) {
  for (std::size_t i = 0; i < note.size(); ++i) {
    std::string other = note;
    other[i] = other[i] == 'x' ? 'y' : 'x';
    const Result<Checkpoint> opened = open_kept(key.verifier(), KeptCheckpoint(other, "paper"));
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().code, Errc::invalid) << opened.error().what;
    EXPECT_TRUE(opened.error().what.starts_with("paper: ")) << opened.error().what;
  }
  for (std::size_t i = 0; i + 1 < note.size(); ++i) EXPECT_EQ(error_of(note.substr(0, i)).code, Errc::invalid) << i;
}

TEST_F(Kept, TheLineIsNamed) {
  EXPECT_NE(error_of("").what.find("line 1 is missing, expected: freehold.audit/"), std::string::npos);
  EXPECT_NE(error_of(with(note, "\n1234\n", "\n12E4\n")).what.find("line 2 is '12E4', expected: the number of entries"),
            std::string::npos);
  EXPECT_NE(error_of(with(note, "time ", "tine ")).what.find("line 5 is 'tine 2027-01-31T12:00:00Z', expected: 'time'"),
            std::string::npos);
  EXPECT_NE(error_of(with(note, "\n1234\n", "\n1235\n")).what.find("its text is not what was signed"),
            std::string::npos);
}

TEST_F(Kept, OfAnotherLogItSaysSo) {
  const SigningKey other = SigningKey::create().value();
  const Error error = open_kept(other.verifier(), KeptCheckpoint(note, "paper")).error();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_TRUE(error.what.starts_with("paper: the checkpoint is of " + checkpoint.origin)) << error.what;
}

}  // namespace
}  // namespace freehold::audit
