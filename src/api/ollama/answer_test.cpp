#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/ollama/models.h"
#include "api/ollama/ollama.h"

namespace freehold::api::ollama {
namespace {

using nlohmann::json;

constexpr const char* kTime = "2026-01-02T03:04:05.000000007Z";
std::chrono::system_clock::time_point clock_at() {
  return std::chrono::system_clock::time_point(std::chrono::seconds(1767323045) + std::chrono::nanoseconds(7));
}

Call call_of(const std::string& more) {
  return parse_chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + more + "}", {}).value().call;
}

// The lines of a stream; each must be one object.
std::vector<json> lines(const std::string& bytes) {
  std::vector<json> out;
  EXPECT_TRUE(bytes.ends_with('\n'));
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find('\n', at);
    out.push_back(json::parse(bytes.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

engine::Usage usage() {
  engine::Usage usage;
  usage.completion_tokens = 4;
  usage.queue_seconds = 0.25;
  usage.prefill_seconds = 0.5;
  usage.decode_seconds = 2;
  return usage;
}

// Everything a chat's answer can hold.
std::string play(Encoder& encoder) {
  engine::TokenLogprob top{5, -0.5, "Hi"};
  engine::TokenLogprobs token{0, {5, -0.5, "Hi"}, std::span(&top, 1)};
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Thinking{0, "hm"});
  out += encoder.add(Logprobs{0, &token});
  out += encoder.add(Text{0, "Hi"});
  out += encoder.add(Text{0, " \xc3\xa9\n"});
  for (const char* name : {"f", "g"}) {
    const std::uint32_t index = name[0] == 'f' ? 0 : 1;
    out += encoder.add(ToolStart{0, index, name});
    out += encoder.add(ToolArguments{0, index, "{\"a\""});
    out += encoder.add(ToolArguments{0, index, ":1}"});
    out += encoder.add(ToolEnd{0, index});
  }
  out += encoder.add(ToolStart{0, 2, "cut"});
  out += encoder.add(ToolArguments{0, 2, "{\"a"});
  out += encoder.add(Ended{0, Reason::length, {}, usage(), 0});
  return out + encoder.end();
}

void expect_numbers(const json& last) {
  EXPECT_EQ(last["done"], true);
  EXPECT_EQ(last["done_reason"], "length");
  EXPECT_EQ(last["prompt_eval_count"], 7);
  EXPECT_EQ(last["eval_count"], 4);
  EXPECT_EQ(last["load_duration"], 250'000'000);
  EXPECT_EQ(last["prompt_eval_duration"], 500'000'000);
  EXPECT_EQ(last["eval_duration"], 2'000'000'000);
  EXPECT_EQ(last["total_duration"], 2'750'000'000);
  EXPECT_EQ(last["model"], "m");
  EXPECT_EQ(last["created_at"], kTime);
}

TEST(OllamaChatAnswer, WholeAndStreamedSayTheSame) {
  const std::string options = R"(,"logprobs":true,"top_logprobs":1)";
  auto whole = chat_encoder(call_of(options + R"(,"stream":false)"), {"abc", "m", 12}, clock_at);
  EXPECT_EQ(whole->content_type(), "application/json");
  const json answer = json::parse(play(*whole));
  expect_numbers(answer);
  const json& message = answer["message"];
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(message["content"], "Hi \xc3\xa9\n");
  EXPECT_EQ(message["thinking"], "hm");
  ASSERT_EQ(message["tool_calls"].size(), 2u);  // the one that was cut is no object
  EXPECT_EQ(message["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], json({{"a", 1}}));
  EXPECT_NE(message["tool_calls"][0]["id"], message["tool_calls"][1]["id"]);
  EXPECT_EQ(answer["logprobs"][0]["bytes"], json({72, 105}));
  EXPECT_EQ(answer["logprobs"][0]["top_logprobs"][0]["token"], "Hi");
  EXPECT_FALSE(answer.contains("context"));

  auto streamed = chat_encoder(call_of(options), {"abc", "m", 12}, clock_at);
  EXPECT_EQ(streamed->content_type(), "application/x-ndjson");
  const std::vector<json> chunks = lines(play(*streamed));
  std::string text, thinking;
  json calls = json::array(), logprobs = json::array();
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const json& chunk = chunks[i];
    EXPECT_EQ(chunk["model"], "m");
    EXPECT_EQ(chunk["created_at"], kTime);
    EXPECT_EQ(chunk["done"], i + 1 == chunks.size());
    EXPECT_EQ(chunk["message"]["role"], "assistant");
    text += chunk["message"]["content"].get<std::string>();
    thinking += chunk["message"].value("thinking", "");
    if (chunk["message"].contains("tool_calls")) calls.push_back(chunk["message"]["tool_calls"][0]);
    if (chunk.contains("logprobs")) logprobs.insert(logprobs.end(), chunk["logprobs"].begin(), chunk["logprobs"].end());
  }
  EXPECT_EQ(text, message["content"]);
  EXPECT_EQ(thinking, "hm");
  EXPECT_EQ(calls, message["tool_calls"]);
  EXPECT_EQ(logprobs, answer["logprobs"]);
  EXPECT_EQ(chunks.back()["message"]["content"], "");
  expect_numbers(chunks.back());
}

std::string play_text(Encoder& encoder) {
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Text{0, "Hi"});
  out += encoder.add(Text{0, "!"});
  const std::int32_t tokens[] = {1, 5, 6};
  out += encoder.add(Ended{0, Reason::stop_string, "x", usage(), 0, tokens});
  return out + encoder.end();
}

TEST(OllamaGenerateAnswer, HasTheContextForTheNext) {
  auto whole = generate_encoder(call_of(R"(,"stream":false)"), {"abc", "m", 12}, true, clock_at);
  const json answer = json::parse(play_text(*whole));
  EXPECT_EQ(answer["response"], "Hi!");
  EXPECT_EQ(answer["context"], json({1, 5, 6}));
  EXPECT_EQ(answer["done_reason"], "stop");
  EXPECT_FALSE(answer.contains("message"));
  auto streamed = generate_encoder(call_of(""), {"abc", "m", 12}, true, clock_at);
  const std::vector<json> chunks = lines(play_text(*streamed));
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0]["response"], "Hi");
  EXPECT_EQ(chunks[1]["response"], "!");
  EXPECT_EQ(chunks[2]["response"], "");
  EXPECT_EQ(chunks[2]["context"], answer["context"]);
  EXPECT_FALSE(chunks[0].contains("context"));
  auto raw = generate_encoder(call_of(""), {"abc", "m", 12}, false, clock_at);
  EXPECT_FALSE(lines(play_text(*raw)).back().contains("context"));
}

TEST(OllamaAnswer, AnErrorEndsAStream) {
  auto encoder = chat_encoder(call_of(""), {"abc", "m", 12});
  EXPECT_EQ(encoder->broken({Problem::internal, "it \"broke\"", {}, {}}), "{\"error\":\"it \\\"broke\\\"\"}\n");
  EXPECT_EQ(error_json({Problem::not_found, "model 'x' not found", "model", "y"}),
            R"({"error":"model 'x' not found"})");
  EXPECT_EQ(error_json({Problem::context_length, "9 tokens, 8 at most", "input", {}}),
            R"({"error":"the input length exceeds the context length: 9 tokens, 8 at most"})");
}

TEST(OllamaAnswer, LoadingIsOneLine) {
  Asked asked = parse_generate(R"({"model":"m","stream":false})", {}).value();
  EXPECT_EQ(loaded_json(asked, false, clock_at), std::string(R"({"model":"m","created_at":")") + kTime +
                                                     R"(","response":"","done":true,"done_reason":"load"})");
  asked.work = Asked::Work::unload;
  asked.call.stream = true;
  const std::vector<json> chunks = lines(loaded_json(asked, true, clock_at));
  EXPECT_EQ(chunks[0]["done_reason"], "unload");
  EXPECT_EQ(chunks[0]["message"]["content"], "");
}

TEST(OllamaModels, ListsAndDescriptions) {
  ModelCard card{"x",     clock_at(),  123,    std::string(64, 'a'),    "base:latest", "gguf",
                 "qwen2", 494'032'768, "Q4_K", {"completion", "tools"}, 4096};
  const json tags = json::parse(tags_json({card}))["models"][0];
  EXPECT_EQ(tags["name"], "x:latest");
  EXPECT_EQ(tags["model"], "x:latest");
  EXPECT_EQ(tags["modified_at"], kTime);
  EXPECT_EQ(tags["size"], 123);
  EXPECT_EQ(tags["details"]["parameter_size"], "494.03M");
  EXPECT_EQ(tags["details"]["quantization_level"], "Q4_K");
  EXPECT_EQ(tags["details"]["families"], json({"qwen2"}));
  const json ps = json::parse(ps_json({card}))["models"][0];
  EXPECT_EQ(ps["context_length"], 4096);
  EXPECT_EQ(ps["expires_at"], "2318-01-01T00:00:00Z");
  EXPECT_EQ(ps["size_vram"], 0);
  ModelCard loaded = card;
  loaded.memory = 77;
  loaded.expires = std::chrono::system_clock::time_point(std::chrono::seconds(1));
  const json there = json::parse(ps_json({loaded}))["models"][0];
  EXPECT_EQ(there["size"], 77);
  EXPECT_EQ(there["expires_at"], "1970-01-01T00:00:01.000000000Z");
  const json show = json::parse(show_json({card,
                                           {"be brief", R"({"temperature":0.5,"stop":["a","b"]})", "", ""},
                                           "{{ x }}",
                                           R"({"general.architecture":"qwen2"})",
                                           "MIT"}));
  EXPECT_EQ(show["system"], "be brief");
  EXPECT_EQ(show["template"], "{{ x }}");
  EXPECT_EQ(show["license"], "MIT");
  EXPECT_EQ(show["model_info"]["general.architecture"], "qwen2");
  EXPECT_EQ(show["capabilities"], json({"completion", "tools"}));
  EXPECT_EQ(show["parameters"],
            "temperature                    0.5\nstop                           \"a\"\n"
            "stop                           \"b\"");
  const std::string file = show["modelfile"];
  EXPECT_NE(file.find("FROM base:latest\n"), std::string::npos);
  EXPECT_NE(file.find("PARAMETER temperature 0.5\n"), std::string::npos);
  EXPECT_NE(file.find("SYSTEM \"\"\"be brief\"\"\""), std::string::npos);
}

TEST(OllamaEmbeddings, Shapes) {
  const auto call = parse_embed(R"({"model":"m","input":["a","b"]})");
  ASSERT_TRUE(call);
  const json answer = json::parse(embed_json(*call, {{1.0f}, {-2.0f}}, 5, std::chrono::nanoseconds(9)));
  EXPECT_EQ(answer["embeddings"], json::parse("[[1.0],[-2.0]]"));
  EXPECT_EQ(answer["prompt_eval_count"], 5);
  EXPECT_EQ(answer["total_duration"], 9);
  EXPECT_EQ(embeddings_json({{0.5f}}), R"({"embedding":[0.5]})");
  EXPECT_EQ(embeddings_json({}), R"({"embedding":[]})");
}

}  // namespace
}  // namespace freehold::api::ollama
