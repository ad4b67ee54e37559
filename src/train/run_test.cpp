// A run over tiny models: stopped and resumed anywhere it ends with the same bytes, whatever the threads; it evaluates,
// keeps the best, ends early, and never goes on with what has gone wrong.
#include "train/run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/sanitized_testing.h"
#include "kernel/kernels.h"
#include "train/full_model.h"
#include "train/model_testing.h"
#include "train/result_files.h"

namespace freehold::train {
namespace {

// Stops before the n-th micro-batch that it is asked about; 0: never.
struct StopAt final : RunObserver {
  explicit StopAt(int n) : left(n) {}
  bool stop() override { return left > 0 && --left == 0; }
  void stepped(const StepMetrics& m) override { losses.push_back(m.loss); }
  void evaluated(const EvaluationMetrics& m, bool) override { held_out.push_back(m.loss); }
  int left;
  std::vector<double> losses, held_out;
};

struct RunTest : TrainTest {
  Recipe recipe;
  Dataset dataset;

  void SetUp() override {
    TrainTest::SetUp();
    recipe.method = Method::lora;
    recipe.learning_rate = 2e-3;
    recipe.micro_batch_size = 2;
    recipe.gradient_accumulation_steps = 2;
    recipe.num_epochs = 2;
    recipe.sequence_len = 32;
    recipe.lora.dropout = 0.1;
    recipe.save.steps = 3;
    for (std::size_t i = 0; i < 14; ++i) dataset.train.push_back(example(3 + i % 5 * 4, i));
    for (std::size_t i = 0; i < 3; ++i) dataset.held_out.push_back(example(9, 100 + i));
  }
  static Example example(std::size_t n, std::uint64_t stream) {
    Example e;
    e.tokens = tokens(n, stream, 60);
    e.labels = e.tokens;
    if (n > 4) e.labels[1] = kIgnored;
    return e;
  }

  // A run in a folder, and everything it borrows.
  struct Whole {
    std::unique_ptr<ThreadPool> pool;
    std::unique_ptr<Trainable> model;
    std::unique_ptr<RunFolder> folder;
    std::unique_ptr<train::Run> run;
  };
  Whole whole(const std::string& name, int threads = 1, const std::string& id = "id") {
    Whole w;
    w.pool = std::make_unique<ThreadPool>(threads);
    const kernel::Table& kernels = kernel::table_up_to(kernel::detect_level());
    if (recipe.method == Method::full) {
      if (checkpoint_ == nullptr) checkpoint_ = checkpoint(shape, "Q8_0");
      auto full = FullModel::load(*checkpoint_, *w.pool, recipe.bf16 ? Precision::bf16 : Precision::f32);
      EXPECT_TRUE(full.has_value());
      w.model = std::move(*full);
    } else {
      if (base == nullptr) base = served(shape, "Q8_0");
      auto lora = LoraModel::fresh(base, *w.pool, kernels, everywhere(4, false, base->spec().experts), recipe.seed);
      EXPECT_TRUE(lora.has_value());
      w.model = std::move(*lora);
    }
    w.folder = std::make_unique<RunFolder>(folder / name);
    EXPECT_TRUE(w.folder->make().has_value());
    auto plan = plan_run(recipe, dataset);
    EXPECT_TRUE(plan.has_value());
    auto run = train::Run::create({recipe, dataset, *w.model, *w.pool, kernels, *w.folder}, std::move(*plan), id);
    EXPECT_TRUE(run.has_value()) << run.error().what;
    w.run = std::move(*run);
    return w;
  }
  std::string_view shape = "tiny-llama";
  std::shared_ptr<const model::Model> base;
  std::shared_ptr<const format::Checkpoint> checkpoint_;

  static std::vector<float> values(const Whole& w) {
    std::vector<float> all;
    for (const Parameter& p : w.model->parameters()) all.insert(all.end(), p.value.begin(), p.value.end());
    return all;
  }
  // metrics.jsonl without what the clock measured.
  static std::vector<std::vector<double>> columns(const Whole& w) {
    std::vector<std::vector<double>> out;
    const auto m = read_metrics(w.folder->file("metrics.jsonl"));
    EXPECT_TRUE(m.has_value());
    for (const StepMetrics& s : m->steps) {
      out.push_back({static_cast<double>(s.step), s.epoch, s.loss, s.learning_rate, s.gradient_norm,
                     static_cast<double>(s.tokens), static_cast<double>(s.scored)});
    }
    for (const EvaluationMetrics& e : m->evaluations) out.push_back({static_cast<double>(e.step), e.loss});
    return out;
  }
  static void expect_same(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
  }
  // Stopped in the middle and resumed, a run ends as one that nobody stopped.
  void stopped_and_whole(const std::string& name) {
    SCOPED_TRACE(name);
    Whole undisturbed = whole(name);
    StopAt never(0);
    ASSERT_TRUE(undisturbed.run->go(never).has_value());
    StopAt stop(6);
    {
      Whole w = whole(name + "-stopped", 2);
      const auto ending = w.run->go(stop);
      ASSERT_TRUE(ending.has_value());
      ASSERT_EQ(*ending, Ending::stopped);
    }
    Whole again = whole(name + "-stopped");
    ASSERT_TRUE(again.run->resume().has_value());
    EXPECT_GT(again.run->counters().step, 0u);
    ASSERT_TRUE(again.run->go(never).has_value());
    expect_same(values(undisturbed), values(again));
    EXPECT_EQ(columns(undisturbed), columns(again));
  }
};

TEST_F(RunTest, StoppedAnywhereItEndsTheSame) {
  for (const bool packing : {false, true}) {
    recipe.sample_packing = packing;
    const std::string name = packing ? "packed" : "plain";
    Whole undisturbed = whole(name);
    StopAt never(0);
    const auto ending = undisturbed.run->go(never);
    ASSERT_TRUE(ending.has_value()) << ending.error().what;
    EXPECT_EQ(*ending, Ending::finished);
    EXPECT_EQ(never.losses.size(), undisturbed.run->plan().steps);
    EXPECT_LT(never.losses.back(), never.losses.front());
    for (int at = 1; at < 40; at += kSanitized ? 13 : 5) {
      SCOPED_TRACE(at);
      const std::string again = name + std::to_string(at);
      StopAt first(at);
      bool stopped = false;
      {
        Whole w = whole(again, 2);
        const auto done = w.run->go(first);
        ASSERT_TRUE(done.has_value()) << done.error().what;
        stopped = *done == Ending::stopped;
      }
      Whole w = whole(again, 1 + at % 3);
      ASSERT_TRUE(w.run->resume().has_value());
      if (stopped) {
        StopAt second(0);
        const auto done = w.run->go(second);
        ASSERT_TRUE(done.has_value()) << done.error().what;
        expect_same(values(undisturbed), values(w));
      }
      EXPECT_EQ(columns(undisturbed), columns(w));
    }
  }
}

// The same of all weights, of states in 8 bits, and of preferences.
TEST_F(RunTest, EveryMethodGoesOnFromACheckpoint) {
  recipe.method = Method::full;
  recipe.lora.dropout = 0;
  recipe.optimizer = Optimizer::adamw_8bit;
  stopped_and_whole("full");
  recipe.bf16 = true;
  stopped_and_whole("bf16");
  recipe.method = Method::lora;
  recipe.dpo = true;
  dataset.together = 2;
  dataset.held_out.push_back(example(9, 200));
  stopped_and_whole("dpo");
}

TEST_F(RunTest, MixturesGoOnFromACheckpoint) {
  shape = "tiny-mixtral";
  recipe.num_epochs = 1;
  recipe.save.steps = 1;
  stopped_and_whole("lora");
  recipe.method = Method::full;
  recipe.lora.dropout = 0;
  stopped_and_whole("full");
  // The file's stacks of experts are those that were learned.
  Whole w = whole("full");
  ASSERT_TRUE(w.run->resume().has_value());
  auto& full = dynamic_cast<FullModel&>(*w.model);
  ASSERT_TRUE(write_model(folder, full, *checkpoint_).has_value());
  const auto written = format::open_checkpoint(folder / "model.gguf");
  ASSERT_TRUE(written.has_value()) << written.error().what;
  const auto again = FullModel::load(*written, pool);
  ASSERT_TRUE(again.has_value()) << again.error().what;
  EXPECT_EQ(written->find("blk.0.ffn_up_exps.weight")->shape, (std::vector<std::uint64_t>{4, 256, 256}));
  ASSERT_EQ((*again)->parameters().size(), full.parameters().size());
  for (std::size_t i = 0; i < full.parameters().size(); ++i) {
    const Parameter &a = full.parameters()[i], &b = (*again)->parameters()[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_TRUE(std::equal(a.value.begin(), a.value.end(), b.value.begin(), b.value.end())) << a.name;
  }
}

// What is written behind the last checkpoint by a process that is killed.
TEST_F(RunTest, NoStepIsMeasuredTwice) {
  Whole undisturbed = whole("whole");
  StopAt never(0);
  ASSERT_TRUE(undisturbed.run->go(never).has_value());
  std::vector<std::uint64_t> steps;
  {
    Whole w = whole("cut");
    ASSERT_TRUE(w.run->go(never).has_value());
    steps = w.folder->checkpoints();
    ASSERT_GE(steps.size(), 2u);
    ASSERT_TRUE(w.folder->remove_checkpoint(steps.back()).has_value());
  }
  {
    const RunFolder cut(folder / "cut");
    auto file = AppendFile::open(cut.file("metrics.jsonl"), std::filesystem::file_size(cut.file("metrics.jsonl")) - 7);
    ASSERT_TRUE(file.has_value());  // the last line is torn
  }
  Whole again = whole("cut");
  ASSERT_TRUE(again.run->resume().has_value());
  EXPECT_EQ(again.run->counters().step, steps[steps.size() - 2]);
  ASSERT_TRUE(again.run->go(never).has_value());
  EXPECT_EQ(columns(undisturbed), columns(again));
  expect_same(values(undisturbed), values(again));
}

// Packed sequences learn what they learn alone: with the same examples in a step, the first loss is the same number.
TEST_F(RunTest, PackingChangesNoLoss) {
  recipe.micro_batch_size = 14;
  recipe.gradient_accumulation_steps = 1;
  recipe.lora.dropout = 0;
  double losses[2];
  for (const bool packing : {false, true}) {
    recipe.sample_packing = packing;
    Whole w = whole(packing ? "p" : "u");
    ASSERT_EQ(w.run->plan().batches.steps_per_epoch(), 1u);
    StopAt observer(0);
    ASSERT_TRUE(w.run->go(observer).has_value());
    losses[packing ? 1 : 0] = observer.losses.front();
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-6);  // sums of the same numbers in another order
}

TEST_F(RunTest, KeepsTheBestAndEndsEarly) {
  recipe.num_epochs = 60;
  recipe.learning_rate = 0.05;  // learns the examples by heart, so what is held out gets worse
  recipe.schedule = LrScheduler::constant;
  recipe.early_stopping_patience = 2;
  recipe.save = {.steps = {}, .per_epoch = {}, .never = true};
  Whole w = whole("early");
  StopAt observer(0);
  const auto ending = w.run->go(observer);
  ASSERT_TRUE(ending.has_value()) << ending.error().what;
  EXPECT_EQ(*ending, Ending::early);
  const auto& held_out = observer.held_out;
  ASSERT_GE(held_out.size(), 3u);
  const double best = *std::min_element(held_out.begin(), held_out.end());
  EXPECT_EQ(held_out[held_out.size() - 3], best);
  EXPECT_EQ(w.run->counters().best, best);
  // The result is the best one's values.
  Whole again = whole("early");
  const auto counters = read_checkpoint_values(w.folder->checkpoint(w.run->counters().best_step), "id", *again.model);
  ASSERT_TRUE(counters.has_value()) << counters.error().what;
  expect_same(values(w), values(again));
}

TEST_F(RunTest, KeepsSoManyCheckpoints) {
  recipe.save.steps = 1;
  recipe.save_total_limit = 2;
  Whole w = whole("few");
  StopAt observer(0);
  ASSERT_TRUE(w.run->go(observer).has_value());
  EXPECT_EQ(w.folder->checkpoints(), (std::vector<std::uint64_t>{7, 8}));
  // With one, the one before it stays until a step has shown that the newest is good.
  recipe.save_total_limit = 1;
  recipe.save.steps = 3;
  Whole one = whole("one");
  ASSERT_TRUE(one.run->go(observer).has_value());
  EXPECT_EQ(one.folder->checkpoints(), (std::vector<std::uint64_t>{3, 6}));
}

TEST_F(RunTest, WhatGoesWrongEndsWithTheLastGoodCheckpoint) {
  recipe.num_epochs = 30;
  recipe.save.steps = 1;
  recipe.save_total_limit = 1;
  recipe.max_grad_norm = 0;
  recipe.schedule = LrScheduler::constant_with_warmup;
  recipe.warmup_steps = 3;
  for (const double rate : {1e4, 1e30}) {
    SCOPED_TRACE(rate);
    recipe.learning_rate = rate;
    Whole w = whole("bad" + std::to_string(rate > 1e5));
    StopAt observer(0);
    const auto ending = w.run->go(observer);
    ASSERT_FALSE(ending.has_value());
    EXPECT_EQ(ending.error().code, Errc::corrupt);
    EXPECT_TRUE(w.run->diverged());
    EXPECT_NE(ending.error().what.find("training diverged at step"), std::string::npos) << ending.error().what;
    EXPECT_NE(ending.error().what.find("learning_rate"), std::string::npos);
    // The first step's rate is 0, so after it nothing has changed: that one is good.
    const auto steps = w.folder->checkpoints();
    ASSERT_FALSE(steps.empty());
    Whole good = whole("good");
    ASSERT_TRUE(read_checkpoint_values(w.folder->checkpoint(steps.back()), "id", *good.model).has_value());
    const auto measured = good.run->measure();
    EXPECT_TRUE(measured.has_value()) << measured.error().what;
  }
}

TEST_F(RunTest, TheWatchdogEndsARunWhoseLossStaysHigh) {
  recipe.loss_watchdog_threshold = 0.01;
  recipe.loss_watchdog_patience = 3;
  recipe.save.steps = 1;
  Whole w = whole("watched");
  StopAt observer(0);
  const auto ending = w.run->go(observer);
  ASSERT_FALSE(ending.has_value());
  EXPECT_EQ(observer.losses.size(), 3u);
  EXPECT_TRUE(w.folder->checkpoints().empty());
}

// A checkpoint is whole, of this run, and undamaged, or it is refused and nothing has changed.
TEST_F(RunTest, DamagedCheckpointsAreRefused) {
  Whole w = whole("damaged");
  StopAt observer(0);
  ASSERT_TRUE(w.run->go(observer).has_value());
  const auto path = w.folder->checkpoint(w.folder->checkpoints().back());
  const std::string content = *read_file(path);
  Whole fresh = whole("damaged", 1, "another");
  const std::vector<float> before = values(fresh);
  auto resumed = fresh.run->resume();
  ASSERT_FALSE(resumed.has_value());
  EXPECT_EQ(resumed.error().code, Errc::invalid);
  for (std::size_t i = 0; i < (kSanitized ? 9 : 60); ++i) {
    std::string bad = content;
    const auto at = static_cast<std::size_t>(uniform_draw(9, 1, i) * static_cast<double>(bad.size()));
    if (i % 3 == 0) {
      bad.resize(at);
    } else {
      bad[at] = static_cast<char>(bad[at] ^ (1 << i % 8));
    }
    ASSERT_TRUE(write_file_atomically(path, bad).has_value());
    Whole again = whole("damaged");
    resumed = again.run->resume();
    ASSERT_FALSE(resumed.has_value()) << i;
    EXPECT_EQ(resumed.error().code, Errc::corrupt);
    expect_same(values(again), before);
  }
}

// Fails disk operation number 1, 2, 3 …: afterwards the run goes on and ends with the same bytes.
TEST_F(RunTest, SurvivesEveryDiskFailure) {
  recipe.num_epochs = 1;
  recipe.save.steps = 2;
  Whole undisturbed = whole("good");
  StopAt never(0);
  ASSERT_TRUE(undisturbed.run->go(never).has_value());
  bool failed = true;
  for (int nth = 1; failed && nth < 200; nth += kSanitized ? 9 : nth < 12 ? 1 : 5) {
    SCOPED_TRACE(nth);
    const std::string name = "disk" + std::to_string(nth);
    {
      Whole w = whole(name);
      int left = nth;
      set_disk_fault_for_tests([&](const char*) { return --left == 0 ? ENOSPC : 0; });
      const auto ending = w.run->go(never);
      set_disk_fault_for_tests({});
      failed = !ending.has_value();
      EXPECT_FALSE(w.run->diverged());
    }
    Whole w = whole(name);
    ASSERT_TRUE(w.run->resume().has_value());
    ASSERT_TRUE(w.run->go(never).has_value());
    EXPECT_EQ(columns(undisturbed), columns(w));
    expect_same(values(undisturbed), values(w));
  }
  EXPECT_FALSE(failed) << "the loop has come to its end";
}

TEST_F(RunTest, OneProcessARun) {
  const RunFolder run(folder / "locked");
  ASSERT_TRUE(run.make().has_value());
  EXPECT_EQ(RunLock::holder(run.path()), std::nullopt);
  {
    const auto lock = RunLock::take(run.path());
    ASSERT_TRUE(lock.has_value());
    EXPECT_EQ(RunLock::holder(run.path()), std::optional<int>(::getpid()));
    const auto second = RunLock::take(run.path());
    ASSERT_FALSE(second.has_value());
    EXPECT_NE(second.error().what.find(std::to_string(::getpid())), std::string::npos) << second.error().what;
  }
  EXPECT_EQ(RunLock::holder(run.path()), std::nullopt);
  EXPECT_TRUE(RunLock::take(run.path()).has_value());
}

TEST_F(RunTest, StateIsReadAsItWasWritten) {
  const RunFolder run(folder / "state");
  ASSERT_TRUE(run.make().has_value());
  EXPECT_FALSE(run.state().value().has_value());
  RunState s;
  s.status = RunStatus::diverged;
  s.run = "abc";
  s.base_model = "m\xff";
  s.steps = 12;
  s.step = 3;
  s.why = "a \"reason\"";
  ASSERT_TRUE(run.write_state(s).has_value());
  const auto back = run.state().value().value();
  EXPECT_EQ(back.status, RunStatus::diverged);
  EXPECT_EQ(back.run, "abc");
  EXPECT_EQ(back.steps, 12u);
  EXPECT_EQ(back.why, s.why);
  for (const char* bad : {"", "{", "[]", "{\"status\":\"odd\"}"}) {
    ASSERT_TRUE(write_file_atomically(run.file("run.json"), bad).has_value());
    EXPECT_EQ(run.state().error().code, Errc::corrupt) << bad;
  }
}

}  // namespace
}  // namespace freehold::train
