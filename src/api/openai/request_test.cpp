#include <gtest/gtest.h>

#include <cmath>

#include "api/openai/openai.h"

namespace freehold::api::openai {
namespace {

Call chat(const std::string& more = {}) {
  auto call = parse_chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + more + "}");
  EXPECT_TRUE(call) << (call ? "" : call.error().message);
  return call.value_or(Call{});
}
// The field that a request with these members is refused for.
std::string refused(const std::string& more) {
  auto call = parse_chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + more + "}");
  if (call) return "accepted";
  EXPECT_EQ(status_of(call.error().problem), 400);
  EXPECT_NE(call.error().message.find(call.error().param), std::string::npos) << call.error().message;
  return call.error().param;
}
std::string refused_message(const std::string& message) {
  auto call = parse_chat(R"({"model":"m","messages":[)" + message + "]}");
  return call ? "accepted" : call.error().param;
}
std::string messages_of(const std::string& messages) {
  auto call = parse_chat(R"({"model":"m","messages":)" + messages + "}");
  return call ? std::get<Conversation>(call->input).messages : call.error().message;
}

TEST(OpenAiChatRequest, DefaultsAreTheVendors) {
  const Call call = chat();
  EXPECT_EQ(call.model, "m");
  EXPECT_EQ(call.request.sampling.temperature, 1);
  EXPECT_EQ(call.request.max_tokens, 0u);
  EXPECT_EQ(call.request.n, 1u);
  EXPECT_FALSE(call.stream);
  EXPECT_FALSE(call.has_seed);
  EXPECT_FALSE(call.request.logprobs);
  EXPECT_EQ(std::get<Conversation>(call.input).messages, R"([{"role":"user","content":"hi"}])");
}

TEST(OpenAiChatRequest, EveryParameterArrives) {
  const Call call = chat(R"(,"temperature":0.5,"top_p":0.9,"n":3,"seed":-7,"stop":["a","b"],"max_completion_tokens":9,
    "logprobs":true,"top_logprobs":2,"presence_penalty":0.5,"frequency_penalty":-1,"logit_bias":{"5":100,"6":-100,"7":1.5},
    "stream":true,"stream_options":{"include_usage":true},"top_k":4,"min_p":0.1,"repetition_penalty":1.2,
    "stop_token_ids":[3],"ignore_eos":true)");
  const engine::Request& r = call.request;
  EXPECT_EQ(r.sampling.temperature, 0.5);
  EXPECT_EQ(r.sampling.top_p, 0.9);
  EXPECT_EQ(r.sampling.top_k, 4u);
  EXPECT_EQ(r.sampling.min_p, 0.1);
  EXPECT_EQ(r.sampling.repetition_penalty, 1.2);
  EXPECT_EQ(r.sampling.presence_penalty, 0.5);
  EXPECT_EQ(r.sampling.frequency_penalty, -1);
  EXPECT_EQ(r.sampling.penalty_scope, engine::PenaltyScope::answer);
  EXPECT_EQ(r.n, 3u);
  EXPECT_EQ(r.seed, static_cast<std::uint64_t>(-7));
  EXPECT_EQ(r.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.stop_tokens, std::vector<std::int32_t>{3});
  EXPECT_FALSE(r.stop_at_end_of_generation);
  EXPECT_EQ(r.max_tokens, 9u);
  EXPECT_EQ(r.logprobs, 2u);
  ASSERT_EQ(r.sampling.logit_bias.size(), 3u);
  EXPECT_GE(r.sampling.logit_bias[0].bias, 1e5);
  EXPECT_EQ(r.sampling.logit_bias[1].bias, -INFINITY);
  EXPECT_EQ(r.sampling.logit_bias[2].bias, 1.5);
  EXPECT_TRUE(call.stream && call.usage_in_stream && call.has_seed);
}

TEST(OpenAiChatRequest, AnAdapterIsNamedAndNotNumbered) {
  EXPECT_EQ(refused(R"(,"lora":[])"), "accepted");
  EXPECT_EQ(refused(R"(,"lora":[{"id":0,"scale":0.0}])"), "accepted");
  for (const char* wrong :
       {R"([{"id":0,"scale":0},{"id":1,"scale":0.5}])", R"([{"id":0}])", "[5]", R"({"scale":0})", R"("x")"})
    EXPECT_EQ(refused(std::string(R"(,"lora":)") + wrong), "lora") << wrong;
  EXPECT_EQ(refused(R"(,"cache_prompt":"x")"), "cache_prompt");
}

TEST(OpenAiChatRequest, NullIsAbsentAndUnknownIsNamed) {
  const Call call =
      chat(R"(,"temperature":null,"stop":null,"tools":null,"response_format":null,"frobnicate":1,"nothing":null)");
  EXPECT_EQ(call.request.sampling.temperature, 1);
  EXPECT_EQ(call.ignored, (std::vector<std::string>{"frobnicate", "nothing"}));
}

TEST(OpenAiChatRequest, WrongTypesAndRangesAreRefusedByName) {
  EXPECT_EQ(refused(R"(,"temperature":2.5)"), "temperature");
  EXPECT_EQ(refused(R"(,"temperature":"hot")"), "temperature");
  EXPECT_EQ(refused(R"(,"top_p":-1)"), "top_p");
  EXPECT_EQ(refused(R"(,"n":0)"), "n");
  EXPECT_EQ(refused(R"(,"n":129)"), "n");
  EXPECT_EQ(refused(R"(,"max_tokens":0)"), "max_tokens");
  EXPECT_EQ(refused(R"(,"max_tokens":1.5)"), "max_tokens");
  EXPECT_EQ(refused(R"(,"seed":18446744073709551615)"), "seed");
  EXPECT_EQ(refused(R"(,"stop":[""])"), "stop");
  EXPECT_EQ(refused(R"(,"stop":5)"), "stop");
  EXPECT_EQ(refused(R"(,"logit_bias":{"x":1})"), "logit_bias");
  EXPECT_EQ(refused(R"(,"logit_bias":{"5":101})"), "logit_bias");
  EXPECT_EQ(refused(R"(,"logit_bias":[])"), "logit_bias");
  EXPECT_EQ(refused(R"(,"top_logprobs":2)"), "top_logprobs");
  EXPECT_EQ(refused(R"(,"logprobs":true,"top_logprobs":21)"), "top_logprobs");
  EXPECT_EQ(refused(R"(,"stream_options":{"include_usage":true})"), "stream_options");
  EXPECT_EQ(refused(R"(,"functions":[])"), "functions");
  EXPECT_EQ(refused(R"(,"stop_token_ids":[-1])"), "stop_token_ids");
}

TEST(OpenAiChatRequest, WhatIsOfNoEffectIsCheckedAndNamed) {
  EXPECT_EQ(refused(R"(,"metadata":{"a":1})"), "metadata");
  EXPECT_EQ(refused(R"(,"user":1)"), "user");
  EXPECT_EQ(refused(R"(,"store":1)"), "store");
  EXPECT_EQ(refused(R"(,"service_tier":"gold")"), "service_tier");
  EXPECT_EQ(refused(R"(,"reasoning_effort":"some")"), "reasoning_effort");
  EXPECT_EQ(refused(R"(,"verbosity":"loud")"), "verbosity");
  EXPECT_EQ(refused(R"(,"modalities":["audio"])"), "modalities");
  EXPECT_EQ(refused(R"(,"prediction":{"type":"content"})"), "prediction.content");
  EXPECT_EQ(refused(R"(,"response_format":{"type":"json_schema"})"), "response_format.json_schema");
  const Call call =
      chat(R"(,"metadata":{"a":"b"},"user":"u","store":true,"service_tier":"auto","reasoning_effort":"low",
    "verbosity":"low","prediction":{"type":"content","content":"x"},"min_tokens":3,"max_tokens":5)");
  EXPECT_EQ(call.ignored, (std::vector<std::string>{"reasoning_effort", "verbosity", "store"}));
  EXPECT_EQ(call.expected, "x");
  EXPECT_EQ(call.request.min_tokens, 3u);
  EXPECT_EQ(chat(R"(,"reasoning_effort":"none")").thinking, false);
}

TEST(OpenAiChatRequest, AFunctionWithoutParametersTakesNone) {
  const Call call = chat(R"(,"tools":[{"type":"function","function":{"name":"f"}}])");
  EXPECT_EQ(call.tool_use.tools[0].parameters, R"({"type":"object","properties":{},"additionalProperties":false})");
}

TEST(OpenAiChatRequest, ContentMayBePartsAndCallsBecomeObjects) {
  EXPECT_EQ(messages_of(R"([{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])"),
            R"([{"role":"system","content":"ab"}])");
  EXPECT_EQ(
      messages_of(
          R"([{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"ok"}])"),
      R"([{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":{"b":1,"a":2}}}]},)"
      R"({"role":"tool","content":"ok","tool_call_id":"c1"}])");
  EXPECT_EQ(refused_message(R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]})"),
            "messages[0].content[0]");
  EXPECT_EQ(refused_message(R"({"role":"king","content":"x"})"), "messages[0].role");
  EXPECT_EQ(refused_message(R"({"role":"user"})"), "messages[0].content");
  EXPECT_EQ(refused_message(R"({"role":"tool","content":"x"})"), "messages[0].tool_call_id");
  EXPECT_EQ(refused_message(R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[1]"}}]})"),
            "messages[0].tool_calls[0].function.arguments");
}

constexpr const char* kTool =
    R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";

TEST(OpenAiChatRequest, ToolsAndTheirChoice) {
  const std::string tool = kTool;
  Call call = chat(tool);
  ASSERT_EQ(call.tool_use.tools.size(), 1u);
  EXPECT_EQ(call.tool_use.tools[0].name, "f");
  EXPECT_EQ(call.tool_use.tools[0].parameters, R"({"type":"object"})");
  EXPECT_EQ(call.tool_use.choice, ToolChoice::automatic);
  EXPECT_TRUE(call.tool_use.parallel);
  EXPECT_EQ(chat(tool + R"(,"tool_choice":"required","parallel_tool_calls":false)").tool_use.choice,
            ToolChoice::required);
  call = chat(tool + R"(,"tool_choice":{"type":"function","function":{"name":"f"}})");
  EXPECT_TRUE(call.tool_use.named);
  EXPECT_EQ(call.tool_use.allowed, std::vector<std::string>{"f"});
  EXPECT_EQ(refused(tool + R"(,"tool_choice":{"type":"function","function":{"name":"g"}})"), "tool_choice");
  EXPECT_EQ(refused(R"(,"tool_choice":"required")"), "tool_choice");
  EXPECT_EQ(refused(tool + R"(,"tool_choice":"maybe")"), "tool_choice");
  EXPECT_EQ(refused(R"(,"tools":[{"type":"function","function":{"name":"a b"}}])"), "tools[0].function.name");
  EXPECT_EQ(refused(R"(,"tools":[{"type":"web_search"}])"), "tools[0].type");
}

TEST(OpenAiChatRequest, FormatsKeepTheSchemasOrder) {
  const Call call = chat(
      R"(,"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"z":1,"a":2}}})");
  EXPECT_EQ(call.format.kind, Format::Kind::json_schema);
  EXPECT_EQ(call.format.source, R"({"z":1,"a":2})");
  EXPECT_EQ(call.format.param, "response_format.json_schema.schema");
  EXPECT_EQ(chat(R"(,"response_format":{"type":"json_object"})").format.kind, Format::Kind::json_object);
  EXPECT_EQ(chat(R"(,"response_format":{"type":"text"})").format.kind, Format::Kind::text);
  EXPECT_EQ(chat(R"(,"structured_outputs":{"regex":"a+"})").format.kind, Format::Kind::regex);
  EXPECT_EQ(chat(R"(,"guided_choice":["a","b"])").format.choices.size(), 2u);
  EXPECT_EQ(chat(R"(,"grammar":"root ::= \"a\"")").format.kind, Format::Kind::gbnf);
  EXPECT_EQ(refused(R"(,"response_format":{"type":"xml"})"), "response_format.type");
  EXPECT_EQ(refused(R"(,"response_format":{"type":"json_schema","json_schema":{"name":"n"}})"),
            "response_format.json_schema.schema");
  EXPECT_EQ(refused(R"(,"grammar":"x","guided_regex":"y")"), "grammar");
}

TEST(OpenAiCompletionRequest, PromptsOfEveryForm) {
  const auto prompts = [](const std::string& prompt) {
    auto call = parse_completion(R"({"model":"m","prompt":)" + prompt + "}");
    return call ? std::get<std::vector<PlainPrompt>>(call->input) : std::vector<PlainPrompt>{};
  };
  EXPECT_EQ(prompts(R"("a")"), (std::vector<PlainPrompt>{std::string("a")}));
  EXPECT_EQ(prompts(R"(["a","b"])").size(), 2u);
  EXPECT_EQ(prompts("[1,2]"), (std::vector<PlainPrompt>{std::vector<std::int32_t>{1, 2}}));
  EXPECT_EQ(prompts("[[1],[2,3]]").size(), 2u);
  for (const char* wrong : {"5", "[]", "[[]]", "[1,\"a\"]", "[\"a\",1]", "[-1]", "[1.5]", "{}", "null"}) {
    EXPECT_TRUE(prompts(wrong).empty()) << wrong;
  }
  EXPECT_EQ(parse_completion(R"({"model":"m","prompt":"a"})")->request.max_tokens, 16u);
  EXPECT_EQ(parse_completion(R"({"model":"m","prompt":"a","suffix":"b"})").error().param, "suffix");
}

TEST(Body, WhatIsNotPlainJsonIsRefused) {
  for (const char* wrong :
       {"", "{", "[]", "5", "{} {}", R"({"model":1e999})", R"({"a":1,"a":2})", "{\"a\":\"\xff\"}"}) {
    EXPECT_FALSE(parse_chat(wrong)) << wrong;
  }
  const std::string whole = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
  EXPECT_TRUE(parse_chat(whole));
  EXPECT_FALSE(parse_chat(whole + std::string(1, '\0')));
  EXPECT_FALSE(parse_chat(whole + std::string(1, '\0') + "junk"));
  EXPECT_FALSE(parse_chat(R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}"));
  std::string many = "{\"a\":[0";
  for (int i = 0; i < 1'100'000; ++i) many += ",0";
  EXPECT_FALSE(parse_chat(many + "]}"));
  std::string keys = "{\"model\":\"m\"";
  for (int i = 0; i < 100'000; ++i) keys += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_FALSE(parse_chat(keys + "}"));  // no messages; in linear time
}

TEST(Body, TheNamesOfIgnoredFieldsStayShort) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += ",\"unknown" + std::to_string(i) + "\":0";
  many += ",\"\\u0001" + std::string(10'000, 'x') + "\":0";
  const Call call = chat(many);
  EXPECT_EQ(call.ignored.size(), 32u);
  for (const std::string& name : call.ignored) {
    EXPECT_LT(name.size(), 100u);
    EXPECT_EQ(name.find('\x01'), std::string::npos);
  }
}

}  // namespace
}  // namespace freehold::api::openai
