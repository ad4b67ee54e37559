#include <gtest/gtest.h>

#include <cmath>

#include "api/native/native.h"

namespace freehold::api::native {
namespace {

Parsed<Call> try_completion(const std::string& more) {
  return parse_completion(R"({"prompt":"hi")" + more + "}");
}
std::string refused(const std::string& more) {
  const auto call = try_completion(more);
  if (call) return "accepted";
  EXPECT_EQ(status_of(call.error().problem), 400);
  EXPECT_NE(call.error().message.find(call.error().param), std::string::npos) << call.error().message;
  return call.error().param;
}

TEST(NativeCompletionRequest, DefaultsAreTheVendors) {
  const auto call = try_completion("");
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->model.empty());
  EXPECT_EQ(call->request.sampling.temperature, 0.8);
  EXPECT_EQ(call->request.sampling.top_k, 40u);
  EXPECT_EQ(call->request.sampling.top_p, 0.95);
  EXPECT_EQ(call->request.sampling.min_p, 0.05);
  EXPECT_EQ(call->request.sampling.repetition_penalty, 1);
  EXPECT_EQ(call->request.max_tokens, 0u);
  EXPECT_FALSE(call->stream || call->has_seed);
  EXPECT_TRUE(call->control_tokens);
}

TEST(NativeCompletionRequest, EveryFieldArrives) {
  const auto call = try_completion(
      R"(,"model":"m","n_predict":9,"temperature":-1,"top_k":-1,"top_p":0.5,"min_p":0.2,"typical_p":0.9,"repeat_penalty":1.2,
      "repeat_last_n":-1,"presence_penalty":1,"frequency_penalty":2,"seed":7,"stop":["a"],"ignore_eos":true,"n_probs":3,
      "logit_bias":[[5,1.5],[6,false]],"grammar":"root ::= \"a\"","stream":true,"cache_prompt":true,"id_slot":1)");
  ASSERT_TRUE(call) << call.error().message;
  const engine::Request& r = call->request;
  EXPECT_EQ(call->model, "m");
  EXPECT_EQ(r.max_tokens, 9u);
  EXPECT_EQ(r.sampling.temperature, 0);
  EXPECT_EQ(r.sampling.top_k, 0u);
  EXPECT_EQ(r.sampling.top_p, 0.5);
  EXPECT_EQ(r.sampling.min_p, 0.2);
  EXPECT_EQ(r.sampling.typical_p, 0.9);
  EXPECT_EQ(r.sampling.repetition_penalty, 1.2);
  EXPECT_EQ(r.sampling.penalty_last, 0u);
  EXPECT_EQ(r.sampling.presence_penalty, 1);
  EXPECT_EQ(r.sampling.frequency_penalty, 2);
  EXPECT_TRUE(call->has_seed);
  EXPECT_EQ(r.seed, 7u);
  EXPECT_EQ(r.stop, std::vector<std::string>{"a"});
  EXPECT_FALSE(r.stop_at_end_of_generation);
  EXPECT_EQ(r.logprobs, 3u);
  ASSERT_EQ(r.sampling.logit_bias.size(), 2u);
  EXPECT_EQ(r.sampling.logit_bias[0].bias, 1.5);
  EXPECT_EQ(r.sampling.logit_bias[1].bias, -INFINITY);
  EXPECT_EQ(call->format.kind, Format::Kind::gbnf);
  EXPECT_TRUE(call->stream);
  EXPECT_EQ(call->ignored, std::vector<std::string>{"id_slot"});
  EXPECT_EQ(try_completion(R"(,"json_schema":{"type":"object"})")->format.kind, Format::Kind::json_schema);
  EXPECT_EQ(try_completion(R"(,"logit_bias":{"5":1})")->request.sampling.logit_bias.size(), 1u);
  const auto ids = parse_completion(R"({"prompt":[1,2]})");
  EXPECT_EQ(std::get<std::vector<PlainPrompt>>(ids->input),
            (std::vector<PlainPrompt>{std::vector<std::int32_t>{1, 2}}));
}

TEST(NativeCompletionRequest, WrongTypesAndRangesAreRefusedByName) {
  EXPECT_EQ(refused(R"(,"temperature":"x")"), "temperature");
  EXPECT_EQ(refused(R"(,"temperature":101)"), "temperature");
  EXPECT_EQ(refused(R"(,"top_k":0.5)"), "top_k");
  EXPECT_EQ(refused(R"(,"top_p":1.5)"), "top_p");
  EXPECT_EQ(refused(R"(,"min_p":2)"), "min_p");
  EXPECT_EQ(refused(R"(,"typical_p":0)"), "typical_p");
  EXPECT_EQ(refused(R"(,"repeat_penalty":0)"), "repeat_penalty");
  EXPECT_EQ(refused(R"(,"repeat_last_n":-2)"), "repeat_last_n");
  EXPECT_EQ(refused(R"(,"n_predict":0)"), "n_predict");
  EXPECT_EQ(refused(R"(,"n_predict":-2)"), "n_predict");
  EXPECT_EQ(refused(R"(,"n_probs":101)"), "n_probs");
  EXPECT_EQ(refused(R"(,"stop":[""])"), "stop");
  EXPECT_EQ(refused(R"(,"stream":1)"), "stream");
  EXPECT_EQ(refused(R"(,"logit_bias":5)"), "logit_bias");
  EXPECT_EQ(refused(R"(,"logit_bias":[[1]])"), "logit_bias");
  EXPECT_EQ(refused(R"(,"logit_bias":[[1,true]])"), "logit_bias");
  EXPECT_EQ(refused(R"(,"logit_bias":{"x":1})"), "logit_bias");
  EXPECT_EQ(refused(R"(,"json_schema":"x")"), "json_schema");
  EXPECT_EQ(refused(R"(,"json_schema":{"type":"object"},"grammar":"x")"), "json_schema");
  for (const char* wrong : {"5", "[]", "[\"a\"]", "[-1]", "{}", "null"}) {
    EXPECT_EQ(parse_completion(std::string(R"({"prompt":)") + wrong + "}").error().param, "prompt") << wrong;
  }
}

TEST(NativeTokenize, HasTwoForms) {
  const auto llama = parse_tokenize(R"({"content":"a","add_special":true,"with_pieces":true})");
  ASSERT_TRUE(llama);
  EXPECT_TRUE(llama->llama && llama->add_special && llama->parse_special && llama->pieces);
  EXPECT_FALSE(parse_tokenize(R"({"content":"a"})")->add_special);
  const auto vllm = parse_tokenize(R"({"model":"m","prompt":"a"})");
  ASSERT_TRUE(vllm);
  EXPECT_TRUE(!vllm->llama && vllm->add_special && !vllm->parse_special);
  const auto chat = parse_tokenize(R"({"model":"m","messages":[{"role":"user","content":"u"}]})");
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->call.model, "m");
  EXPECT_TRUE(std::holds_alternative<Conversation>(chat->call.input));
  for (const char* wrong : {"{}", R"({"content":"a","prompt":"b"})", R"({"content":5})", R"({"prompt":["a"]})",
                            R"({"messages":[]})", R"({"content":"a","with_pieces":1})"}) {
    EXPECT_FALSE(parse_tokenize(wrong)) << wrong;
  }
}

TEST(NativeTokenize, AnswersInTheFormOfTheQuestion) {
  const std::vector<Token> tokens = {{5,
                                      "\xc4\xa0"
                                      "a",
                                      " a"},
                                     {6, "<0xC3>", "\xc3"}};
  auto asked = parse_tokenize(R"({"content":"a"})");
  EXPECT_EQ(tokenize_json(*asked, tokens, 99), R"({"tokens":[5,6]})");
  asked = parse_tokenize(R"({"content":"a","with_pieces":true})");
  EXPECT_EQ(tokenize_json(*asked, tokens, 99), R"({"tokens":[{"id":5,"piece":" a"},{"id":6,"piece":[195]}]})");
  asked = parse_tokenize(R"({"prompt":"a"})");
  EXPECT_EQ(tokenize_json(*asked, tokens, 99), R"({"count":2,"max_model_len":99,"tokens":[5,6],"token_strs":null})");
  asked = parse_tokenize(R"({"prompt":"a","return_token_strs":true})");
  EXPECT_EQ(tokenize_json(*asked, tokens, 99),
            "{\"count\":2,\"max_model_len\":99,\"tokens\":[5,6],\"token_strs\":[\"\xc4\xa0"
            "a\",\"<0xC3>\"]}");
}

TEST(NativeDetokenize, BothNamesOfTheText) {
  EXPECT_EQ(parse_detokenize(R"({"tokens":[1,2]})")->tokens.size(), 2u);
  EXPECT_EQ(detokenize_json("a"), R"({"content":"a","prompt":"a"})");
  for (const char* wrong : {"{}", R"({"tokens":"a"})", R"({"tokens":[-1]})", R"({"tokens":[1.5]})"}) {
    EXPECT_EQ(parse_detokenize(wrong).error().param, "tokens") << wrong;
  }
  EXPECT_EQ(parse_apply_template(R"({"messages":[{"role":"user","content":"u"}],"model":"m"})")->model, "m");
  EXPECT_FALSE(parse_apply_template(R"({"messages":[{"role":"king"}]})"));
}

}  // namespace
}  // namespace freehold::api::native
