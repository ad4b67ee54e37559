// Where somebody is named in what nothing says whom it is about.
#include "app/erase/mentions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

TEST(NameFinder, FindsWordsOfTheirOwn) {
  const NameFinder finder({"alice", "patient-4711"});
  for (const char* line : {"alice", "say alice.", R"({"text":"alice"})", "(alice)", "of patient-4711, seen"}) {
    EXPECT_TRUE(finder.in(line)) << line;
  }
  for (const char* line : {"", "malice", "alices", "Alice", "alice_b", "alice\xc3\xa9", "patient-47110", "patient"}) {
    EXPECT_FALSE(finder.in(line)) << line;
  }
  EXPECT_TRUE(finder.in("alices and alice"));
  EXPECT_FALSE(NameFinder({""}).in("anything"));
}

TEST(NameFinder, FindsWhatJsonEscapes) {
  const NameFinder finder({"Zo\xc3\xab \"Z\"", "\xf0\x9f\x98\x80"});
  EXPECT_TRUE(finder.in("Zo\xc3\xab \"Z\""));
  EXPECT_TRUE(finder.in(R"({"a":"Zo\u00eb \"Z\""})"));
  EXPECT_TRUE(finder.in(R"({"a":"Zo\u00EB \"Z\""})"));
  EXPECT_TRUE(finder.in(R"({"a":"\ud83d\ude00"})"));
  EXPECT_FALSE(finder.in(R"({"a":"Zo\u00ec"})"));
  // A name that is no UTF-8 is looked for as it is.
  EXPECT_TRUE(NameFinder({"\xff\xfe"}).in("x \xff\xfe y"));
}

class Mentions : public ::testing::Test {
 protected:
  std::string put(const std::string& name, std::string_view text) {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    EXPECT_TRUE(write_file_atomically(path, text));
    return path.string();
  }
  static store::Listed model(const std::string& name, std::vector<store::LearnedFrom> learned_from) {
    store::Manifest manifest;
    manifest.from.learned_from = std::move(learned_from);
    return {*store::ModelName::parse_given(name), std::move(manifest)};
  }
  TemporaryFolder folder_;
};

TEST_F(Mentions, CountsLinesOfFiles) {
  EXPECT_TRUE(mentions_in_files(folder_.path(), NameFinder({"alice"})).empty());
  put("files/file-b", "alice and alice\nbob\nalice");
  put("files/file-a", "alice\n");
  put("files/file-c", "bob\n");
  put("files/erasing-x", "alice\n");
  std::filesystem::create_directory(folder_.path() / "files" / "file-d");
  const auto found = mentions_in_files(folder_.path(), NameFinder({"alice"}));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].file + " " + found[1].file, "file-a file-b");
  EXPECT_EQ(found[0].lines, 1U);
  EXPECT_EQ(found[1].lines, 2U);
  EXPECT_TRUE(mentions_in_files(folder_.path(), NameFinder({})).empty());
}

TEST_F(Mentions, WhatCannotBeLookedThroughKeepsNobodyFromTheOthers) {
  put("files/file-a", "alice\n");
  put("files/file-b", "alice\n");
  std::filesystem::permissions(folder_.path() / "files" / "file-a", std::filesystem::perms::none);
  if (InputFile::open(folder_.path() / "files" / "file-a")) GTEST_SKIP() << "this user may read everything";
  const auto found = mentions_in_files(folder_.path(), NameFinder({"alice"}));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].unknown.empty());
  EXPECT_EQ(found[1].lines, 1U);
}

TEST_F(Mentions, TellsWhatModelsLearnedFrom) {
  const std::string his = put("his", "alice\nalice\n"), other = put("other", "bob\n"), gone = put("gone", "");
  std::filesystem::remove(gone);
  const std::string same = sha256(std::string_view("bob\n")).hex();
  const std::vector<store::Listed> models = {model("a", {{his, "whatever"}, {other, same}}),
                                             model("b", {{other, same}}),
                                             model("c", {{other, "another"}, {gone, same}}), model("d", {})};
  const auto lessons = lessons_about(models, NameFinder({"alice"}));
  ASSERT_EQ(lessons.size(), 3U);
  EXPECT_EQ(lessons[0].model, "a:latest");
  EXPECT_EQ(lessons[0].file, his);
  EXPECT_EQ(lessons[0].lines, 2U);
  EXPECT_EQ(lessons[0].unknown, "");
  EXPECT_EQ(lessons[1].unknown, "it has been changed since");
  EXPECT_EQ(lessons[2].unknown, "it is not there any more");
  EXPECT_EQ(lesson_files(models).size(), 2U);
  EXPECT_TRUE(lessons_about(models, NameFinder({})).empty());
}

TEST_F(Mentions, KnowsTheFolderOfTheRun) {
  const std::string his = put("his", "alice\n"), adapter = put("run/adapter.safetensors", "");
  std::vector<store::Listed> models = {model("adapter", {{his, ""}}), model("both", {{his, ""}}),
                                       model("made", {{his, ""}}), model("other", {{his, ""}})};
  models[0].manifest->from.source = adapter;
  models[0].manifest->model.kind = store::Kind::peft_adapter;
  // Made of a base model that came from somewhere else.
  models[1].manifest->from.source = his;
  models[1].manifest->model.adapter = store::AdapterTuple{store::Kind::peft_adapter, {}};
  models[2].manifest->from.source = "/run quantized to Q4_K";
  models[3].manifest->from.source = his;
  models[3].manifest->model.adapter = store::AdapterTuple{store::Kind::gguf_adapter, {}};
  const auto lessons = lessons_about(models, NameFinder({"alice"}));
  ASSERT_EQ(lessons.size(), 4U);
  EXPECT_EQ(lessons[0].folder, (folder_.path() / "run").string());
  EXPECT_EQ(lessons[1].folder, lessons[0].folder);
  EXPECT_EQ(lessons[2].folder, "");
  EXPECT_EQ(lessons[3].folder, "");  // it is in the store no more
}

}  // namespace
}  // namespace freehold::app
