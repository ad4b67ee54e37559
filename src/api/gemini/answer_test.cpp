#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/gemini/gemini.h"

namespace freehold::api::gemini {
namespace {

using nlohmann::json;

GenerateCall call_of(const std::string& config = {}, bool stream = false) {
  return parse_generate(R"({"contents":{"parts":{"text":"hi"}},"generationConfig":{)" + config + "}}", "m", stream)
      .value();
}

// The chunks of a stream of either form; events each end with an empty line, the last too.
std::vector<json> chunks(const std::string& bytes, bool events) {
  std::vector<json> out;
  if (!events) {
    for (const json& chunk : json::parse(bytes)) out.push_back(chunk);
    return out;
  }
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find("\n\n", at);
    EXPECT_NE(end, std::string::npos);
    EXPECT_EQ(bytes.substr(at, 6), "data: ");
    out.push_back(json::parse(bytes.substr(at + 6, end - at - 6)));
    at = end + 2;
  }
  return out;
}

// Two candidates' worth of everything an answer can hold, in one order.
std::string play(Encoder& encoder) {
  engine::TokenLogprob top{5, -0.5, "Hi"};
  engine::TokenLogprobs token{0, {5, -0.5, "Hi"}, std::span(&top, 1)};
  engine::Usage usage;
  usage.completion_tokens = 4;
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Thinking{0, "h"});
  out += encoder.add(Thinking{0, "m"});
  out += encoder.add(Logprobs{0, &token});
  out += encoder.add(Text{0, "H"});
  out += encoder.add(Text{0, "i"});
  out += encoder.add(Text{1, "\xc3\xa9"});
  out += encoder.add(ToolStart{0, 0, "f"});
  out += encoder.add(ToolArguments{0, 0, "{\"a\""});
  out += encoder.add(ToolArguments{0, 0, ":1}"});
  out += encoder.add(ToolEnd{0, 0});
  out += encoder.add(ToolStart{0, 1, "g"});
  out += encoder.add(ToolEnd{0, 1});
  out += encoder.add(Logprobs{0, &token});
  out += encoder.add(Ended{0, Reason::tool_calls, {}, usage, 1});
  out += encoder.add(Ended{1, Reason::length, {}, usage, 0});
  return out + encoder.end();
}

// What a client makes of a stream: the answer as it would have come in one piece.
json folded(const std::vector<json>& stream) {
  json whole;
  std::map<int, json> candidates;
  for (const json& chunk : stream) {
    EXPECT_TRUE(chunk["usageMetadata"]["totalTokenCount"].is_number());
    EXPECT_EQ(chunk["responseId"], stream[0]["responseId"]);
    whole = chunk;
    EXPECT_EQ(chunk["candidates"].size(), 1u);
    const json& c = chunk["candidates"][0];
    json& into = candidates[c["index"].get<int>()];
    EXPECT_FALSE(into.contains("finishReason"));  // only the last has it
    if (into.is_null()) into = {{"index", c["index"]}, {"content", {{"role", "model"}, {"parts", json::array()}}}};
    for (const json& part : c["content"]["parts"]) {
      json& parts = into["content"]["parts"];
      const bool grows = !parts.empty() && part.contains("text") && parts.back().contains("text") &&
                         part.contains("thought") == parts.back().contains("thought");
      if (grows) {
        parts.back()["text"] = parts.back()["text"].get<std::string>() + part["text"].get<std::string>();
      } else if (!(part.contains("text") && part["text"] == "")) {
        parts.push_back(part);
      }
    }
    for (const char* key : {"finishReason", "avgLogprobs"}) {
      if (c.contains(key)) into[key] = c[key];
    }
    if (!c.contains("logprobsResult")) continue;
    for (const char* key : {"chosenCandidates", "topCandidates"}) {
      for (const json& token : c["logprobsResult"][key]) into["logprobsResult"][key].push_back(token);
    }
  }
  whole["candidates"] = json::array();
  for (auto& [_, candidate] : candidates) whole["candidates"].push_back(candidate);
  return whole;
}

TEST(GeminiAnswer, WholeAndStreamedSayTheSame) {
  const std::string config =
      R"("candidateCount":2,"responseLogprobs":true,"logprobs":1,"thinkingConfig":{"includeThoughts":true})";
  auto encoder = generate_encoder(call_of(config), {"abc", "m", 12}, false);
  EXPECT_EQ(encoder->content_type(), "application/json");
  json whole = json::parse(play(*encoder));
  EXPECT_EQ(whole["modelVersion"], "m");
  EXPECT_EQ(whole["responseId"], "abc");
  EXPECT_EQ(whole["usageMetadata"], json({{"promptTokenCount", 7},
                                          {"cachedContentTokenCount", 2},
                                          {"candidatesTokenCount", 7},
                                          {"thoughtsTokenCount", 1},
                                          {"totalTokenCount", 15}}));
  const json& first = whole["candidates"][0];
  const json& parts = first["content"]["parts"];
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0], json({{"text", "hm"}, {"thought", true}}));
  EXPECT_EQ(parts[1], json({{"text", "Hi"}}));
  EXPECT_EQ(parts[2]["functionCall"]["name"], "f");
  EXPECT_EQ(parts[2]["functionCall"]["args"], json({{"a", 1}}));
  EXPECT_EQ(parts[3]["functionCall"]["args"], json::object());
  EXPECT_NE(parts[2]["functionCall"]["id"], parts[3]["functionCall"]["id"]);
  EXPECT_EQ(first["content"]["role"], "model");
  EXPECT_EQ(first["finishReason"], "STOP");
  EXPECT_EQ(first["avgLogprobs"], -0.5);
  EXPECT_EQ(first["logprobsResult"]["chosenCandidates"].size(), 2u);
  EXPECT_EQ(first["logprobsResult"]["topCandidates"][0]["candidates"][0],
            json({{"token", "Hi"}, {"tokenId", 5}, {"logProbability", -0.5}}));
  EXPECT_EQ(whole["candidates"][1]["finishReason"], "MAX_TOKENS");
  EXPECT_EQ(whole["candidates"][1]["content"]["parts"][0]["text"], "\xc3\xa9");

  // The second had none to tell; a stream leaves that out.
  whole["candidates"][1].erase("logprobsResult");
  for (const bool events : {true, false}) {
    auto streamed = generate_encoder(call_of(config, true), {"abc", "m", 12}, events);
    EXPECT_EQ(streamed->content_type(), events ? "text/event-stream" : "application/json");
    EXPECT_EQ(folded(chunks(play(*streamed), events)), whole);
  }
}

TEST(GeminiAnswer, ThoughtsAreToldOnlyIfAskedFor) {
  auto encoder = generate_encoder(call_of(R"("candidateCount":2)"), {"abc", "m", 12}, false);
  const json whole = json::parse(play(*encoder));
  EXPECT_EQ(whole["candidates"][0]["content"]["parts"][0], json({{"text", "Hi"}}));
  EXPECT_EQ(whole["usageMetadata"]["thoughtsTokenCount"], 1);
  EXPECT_FALSE(whole["candidates"][0].contains("logprobsResult"));
}

TEST(GeminiAnswer, NothingWasSaid) {
  const auto quiet = [](Encoder& encoder, Reason reason) {
    std::string bytes = encoder.add(Begun{3, 0});
    bytes += encoder.add(Ended{0, reason, {}, {}, 0});
    return bytes + encoder.end();
  };
  auto whole = generate_encoder(call_of(), {"a", "m", 1}, false);
  const json answer = json::parse(quiet(*whole, Reason::stop_string));
  EXPECT_EQ(answer["candidates"][0]["content"]["parts"], json::array({{{"text", ""}}}));
  EXPECT_EQ(answer["candidates"][0]["finishReason"], "STOP");
  EXPECT_EQ(answer["usageMetadata"]["candidatesTokenCount"], 0);
  for (const bool events : {true, false}) {
    auto streamed = generate_encoder(call_of({}, true), {"a", "m", 1}, events);
    EXPECT_EQ(chunks(quiet(*streamed, Reason::stop), events).size(), 1u);
  }
}

TEST(GeminiAnswer, ACutCallIsNotTold) {
  auto encoder = generate_encoder(call_of(), {"a", "m", 1}, false);
  encoder->add(ToolStart{0, 0, "f"});
  encoder->add(ToolArguments{0, 0, "{\"a\":"});
  encoder->add(Ended{0, Reason::length, {}, {}, 0});
  const json answer = json::parse(encoder->end());
  EXPECT_EQ(answer["candidates"][0]["content"]["parts"], json::array({{{"text", ""}}}));
  EXPECT_EQ(answer["candidates"][0]["finishReason"], "MAX_TOKENS");
}

TEST(GeminiErrors, HaveTheVendorsStatus) {
  const auto status = [](Problem problem) {
    const json error = json::parse(error_json({problem, "no \xff", "p", {}}))["error"];
    EXPECT_EQ(error["code"], status_of(problem));
    EXPECT_TRUE(error["details"].is_array());
    return error["status"].get<std::string>();
  };
  EXPECT_EQ(status(Problem::invalid), "INVALID_ARGUMENT");
  EXPECT_EQ(status(Problem::context_length), "INVALID_ARGUMENT");
  EXPECT_EQ(status(Problem::unauthorised), "UNAUTHENTICATED");
  EXPECT_EQ(status(Problem::forbidden), "PERMISSION_DENIED");
  EXPECT_EQ(status(Problem::not_found), "NOT_FOUND");
  EXPECT_EQ(status(Problem::too_many), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(status(Problem::budget), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(status(Problem::internal), "INTERNAL");
  Failure counted{Problem::context_length, "ours", "contents", {}};
  counted.excess = Excess{9, 8};
  EXPECT_EQ(json::parse(error_json(counted))["error"]["message"],
            "The input token count (9) exceeds the maximum number of tokens allowed (7).");
  counted.excess = Excess{9, 8, false};
  EXPECT_EQ(json::parse(error_json(counted))["error"]["message"],
            "The input token count (9) exceeds the maximum number of tokens allowed (8).");
  EXPECT_EQ(status(Problem::unavailable), "UNAVAILABLE");
  for (const bool events : {true, false}) {
    for (const bool begun : {true, false}) {
      auto encoder = generate_encoder(call_of({}, true), {"a", "m", 1}, events);
      const std::string before = begun ? encoder->add(Text{0, "x"}) : std::string();
      const std::vector<json> all = chunks(before + encoder->broken({Problem::internal, "x", {}, {}}), events);
      ASSERT_EQ(all.size(), begun ? 2u : 1u);
      EXPECT_EQ(all.back()["error"]["code"], 500);
    }
  }
}

TEST(GeminiModels, ComeInPages) {
  const std::vector<ModelEntry> models = {{"a", 256}, {"b:q4", 8}, {"c", 8}};
  const auto page = [&](std::string_view size, std::string_view token) {
    auto text = models_json(models, size, token);
    if (!text) return "refused " + text.error().param;
    const json list = json::parse(*text);
    std::string names;
    for (const json& m : list["models"]) names += m["name"].get<std::string>() + " ";
    return names + list.value("nextPageToken", "");
  };
  EXPECT_EQ(page("", ""), "models/a models/b:q4 models/c ");
  EXPECT_EQ(page("2", ""), "models/a models/b:q4 2");
  EXPECT_EQ(page("2", "2"), "models/c ");
  EXPECT_EQ(page("2", "9"), "");
  EXPECT_EQ(page("0", ""), "models/a models/b:q4 models/c ");
  EXPECT_EQ(page("-1", ""), "refused pageSize");
  EXPECT_EQ(page("", "x"), "refused pageToken");
  const json one = json::parse(model_json(models[0]));
  EXPECT_EQ(one["inputTokenLimit"], 256);
  EXPECT_EQ(one["supportedGenerationMethods"].size(), 3u);
  EXPECT_EQ(one["thinking"], false);
  EXPECT_EQ(model_id("models/a"), "a");
  EXPECT_EQ(model_id("a"), "a");
}

TEST(GeminiEmbeddings, OneOrMany) {
  EXPECT_EQ(json::parse(embed_json({{1.0f, -2.0f}}, 5, false))["embedding"]["values"], json({1.0, -2.0}));
  EXPECT_EQ(json::parse(embed_json({{1.0f}, {2.0f}}, 5, true))["embeddings"][1]["values"], json::array({2.0}));
  EXPECT_EQ(json::parse(count_json(7))["totalTokens"], 7);
}

}  // namespace
}  // namespace freehold::api::gemini
