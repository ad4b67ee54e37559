// Lines of `freehold batch`: what they mean, and how they are known again.
#include "app/batch/line.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

BatchOptions options() {
  BatchOptions o;
  o.model = "tiny";
  o.settings.sampling.temperature = 0.25;
  o.settings.sampling.min_p = 0.125;
  o.settings.max_tokens = 7;
  o.settings.stop = {"END"};
  o.settings.seed = 3;
  o.identity = batch_identity(o, "digest", 100);
  return o;
}

TEST(BatchLine, OptionsStandForWhatAPlainLineLeavesOut) {
  const BatchJob bare = parse_batch_job(options(), 4, "\"hello\"");
  ASSERT_TRUE(bare.call) << bare.call.error().message;
  EXPECT_EQ(bare.call->request.sampling.temperature, 0.25);
  EXPECT_EQ(bare.call->request.sampling.min_p, 0.125);
  EXPECT_EQ(bare.call->request.max_tokens, 7u);
  EXPECT_EQ(bare.call->request.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(bare.call->model, "tiny");
  EXPECT_TRUE(std::holds_alternative<api::Conversation>(bare.call->input));

  const BatchJob own = parse_batch_job(
      options(), 4,
      R"({"prompt":"a","temperature":1.5,"top_p":0,"max_tokens":2,"stop":["x"],"seed":9,"custom_id":"c"})");
  ASSERT_TRUE(own.call) << own.call.error().message;
  EXPECT_EQ(own.custom_id, "c");
  EXPECT_EQ(own.call->request.sampling.temperature, 1.5);
  EXPECT_EQ(own.call->request.sampling.min_p, 0.125);
  EXPECT_EQ(own.call->request.sampling.top_k, 1u);
  EXPECT_EQ(own.call->request.max_tokens, 2u);
  EXPECT_EQ(own.call->request.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(own.call->request.seed, 9u);
}

TEST(BatchLine, OpenAisLinesHaveOpenAisDefaults) {
  const BatchJob job = parse_batch_job(
      options(), 1, R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":{"model":"gpt","prompt":"a"}})");
  ASSERT_TRUE(job.call) << job.call.error().message;
  EXPECT_FALSE(job.plain);
  EXPECT_TRUE(job.completion);
  EXPECT_EQ(job.call->request.sampling.temperature, 1);
  EXPECT_EQ(job.call->request.max_tokens, 16u);
  EXPECT_EQ(job.call->model, "gpt");
}

TEST(BatchLine, EachLineHasASeedOfItsOwn) {
  const auto seed = [](BatchOptions o, std::uint64_t number) {
    return parse_batch_job(o, number, "\"a\"").call->request.seed;
  };
  BatchOptions other = options();
  other.settings.seed = 4;
  EXPECT_EQ(seed(options(), 1), seed(options(), 1));
  EXPECT_NE(seed(options(), 1), seed(options(), 2));
  EXPECT_NE(seed(options(), 1), seed(other, 1));
  EXPECT_LT(seed(options(), 1), std::uint64_t{1} << 53);
}

TEST(BatchLine, TheIdDependsOnAllThatTheAnswerDoes) {
  const std::string id = batch_line_id(options(), 1, "\"a\"");
  EXPECT_EQ(id, batch_line_id(options(), 1, "\"a\""));
  EXPECT_NE(id, batch_line_id(options(), 2, "\"a\""));
  EXPECT_NE(id, batch_line_id(options(), 1, "\"b\""));
  const BatchOptions base = options();
  EXPECT_NE(batch_identity(base, "other", 100), base.identity);
  EXPECT_NE(batch_identity(base, "digest", 200), base.identity);
  BatchOptions changed = options();
  changed.settings.sampling.top_k = 5;
  EXPECT_NE(batch_identity(changed, "digest", 100), base.identity);
  changed = options();
  changed.templated = false;
  EXPECT_NE(batch_identity(changed, "digest", 100), base.identity);
}

TEST(BatchLine, ResponsesAndEmbeddings) {
  const auto job = [](const std::string& url, const std::string& body) {
    return parse_batch_job(options(), 1,
                           R"({"custom_id":"c","method":"POST","url":"/v1/)" + url + R"(","body":)" + body + "}");
  };
  const BatchJob response = job("responses", R"({"model":"m","input":"a","max_output_tokens":3})");
  ASSERT_TRUE(response.call) << response.call.error().message;
  ASSERT_TRUE(response.response);
  EXPECT_EQ(response.call->request.max_tokens, 3u);
  EXPECT_FALSE(response.response->store);
  EXPECT_NE(batch_encoder(response, {})->end().find("\"object\":\"response\""), std::string::npos);
  const BatchJob embed = job("embeddings", R"({"model":"m","input":["a","b"]})");
  ASSERT_TRUE(embed.call) << embed.call.error().message;
  EXPECT_EQ(embed.embed->inputs.size(), 2u);
  const auto refused = [&](const std::string& url, const std::string& body) {
    const BatchJob one = job(url, body);
    return one.call ? "accepted" : one.call.error().param;
  };
  EXPECT_EQ(refused("responses", R"({"model":"m","input":"a","previous_response_id":"resp_1"})"),
            "previous_response_id");
  EXPECT_EQ(refused("responses", R"({"model":"m","input":"a","truncation":"auto"})"), "truncation");
  EXPECT_EQ(refused("responses", R"({"model":"m","input":"a","background":true})"), "background");
  EXPECT_EQ(refused("responses", R"({"model":"m","input":"a","stream":true})"), "stream");
  EXPECT_EQ(refused("embeddings", R"({"model":"m","input":""})"), "input");
  EXPECT_EQ(refused("images", "{}"), "url");
}

TEST(BatchLine, WhatIsWrittenIsReadAgain) {
  const BatchJob plain = parse_batch_job(options(), 1, R"({"prompt":"a","custom_id":"\"q\""})");
  const std::string good = batch_output_line(plain, 200, R"({"text":"b"})");
  EXPECT_EQ(good, "{\"id\":\"" + plain.id + R"(","custom_id":"\"q\"","text":"b"})" + "\n");
  auto read = read_output_line(good);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, plain.id);
  EXPECT_FALSE(read->failed);
  EXPECT_TRUE(read_output_line(batch_output_line(plain, 400, R"({"error":{}})"))->failed);
  const BatchJob whole = parse_batch_job(
      options(), 1, R"({"custom_id":"c","method":"POST","url":"/v1/completions","body":{"model":"m","prompt":"a"}})");
  EXPECT_FALSE(read_output_line(batch_output_line(whole, 200, "{}"))->failed);
  EXPECT_TRUE(read_output_line(batch_output_line(whole, 404, "{}"))->failed);
  for (const char* other : {"", "x", "[]", "{}", R"({"id":7})"}) EXPECT_FALSE(read_output_line(other)) << other;
}

TEST(BatchLine, RefusesWhatItWouldLeaveOut) {
  for (const char* line : {"",
                           "\"\"",
                           R"({"prompt":""})",
                           "x",
                           "7",
                           "[]",
                           "null",
                           "{}",
                           R"({"prompt":"a","messages":[]})",
                           R"({"prompt":["a","b"]})",
                           R"({"prompt":"a","n":2})",
                           R"({"prompt":"a","stream":true})",
                           R"({"prompt":7})",
                           R"({"messages":"a"})",
                           R"({"prompt":"a","response_format":{"type":"xml"}})",
                           R"({"prompt":"a","logprobs":true})",
                           R"({"prompt":"a","tools":[{"type":"function","function":{"name":"f"}}]})",
                           R"({"prompt":"a","custom_id":7})",
                           R"({"prompt":"a","temprature":1})",
                           R"({"url":"/v1/completions","body":{}})"}) {
    const BatchJob job = parse_batch_job(options(), 1, line);
    ASSERT_FALSE(job.call) << line;
    EXPECT_FALSE(job.call.error().message.empty());
    EXPECT_EQ(api::status_of(job.call.error().problem), 400) << line;
  }
}

}  // namespace
}  // namespace freehold::app
