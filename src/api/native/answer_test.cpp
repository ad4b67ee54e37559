#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/native/native.h"

namespace freehold::api::native {
namespace {

using nlohmann::json;

std::string play(Encoder& encoder) {
  engine::TokenLogprob top{5, -0.5, "Hi"};
  engine::TokenLogprobs token{0, {5, -0.5, "Hi"}, std::span(&top, 1)};
  engine::Usage usage;
  usage.completion_tokens = 4;
  usage.drafted_tokens = 6;
  usage.accepted_tokens = 3;
  usage.prefill_seconds = 0.5;
  usage.decode_seconds = 2;
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Logprobs{0, &token});
  out += encoder.add(Text{0, "Hi"});
  out += encoder.add(Text{0, "\n"});
  out += encoder.add(Ended{0, Reason::stop_string, "END", usage, 0, {}});
  return out + encoder.end();
}

void expect_end(const json& last) {
  EXPECT_EQ(last["stop"], true);
  EXPECT_EQ(last["stop_type"], "word");
  EXPECT_EQ(last["stopping_word"], "END");
  EXPECT_EQ(last["tokens_predicted"], 4);
  EXPECT_EQ(last["tokens_evaluated"], 7);
  EXPECT_EQ(last["tokens_cached"], 2);
  EXPECT_EQ(last["timings"]["prompt_n"], 5);
  EXPECT_EQ(last["timings"]["predicted_per_second"], 2);
  EXPECT_EQ(last["timings"]["draft_n"], 6);
  EXPECT_EQ(last["timings"]["draft_n_accepted"], 3);
  EXPECT_EQ(last["generation_settings"]["temperature"], 0.8);
  EXPECT_EQ(last["has_new_line"], true);
  EXPECT_EQ(last["prompt"], "P");
  EXPECT_EQ(last["model"], "m");
}

TEST(NativeCompletionAnswer, WholeAndStreamedSayTheSame) {
  const auto call = parse_completion(R"({"prompt":"P","n_probs":1})");
  auto whole = completion_encoder(*call, {"abc", "m", 12}, "P");
  const json answer = json::parse(play(*whole));
  EXPECT_EQ(answer["content"], "Hi\n");
  EXPECT_EQ(answer["completion_probabilities"][0]["top_logprobs"][0]["id"], 5);
  expect_end(answer);

  const auto streaming = parse_completion(R"({"prompt":"P","n_probs":1,"stream":true})");
  auto streamed = completion_encoder(*streaming, {"abc", "m", 12}, "P");
  const std::string bytes = play(*streamed);
  std::string text;
  json last, probabilities = json::array();
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find("\n\n", at);
    ASSERT_NE(end, std::string::npos);
    ASSERT_EQ(bytes.substr(at, 6), "data: ");
    EXPECT_TRUE(last.is_null() || last["stop"] == false);
    last = json::parse(bytes.substr(at + 6, end - at - 6));
    text += last["content"].get<std::string>();
    if (last.contains("completion_probabilities")) probabilities.push_back(last["completion_probabilities"][0]);
    at = end + 2;
  }
  EXPECT_EQ(text, answer["content"]);
  EXPECT_EQ(probabilities, answer["completion_probabilities"]);
  expect_end(last);
}

}  // namespace
}  // namespace freehold::api::native
