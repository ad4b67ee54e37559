#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/openai/logprob_text.h"
#include "api/openai/openai.h"

namespace freehold::api::openai {
namespace {

using nlohmann::json;

Call call_of(const std::string& more) {
  return parse_chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + more + "}").value();
}

// The data lines of a stream; the last is checked to be [DONE].
std::vector<json> events(const std::string& bytes) {
  std::vector<json> out;
  bool done = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find("\n\n", at);
    EXPECT_NE(end, std::string::npos);
    EXPECT_EQ(bytes.substr(at, 6), "data: ");
    EXPECT_FALSE(done);
    const std::string data = bytes.substr(at + 6, end - at - 6);
    done = data == "[DONE]";
    if (!done) out.push_back(json::parse(data));
    at = end + 2;
  }
  EXPECT_TRUE(done);
  return out;
}

// Two choices' worth of everything an answer can hold, in one order.
std::string play(Encoder& encoder) {
  engine::TokenLogprob top{5, -0.5, "Hi"};
  engine::TokenLogprobs token{0, {5, -0.5, "Hi"}, std::span(&top, 1)};
  engine::Usage usage;
  usage.completion_tokens = 4;
  usage.drafted_tokens = 5;
  usage.accepted_tokens = 3;
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Thinking{0, "hm"});
  out += encoder.add(Logprobs{0, &token});
  out += encoder.add(Text{0, "Hi"});
  out += encoder.add(Text{1, "\xc3\xa9"});
  out += encoder.add(ToolStart{0, 0, "f"});
  out += encoder.add(ToolArguments{0, 0, "{\"a\""});
  out += encoder.add(ToolArguments{0, 0, ":1}"});
  out += encoder.add(ToolEnd{0, 0});
  out += encoder.add(Ended{0, Reason::tool_calls, {}, usage, 1});
  out += encoder.add(Ended{1, Reason::length, {}, usage, 0});
  return out + encoder.end();
}

TEST(OpenAiChatAnswer, WholeAndStreamedSayTheSame) {
  const std::string options = R"(,"n":2,"logprobs":true,"top_logprobs":1)";
  auto whole = chat_encoder(call_of(options), {"abc", "m", 12});
  const json answer = json::parse(play(*whole));
  EXPECT_EQ(answer["id"], "chatcmpl-abc");
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 7);
  EXPECT_EQ(answer["usage"]["completion_tokens"], 8);  // of all choices
  EXPECT_EQ(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
  EXPECT_EQ(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 1);
  const json& message = answer["choices"][0]["message"];
  EXPECT_EQ(message["content"], "Hi");
  EXPECT_EQ(message["reasoning_content"], "hm");
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_EQ(answer["choices"][0]["logprobs"]["content"][0]["bytes"], json({72, 105}));
  EXPECT_EQ(answer["choices"][1]["finish_reason"], "length");
  EXPECT_EQ(answer["choices"][1]["message"]["content"], "\xc3\xa9");

  auto streamed =
      chat_encoder(call_of(options + R"(,"stream":true,"stream_options":{"include_usage":true})"), {"abc", "m", 12});
  const std::vector<json> chunks = events(play(*streamed));
  std::map<int, std::string> text, arguments, reasons;
  std::map<int, int> roles;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const json& chunk = chunks[i];
    EXPECT_EQ(chunk["id"], "chatcmpl-abc");
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    if (i + 1 == chunks.size()) {
      EXPECT_TRUE(chunk["choices"].empty());
      EXPECT_EQ(chunk["usage"], answer["usage"]);
      continue;
    }
    EXPECT_TRUE(chunk["usage"].is_null());
    ASSERT_EQ(chunk["choices"].size(), 1u);
    const json& choice = chunk["choices"][0];
    const int index = choice["index"];
    const json& delta = choice["delta"];
    if (delta.contains("role")) ++roles[index];
    if (delta.contains("content")) text[index] += delta["content"].get<std::string>();
    if (delta.contains("tool_calls")) {
      const json& tool = delta["tool_calls"][0];
      EXPECT_EQ(tool["index"], 0);
      EXPECT_EQ(tool.contains("id"), tool["function"].contains("name"));  // only the first fragment has them
      EXPECT_EQ(tool.contains("id"), tool.contains("type"));
      arguments[index] += tool["function"]["arguments"].get<std::string>();
    }
    if (!choice["finish_reason"].is_null()) reasons[index] = choice["finish_reason"];
  }
  EXPECT_EQ(roles, (std::map<int, int>{{0, 1}, {1, 1}}));
  EXPECT_EQ(text[0], "Hi");
  EXPECT_EQ(text[1], "\xc3\xa9");
  EXPECT_EQ(arguments[0], "{\"a\":1}");
  EXPECT_EQ(reasons, (std::map<int, std::string>{{0, "tool_calls"}, {1, "length"}}));
}

TEST(OpenAiChatAnswer, GuessesAreToldWhereAnAnswerWasPredicted) {
  const auto details = [](const std::string& more) {
    auto encoder = chat_encoder(call_of(R"(,"n":2)" + more), {"abc", "m", 12});
    const json answer = json::parse(play(*encoder));
    return answer["usage"]["completion_tokens_details"];
  };
  const json told = details(R"(,"prediction":{"type":"content","content":"Hi there"})");
  EXPECT_EQ(told["accepted_prediction_tokens"], 6);  // of both choices
  EXPECT_EQ(told["rejected_prediction_tokens"], 4);
  const json plain = details("");
  EXPECT_EQ(plain["accepted_prediction_tokens"], 0);
  EXPECT_EQ(plain["rejected_prediction_tokens"], 0);
}

TEST(OpenAiChatAnswer, WithoutUsageNoChunkIsEmpty) {
  auto encoder = chat_encoder(call_of(R"(,"n":2,"stream":true)"), {"abc", "m", 12});
  for (const json& chunk : events(play(*encoder))) {
    EXPECT_FALSE(chunk.contains("usage"));
    EXPECT_EQ(chunk["choices"].size(), 1u);
  }
}

TEST(OpenAiChatAnswer, NoTextIsBegunWhereOnlyCallsWillCome) {
  const std::string tools = R"(,"stream":true,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":)";
  for (const auto& [choice, content] : {std::pair{"\"required\"", json(nullptr)}, std::pair{"\"auto\"", json("")}}) {
    auto encoder = chat_encoder(call_of(tools + choice), {"abc", "m", 12});
    const std::string first = encoder->begin();
    EXPECT_EQ(json::parse(first.substr(6))["choices"][0]["delta"]["content"], content);
  }
}

Call completion_of(const std::string& more) {
  return parse_completion(R"({"model":"m","prompt":"the cat")" + more + "}").value();
}

TEST(OpenAiCompletionAnswer, TheLikeliestOfSeveralAreGiven) {
  const Call call = completion_of(R"(,"n":2,"best_of":3)");
  EXPECT_EQ(call.request.n, 3u);
  auto encoder = completion_encoder(call, {"abc", "m", 12}, {""});
  engine::Usage usage;
  usage.completion_tokens = 2;
  encoder->add(Begun{7, 0});
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::string text(1, static_cast<char>('a' + i));
    // The middle one has two tokens that are likelier each than the others' one.
    engine::TokenLogprobs token{i, {5, i == 1 ? -0.2 : -0.5 - i, text}, {}};
    encoder->add(Logprobs{i, &token});
    if (i == 1) encoder->add(Logprobs{i, &token});
    encoder->add(Text{i, text});
    encoder->add(Ended{i, Reason::stop, {}, usage, 0});
  }
  const json answer = json::parse(encoder->end());
  ASSERT_EQ(answer["choices"].size(), 2u);
  EXPECT_EQ(answer["choices"][0]["text"], "b");
  EXPECT_EQ(answer["choices"][1]["text"], "a");
  EXPECT_EQ(answer["choices"][1]["index"], 1);
  EXPECT_TRUE(answer["choices"][0]["logprobs"].is_null());
  EXPECT_EQ(answer["usage"]["completion_tokens"], 6);
  EXPECT_FALSE(parse_completion(R"({"model":"m","prompt":"x","n":3,"best_of":2})"));
  EXPECT_FALSE(parse_completion(R"({"model":"m","prompt":"x","stream":true,"best_of":2})"));
}

TEST(OpenAiCompletionAnswer, AnEchoedPromptsTokensAreItsText) {
  auto encoder = completion_encoder(completion_of(R"(,"echo":true,"logprobs":0)"), {"abc", "m", 12}, {"the cat"});
  for (const char* token : {"<s>", " the", " cat"}) {
    engine::PromptLogprobs read{};
    read.token = {5, -0.5, token};
    encoder->add(PromptLogprobs{0, &read});
  }
  engine::TokenLogprobs sampled{0, {5, -0.5, " sat"}, {}};
  encoder->add(Logprobs{0, &sampled});
  encoder->add(Text{0, " sat"});
  encoder->add(Ended{});
  const json choice = json::parse(encoder->end())["choices"][0];
  EXPECT_EQ(choice["text"], "the cat sat");
  EXPECT_EQ(choice["logprobs"]["tokens"], json({"", "the", " cat", " sat"}));
  EXPECT_EQ(choice["logprobs"]["text_offset"], json({0, 0, 3, 7}));
}

TEST(OpenAiCompletionAnswer, TheTokenItselfIsAlwaysAmongTheLikeliest) {
  const std::vector<engine::TokenLogprob> top = {{1, -0.25, "\"q\\\n"}, {2, -1, "\xe2\x82"}, {3, -2, "\xe2\x83"}};
  engine::TokenLogprobs sampled{0, {9, -7.5, "z"}, top}, likely{0, top[0], std::span(top).first(1)};
  engine::PromptLogprobs first{}, second{};
  first.token = {4, std::nan(""), "a"};
  second.token = {5, -3, " b"};
  second.top = std::span(&second.token, 1);
  for (const bool stream : {false, true}) {
    const std::string options = std::string(R"(,"echo":true,"logprobs":3,"stream":)") + (stream ? "true" : "false");
    auto encoder = completion_encoder(completion_of(options), {"abc", "m", 12}, {"ab"});
    encoder->add(PromptLogprobs{0, &first});
    encoder->add(PromptLogprobs{0, &second});
    encoder->add(Logprobs{0, &sampled});
    std::string out = encoder->add(Text{0, "z"});
    encoder->add(Logprobs{0, &likely});
    out += encoder->add(Text{0, "\"q\\\n"});
    out += encoder->add(Ended{0, Reason::stop, {}, {}, 0});
    out += encoder->end();
    json lists = {{"tokens", json::array()},
                  {"token_logprobs", json::array()},
                  {"top_logprobs", json::array()},
                  {"text_offset", json::array()}};
    for (const json& part : stream ? events(out) : std::vector<json>{json::parse(out)}) {
      const json& logprobs = part["choices"][0]["logprobs"];
      if (logprobs.is_null()) continue;
      for (auto& [name, list] : lists.items()) list.insert(list.end(), logprobs[name].begin(), logprobs[name].end());
    }
    EXPECT_EQ(lists["tokens"], json({"a", "b", "z", "\"q\\\n"}));
    EXPECT_EQ(lists["token_logprobs"], json({nullptr, -3, -7.5, -0.25}));
    EXPECT_EQ(lists["text_offset"], json({0, 1, 2, 3}));
    // Under the text that stands for it; two that are cut characters look the same.
    EXPECT_EQ(lists["top_logprobs"], json({nullptr, json::object({{"b", -3}}),
                                           json::object({{"\"q\\\n", -0.25}, {"\xef\xbf\xbd", -1}, {"z", -7.5}}),
                                           json::object({{"\"q\\\n", -0.25}})}));
  }
}

// Written without a tree of values, and the same as with one.
TEST(OpenAiLogprobs, AreJson) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const double numbers[] = {-0.0, -1, -1e-300, -123456.789, -INFINITY, std::nan("")};
  std::string list;
  for (const double number : numbers) {
    const engine::TokenLogprob top[] = {{1, number, "plain"}, {2, number, "\xc3\xa9\x01"}};
    append_entry(list, {0, {3, number, bytes}, top});
    append_entry(list, {0, {3, number, ""}, {}});
  }
  const json entries = json::parse("[" + list + "]");
  ASSERT_EQ(entries.size(), 2 * std::size(numbers));
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    const double number = numbers[i / 2];
    const json expected = std::isfinite(number) ? json(number) : json(nullptr);
    EXPECT_EQ(entries[i]["logprob"], expected);
    ASSERT_EQ(entries[i]["bytes"].size(), 256u);
    for (int b = 0; b < 256; ++b) EXPECT_EQ(entries[i]["bytes"][static_cast<std::size_t>(b)], b);
    EXPECT_EQ(entries[i]["top_logprobs"],
              json({{{"token", "plain"}, {"logprob", expected}, {"bytes", {112, 108, 97, 105, 110}}},
                    {{"token", "\xc3\xa9\x01"}, {"logprob", expected}, {"bytes", {195, 169, 1}}}}));
    EXPECT_TRUE(entries[i]["token"].get<std::string>().starts_with(bytes.substr(0, 128)));
    EXPECT_EQ(entries[i + 1]["token"], "");
    EXPECT_EQ(entries[i + 1]["top_logprobs"], json::array());
  }
}

TEST(OpenAiErrors, APromptThatIsTooLongIsToldInTheVendorsWords) {
  Failure failure{Problem::context_length, "ours", "messages", {}};
  const auto told = [&] { return json::parse(error_json(failure))["error"]; };
  EXPECT_EQ(told()["message"], "ours");
  EXPECT_EQ(told()["code"], "context_length_exceeded");
  failure.excess = Excess{9, 8};
  EXPECT_EQ(
      told()["message"],
      "This model's maximum context length is 8 tokens. However, your messages resulted in 9 tokens. Please reduce "
      "the length of the messages.");
  failure.excess = Excess{8, 8};
  EXPECT_NE(told()["message"].get<std::string>().find("8 tokens, which leaves none for an answer"), std::string::npos);
  EXPECT_EQ((Excess{9, 8}.most()), 7u) << "one is the answer's";
  EXPECT_EQ((Excess{9, 8, false}.most()), 8u) << "a text that has no answer";
  failure.excess = Excess{0, 8};
  EXPECT_EQ(told()["message"], "This model's maximum context length is 8 tokens. ours");
}

TEST(OpenAiErrors, HaveAllFourKeys) {
  const json error = json::parse(error_json({Problem::invalid, "no \xff", "p", {}}))["error"];
  EXPECT_EQ(error.size(), 4u);
  EXPECT_EQ(error["param"], "p");
  EXPECT_TRUE(error["code"].is_null());
  EXPECT_EQ(json::parse(error_json({Problem::unauthorised, "x", {}, {}}))["error"]["code"], "invalid_api_key");
}

TEST(OpenAiEmbeddings, ComeAsNumbersOrBytes) {
  auto call = parse_embeddings(R"({"model":"m","input":["a","b"],"encoding_format":"base64"})");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->inputs.size(), 2u);
  const json answer = json::parse(embeddings_json(*call, {{1.0f}, {-2.0f}}, 5));
  EXPECT_EQ(answer["data"][0]["embedding"], "AACAPw==");
  EXPECT_EQ(answer["data"][1]["index"], 1);
  EXPECT_EQ(answer["usage"]["total_tokens"], 5);
  for (const char* wrong :
       {R"({"model":"m","input":""})", R"({"model":"m","input":[]})", R"({"model":"m","input":["a",""]})",
        R"({"model":"m"})", R"({"input":"a"})", R"({"model":"m","input":"a","encoding_format":"x"})",
        R"({"model":"m","input":"a","dimensions":0})", R"({"model":"m","input":"a","user":5})"}) {
    EXPECT_FALSE(parse_embeddings(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace freehold::api::openai
