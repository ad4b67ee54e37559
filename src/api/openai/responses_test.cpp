#include "api/openai/responses.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

namespace freehold::api::openai {
namespace {

using nlohmann::json;

std::optional<std::string> no_item(std::string_view) {
  return std::nullopt;
}

ResponseCall response(const std::string& members, const StoredResponse* previous = nullptr) {
  auto call = parse_response(R"({"model":"m",)" + members + "}", "r1");
  EXPECT_TRUE(call) << (call ? "" : call.error().message);
  if (!call) return {};
  auto joined = join(*call, previous, no_item);
  EXPECT_TRUE(joined) << (joined ? "" : joined.error().message);
  return *call;
}
std::string responses_refused(const std::string& members) {
  auto call = parse_response(R"({"model":"m",)" + members + "}", "r1");
  return call ? "accepted" : call.error().param;
}
json messages(const ResponseCall& call) {
  return json::parse(std::get<Conversation>(call.call.input).messages);
}

TEST(OpenAiResponseRequest, ItemsBecomeMessages) {
  const ResponseCall call = response(R"("instructions":"be kind","input":[
    {"role":"developer","content":"d"},{"role":"user","content":[{"type":"input_text","text":"a"}]},
    {"type":"reasoning","id":"rs","summary":[]},
    {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":1}"},
    {"type":"function_call","call_id":"c2","name":"g","arguments":""},
    {"type":"function_call_output","call_id":"c1","output":"one"}])");
  const json expected = json::parse(R"([{"role":"system","content":"be kind"},{"role":"system","content":"d"},
    {"role":"user","content":"a"},
    {"role":"assistant","content":"","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"f","arguments":{"x":1}}},
      {"id":"c2","type":"function","function":{"name":"g","arguments":{}}}]},
    {"role":"tool","content":"one","tool_call_id":"c1"}])");
  EXPECT_EQ(messages(call), expected);
}

TEST(OpenAiResponseRequest, SettingsAndFormat) {
  const ResponseCall call = response(R"("input":"hi","max_output_tokens":5,"temperature":0.25,"top_logprobs":2,
    "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},
    "tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"tool_choice":{"type":"function","name":"f"})");
  EXPECT_EQ(call.call.request.max_tokens, 5u);
  EXPECT_EQ(call.call.request.sampling.temperature, 0.25);
  EXPECT_EQ(call.call.request.logprobs, 2u);
  EXPECT_EQ(call.call.format.kind, Format::Kind::json_schema);
  EXPECT_TRUE(call.call.tool_use.named);
  EXPECT_EQ(messages(call), json::parse(R"([{"role":"user","content":"hi"}])"));
}

TEST(OpenAiResponseRequest, WhatIsOfNoEffectIsRepeatedAndNamed) {
  const ResponseCall call = response(R"("input":"hi","reasoning":{"effort":"low","summary":"auto"},"truncation":"auto",
    "text":{"verbosity":"high"},"service_tier":"flex","background":true,"include":["file_search_call.results"],
    "tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}],
    "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"}]})");
  EXPECT_EQ(call.call.ignored, (std::vector<std::string>{"service_tier", "text.verbosity", "reasoning.effort"}));
  EXPECT_TRUE(call.truncate && call.background);
  EXPECT_EQ(call.call.tool_use.allowed, std::vector<std::string>{"g"});
  EXPECT_EQ(call.call.tool_use.choice, ToolChoice::required);
  const json settings = json::parse(call.settings);
  EXPECT_EQ(settings["reasoning"], json::parse(R"({"effort":"low","summary":"auto"})"));
  EXPECT_EQ(settings["text"]["verbosity"], "high");
  EXPECT_EQ(settings["truncation"], "auto");
  EXPECT_EQ(settings["background"], true);
  EXPECT_EQ(response(R"("input":"hi","reasoning":{"effort":"none"})").call.thinking, false);
}

TEST(OpenAiResponseRequest, WhatIsWrongIsRefusedByName) {
  EXPECT_EQ(responses_refused(R"("x":1)"), "input");
  EXPECT_EQ(responses_refused(R"("input":[])"), "input");
  EXPECT_EQ(responses_refused(R"("input":[5])"), "input[0]");
  EXPECT_EQ(responses_refused(R"("input":[{"role":"king","content":"x"}])"), "input[0].role");
  EXPECT_EQ(responses_refused(R"("input":[{"type":"function_call","call_id":"c","name":"f","arguments":"no"}])"),
            "input[0].arguments");
  EXPECT_EQ(responses_refused(R"("input":[{"type":"image_generation_call"}])"), "input[0].type");
  EXPECT_EQ(responses_refused(R"("input":[{"id":7,"role":"user","content":"x"}])"), "input[0].id");
  EXPECT_EQ(responses_refused(R"("input":[{"type":"item_reference","id":""}])"), "input[0].id");
  EXPECT_EQ(responses_refused(R"("input":"a","conversation":"conv_1")"), "conversation");
  EXPECT_EQ(responses_refused(R"("input":"a","metadata":5)"), "metadata");
  EXPECT_EQ(responses_refused(R"("input":"a","metadata":{"a":1})"), "metadata");
  EXPECT_EQ(responses_refused(R"("input":"a","background":true,"store":false)"), "background");
  EXPECT_EQ(responses_refused(R"("input":"a","truncation":"some")"), "truncation");
  EXPECT_EQ(responses_refused(R"("input":"a","reasoning":{"effort":"some"})"), "reasoning.effort");
  EXPECT_EQ(responses_refused(R"("input":"a","text":{"verbosity":"loud"})"), "text.verbosity");
  // As chats have it: nested.
  EXPECT_EQ(responses_refused(
                R"("input":"a","text":{"format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}})"),
            "text.format.json_schema");
  EXPECT_EQ(
      responses_refused(
          R"("input":"a","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"allowed_tools","tools":[]})"),
      "tool_choice.tools");
  EXPECT_EQ(responses_refused(R"("input":"a","tools":[{"type":"web_search"}])"), "tools[0].type");
  EXPECT_EQ(responses_refused(R"("input":"a","include":["odd"])"), "include");
  EXPECT_EQ(responses_refused(R"("input":"a","max_output_tokens":0)"), "max_output_tokens");
}

struct StreamedEvent {
  std::string type;
  json data;
};
std::vector<StreamedEvent> streamed_events(const std::string& bytes) {
  std::vector<StreamedEvent> out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t line = bytes.find('\n', at), end = bytes.find("\n\n", at);
    EXPECT_EQ(bytes.substr(at, 7), "event: ");
    EXPECT_EQ(bytes.substr(line + 1, 6), "data: ");
    out.push_back({bytes.substr(at + 7, line - at - 7), json::parse(bytes.substr(line + 7, end - line - 7))});
    EXPECT_EQ(out.back().data["type"], out.back().type);
    EXPECT_EQ(out.back().data["sequence_number"], out.size() - 1);
    at = end + 2;
  }
  return out;
}

std::string play(Encoder& encoder, Reason reason) {
  engine::Usage usage;
  usage.completion_tokens = 4;
  std::string out = encoder.begin();
  out += encoder.add(Begun{7, 2});
  out += encoder.add(Thinking{0, "hm"});
  out += encoder.add(Text{0, "Hel"});
  out += encoder.add(Text{0, "lo"});
  out += encoder.add(ToolStart{0, 0, "f"});
  out += encoder.add(ToolArguments{0, 0, "{\"a\""});
  out += encoder.add(ToolArguments{0, 0, ":1}"});
  if (reason != Reason::length) out += encoder.add(ToolEnd{0, 0});
  out += encoder.add(Ended{0, reason, {}, usage, 1});
  out += encoder.end();
  encoder.recorded();
  return out;
}

// Builds the response as a client does, and checks the order of the events.
TEST(OpenAiResponseAnswer, EventsBuildTheWhole) {
  for (const Reason reason : {Reason::tool_calls, Reason::length}) {
    std::optional<StoredResponse> stored;
    auto whole = response_encoder(response(R"("input":"hi")"), {"abc", "m", 12},
                                  [&](StoredResponse r) { stored = std::move(r); });
    const json expected = json::parse(play(*whole, reason));
    EXPECT_EQ(expected["status"], reason == Reason::length ? "incomplete" : "completed");
    EXPECT_EQ(expected["usage"]["total_tokens"], 11);
    ASSERT_TRUE(stored);
    EXPECT_EQ(json::parse(stored->response), expected);
    EXPECT_EQ(json::parse(stored->conversation).size(), 4u);

    auto streamed = response_encoder(response(R"("input":"hi","stream":true)"), {"abc", "m", 12}, {});
    const auto all = streamed_events(play(*streamed, reason));
    ASSERT_GE(all.size(), 4u);
    EXPECT_EQ(all[0].type, "response.created");
    EXPECT_EQ(all[1].type, "response.in_progress");
    EXPECT_EQ(all.back().type, reason == Reason::length ? "response.incomplete" : "response.completed");
    json output = json::array();
    std::string text, arguments, open;
    for (std::size_t i = 2; i + 1 < all.size(); ++i) {
      const json& data = all[i].data;
      EXPECT_EQ(data["output_index"], output.size());
      if (all[i].type == "response.output_item.added") {
        EXPECT_TRUE(open.empty());
        open = data["item"]["id"];
      } else if (all[i].type == "response.output_item.done") {
        EXPECT_EQ(data["item"]["id"], open);
        output.push_back(data["item"]);
        open.clear();
      } else {
        EXPECT_EQ(data["item_id"], open);
        if (all[i].type == "response.output_text.delta") text += data["delta"].get<std::string>();
        if (all[i].type == "response.function_call_arguments.delta") arguments += data["delta"].get<std::string>();
      }
    }
    EXPECT_EQ(text, "Hello");
    EXPECT_EQ(arguments, "{\"a\":1}");
    EXPECT_EQ(output, expected["output"]);
    EXPECT_EQ(all.back().data["response"]["output"], expected["output"]);
    EXPECT_EQ(expected["output"][1]["content"][0]["text"], "Hello");
    EXPECT_EQ(expected["output"][2]["arguments"], "{\"a\":1}");
  }
}

TEST(OpenAiResponseAnswer, ALaterRequestGoesOnWithoutTheOldInstructions) {
  std::optional<StoredResponse> stored;
  auto encoder = response_encoder(response(R"("instructions":"old","input":"one")"), {"abc", "m", 12},
                                  [&](StoredResponse r) { stored = std::move(r); });
  encoder->add(Begun{1, 0});
  encoder->add(Text{0, "two"});
  encoder->add(Ended{});
  encoder->end();
  EXPECT_FALSE(stored) << "before it is recorded";
  encoder->recorded();
  ASSERT_TRUE(stored);
  EXPECT_FALSE(stored->streamed);
  const ResponseCall next = response(R"("previous_response_id":"resp_abc","input":"three")", &*stored);
  EXPECT_EQ(messages(next), json::parse(R"([{"role":"user","content":"one"},{"role":"assistant","content":"two"},
                                           {"role":"user","content":"three"}])"));
}

StoredResponse stored_response(const std::string& members, Reason reason) {
  std::optional<StoredResponse> stored;
  auto encoder =
      response_encoder(response(members), {"abc", "m", 12}, [&](StoredResponse r) { stored = std::move(r); });
  play(*encoder, reason);
  return stored.value_or(StoredResponse{});
}

TEST(OpenAiStoredResponse, ItsEventsBuildItAgain) {
  for (const Reason reason : {Reason::tool_calls, Reason::length}) {
    const StoredResponse stored = stored_response(R"("input":"hi")", reason);
    const auto replayed = replayed_events(stored, -1);
    ASSERT_TRUE(replayed);
    const std::vector<StreamedEvent> all = streamed_events(*replayed);
    EXPECT_EQ(all[0].type, "response.created");
    EXPECT_EQ(all.back().type, reason == Reason::length ? "response.incomplete" : "response.completed");
    EXPECT_EQ(all.back().data["response"], json::parse(stored.response));
    json output = json::array();
    std::map<std::string, std::string> said;
    for (const StreamedEvent& e : all) {
      if (e.type == "response.output_item.done") output.push_back(e.data["item"]);
      if (e.data.contains("delta")) said[e.type] += e.data["delta"].get<std::string>();
    }
    EXPECT_EQ(output, json::parse(stored.response)["output"]);
    EXPECT_EQ(said, (std::map<std::string, std::string>{{"response.reasoning_text.delta", "hm"},
                                                        {"response.output_text.delta", "Hello"},
                                                        {"response.function_call_arguments.delta", "{\"a\":1}"}}));
    const auto later = replayed_events(stored, static_cast<std::int64_t>(all.size()) - 2);
    ASSERT_TRUE(later);
    EXPECT_EQ(*later, replayed->substr(replayed->rfind("event: ")));
  }
}

// As they come and from the store: the same events, and thoughts where summaries stand.
TEST(OpenAiStoredResponse, ThoughtsAreASummaryIfOneIsAskedFor) {
  std::optional<StoredResponse> stored;
  auto encoder = response_encoder(response(R"("input":"hi","stream":true,"reasoning":{"summary":"auto"})"),
                                  {"abc", "m", 12}, [&](StoredResponse r) { stored = std::move(r); });
  const std::vector<StreamedEvent> all = streamed_events(play(*encoder, Reason::tool_calls));
  const std::vector<std::string> thoughts = {"response.output_item.added",
                                             "response.reasoning_summary_part.added",
                                             "response.reasoning_summary_text.delta",
                                             "response.reasoning_summary_text.done",
                                             "response.reasoning_summary_part.done",
                                             "response.output_item.done"};
  ASSERT_GT(all.size(), 2 + thoughts.size());
  for (std::size_t i = 0; i < thoughts.size(); ++i) EXPECT_EQ(all[2 + i].type, thoughts[i]);
  EXPECT_EQ(all[4].data["summary_index"], 0);
  EXPECT_EQ(all[4].data["delta"], "hm");
  EXPECT_FALSE(all[4].data.contains("content_index"));
  const json item = all[7].data["item"];
  EXPECT_EQ(item["summary"], json::parse(R"([{"type":"summary_text","text":"hm"}])"));
  EXPECT_FALSE(item.contains("content"));
  EXPECT_EQ(all.back().data["response"]["output"][0], item);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->streamed);
  const auto replayed = replayed_events(*stored, -1);
  ASSERT_TRUE(replayed);
  const std::vector<StreamedEvent> again = streamed_events(*replayed);
  ASSERT_GT(again.size(), 8u);
  for (std::size_t i = 2; i < 8; ++i) EXPECT_EQ(again[i].data, all[i].data) << all[i].type;
}

TEST(OpenAiStoredResponse, ItsInputIsListedInPages) {
  const StoredResponse stored = stored_response(
      R"("input":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"user","content":"c"}])",
      Reason::stop);
  const auto listed = [&](const Page& page) {
    const auto text = input_items_json(stored, page);
    json out = json::array();
    for (const json& item : text ? json::parse(*text)["data"] : json()) out.push_back(item["content"][0]["text"]);
    return out;
  };
  EXPECT_EQ(listed({.limit = 20}), json({"c", "b", "a"}));
  EXPECT_EQ(listed({.limit = 2, .ascending = true}), json({"a", "b"}));
  const json page = json::parse(*input_items_json(stored, {.limit = 2}));
  EXPECT_EQ(page["has_more"], true);
  EXPECT_EQ(listed({.limit = 2, .after = page["last_id"]}), json::array({"a"}));
  EXPECT_FALSE(input_items_json(stored, {.limit = 2, .after = "none"}));
}

TEST(OpenAiStoredResponse, ItsStatusMayBeAnother) {
  const StoredResponse stored = stored_response(R"("input":"a","background":true)", Reason::cancelled);
  EXPECT_EQ(json::parse(stored.response)["status"], "cancelled");
  EXPECT_TRUE(is_background(stored.response));
  const Failure failure{Problem::internal, "broken", {}, {}};
  const json failed = json::parse(with_status(stored.response, "failed", &failure));
  EXPECT_EQ(failed["status"], "failed");
  EXPECT_EQ(failed["error"]["message"], "broken");
}

TEST(OpenAiResponseAnswer, AnEmptyAnswerIsAnEmptyMessage) {
  auto encoder = response_encoder(response(R"("input":"hi")"), {"abc", "m", 12}, {});
  encoder->add(Begun{1, 0});
  encoder->add(Ended{});
  const json answer = json::parse(encoder->end());
  EXPECT_EQ(answer["output"][0]["content"][0]["text"], "");
  EXPECT_TRUE(answer["output"][0]["content"][0]["annotations"].is_array());
}

}  // namespace
}  // namespace freehold::api::openai
