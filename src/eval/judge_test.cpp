// Answers that are programs: how they are put together, judged and kept; and HumanEval's own solutions, all of which
// pass.
#include "eval/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "base/file.h"
#include "base/sanitized_testing.h"
#include "base/temporary_folder_testing.h"
#include "base/thread_pool.h"
#include "eval/shipped.h"

namespace freehold::eval {
namespace {

using sandbox::Verdict;

constexpr std::string_view kTask =
    "version: 1\ntasks:\n  - name: sums\n    kind: generate\n    data: {file: sums.jsonl}\n    prompt: '{head}'\n"
    "    target: '{right}'\n    repeats: 2\n    program: \"{head}{it}\\ncheck = {name}\\n{test}\"\n    metrics: "
    "[pass@1]\n";

Result<Task> task_from(std::string yaml) {
  auto set = parse_tasks(yaml, "test");
  if (!set) return tl::unexpected(std::move(set).error());
  return std::move(set->tasks.at(0));
}

class JudgeTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer lets no page lie at an address of our choice";
#endif
    auto opened = sandbox::Sandbox::open();
    if (!opened && opened.error().code != Errc::internal) GTEST_SKIP() << opened.error().what;
    ASSERT_TRUE(opened);
    sandbox_.emplace(std::move(*opened));
  }
  Questions questions_of(const Task& task, const DataFolder& data) {
    auto made = make_questions(task, data, {});
    EXPECT_TRUE(made) << made.error().what;
    return made ? std::move(*made) : Questions{};
  }
  // Verdicts of `answer` to each question.
  std::vector<ItemResult> judged(const Questions& all,
                                 const std::function<std::vector<std::string>(const Question&)>& answer) {
    std::vector<ItemResult> results(all.questions.size());
    std::vector<std::size_t> items(results.size());
    std::iota(items.begin(), items.end(), std::size_t{0});
    for (std::size_t i : items) results[i].texts = answer(all.questions[i]);
    std::vector<std::size_t> done;
    const auto ran = judge(all, items, results,
                           {.sandbox = &*sandbox_,
                            .threads = static_cast<std::size_t>(available_cpus()),
                            .done = [&](std::size_t i) -> Result<> {
                              done.push_back(i);
                              return {};
                            }});
    EXPECT_TRUE(ran) << ran.error().what;
    std::sort(done.begin(), done.end());
    EXPECT_EQ(done, items);
    return results;
  }
  std::optional<sandbox::Sandbox> sandbox_;
};

TEST_F(JudgeTest, EverySampleHasItsVerdict) {
  TemporaryFolder folder;
  folder.write("sums.jsonl",
               R"({"head":"def f(x):\n","right":"  return x + 1","name":"f","test":"assert check(1) == 2"})"
               "\n"
               R"({"head":"def g(x):\n","right":"  return -x","name":"g","test":"assert check(1) == -1"})"
               "\n");
  const auto task = task_from(std::string(kTask));
  ASSERT_TRUE(task) << task.error().what;
  const DataFolder data(folder.path(), nullptr);
  const Questions all = questions_of(*task, data);
  const auto results = judged(all, [](const Question& q) {
    return std::vector<std::string>{q.answers[0], q.row == 0 ? "  return None" : q.answers[0]};
  });
  using Verdicts = std::vector<Verdict>;
  EXPECT_EQ(results[0].verdicts, (Verdicts{Verdict::passed, Verdict::failed}));
  EXPECT_EQ(results[1].verdicts, (Verdicts{Verdict::passed, Verdict::passed}));
  const auto measured = measure(all, results);
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->at(0).values, (std::vector<double>{0.5, 1}));
  EXPECT_FALSE(measured->at(0).binary);
}

TEST_F(JudgeTest, AStopLosesNoFinishedItem) {
  TemporaryFolder folder;
  folder.write("sums.jsonl", R"({"head":"","right":"x","name":"0","test":""})"
                             "\n");
  const auto task = task_from(std::string(kTask));
  ASSERT_TRUE(task) << task.error().what;
  const DataFolder data(folder.path(), nullptr);
  const Questions all = questions_of(*task, data);
  std::vector<ItemResult> results(1);
  results[0].texts = {"import time\ntime.sleep(100)", "pass"};
  const std::atomic<bool> stop{true};
  const auto ran = judge(all, {0}, results, {.sandbox = &*sandbox_, .stop = &stop, .done = [](std::size_t) -> Result<> {
                                               return fail(Errc::internal, "it is not finished");
                                             }});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Errc::cancelled);
}

TEST_F(JudgeTest, AllOfHumanEvalsSolutionsPassAndNoneOfNothing) {
  const char* shared = std::getenv("FREEHOLD_SHARED");
  const std::filesystem::path bench =
      std::filesystem::path(shared == nullptr ? "../shared" : shared) / "data" / "bench";
  const Shipped& all = shipped();
  const DataFolder data(bench, &all.digests);
  const Task* task = all.tasks.find("humaneval");
  ASSERT_NE(task, nullptr);
  if (!data.load(task->data)) GTEST_SKIP() << "no " << bench;
  const Questions plain = questions_of(*task, data);
  ASSERT_EQ(plain.questions.size(), 164u);
  const auto score = [](const Questions& of, const std::vector<ItemResult>& results) {
    const auto measured = measure(of, results);
    EXPECT_TRUE(measured);
    return measured ? measured->at(0).score : -1;
  };
  EXPECT_EQ(score(plain, judged(plain, [](const Question& q) { return std::vector<std::string>{q.answers[0]}; })), 1);
  if (kSanitized) return;  // the programs are the same
  EXPECT_EQ(score(plain, judged(plain, [](const Question&) { return std::vector<std::string>{"    return None\n"}; })),
            0);
  EXPECT_EQ(score(plain, judged(plain, [](const Question&) { return std::vector<std::string>{"    exit(0)\n"}; })), 0);
  // As a chat writes it, with words around it.
  const Questions chat = questions_of(*all.tasks.find("humaneval_instruct"), data);
  EXPECT_EQ(score(chat, judged(chat,
                               [](const Question& q) {
                                 return std::vector<std::string>{"Here it is:\n\n" + q.answers[0] + "\n\nIt works."};
                               })),
            1);
}

TEST(Programs, ArePutTogetherAsTheTaskSays) {
  const auto task = task_from(std::string(kTask));
  ASSERT_TRUE(task) << task.error().what;
  Question q;
  q.fields = std::make_shared<const Row>(
      Row{.fields = {
              {"head", {.text = "{head"}}, {"name", {.text = "f"}}, {"test", {.text = "t"}}, {"it", {.text = "no"}}}});
  EXPECT_EQ(program_of(*task, q, " {it}"), "{head {it}\ncheck = f\nt");
}

TEST(Programs, ATaskSaysWhatItNeeds) {
  const auto refused = [](std::string yaml, std::string_view from, std::string_view to) {
    yaml.replace(yaml.find(from), from.size(), to);
    const auto task = task_from(yaml);
    return task ? std::string("accepted") : task.error().what;
  };
  const std::string yaml(kTask);
  EXPECT_NE(refused(yaml, "pass@1", "pass@10").find("'repeats'"), std::string::npos);
  EXPECT_NE(refused(yaml, "pass@1", "exact_match").find("'program'"), std::string::npos);
  EXPECT_NE(refused(yaml, "pass@1", "pass@2").find("'pass@2' is no metric"), std::string::npos);
  EXPECT_NE(refused(yaml, "program:", "filter: [] #").find("'program'"), std::string::npos);
  EXPECT_NE(refused(yaml, "kind: generate", "kind: continuation").find("kind generate"), std::string::npos);
  // A field that is missing is found before a model writes anything.
  TemporaryFolder folder;
  folder.write("sums.jsonl", R"({"head":"a","right":"x","name":"0"})"
                             "\n");
  const auto task = task_from(yaml);
  ASSERT_TRUE(task);
  const auto made = make_questions(*task, DataFolder(folder.path(), nullptr), {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().what.find("line 1: there is no field 'test'"), std::string::npos) << made.error().what;
}

TEST(Programs, VerdictsReadBackAsTheyWereKept) {
  ItemResult result;
  result.verdicts = {Verdict::passed, Verdict::failed, Verdict::time, Verdict::output};
  ItemResult back;
  ASSERT_TRUE(add_json(to_json(result, Aspect::verdicts), Aspect::verdicts, back));
  EXPECT_EQ(back.verdicts, result.verdicts);
  EXPECT_FALSE(add_json("[\"perhaps\"]", Aspect::verdicts, back));
  EXPECT_FALSE(add_json("[1]", Aspect::verdicts, back));
}

// Against the definition: of all ways to draw k of n, those that hold a right one.
TEST(PassAt, IsTheShareOfDrawsThatHoldARightOne) {
  for (std::uint32_t n = 1; n <= 10; ++n) {
    for (std::uint32_t c = 0; c <= n; ++c) {
      for (std::uint32_t k = 1; k <= n; ++k) {
        double draws = 0, hold = 0;
        for (std::uint32_t set = 0; set < 1U << n; ++set) {
          if (static_cast<std::uint32_t>(__builtin_popcount(set)) != k) continue;
          ++draws;
          hold += (set & ((1U << c) - 1)) != 0 ? 1 : 0;  // the first c are right
        }
        EXPECT_NEAR(pass_at(k, n, c), hold / draws, 1e-12) << n << " " << c << " " << k;
      }
    }
  }
  EXPECT_NEAR(pass_at(100, 200, 1), 0.5, 1e-12);
  EXPECT_EQ(pass_at(1, 1, 1), 1);
  EXPECT_EQ(pass_at(1, 1, 0), 0);
}

}  // namespace
}  // namespace freehold::eval
