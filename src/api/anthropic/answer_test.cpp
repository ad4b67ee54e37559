#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/anthropic/anthropic.h"

namespace freehold::api::anthropic {
namespace {

using nlohmann::json;

MessagesCall call_of(const std::string& more = {}) {
  return parse_messages(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}])" + more + "}")
      .value();
}

// The events of a stream; each has its line with the type that the data repeat.
std::vector<json> events(const std::string& bytes) {
  std::vector<json> out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find("\n\n", at), line = bytes.find('\n', at);
    EXPECT_NE(end, std::string::npos);
    EXPECT_EQ(bytes.substr(at, 7), "event: ");
    EXPECT_EQ(bytes.substr(line + 1, 6), "data: ");
    out.push_back(json::parse(bytes.substr(line + 7, end - line - 7)));
    EXPECT_EQ(out.back()["type"], bytes.substr(at + 7, line - at - 7));
    at = end + 2;
  }
  return out;
}

// Everything an answer can hold.
std::string play(Encoder& encoder, Reason reason = Reason::tool_calls, std::string_view stop = {}) {
  engine::Usage usage;
  usage.completion_tokens = 4;
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Thinking{0, "h"});
  out += encoder.add(Thinking{0, "m"});
  out += encoder.add(Text{0, "\xc3\xa9"});
  out += encoder.add(Text{0, "!"});
  out += encoder.add(ToolStart{0, 0, "f"});
  out += encoder.add(ToolArguments{0, 0, "{\"b\":1"});
  out += encoder.add(ToolArguments{0, 0, ",\"a\":2}"});
  out += encoder.add(ToolEnd{0, 0});
  out += encoder.add(ToolStart{0, 1, "g"});
  out += encoder.add(ToolEnd{0, 1});
  out += encoder.add(Ended{0, reason, stop, usage, 1});
  out += encoder.end();
  encoder.recorded();
  return out;
}

// What a client makes of a stream: the message as it would have come in one piece. Checks the order of the events.
json folded(const std::vector<json>& stream) {
  json message;
  std::vector<std::string> arguments;
  int open = -1, ended = 0;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    const json& e = stream[i];
    const std::string type = e["type"];
    EXPECT_EQ(type == "message_start", i == 0);
    EXPECT_EQ(type == "message_stop", i + 1 == stream.size());
    if (type == "message_start") {
      message = e["message"];
      EXPECT_TRUE(message["content"].empty());
      EXPECT_TRUE(message["stop_reason"].is_null());
      EXPECT_TRUE(message["usage"]["input_tokens"].is_number());
    } else if (type == "content_block_start") {
      EXPECT_EQ(open, -1);
      open = e["index"];
      EXPECT_EQ(open, static_cast<int>(message["content"].size()));
      message["content"].push_back(e["content_block"]);
      arguments.emplace_back();
    } else if (type == "content_block_delta") {
      EXPECT_EQ(e["index"], open);
      json& block = message["content"].back();
      for (const char* member : {"text", "thinking", "signature"}) {
        if (!e["delta"].contains(member)) continue;
        EXPECT_EQ(e["delta"]["type"], std::string(member) + "_delta");
        block[member] = block[member].get<std::string>() + e["delta"][member].get<std::string>();
      }
      if (e["delta"]["type"] == "input_json_delta") arguments.back() += e["delta"]["partial_json"].get<std::string>();
    } else if (type == "content_block_stop") {
      EXPECT_EQ(e["index"], open);
      if (!arguments.back().empty()) message["content"].back()["input"] = json::parse(arguments.back(), nullptr, false);
      open = -1;
    } else if (type == "message_delta") {
      EXPECT_EQ(open, -1);
      ++ended;
      message["stop_reason"] = e["delta"]["stop_reason"];
      message["stop_sequence"] = e["delta"]["stop_sequence"];
      message["usage"] = e["usage"];
    }
  }
  EXPECT_EQ(ended, 1);
  return message;
}

TEST(AnthropicAnswer, WholeAndStreamedSayTheSame) {
  auto encoder = messages_encoder(call_of(), {"abc", "m", 12});
  EXPECT_EQ(encoder->content_type(), "application/json");
  const json whole = json::parse(play(*encoder));
  EXPECT_EQ(whole["id"], "msg_abc");
  EXPECT_EQ(whole["type"], "message");
  EXPECT_EQ(whole["role"], "assistant");
  EXPECT_EQ(whole["model"], "m");
  EXPECT_EQ(whole["stop_reason"], "tool_use");
  EXPECT_TRUE(whole["stop_sequence"].is_null());
  EXPECT_EQ(whole["usage"], json({{"input_tokens", 5},
                                  {"cache_creation_input_tokens", 0},
                                  {"cache_read_input_tokens", 2},
                                  {"output_tokens", 4},
                                  {"output_tokens_details", {{"thinking_tokens", 1}}}}));
  EXPECT_TRUE(whole["stop_details"].is_null());
  const json& content = whole["content"];
  ASSERT_EQ(content.size(), 4u);
  EXPECT_EQ(content[0]["thinking"], "hm");
  EXPECT_EQ(content[1], json({{"type", "text"}, {"text", "\xc3\xa9!"}}));
  EXPECT_EQ(content[2]["type"], "tool_use");
  EXPECT_EQ(content[2]["name"], "f");
  EXPECT_EQ(content[2]["input"], json({{"a", 2}, {"b", 1}}));
  EXPECT_EQ(content[3]["input"], json::object());
  EXPECT_TRUE(content[2]["id"].get<std::string>().starts_with("toolu_"));
  EXPECT_NE(content[2]["id"], content[3]["id"]);

  auto streamed = messages_encoder(call_of(R"(,"stream":true)"), {"abc", "m", 12});
  EXPECT_EQ(streamed->content_type(), "text/event-stream");
  EXPECT_EQ(folded(events(play(*streamed))), whole);
}

TEST(AnthropicAnswer, WhyItStopped) {
  const auto stopped = [](Reason reason, std::string_view stop) {
    auto whole = messages_encoder(call_of(), {"a", "m", 1});
    auto streamed = messages_encoder(call_of(R"(,"stream":true)"), {"a", "m", 1});
    const json answer = json::parse(play(*whole, reason, stop));
    EXPECT_EQ(folded(events(play(*streamed, reason, stop))), answer);
    return answer["stop_reason"].dump() + answer["stop_sequence"].dump();
  };
  EXPECT_EQ(stopped(Reason::stop, {}), "\"end_turn\"null");
  EXPECT_EQ(stopped(Reason::length, {}), "\"max_tokens\"null");
  EXPECT_EQ(stopped(Reason::stop_string, "END"), "\"stop_sequence\"\"END\"");
  EXPECT_EQ(stopped(Reason::tool_calls, {}), "\"tool_use\"null");
}

TEST(AnthropicAnswer, ACutCallIsShownAndClosed) {
  const auto cut = [](Encoder& encoder) {
    std::string out = encoder.add(Begun{3, 0});
    out += encoder.add(ToolStart{0, 0, "f"});
    out += encoder.add(ToolArguments{0, 0, "{\"a\":[1,{\"b\":\"x\"},2"});
    out += encoder.add(ToolArguments{0, 0, "3"});
    out += encoder.add(Ended{0, Reason::length, {}, {}, 0});
    return out + encoder.end();
  };
  auto whole = messages_encoder(call_of(), {"a", "m", 1});
  const json answer = json::parse(cut(*whole));
  // What clients make of the fragments: the number might have gone on.
  EXPECT_EQ(answer["content"][0]["input"], json::parse(R"({"a":[1,{"b":"x"}]})"));
  EXPECT_EQ(answer["stop_reason"], "max_tokens");
  auto streamed = messages_encoder(call_of(R"(,"stream":true)"), {"a", "m", 1});
  const json message = folded(events(cut(*streamed)));
  EXPECT_EQ(message["content"].size(), 1u);
  EXPECT_EQ(message["stop_reason"], "max_tokens");
}

TEST(AnthropicAnswer, ThoughtsMayBeHidden) {
  const std::string hidden = R"(,"thinking":{"type":"adaptive","display":"omitted"})";
  auto encoder = messages_encoder(call_of(hidden), {"abc", "m", 12});
  const json whole = json::parse(play(*encoder));
  EXPECT_EQ(whole["content"][0], json({{"type", "thinking"}, {"thinking", ""}, {"signature", "abc"}}));
  EXPECT_EQ(whole["content"][1]["type"], "text");
  auto streamed = messages_encoder(call_of(hidden + R"(,"stream":true)"), {"abc", "m", 12});
  EXPECT_EQ(folded(events(play(*streamed))), whole);
}

TEST(AnthropicAnswer, AThreadIsKeptWithItsAnswer) {
  std::vector<std::pair<std::string, Thread>> kept;
  const KeepThread keep = [&](std::string id, Thread thread) { kept.emplace_back(std::move(id), std::move(thread)); };
  play(*messages_encoder(call_of(), {"a", "m", 1}, keep));
  EXPECT_TRUE(kept.empty()) << "it asked for none";
  const std::string create = R"(,"system":"s","thread":{"type":"create"})";
  play(*messages_encoder(call_of(create), {"a", "m", 1}, keep), Reason::cancelled);
  EXPECT_TRUE(kept.empty()) << "it did not come to its end";
  for (const char* stream : {"", R"(,"stream":true)"}) {
    kept.clear();
    play(*messages_encoder(call_of(create + stream), {"a", "m", 1}, keep));
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].first, "msg_a");
    EXPECT_EQ(json::parse(kept[0].second.fixed), json({{"system", "s"}}));
    const json messages = json::parse(kept[0].second.messages);
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[0]["content"], "hi");
    EXPECT_EQ(messages[1]["role"], "assistant");
    EXPECT_EQ(messages[1]["content"].size(), 4u);
  }
}

TEST(AnthropicAnswer, NothingWasSaid) {
  for (const char* stream : {"", R"(,"stream":true)"}) {
    auto encoder = messages_encoder(call_of(stream), {"a", "m", 1});
    std::string bytes = encoder->add(Ended{0, Reason::cancelled, {}, {}, 0});  // while it waited
    bytes += encoder->end();
    const json message = *stream != 0 ? folded(events(bytes)) : json::parse(bytes);
    EXPECT_EQ(message["content"], json::array());
  }
}

TEST(AnthropicAnswer, WithoutALimitOnlyThePromptIsRead) {
  for (const char* stream : {"", R"(,"stream":true)"}) {
    MessagesCall call = call_of(stream);
    call.only_prompt = true;
    auto encoder = messages_encoder(call, {"a", "m", 1});
    const std::string bytes = play(*encoder, Reason::stop_string, "x");
    const json message = *stream != 0 ? folded(events(bytes)) : json::parse(bytes);
    EXPECT_EQ(message["content"], json::array());
    EXPECT_EQ(message["stop_reason"], "max_tokens");
    EXPECT_TRUE(message["stop_sequence"].is_null());
    EXPECT_EQ(message["usage"]["output_tokens"], 0);
    EXPECT_EQ(message["usage"]["input_tokens"], 5);
  }
}

TEST(AnthropicErrors, HaveTheVendorsTypes) {
  const auto type = [](Problem problem) {
    const json error = json::parse(error_json({problem, "no \xff", "p", {}}, "req_1"));
    EXPECT_EQ(error["type"], "error");
    EXPECT_EQ(error["request_id"], "req_1");
    return error["error"]["type"].get<std::string>() + " " + std::to_string(error_status(problem));
  };
  EXPECT_EQ(type(Problem::invalid), "invalid_request_error 400");
  EXPECT_EQ(type(Problem::context_length), "invalid_request_error 400");
  EXPECT_EQ(type(Problem::unauthorised), "authentication_error 401");
  EXPECT_EQ(type(Problem::forbidden), "permission_error 403");
  EXPECT_EQ(type(Problem::not_found), "not_found_error 404");
  EXPECT_EQ(type(Problem::too_large), "request_too_large 413");
  EXPECT_EQ(type(Problem::too_many), "rate_limit_error 429");
  EXPECT_EQ(type(Problem::budget), "billing_error 402");
  EXPECT_EQ(type(Problem::internal), "api_error 500");
  EXPECT_EQ(type(Problem::unavailable), "overloaded_error 529");
  const auto message = [](const Failure& failure) {
    return json::parse(error_json(failure, {}))["error"]["message"].get<std::string>();
  };
  EXPECT_EQ(message({Problem::invalid, "no such $ref", "tools", {}}), "'tools': no such $ref");
  EXPECT_EQ(message({Problem::invalid, "'tools' is wrong", "tools", {}}), "'tools' is wrong");
  const json gone = json::parse(error_json({Problem::not_found, "x", "thread", "thread_not_found"}, {}));
  EXPECT_EQ(gone["error"]["details"]["error_code"], "thread_not_found");
  const json error = json::parse(error_json({Problem::context_length, "5 > 4", {}, {}}, {}));
  EXPECT_TRUE(error["error"]["message"].get<std::string>().starts_with("prompt is too long"));
  Failure counted{Problem::context_length, "ours", "messages", {}};
  counted.excess = Excess{9, 8};
  EXPECT_EQ(json::parse(error_json(counted, {}))["error"]["message"], "prompt is too long: 9 tokens > 7 maximum");
  counted.excess = Excess{8, 8};
  EXPECT_EQ(json::parse(error_json(counted, {}))["error"]["message"], "prompt is too long: 8 tokens > 7 maximum");
  auto encoder = messages_encoder(call_of(R"(,"stream":true)"), {"a", "m", 1});
  const std::vector<json> broken = events(encoder->broken({Problem::internal, "x", {}, {}}));
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0]["error"]["type"], "api_error");
}

TEST(AnthropicModels, ComeInPages) {
  const std::vector<ModelEntry> models = {{"a", 1'700'000'000, 256}, {"b", 0, 8}, {"c", 0, 8}};
  const auto page = [&](const Page& p) {
    auto text = models_json(models, p);
    if (!text) return "refused " + text.error().param;
    const json list = json::parse(*text);
    std::string ids;
    for (const json& m : list["data"]) ids += m["id"].get<std::string>();
    if (!ids.empty()) {
      EXPECT_EQ(list["first_id"], ids.substr(0, 1));
      EXPECT_EQ(list["last_id"], ids.substr(ids.size() - 1));
    }
    return ids + (list["has_more"].get<bool>() ? "+" : "");
  };
  EXPECT_EQ(page({}), "abc");
  EXPECT_EQ(page({"2", "", ""}), "ab+");
  EXPECT_EQ(page({"2", "b", ""}), "c");
  EXPECT_EQ(page({"2", "c", ""}), "");
  EXPECT_EQ(page({"1", "", "c"}), "b+");
  EXPECT_EQ(page({"5", "", "b"}), "a");
  EXPECT_EQ(page({"0", "", ""}), "refused limit");
  EXPECT_EQ(page({"x", "", ""}), "refused limit");
  EXPECT_EQ(page({"", "z", ""}), "refused after_id");
  EXPECT_EQ(page({"", "", "", {"retired"}}), "");
  EXPECT_EQ(page({"", "", "", {"retired", "active"}}), "abc");
  EXPECT_EQ(page({"", "", "", {"unborn"}}), "refused lifecycle");
  const json one = json::parse(model_json(models[0]));
  EXPECT_EQ(one["lifecycle"], "active");
  EXPECT_EQ(one["capabilities"]["thinking"]["supported"], false);
  EXPECT_EQ(json::parse(model_json({"t", 0, 8, true}))["capabilities"]["thinking"]["supported"], true);
  EXPECT_EQ(one["type"], "model");
  EXPECT_EQ(one["created_at"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(one["max_input_tokens"], 256);
  EXPECT_EQ(json::parse(*models_json({}, {}))["first_id"], nullptr);
  EXPECT_EQ(json::parse(count_json(7))["input_tokens"], 7);
}

}  // namespace
}  // namespace freehold::api::anthropic
