// What is decided about a fine-tuning job before it runs: the recipes that come of it are read as written.
#include "app/serve/job_check.h"

#include <gtest/gtest.h>

#include "train/recipe.h"

namespace freehold::app {
namespace {

using api::openai::TuningMethod;
using api::openai::TuningRows;

api::openai::FineTuningJob decided(std::uint32_t batch, TuningMethod method = TuningMethod::supervised) {
  api::openai::FineTuningJob job;
  job.id = "ftjob-1";
  job.model = R"(a "b" \c)";
  job.method = method;
  job.hyperparameters = {3, batch, 0.5, method == TuningMethod::dpo ? std::optional(0.2) : std::nullopt};
  job.seed = 7;
  return job;
}

TEST(JobCheck, RecipesAreReadAsWritten) {
  for (const TuningRows rows : {TuningRows::chat, TuningRows::completions, TuningRows::preferences}) {
    const bool dpo = rows == TuningRows::preferences;
    auto job = decided(8, dpo ? TuningMethod::dpo : TuningMethod::supervised);
    job.validation_file = "file-2";
    const auto recipe = train::parse_recipe(recipe_of(job, {rows, 100, 60, 2048, false}));
    ASSERT_TRUE(recipe) << recipe.error().what << recipe_of(job, {rows, 100, 60, 2048, false});
    EXPECT_EQ(recipe->base_model, job.model);
    EXPECT_EQ(recipe->method, train::Method::lora);
    EXPECT_EQ(recipe->dpo, dpo);
    EXPECT_EQ(recipe->num_epochs, 3);
    EXPECT_EQ(recipe->micro_batch_size * recipe->gradient_accumulation_steps, 8u);
    EXPECT_EQ(recipe->micro_batch_size, dpo ? 1u : 8u);
    EXPECT_DOUBLE_EQ(recipe->learning_rate, 0.5 * usual_learning_rate(job.method));
    EXPECT_EQ(recipe->seed, 7u);
    EXPECT_EQ(recipe->sequence_len, 2048u);
    ASSERT_EQ(recipe->datasets.size(), 1u);
    EXPECT_EQ(recipe->datasets[0].path, "training.jsonl");
    ASSERT_EQ(recipe->test_datasets.size(), 1u);
    EXPECT_EQ(recipe->datasets[0].property_training, rows == TuningRows::chat ? "weight" : "");
    EXPECT_EQ(recipe->save.per_epoch, 1u);
    EXPECT_TRUE(recipe->lora_model_dir.empty());
  }
}

// Every step has the same number of examples, in micro-batches that are worth it.
TEST(JobCheck, MicroBatchesDivideTheBatch) {
  for (const std::uint32_t batch : {1u, 6u, 7u, 12u, 256u}) {
    for (const std::uint32_t longest : {1u, 100u, 200u, 5000u}) {
      const auto recipe = train::parse_recipe(recipe_of(decided(batch), {TuningRows::chat, 1000, longest, 8192, true}));
      ASSERT_TRUE(recipe) << recipe.error().what;
      EXPECT_EQ(recipe->micro_batch_size * recipe->gradient_accumulation_steps, batch);
      EXPECT_TRUE(recipe->micro_batch_size == 1 || recipe->micro_batch_size * longest <= 512)
          << batch << " " << longest;
      // A kill costs twenty steps at most.
      const std::uint64_t steps = (1000 + batch - 1) / batch;
      EXPECT_LE(steps, 20ull * *recipe->save.per_epoch);
      EXPECT_EQ(recipe->lora_model_dir, "start");
    }
  }
  EXPECT_EQ(train::parse_recipe(recipe_of(decided(12), {TuningRows::chat, 9, 100, 512, false}))->micro_batch_size, 4u);
}

TEST(JobCheck, DefaultsFollowFromTheExamples) {
  EXPECT_EQ(tuning_defaults(0).epochs, 25u);
  EXPECT_EQ(tuning_defaults(10).epochs, 10u);
  EXPECT_EQ(tuning_defaults(34).epochs, 3u);
  EXPECT_EQ(tuning_defaults(1'000'000).epochs, 3u);
  EXPECT_EQ(tuning_defaults(500).batch, 1u);
  EXPECT_EQ(tuning_defaults(501).batch, 2u);
  EXPECT_EQ(tuning_defaults(1'000'000).batch, 32u);
}

TEST(JobCheck, ErrorsNameTheParameterAndNoPath) {
  const auto training = data_error({Errc::corrupt, "/home/x/fine_tuning/ftjob-1/training.jsonl: line 3: broken"});
  EXPECT_EQ(training.message, "training_file is not usable: line 3: broken");
  EXPECT_EQ(training.param, "training_file");
  EXPECT_EQ(data_error({Errc::corrupt, "/x/validation.jsonl: line 1: b"}).param, "validation_file");
  EXPECT_EQ(data_error({Errc::io, "read /home/x: failed"}).message.find("/home"), std::string::npos);
}

}  // namespace
}  // namespace freehold::app
