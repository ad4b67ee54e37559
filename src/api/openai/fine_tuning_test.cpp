#include "api/openai/fine_tuning.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/openai/fine_tuning_data.h"

namespace freehold::api::openai {
namespace {

// Why a request is refused, as "field: message".
std::string job_refusal(const std::string& more) {
  const auto job = parse_job(R"({"model":"m","training_file":"file-1")" + (more.empty() ? "" : "," + more) + "}");
  return job ? "" : job.error().param + ": " + job.error().message;
}

TEST(FineTuningRequest, ReadsBothPlacesOfHyperparameters) {
  const auto old = parse_job(R"({"model":"m","training_file":"f","validation_file":"v","suffix":"my-1","seed":7,
      "metadata":{"a":"b"},"integrations":null,"hyperparameters":{"n_epochs":3,"batch_size":"auto","learning_rate_multiplier":0.5}})");
  ASSERT_TRUE(old) << old.error().message;
  EXPECT_EQ(old->hyperparameters, (Hyperparameters{3, {}, 0.5, {}}));
  EXPECT_EQ(old->validation_file, "v");
  EXPECT_EQ(old->seed, 7u);
  const auto dpo = parse_job(R"({"model":"m","training_file":"f",
      "method":{"type":"dpo","dpo":{"hyperparameters":{"beta":0.3,"n_epochs":"auto","batch_size":8}}}})");
  ASSERT_TRUE(dpo) << dpo.error().message;
  EXPECT_EQ(dpo->method, TuningMethod::dpo);
  EXPECT_EQ(dpo->hyperparameters, (Hyperparameters{{}, 8, {}, 0.3}));
}

TEST(FineTuningRequest, NamesWhatIsWrong) {
  EXPECT_EQ(job_refusal(""), "");
  for (const auto& [more, field] : std::initializer_list<std::pair<const char*, std::string>>{
           {R"("learning_rate":1)", "learning_rate"},
           {R"("hyperparameters":{"n_epochs":51})", "hyperparameters.n_epochs"},
           {R"("hyperparameters":{"batch_size":1.5})", "hyperparameters.batch_size"},
           {R"("hyperparameters":{"learning_rate_multiplier":0})", "hyperparameters.learning_rate_multiplier"},
           {R"("hyperparameters":[])", "hyperparameters"},
           {R"("method":{"type":"reinforcement"})", "method.type"},
           {R"("method":{})", "method.type"},
           {R"("method":{"type":"supervised","dpo":{}})", "method.dpo"},
           {R"("method":{"type":"dpo","dpo":{"grader":1}})", "method.dpo.grader"},
           {R"("integrations":[{"type":"wandb"}])", "integrations"},
           {R"("suffix":"a:b")", "suffix"},
           {R"("seed":2147483648)", "seed"}}) {
    EXPECT_EQ(job_refusal(more).substr(0, field.size() + 1), field + ":") << more << job_refusal(more);
  }
  EXPECT_EQ(parse_job("{}").error().param, "model");
  EXPECT_EQ(parse_job(R"({"model":"m"})").error().param, "training_file");
}

FineTuningJob some_job() {
  FineTuningJob j;
  j.id = "ftjob-1", j.model = "m", j.training_file = "file-1";
  j.method = TuningMethod::dpo;
  j.hyperparameters = {4, {}, 0.5, 0.1};
  j.seed = 9, j.created_at = 100, j.metadata = R"({"a":"b"})", j.suffix = "s", j.organization = "o";
  return j;
}

TEST(FineTuningJobs, ReadBackWhatTheyWrote) {
  FineTuningJob j = some_job();
  EXPECT_EQ(job_json(*read_job(job_json(j))), job_json(j));
  ASSERT_TRUE(j.become(JobStatus::queued, 101));
  ASSERT_TRUE(j.become(JobStatus::running, 102));
  j.estimated_finish = 200;
  ASSERT_TRUE(j.become(JobStatus::failed, 103));
  j.error = JobError{"c", "m", ""};
  j.trained_tokens = 5, j.result_files = {"file-2"}, j.fine_tuned_model = "ft:m";
  const auto back = read_job(job_json(j));
  ASSERT_TRUE(back);
  EXPECT_EQ(job_json(*back), job_json(j));
  EXPECT_EQ(back->finished_at, 103);
  EXPECT_EQ(back->error, j.error);
  EXPECT_FALSE(back->estimated_finish);
  // Every key is there, whatever it holds.
  const auto fresh = parse_object(job_json(some_job()));
  for (const char* key :
       {"id", "object", "created_at", "finished_at", "model", "fine_tuned_model", "organization_id", "result_files",
        "status", "validation_file", "training_file", "hyperparameters", "trained_tokens", "error", "seed",
        "estimated_finish", "integrations", "metadata", "method"}) {
    EXPECT_TRUE(fresh->contains(key)) << key;
  }
  for (const char* broken : {"", "{}", "[]", R"({"status":"running"})"}) EXPECT_FALSE(read_job(broken)) << broken;
}

TEST(FineTuningJobs, WhatIsOverStaysSo) {
  using enum JobStatus;
  for (const JobStatus from : {succeeded, failed, cancelled}) {
    for (const JobStatus to : {validating_files, queued, running, paused, succeeded, failed, cancelled}) {
      EXPECT_FALSE(may_become(from, to)) << name_of(from) << name_of(to);
    }
  }
  for (const JobStatus status : {validating_files, queued, running, paused, succeeded, failed, cancelled}) {
    EXPECT_EQ(job_status(name_of(status)), status);
    EXPECT_EQ(is_over(status), !may_become(status, cancelled));
  }
  EXPECT_FALSE(may_become(paused, running));
}

TEST(FineTuningJobs, PagesByMetadata) {
  const auto page = parse_job_page({{"limit", "5"}, {"metadata[a]", "b"}});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->page.limit, 5u);
  EXPECT_TRUE(fits(*page, some_job()));
  EXPECT_FALSE(fits(*parse_job_page({{"metadata[a]", "c"}}), some_job()));
  EXPECT_FALSE(fits(*parse_job_page({{"metadata", "null"}}), some_job()));
  EXPECT_EQ(parse_job_page({{"metadata", "x"}}).error().param, "metadata");
}

std::string tuning_row(const char* line, TuningMethod method = TuningMethod::supervised) {
  const auto row = parse_tuning_line(line, method);
  return row ? row->json : "! " + row.error();
}

TEST(TuningData, ConversationsBecomeRows) {
  EXPECT_EQ(
      tuning_row(R"({"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                           {"role":"user","content":"q","name":"n"},{"role":"assistant","content":"x","weight":0},
                           {"role":"assistant","content":"y"}],"parallel_tool_calls":true})"),
      R"({"messages":[{"role":"system","content":"ab"},{"role":"user","content":"q","name":"n"},)"
      R"({"role":"assistant","content":"x","weight":0},{"role":"assistant","content":"y"}]})");
  const auto tools = parse_tuning_line(R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[
      {"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}],
      "tools":[{"type":"function","function":{"name":"f"}}]})",
                                       TuningMethod::supervised);
  ASSERT_TRUE(tools) << tools.error();
  EXPECT_TRUE(tools->tools);
  EXPECT_NE(tools->json.find(R"("arguments":{"x":1})"), std::string::npos) << tools->json;
  EXPECT_EQ(tuning_row(R"({"prompt":"a","completion":"b"})"), R"({"prompt":"a","completion":"b"})");
  EXPECT_EQ(tuning_row(R"({"input":{"messages":[{"role":"user","content":"q"}]},
                           "preferred_output":[{"role":"assistant","content":"g"}],
                           "non_preferred_output":[{"role":"assistant","content":"b"}]})",
                       TuningMethod::dpo),
            R"({"messages":[{"role":"user","content":"q"}],"chosen":{"role":"assistant","content":"g"},)"
            R"("rejected":{"role":"assistant","content":"b"}})");
}

TEST(TuningData, SaysWhatIsWrong) {
  for (const auto& [line, words] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{", "not JSON"},
           {"[]", "no JSON object"},
           {R"({"mesages":[]})", "'mesages' is no key here"},
           {R"({"messages":[]})", "no list 'messages'"},
           {R"({"messages":[1]})", "message 1: it is no object"},
           {R"({"messages":[{"role":"x","content":""}]})", "'role' must be one of"},
           {R"({"messages":[{"role":"user"}]})", "no 'content'"},
           {R"({"messages":[{"role":"user","content":"a"}]})", "nothing to learn"},
           {R"({"messages":[{"role":"assistant","content":"a","weight":0}]})", "nothing to learn"},
           {R"({"messages":[{"role":"assistant","content":"a","weight":0.5}]})", "0 or 1"},
           {R"({"messages":[{"role":"user","content":"a","weight":1}]})", "assistant's messages alone"},
           {R"({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"x"}}]}]})",
            "arguments"},
           {R"({"messages":[{"role":"user","content":"q"}],"functions":[]})", "write 'tools'"},
           {R"({"prompt":"a"})", "'completion' must be a string"},
           {R"({"prompt":"a","completion":""})", "nothing to learn"}}) {
    EXPECT_NE(tuning_row(line).find(words), std::string::npos) << line << " " << tuning_row(line);
  }
  EXPECT_NE(
      tuning_row(R"({"input":{"messages":[{"role":"user","content":"q"}]},"preferred_output":[]})", TuningMethod::dpo)
          .find("a list of one message"),
      std::string::npos);
}

}  // namespace
}  // namespace freehold::api::openai
