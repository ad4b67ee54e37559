// What items are worth by each metric, how answers are found in texts, and that results read back as they were kept.
#include "eval/result.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <tuple>

#include "base/file.h"
#include "base/temporary_folder_testing.h"
#include "eval/filter.h"
#include "eval/result_store.h"
#include "sql/database.h"

namespace freehold::eval {
namespace {

std::string found(std::string_view kind, std::string_view text, std::string argument = "", bool last = false) {
  auto filter = make_filter(kind, std::move(argument), last);
  if (!filter) return "refused";
  auto answer = extract(*filter, text);
  return answer ? *answer : "error";
}

TEST(Filters, FindAnswersInTexts) {
  EXPECT_EQ(found("last_number", "16 - 3 = 13, so $1,234.50."), "1234.50");
  EXPECT_EQ(found("last_number", "it is -5 degrees"), "-5");
  EXPECT_EQ(found("last_number", "5-3"), "3");
  EXPECT_EQ(found("last_number", "#### 72\n"), "72");
  EXPECT_EQ(found("last_number", "none."), "");
  EXPECT_EQ(found("regex", "a 12 b 34", "[0-9]+"), "12");
  EXPECT_EQ(found("regex", "a 12 b 34", "[0-9]+", true), "34");
  EXPECT_EQ(found("regex", "x\n#### 7", "(?<=#### )[0-9]+"), "7");
  EXPECT_EQ(found("regex", "The answer is 5. The answer is 6.", "answer is ([0-9]+)"), "5");
  EXPECT_EQ(found("regex", "The answer is 5. The answer is 6.", "answer is ([0-9]+)", true), "6");
  EXPECT_EQ(found("regex", "b 7", "(?:a|b) ([0-9])|c"), "7");
  EXPECT_EQ(found("regex", "xc", "a ([0-9])|c"), "c") << "the group took no part";
  EXPECT_EQ(found("regex", "1 2 3", "([0-9]) ([0-9]) ([0-9])"), "1");
  EXPECT_EQ(found("regex", "a", "("), "refused");
  EXPECT_EQ(found("json_field", "Sure: {\"answer\": \"B\", \"x\": {}} ok", "answer"), "B");
  EXPECT_EQ(found("json_field", "{broken {\"answer\": 3}", "answer"), "3");
  EXPECT_EQ(found("json_field", "no json", "answer"), "");
  EXPECT_EQ(found("json_field", std::string(1 << 20, '{'), "answer"), "");  // in no time
  EXPECT_EQ(found("first_line", "a\nb"), "a");
  EXPECT_EQ(found("letter", "The answer is (C)."), "C");
  EXPECT_EQ(found("code", "Sure:\n```python\nx = 1\n\ny = `2`\n```\nand ```\n``` too"), "x = 1\n\ny = `2`\n");
  EXPECT_EQ(found("code", "    return 1\n"), "    return 1\n");
  EXPECT_EQ(found("code", "```\nx"), "x");
  EXPECT_EQ(found("code", "```"), "");
  EXPECT_EQ(found("no such", "x"), "refused");
}

TEST(Normalisation, DropsWhatItIsToldTo) {
  EXPECT_EQ(normalise(" The  Cat,\nsat. ", {.lower = true, .punctuation = true, .articles = true}), "cat sat");
  EXPECT_EQ(normalise("$1,000", {.commas = true}), "1000");
  EXPECT_EQ(normalise("\u00C9dith \u00C4rger", {.lower = true}), "\u00E9dith \u00E4rger");
  const Normalisation own{.lower = true, .punctuation = true, .articles = true, .numbers = true};
  EXPECT_EQ(normalise("-5", own), "-5");
  EXPECT_EQ(normalise("(-.5)", own), "-.5");
  EXPECT_EQ(normalise("It is 1.5. A 5-3 win, $3,000.00!", own), "it is 1.5 53 win 3000.00");
  EXPECT_EQ(normalise("well-known e.g. v.2", own), "wellknown eg v2");
  // Where nothing would be left, less is dropped.
  for (const auto& [expected, same, other] :
       {std::tuple("A", "a", "B"), std::tuple("The", "the.", "a"), std::tuple("<", "<", ">")}) {
    const Normalisation how = fitting(expected, own);
    EXPECT_EQ(normalise(expected, how), normalise(same, how)) << expected;
    EXPECT_NE(normalise(expected, how), normalise(other, how)) << expected;
  }
  EXPECT_EQ(fitting("The cat", own), own);
  EXPECT_DOUBLE_EQ(word_f1("the cat sat", "the cat"), 0.8);
  EXPECT_DOUBLE_EQ(word_f1("", ""), 1);
  EXPECT_DOUBLE_EQ(word_f1("x", "y"), 0);
}

Questions choices(const Task& task) {
  Questions all{.task = &task};
  all.questions.push_back({.prompts = {"p"}, .answers = {"ab", "abcd"}, .right = {false, true}});
  return all;
}

TEST(Metrics, EachTakesItsOwnChoice) {
  Task task;
  task.metrics = {Metric::acc, Metric::acc_byte, Metric::acc_token, Metric::acc_uncond};
  const Questions all = choices(task);
  // Sums -3 and -4: the first by sum; per byte -1.5 and -1, per token -3 and -1; unconditionally less -1 and -5.
  const std::vector<ItemResult> results = {
      {.scores = {{-3, 1, false}, {-4, 4, false}, {-2, 1, false}, {-9, 4, false}}}};
  const auto measured = measure(all, results);
  ASSERT_TRUE(measured);
  const double expected[] = {0, 1, 1, 1};
  for (std::size_t m = 0; m < 4; ++m) EXPECT_EQ((*measured)[m].values[0], expected[m]) << m;
}

TEST(Metrics, EqualsGoToTheFirst) {
  Task task;
  task.metrics = {Metric::acc};
  const Questions all = choices(task);
  EXPECT_EQ(chosen(task, all.questions[0], {.scores = {{-1, 1, false}, {-1, 1, false}}}, Metric::acc), 0u);
}

TEST(Metrics, TruthIsAShareOfProbability) {
  Task task;
  task.metrics = {Metric::mc2, Metric::ece};
  const Questions all = choices(task);
  const std::vector<ItemResult> results = {{.scores = {{std::log(0.1), 1, false}, {std::log(0.3), 1, false}}}};
  const auto measured = measure(all, results);
  ASSERT_TRUE(measured);
  EXPECT_NEAR((*measured)[0].score, 0.75, 1e-12);
  EXPECT_NEAR((*measured)[1].score, 0.25, 1e-12);  // 0.75 sure, and right
  // Four items of one confidence that are right as often: the error is 0, that of resamples is not.
  Questions ten = choices(task);
  ten.questions.assign(4, ten.questions[0]);
  ten.questions[3].right = {true, false};
  const auto honest = measure(ten, std::vector<ItemResult>(4, results[0]));
  ASSERT_TRUE(honest);
  EXPECT_NEAR((*honest)[1].score, 0, 1e-12);
  EXPECT_LE((*honest)[1].interval.low, (*honest)[1].score);
}

// Two prompts before the same text: what is compared is how likely each makes it.
TEST(Metrics, OfChoicesThatDifferInTheirPrompts) {
  Task task;
  task.contexts = "c";
  task.metrics = {Metric::acc, Metric::acc_byte, Metric::acc_token, Metric::acc_uncond, Metric::mc2, Metric::ece};
  Questions all{.task = &task};
  all.questions.push_back({.prompts = {"one", "two"}, .answers = {"same", "same"}, .right = {true, false}});
  all.questions.push_back({.prompts = {"one", "two"}, .answers = {"same", "same"}, .right = {true, false}});
  // 0.2 to 0.05: 0.8 sure, and right; 0.3 to 0.1 for the wrong one. The text alone has 0.01, whatever the prompt.
  const auto item = [](double first, double second) {
    return ItemResult{.scores = {{std::log(first), 2, false},
                                 {std::log(second), 2, false},
                                 {std::log(0.01), 2, false},
                                 {std::log(0.01), 2, false}}};
  };
  const auto measured = measure(all, {item(0.2, 0.05), item(0.1, 0.3)});
  ASSERT_TRUE(measured);
  for (std::size_t m = 0; m < 4; ++m) EXPECT_EQ((*measured)[m].values, (std::vector<double>{1, 0})) << m;
  EXPECT_NEAR((*measured)[4].score, (0.8 + 0.25) / 2, 1e-12);
  EXPECT_NEAR((*measured)[5].score, (0.2 + 0.75) / 2, 1e-12) << "bins of 0.8 (right) and of 0.75 (wrong)";
}

TEST(Metrics, OfSeveralRightChoices) {
  Task task;
  task.metrics = {Metric::acc, Metric::acc_byte, Metric::mc2};
  Questions all{.task = &task};
  all.questions.push_back({.prompts = {"p"}, .answers = {"a", "bb", "cccc"}, .right = {true, true, false}});
  // Shares 0.2, 0.3 and 0.5; by byte the second is the likeliest but one.
  const auto measured =
      measure(all, {{.scores = {{std::log(0.02), 1, false}, {std::log(0.03), 1, false}, {std::log(0.05), 1, false}}}});
  ASSERT_TRUE(measured);
  EXPECT_EQ((*measured)[0].score, 0);
  EXPECT_EQ((*measured)[1].score, 0);  // -3.9, -1.75, -0.75 a byte
  EXPECT_NEAR((*measured)[2].score, 0.5, 1e-12);
}

TEST(Metrics, TheMajorityDecidesAndTiesGoToTheEarliest) {
  Task task;
  task.kind = TaskKind::generate;
  task.metrics = {Metric::exact_match};
  task.filters = {*make_filter("last_number", "")};
  EXPECT_EQ(*final_answer(task, {.texts = {"so 3", "is 4", "= 4", "no idea"}}, task.normalisation), "4");
  EXPECT_EQ(*final_answer(task, {.texts = {"so 3", "is 4"}}, task.normalisation), "3");
  EXPECT_EQ(*final_answer(task, {.texts = {"none", "nothing"}}, task.normalisation), "");
  Questions all{.task = &task};
  all.questions.push_back({.prompts = {"p"}, .answers = {"x #### 4"}, .accepted = {"x #### 4"}});
  EXPECT_EQ((*measure(all, {{.texts = {"4 apples"}}}))[0].score, 1);
  EXPECT_EQ((*measure(all, {{.texts = {"nothing"}}}))[0].score, 0);
}

TEST(Metrics, PerplexityIsByTokenAndBitsAreByByte) {
  Task task;
  task.kind = TaskKind::perplexity;
  task.metrics = {Metric::perplexity, Metric::bits_per_byte};
  Questions all{.task = &task};
  all.questions.push_back({.prompts = {""}, .answers = {"12345678"}});
  const auto measured = measure(all, {{.scores = {{-2 * std::log(2.0), 3, false}, {-2 * std::log(2.0), 1, false}}}});
  ASSERT_TRUE(measured);
  EXPECT_NEAR((*measured)[0].score, 2, 1e-12);
  EXPECT_NEAR((*measured)[1].score, 0.5, 1e-12);
}

TEST(Groups, CombineScoresAndIntervals) {
  Measured a{.metric = Metric::acc, .values = {1, 1, 0, 0}, .binary = true, .score = 0.5, .interval = wilson(2, 4)};
  Measured b{.metric = Metric::acc, .values = {1}, .binary = true, .score = 1, .interval = wilson(1, 1)};
  EXPECT_DOUBLE_EQ(combine({&a, &b}, false).score, 0.75);
  EXPECT_DOUBLE_EQ(combine({&a, &b}, false, {0.5, 0.5}).interval.low, combine({&a, &b}, false).interval.low);
  EXPECT_DOUBLE_EQ(combine({&a, &b}, false, {1, 0}).score, a.score);
  EXPECT_DOUBLE_EQ(combine({&a, &b}, false, {1, 0}).interval.low, a.interval.low);
  EXPECT_DOUBLE_EQ(combine({&a, &b}, true).score, 0.6);
  EXPECT_DOUBLE_EQ(combine({&a, &b}, true).interval.low, wilson(3, 5).low);
  const auto mean = combine({&a, &b}, false);
  EXPECT_LT(mean.interval.low, mean.score);
  EXPECT_GE(mean.interval.high, mean.score);
}

TEST(Results, ReadBackBitForBit) {
  const ItemResult r{
      .scores = {{-0.1 - 1e-17, 3, true}, {-1.0 / 3, 1, false}}, .texts = {"a\"\\\n\x01", "é"}, .letter = "B"};
  ItemResult back;
  for (Aspect aspect : {Aspect::scores, Aspect::texts, Aspect::letter})
    ASSERT_TRUE(add_json(to_json(r, aspect), aspect, back));
  EXPECT_EQ(back.scores, r.scores);
  EXPECT_EQ(back.texts, r.texts);
  EXPECT_EQ(back.letter, r.letter);
  EXPECT_EQ(to_json(r, Aspect::letter), "\"B\"");
  const ItemResult odd{.texts = {"a", "b", ""}, .ended = {Ended::whole, Ended::length, Ended::refused}};
  const ItemResult letter{.letter = "", .ended = {Ended::filtered}};
  ItemResult read, read_letter;
  ASSERT_TRUE(add_json(to_json(odd, Aspect::texts), Aspect::texts, read));
  ASSERT_TRUE(add_json(to_json(letter, Aspect::letter), Aspect::letter, read_letter));
  EXPECT_EQ(read.texts, odd.texts);
  EXPECT_EQ(read.ended, odd.ended);
  EXPECT_EQ(read_letter.ended, letter.ended);
  EXPECT_FALSE(add_json(R"({"text":"a","ended":"never"})", Aspect::letter, read_letter));
  EXPECT_FALSE(add_json(R"([{"text":"a"}])", Aspect::texts, read));
  EXPECT_FALSE(add_json(R"([{"text":1,"ended":"length"}])", Aspect::texts, read));
  EXPECT_FALSE(add_json("{}x", Aspect::scores, back));
  EXPECT_FALSE(add_json("[[1]]", Aspect::scores, back));
}

// A run that was kept for long enough goes in two steps: its words, then all of it; not a byte of them stays.
TEST(ResultStore, WordsGoBeforeNumbers) {
  TemporaryFolder folder;
  const auto path = folder.path() / "eval.db";
  std::int64_t now = 1000;
  auto store = ResultStore::open(path, [&] { return now; });
  ASSERT_TRUE(store) << store.error().what;
  store->label("health");
  ASSERT_TRUE(store->save("m", "t", Aspect::texts, {{0, "[\"the canary\"]"}}));
  store->label("");
  ASSERT_TRUE(store->save("m", "t", Aspect::scores, {{0, "[[1,1,0]]"}}));
  now = 2000;
  ASSERT_TRUE(store->save("m", "t", Aspect::texts, {{1, "[\"another\"]"}}));  // whose label stays
  auto runs = store->runs();
  ASSERT_TRUE(runs && runs->size() == 2);
  EXPECT_EQ(runs->at(0).label, "health");
  EXPECT_EQ(runs->at(0).recorded, 2000);
  EXPECT_TRUE(runs->at(0).words);
  EXPECT_EQ(runs->at(1).label, "");
  EXPECT_EQ(runs->at(1).recorded, 1000);
  EXPECT_FALSE(runs->at(1).words);
  for (const auto& run : *runs) ASSERT_TRUE(store->drop_words(run.id));
  EXPECT_TRUE(store->load("m", "t", Aspect::texts)->empty());
  EXPECT_EQ(store->load("m", "t", Aspect::scores)->size(), 1U);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const auto bytes = read_file(entry.path());
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->find("canary"), std::string::npos) << entry.path();
  }
  ASSERT_TRUE(store->remove(runs->at(1).id));
  EXPECT_TRUE(store->runs()->empty());
}

TEST(ResultStore, AFileOfVersionOneIsRecordedWhenItIsBroughtForward) {
  TemporaryFolder folder;
  const auto path = folder.path() / "eval.db";
  const sql::Schema first = {
      "evaluations",
      {{"CREATE TABLE runs (id INTEGER PRIMARY KEY, model TEXT NOT NULL, task TEXT NOT NULL, aspect TEXT NOT NULL, "
        "UNIQUE (model, task, aspect)) STRICT",
        "CREATE TABLE items (run INTEGER NOT NULL REFERENCES runs (id), item INTEGER NOT NULL, value TEXT NOT NULL, "
        "PRIMARY KEY (run, item)) STRICT, WITHOUT ROWID",
        "INSERT INTO runs VALUES (1, 'm', 't', 'texts')", "INSERT INTO items VALUES (1, 0, '[\"x\"]')"}}};
  ASSERT_TRUE(sql::Database::open(path, first, sql::Open::create, sql::Check::none));
  const auto before = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  auto store = ResultStore::open(path);
  ASSERT_TRUE(store) << store.error().what;
  const auto runs = store->runs();
  ASSERT_TRUE(runs && runs->size() == 1);
  EXPECT_GE(runs->at(0).recorded, before);
  EXPECT_EQ(runs->at(0).label, "");
  EXPECT_EQ(store->load("m", "t", Aspect::texts)->at(0), "[\"x\"]");
}

TEST(ResultStore, KeepsByModelTaskAspectAndItem) {
  TemporaryFolder folder;
  const auto path = folder.path() / "eval.db";
  {
    auto store = ResultStore::open(path);
    ASSERT_TRUE(store) << store.error().what;
    ASSERT_TRUE(store->save("m", "t", Aspect::scores, {{0, "[[1,1,0]]"}, {7, "[]"}}));
    ASSERT_TRUE(store->save("m", "t", Aspect::scores, {{7, "[[2,1,0]]"}}));
    ASSERT_TRUE(store->save("m", "t", Aspect::letter, {{0, "\"A\""}}));
    ASSERT_TRUE(store->save("n", "t", Aspect::scores, {{1, "[]"}}));
  }
  auto store = ResultStore::open(path);
  ASSERT_TRUE(store);
  const std::map<std::size_t, std::string> expected = {{0, "[[1,1,0]]"}, {7, "[[2,1,0]]"}};
  EXPECT_EQ(*store->load("m", "t", Aspect::scores), expected);
  EXPECT_TRUE(store->load("m", "u", Aspect::scores)->empty());
  ASSERT_TRUE(store->drop("m", "t", Aspect::scores));
  EXPECT_TRUE(store->load("m", "t", Aspect::scores)->empty());
  EXPECT_EQ(store->load("m", "t", Aspect::letter)->size(), 1u);
  EXPECT_EQ(store->load("n", "t", Aspect::scores)->size(), 1u);
}

}  // namespace
}  // namespace freehold::eval
