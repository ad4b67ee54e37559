// Task files: what is read, what is refused, and how a row becomes a question.
#include "eval/task.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "eval/literal.h"
#include "eval/pattern.h"
#include "eval/question.h"
#include "eval/shipped.h"
#include "eval/unpack.h"

namespace freehold::eval {
namespace {

Row row_of(std::vector<std::pair<std::string, Field>> fields) {
  Row row;
  row.fields = std::move(fields);
  row.line = 7;
  return row;
}

std::string fill(std::string_view pattern, const Row& row) {
  auto parsed = Pattern::parse(pattern);
  if (!parsed) return "refused: " + parsed.error().what;
  auto text = parsed->fill(row);
  return text ? *text : "error: " + text.error().what;
}

TEST(Pattern, FillsFieldsAndAppliesVerbs) {
  const Row row = row_of({{"q", {.text = "  how ? "}},
                          {"name", {.text = "high_school_physics"}},
                          {"answer", {.text = "1 + 2\n#### 3"}},
                          {"options", {.text = "x y", .list = {"x", "y"}, .is_list = true}}});
  EXPECT_EQ(fill("Q: {q|strip}!", row), "Q: how ?!");
  EXPECT_EQ(fill("{name|spaces|capital}", row), "High school physics");
  EXPECT_EQ(fill("{answer|after:#### }", row), "3");
  EXPECT_EQ(fill("{answer|before:\n}", row), "1 + 2");
  EXPECT_EQ(fill("{options|join:; } {options|last_letter}", row), "x; y B");
  EXPECT_EQ(fill("{options|letters}", row), "A. x\nB. y");
  EXPECT_EQ(fill("{{{q|strip|without:how|strip|period}}}", row), "{?.}");
}

TEST(Pattern, RefusesWhatItDoesNotKnow) {
  const Row row = row_of({{"q", {.text = "x"}}});
  EXPECT_NE(fill("{q|shout}", row).find("no verb 'shout'"), std::string::npos);
  EXPECT_NE(fill("{q", row).find("never closed"), std::string::npos);
  EXPECT_NE(fill("q}", row).find("closes nothing"), std::string::npos);
  EXPECT_NE(fill("{q|after}", row).find("needs an argument"), std::string::npos);
  EXPECT_NE(fill("{other}", row).find("line 7: there is no field 'other'"), std::string::npos);
}

TEST(Shipped, EveryTaskHasDataWithADigestAndEveryGroupItsMembers) {
  const Shipped& all = shipped();
  EXPECT_EQ(all.tasks.expand("mmlu")->size(), 57u);
  for (const Task& task : all.tasks.tasks) {
    EXPECT_TRUE(all.digests.contains(task.data.file)) << task.name;
    if (task.shots.from) {
      EXPECT_TRUE(all.digests.contains(task.shots.from->file)) << task.name;
    }
    EXPECT_FALSE(task.metrics.empty()) << task.name;
  }
  for (const Group& group : all.tasks.groups) EXPECT_TRUE(all.tasks.expand(group.name)) << group.name;
  const auto typo = all.tasks.expand("helaswag");
  ASSERT_FALSE(typo);
  EXPECT_NE(typo.error().what.find("hellaswag"), std::string::npos);
}

TEST(Literals, BecomeJson) {
  const auto json = [](std::string_view text) {
    auto out = json_of_literal(text);
    return out ? *out : "refused";
  };
  EXPECT_EQ(json(R"({'a': "it's", 'b': ['x\'y', 'say "so"'], 'c': None, 'd': -1.5, 'e': {'f': True}})"),
            R"({"a": "it's", "b": ["x'y", "say \"so\""], "c": null, "d": -1.5, "e": {"f": true}})");
  EXPECT_EQ(json(R"('\x41\u00e9\U0001F600\101\n\\frac \d')"), "\"Aé😀A\\u000a\\\\frac \\\\d\"");
  EXPECT_EQ(json("'é\t'"), "\"é\\u0009\"");
  for (const char* wrong : {"open('x')", "'open", "'\\", "'\\x4'", "'\\ud800'", "{'a': b}", "f'x'"})
    EXPECT_EQ(json(wrong), "refused") << wrong;
}

TEST(Rows, OfAColumnOfLiterals) {
  const std::string table =
      ",one,two\nsample 1,\"{'q': 'x', 'o': ['(A)1', '(B)2'], 'n': None, 'in': {'s': 'y'}}\",\nexplanation "
      "1,because,\nsample 2,,\n";
  const auto rows = parse_rows(table, DataFormat::cells, {"one"});
  ASSERT_TRUE(rows) << rows.error().what;
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(fill("{q} {o|join:;} {n}{in.s}", rows->at(0)), "x (A)1;(B)2 y");
  EXPECT_EQ(parse_rows(table, DataFormat::cells, {"two"})->size(), 0u);
  EXPECT_FALSE(parse_rows(table, DataFormat::cells, {"three"}));
  EXPECT_FALSE(parse_rows("a\n{'q': x}\n", DataFormat::cells, {"a"}));
}

TEST(TaskFile, NamesTheLineAndTheKeyOfWhatIsWrong) {
  const auto refused = [](std::string_view yaml) {
    auto set = parse_tasks(yaml, "my.yaml");
    return set ? std::string("accepted") : set.error().what;
  };
  EXPECT_NE(refused("tasks: []").find("version"), std::string::npos);
  const std::string head =
      "version: 1\ntasks:\n  - name: t\n    kind: choice\n    data: {file: x.jsonl}\n    prompt: p\n";
  EXPECT_NE(refused(head + "    choises: [a]\n").find("did you mean choices"), std::string::npos);
  EXPECT_NE(refused(head + "    choices: [a]\n    metrics: [acc]\n").find("'right'"), std::string::npos);
  EXPECT_NE(refused(head + "    choices: [a]\n    right: {index: i}\n    metrics: [f1]\n").find("'f1' is no metric"),
            std::string::npos);
  EXPECT_EQ(refused(head + "    choices: [a]\n    right: {index: i}\n    metrics: [acc]\n"), "accepted");
  EXPECT_NE(refused(head + "    choices: [a]\n    right: {index: i}\n    metrics: [acc, acc]\n").find("twice"),
            std::string::npos);
  EXPECT_NE(refused(head + "    choices: [\"{x|run}\"]\n    right: {index: i}\n    metrics: [acc]\n").find("line 7"),
            std::string::npos);
}

// Of choices that differ in their prompts (WinoGrande), of one right text in front (TruthfulQA's first kind), and of
// several (its second).
TEST(TaskFile, RefusesMetricsThatWouldMeanNothing) {
  const auto said = [](std::string_view choices, std::string_view metrics) {
    auto set = parse_tasks("version: 1\ntasks:\n  - name: t\n    kind: choice\n    data: {file: x.jsonl}\n" +
                               std::string(choices) + "    metrics: [" + std::string(metrics) + "]\n",
                           "my.yaml");
    return set ? std::string("accepted") : set.error().what;
  };
  constexpr std::string_view kContexts = "    contexts: c\n    target: t\n    right: {index: i}\n";
  constexpr std::string_view kOne = "    prompt: p\n    choices: ['{a}', {list: b}]\n    right: {source: 0}\n";
  constexpr std::string_view kSeveral = "    prompt: p\n    choices: [{list: a}, {list: b}]\n    right: {source: 0}\n";
  constexpr std::string_view kIndexed = "    prompt: p\n    choices: [{list: a}]\n    right: {index: i}\n";
  for (const auto choices : {kContexts, kOne, kSeveral, kIndexed})
    EXPECT_EQ(said(choices, "acc, acc_byte, acc_token, acc_uncond, mc2"), "accepted") << choices;
  for (const auto choices : {kContexts, kOne, kIndexed}) EXPECT_EQ(said(choices, "acc, ece"), "accepted") << choices;
  EXPECT_NE(said(kSeveral, "acc, ece").find("line 3: ece is of one right choice"), std::string::npos);
  EXPECT_EQ(said(kIndexed, "letter"), "accepted");
  EXPECT_NE(said(kContexts, "letter").find("have no letters"), std::string::npos);
  for (const auto choices : {kOne, kSeveral})
    EXPECT_NE(said(choices, "letter").find("always stand at the same letters"), std::string::npos) << choices;
}

TEST(TaskFile, GroupsContainTasksAndNotThemselves) {
  const std::string head =
      "version: 1\ntasks:\n  - {name: t, kind: perplexity, data: {file: x.jsonl}, target: '{x}', metrics: "
      "[perplexity]}\ngroups:\n";
  const auto said = [&](std::string_view groups) {
    auto set = parse_tasks(head + std::string(groups), "my.yaml");
    if (!set) return set.error().what;
    const auto good = set->check_members();
    return good ? std::string("good") : good.error().what;
  };
  EXPECT_EQ(said("  - {name: a, members: [b, t]}\n  - {name: b, members: [t]}\n"), "good");
  EXPECT_EQ(said("  - {name: a, members: [a]}\n"), "my.yaml: line 5: group 'a' contains itself");
  EXPECT_EQ(said("  - {name: z, members: [a]}\n  - {name: a, members: [t, b]}\n  - {name: b, members: [t, a]}\n"),
            "my.yaml: line 7: group 'a' contains itself, by way of 'b'");
  EXPECT_EQ(said("  - {name: long, members: [t]}\n  - {name: a, members: [t, lnog]}\n"),
            "my.yaml: line 6: group 'a' has a member 'lnog', which is no task; did you mean long?");
  EXPECT_NE(said("  - {name: a, members: [t, t]}\n").find("line 5: group 'a' names 't' twice"), std::string::npos);
  // What one file lacks another may have; together they may be wrong.
  auto one = parse_tasks("version: 1\ngroups:\n  - {name: a, members: [b]}\n", "one.yaml");
  auto two = parse_tasks("version: 1\ngroups:\n  - {name: b, members: [a]}\n", "two.yaml");
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->check_members().error().what.find("one.yaml: line 3"), std::string::npos);
  ASSERT_TRUE(one->add(std::move(*two)));
  EXPECT_EQ(one->check_members().error().what, "two.yaml: line 3: group 'a' contains itself, by way of 'b'");
  EXPECT_TRUE(shipped().tasks.check_members());
}

class QuestionsTest : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file_atomically(folder_.path() / name, text));
  }
  Task task_from(const std::string& yaml) {
    auto set = parse_tasks("version: 1\ntasks:\n" + yaml, "test");
    EXPECT_TRUE(set) << set.error().what;
    return set ? set->tasks.at(0) : Task{};
  }
  DataFolder data() { return {folder_.path(), nullptr}; }
  TemporaryFolder folder_;
};

// An example that takes another one's place has its number, too.
TEST_F(QuestionsTest, ExamplesAreNumberedAndChoicesMayBeLetters) {
  std::string lines;
  for (int i = 0; i < 4; ++i) lines += "{\"q\":\"q" + std::to_string(i) + "\",\"o\":[\"x\",\"y\",\"z\"],\"a\":\"B\"}\n";
  write("t.jsonl", lines);
  const Task task = task_from(
      "  - name: t\n    kind: choice\n    data: {file: t.jsonl}\n    shots: {count: 2}\n    prompt: '{number} {q}'\n"
      "    choices: [{letters: o}]\n    right: {letter: a}\n    metrics: [acc]\n");
  const auto questions = make_questions(task, data(), {});
  ASSERT_TRUE(questions) << questions.error().what;
  const auto whole = [&](std::size_t i) {
    const Question& q = questions->questions[i];
    return questions->shared[q.shared] + q.prompts[0];
  };
  EXPECT_EQ(whole(3), "1 q0 B\n\n2 q1 B\n\n3 q3");
  EXPECT_EQ(whole(0), "1 q2 B\n\n2 q1 B\n\n3 q0");
  EXPECT_EQ(whole(1), "1 q0 B\n\n2 q2 B\n\n3 q1");
  EXPECT_EQ(questions->questions[0].answers, (std::vector<std::string>{"A", "B", "C"}));
  EXPECT_EQ(questions->questions[0].right, (std::vector<bool>{false, true, false}));
}

constexpr std::string_view kOwnShots =
    "  - name: t\n    kind: generate\n    data: {file: t.jsonl}\n    shots: {count: 2, pick: seed}\n    prompt: 'Q: "
    "{q}'\n"
    "    target: '{a}'\n    metrics: [exact_match]\n";

TEST_F(QuestionsTest, ARowIsNeverItsOwnExample) {
  std::string lines;
  for (int i = 0; i < 6; ++i) lines += "{\"q\":\"q" + std::to_string(i) + "\",\"a\":\"a" + std::to_string(i) + "\"}\n";
  write("t.jsonl", lines);
  const Task task = task_from(std::string(kOwnShots));
  const auto questions = make_questions(task, data(), {.seed = 3});
  ASSERT_TRUE(questions) << questions.error().what;
  std::size_t others = 0;
  for (const Question& q : questions->questions) {
    const std::string& shared = questions->shared[q.shared];
    EXPECT_EQ(shared.find(q.answers[0]), std::string::npos) << shared;
    EXPECT_EQ(std::count(shared.begin(), shared.end(), 'Q'), 2);
    others += q.shared != 0 ? 1 : 0;
  }
  EXPECT_EQ(others, 2u);
  const auto again = make_questions(task, data(), {.seed = 3});
  EXPECT_EQ(again->shared, questions->shared);
  EXPECT_EQ(again->digest, questions->digest);
  EXPECT_NE(make_questions(task, data(), {.seed = 4})->digest, questions->digest);
}

// Nor is a row that asks the same as it does; what takes a place is free itself.
TEST_F(QuestionsTest, NoExampleAsksWhatTheRowAsks) {
  std::string lines;
  for (const char* q : {"same", "same", "b", "same", "c", "d", "e"}) {
    lines += fmt::format("{{\"q\":\"{}\",\"a\":\"Z{}\"}}\n", q, lines.size());
  }
  write("t.jsonl", lines);
  std::string yaml(kOwnShots);
  yaml.replace(yaml.find("seed"), 4, "first");
  const auto questions = make_questions(task_from(yaml), data(), {});
  ASSERT_TRUE(questions) << questions.error().what;
  const auto asked = [&](std::size_t i) {
    std::string out;
    for (const std::string& e : questions->examples[questions->questions[i].shared])
      out += e.substr(3, e.find('Z') - 3);
    return out;
  };
  EXPECT_EQ(asked(4), "same same ") << "two others, which ask the same as each other";
  for (const std::size_t i : {0u, 1u, 3u}) EXPECT_EQ(asked(i), "b c ") << i;
  EXPECT_EQ(questions->examples.size(), 2u) << "the same examples are kept once";
  // Where too few ask something else, not itself is what is left.
  write("t.jsonl", lines.substr(0, lines.find("\"b\"")) + "\"same\",\"a\":\"x\"}\n");
  const auto same = make_questions(task_from(yaml), data(), {});
  ASSERT_TRUE(same) << same.error().what;
  ASSERT_EQ(same->questions.size(), 3u);
  for (const Question& q : same->questions) {
    for (const std::string& e : same->examples[q.shared]) EXPECT_EQ(e.find(q.answers[0]), std::string::npos) << e;
  }
}

// Published data have a few such rows, which count as wrong and are told; a task whose answers all are is a mistake.
TEST_F(QuestionsTest, SomeRightAnswersMayBeBeyondWhatEndsAnswers) {
  write("t.jsonl", "{\"q\":\"1\",\"a\":\"x.\"}\n{\"q\":\"2\",\"a\":\"y\"}\n{\"q\":\"3\",\"a\":\"z\"}\n");
  const std::string yaml =
      "  - name: t\n    kind: generate\n    data: {file: t.jsonl}\n    prompt: '{q}'\n    target: '{a}'\n"
      "    until: ['.']\n    metrics: [exact_match]\n";
  const auto questions = make_questions(task_from(yaml), data(), {});
  ASSERT_TRUE(questions) << questions.error().what;
  EXPECT_EQ(questions->beyond_until, 1u);
  EXPECT_EQ(questions->until, ".");
  EXPECT_EQ(questions->questions.size(), 3u);
}

TEST_F(QuestionsTest, TheDigestFollowsTaskAndData) {
  write("t.jsonl", "{\"q\":\"1\",\"a\":\"x\"}\n{\"q\":\"2\",\"a\":\"y\"}\n{\"q\":\"3\",\"a\":\"z\"}\n");
  Task task = task_from(std::string(kOwnShots));
  const Digest before = make_questions(task, data(), {})->digest;
  EXPECT_EQ(make_questions(task, data(), {.limit = 1})->digest, before) << "a part of the items are the same items";
  EXPECT_NE(make_questions(task, data(), {.chat = true})->digest, before);
  set_shots(task, 1);
  EXPECT_NE(make_questions(task, data(), {})->digest, before);
  write("t.jsonl", "{\"q\":\"1\",\"a\":\"x\"}\n{\"q\":\"2\",\"a\":\"y\"}\n{\"q\":\"3\",\"a\":\"changed\"}\n");
  EXPECT_NE(make_questions(task_from(std::string(kOwnShots)), data(), {})->digest, before);
}

TEST_F(QuestionsTest, ChoicesComeFromListsSplitsAndContexts) {
  write("t.jsonl", R"({"good":"a; b","bad":"c","list":["x","y"],"i":1,"l":"B"})"
                   "\n");
  const Task split = task_from(
      "  - name: t\n    kind: choice\n    data: {file: t.jsonl}\n    prompt: p\n    choices:\n"
      "      - {split: good, by: ';', each: '{it|period}'}\n      - {split: bad, by: ';'}\n    right: {source: 0}\n"
      "    metrics: [mc2]\n");
  const auto q = make_questions(split, data(), {});
  ASSERT_TRUE(q) << q.error().what;
  EXPECT_EQ(q->questions[0].answers, (std::vector<std::string>{"a.", "b.", "c"}));
  EXPECT_EQ(q->questions[0].right, (std::vector<bool>{true, true, false}));
  const Task contexts = task_from(
      "  - name: t\n    kind: choice\n    data: {file: t.jsonl}\n    contexts: list\n    target: '{bad}'\n"
      "    right: {letter: l}\n    metrics: [acc]\n");
  const auto c = make_questions(contexts, data(), {});
  ASSERT_TRUE(c) << c.error().what;
  EXPECT_EQ(c->questions[0].prompts, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(c->questions[0].right, (std::vector<bool>{false, true}));
}

TEST_F(QuestionsTest, AnotherRowThatAsksTheSameIsNoExampleEither) {
  write("t.jsonl",
        "{\"q\":\"1\",\"a\":\"x\"}\n{\"q\":\"2\",\"a\":\"y\"}\n{\"q\":\"3\",\"a\":\"z\"}\n{\"q\":\"1\",\"a\":\"x\"}\n");
  Task task = task_from(std::string(kOwnShots));
  task.shots = {.count = 1, .pick = ShotPick::first};
  const auto q = make_questions(task, data(), {});
  ASSERT_TRUE(q) << q.error().what;
  for (const std::size_t same : {0u, 3u})
    EXPECT_EQ(q->shared[q->questions[same].shared].find("Q: 1"), std::string::npos) << same;
  EXPECT_NE(q->shared[q->questions[2].shared].find("Q: 1"), std::string::npos);
}

TEST_F(QuestionsTest, EveryAnswerOfAListCounts) {
  write("t.jsonl", "{\"q\":\"1\",\"a\":[\"blue\",\"azure\"]}\n{\"q\":\"2\",\"a\":\"y\"}\n");
  Task task = task_from(std::string(kOwnShots));
  task.shots.count = 0;
  const auto q = make_questions(task, data(), {});
  ASSERT_TRUE(q) << q.error().what;
  EXPECT_EQ(q->questions[0].accepted, (std::vector<std::string>{"blue", "azure"}));
  EXPECT_EQ(q->questions[0].answers, (std::vector<std::string>{"blue"}));
  EXPECT_EQ(q->questions[1].accepted, (std::vector<std::string>{"y"}));
}

TEST_F(QuestionsTest, WhatCannotBeAskedOrAnsweredIsAnError) {
  const auto refused = [&](std::string_view rows, const std::string& file, std::string yaml) {
    write(file, rows);
    yaml.replace(yaml.find("t.jsonl"), 7, file);
    const auto q = make_questions(task_from(yaml), data(), {});
    return q ? std::string("accepted") : q.error().what;
  };
  const std::string choice =
      "  - name: t\n    kind: choice\n    data: {file: t.jsonl}\n    prompt: '{q}'\n    choices: [{list: l}]\n"
      "    right: {index: i}\n    metrics: [acc]\n";
  const std::string answer =
      "  - name: t\n    kind: generate\n    data: {file: t.jsonl}\n    prompt: '{q}'\n    target: '{a}'\n"
      "    until: [\"\\n\"]\n    metrics: [exact_match]\n";
  EXPECT_NE(refused(R"({"q":"1","l":[null,"b"],"i":1})", "t.jsonl", choice).find("no text"), std::string::npos);
  EXPECT_NE(refused(R"({"q":" ","l":["a","b"],"i":1})", "t.jsonl", choice).find("prompt is empty"), std::string::npos);
  EXPECT_EQ(refused(R"({"q":"1","l":["a","b"],"i":1})", "t.jsonl", choice), "accepted");
  EXPECT_NE(refused(R"({"q":"1","a":"line\nline"})", "t.jsonl", answer).find("until"), std::string::npos);
  EXPECT_EQ(refused(R"({"q":"1","a":"line\n"})", "t.jsonl", answer), "accepted");
  EXPECT_NE(refused(R"({"q":"1","a":["x",{"y":1}]})", "t.jsonl", answer).find("no text"), std::string::npos);
  EXPECT_NE(refused("q,a,a\n1,x,y\n", "t.csv", answer).find("two columns are called 'a'"), std::string::npos);
}

TEST_F(QuestionsTest, ErrorsNameFileAndLine) {
  write("t.jsonl", "{\"list\":[\"x\",\"y\"],\"i\":1}\n{\"list\":[\"x\",\"y\"],\"i\":2}\n");
  const Task task = task_from(
      "  - name: t\n    kind: choice\n    data: {file: t.jsonl}\n    prompt: p\n    choices:\n      - {list: list}\n"
      "    right: {index: i}\n    metrics: [acc]\n");
  const auto q = make_questions(task, data(), {});
  ASSERT_FALSE(q);
  EXPECT_EQ(q.error().code, Errc::corrupt);
  EXPECT_NE(q.error().what.find("t.jsonl: line 2: 'i' is '2', which is none of 2 choices"), std::string::npos)
      << q.error().what;
}

TEST_F(QuestionsTest, AnotherFileUnderAKnownNameIsRefused) {
  write("t.jsonl", "{\"q\":\"1\",\"a\":\"x\"}\n");
  const std::map<std::string, std::string, std::less<>> expected = {{"t.jsonl", std::string(64, '0')}};
  const DataFolder strict(folder_.path(), &expected);
  const auto loaded = strict.load({.file = "t.jsonl"});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::corrupt);
}

TEST(Unpack, ReadsWhatGzipAndBzip2WroteAndRefusesDamage) {
  // `printf 'hello\n' | gzip -n` and `| bzip2`.
  const std::string gz(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00", 26);
  EXPECT_EQ(*unpack("x.gz", gz), "hello\n");
  EXPECT_EQ(*unpack("x.gz", gz + gz), "hello\nhello\n");
  EXPECT_FALSE(unpack("x.gz", gz.substr(0, 20)));
  EXPECT_FALSE(unpack("x.gz", "no gzip at all"));
  EXPECT_FALSE(unpack("x.bz2", "no bzip2 at all"));
  EXPECT_EQ(*unpack("x.txt", "as it is"), "as it is");
}

TEST(Rows, LinesComeInBlocksAndATornOneIsAnError) {
  const auto rows = parse_rows("a\n1\nb\n2\n", DataFormat::lines, {"text", "label"});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[1].find("text")->text, "b");
  EXPECT_EQ((*rows)[1].line, 3u);
  EXPECT_FALSE(parse_rows("a\n1\nb\n", DataFormat::lines, {"text", "label"}));
}

}  // namespace
}  // namespace freehold::eval
