#include <gtest/gtest.h>

#include "api/anthropic/anthropic.h"

namespace freehold::api::anthropic {
namespace {

const std::string kHead = R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}])";

MessagesCall read(const std::string& more = {}) {
  auto call = parse_messages(kHead + more + "}");
  EXPECT_TRUE(call) << (call ? "" : call.error().message);
  return call.value_or(MessagesCall{});
}
// The field that a request with these members is refused for.
std::string refused(const std::string& more) {
  auto call = parse_messages(kHead + more + "}");
  if (call) return "accepted";
  EXPECT_EQ(status_of(call.error().problem), 400);
  EXPECT_NE(call.error().message.find(call.error().param), std::string::npos) << call.error().message;
  return call.error().param;
}
Parsed<MessagesCall> with_messages(const std::string& messages, const std::string& more = {}) {
  return parse_messages(R"({"model":"m","max_tokens":9,"messages":[)" + messages + "]" + more + "}");
}
std::string refused_message(const std::string& message) {
  auto call = with_messages(message);
  return call ? "accepted" : call.error().param;
}
std::string messages_of(const std::string& messages, const std::string& more = {}) {
  auto call = with_messages(messages, more);
  return call ? std::get<Conversation>(call->call.input).messages : call.error().message;
}

TEST(AnthropicRequest, DefaultsAreTheVendors) {
  const MessagesCall read_call = read();
  const Call& call = read_call.call;
  EXPECT_EQ(call.model, "m");
  EXPECT_EQ(call.request.sampling.temperature, 1);
  EXPECT_EQ(call.request.sampling.top_p, 1);
  EXPECT_EQ(call.request.max_tokens, 9u);
  EXPECT_EQ(call.request.n, 1u);
  EXPECT_FALSE(call.stream || call.has_seed || call.thinking || read_call.only_prompt);
  EXPECT_TRUE(call.ignored.empty());
  EXPECT_EQ(std::get<Conversation>(call.input).messages, R"([{"role":"user","content":"hi"}])");
  EXPECT_FALSE(std::get<Conversation>(call.input).continue_last);
}

TEST(AnthropicRequest, EveryParameterArrives) {
  const Call call = read(R"(,"temperature":0.5,"top_p":0.9,"top_k":4,"stop_sequences":["a","\n"],"stream":true,
    "metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral"},"system":"be brief")")
                        .call;
  EXPECT_EQ(call.request.sampling.temperature, 0.5);
  EXPECT_EQ(call.request.sampling.top_p, 0.9);
  EXPECT_EQ(call.request.sampling.top_k, 4u);
  EXPECT_EQ(call.request.stop, (std::vector<std::string>{"a", "\n"}));
  EXPECT_TRUE(call.stream);
  EXPECT_TRUE(call.ignored.empty());
  EXPECT_EQ(read(R"(,"top_p":0)").call.request.sampling.top_k, 1u);
}

TEST(AnthropicRequest, UnknownIsNamedAndNullIsAbsent) {
  const Call call =
      read(
          R"(,"temperature":null,"tools":null,"thinking":null,"context_management":{},"output_config":{"effort":"low"})")
          .call;
  EXPECT_EQ(call.ignored, (std::vector<std::string>{"output_config.effort", "context_management"}));
}

TEST(AnthropicRequest, TheLimitIsRequiredAndMayBeNothing) {
  auto call = parse_messages(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().param, "max_tokens");
  call = parse_messages(R"({"model":"m","max_tokens":0,"messages":[{"role":"user","content":"hi"}]})");
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->only_prompt);
  EXPECT_EQ(call->call.request.max_tokens, 1u);
  for (const char* wrong : {"-1", "1.5", "\"9\"", "9999999999", "[]"}) {
    call = parse_messages(R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":)" +
                          std::string(wrong) + "}");
    ASSERT_FALSE(call) << wrong;
    EXPECT_EQ(call.error().param, "max_tokens");
  }
}

TEST(AnthropicRequest, CountingNeedsNoLimit) {
  auto call = parse_count(R"({"model":"m","messages":[{"role":"user","content":"hi"}],"system":"s"})");
  ASSERT_TRUE(call);
  EXPECT_EQ(std::get<Conversation>(call->input).messages,
            R"([{"role":"system","content":"s"},{"role":"user","content":"hi"}])");
  EXPECT_FALSE(parse_count(R"({"model":"m"})"));
  auto more =
      parse_count(R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"odd":1,"none":null})");
  ASSERT_TRUE(more);
  EXPECT_EQ(more->ignored, (std::vector<std::string>{"odd", "none"}));
}

TEST(AnthropicRequest, WrongTypesAndRangesAreRefusedByName) {
  EXPECT_EQ(refused(R"(,"temperature":1.5)"), "temperature");
  EXPECT_EQ(refused(R"(,"temperature":"hot")"), "temperature");
  EXPECT_EQ(refused(R"(,"top_p":1.1)"), "top_p");
  EXPECT_EQ(refused(R"(,"top_k":-1)"), "top_k");
  EXPECT_EQ(refused(R"(,"stop_sequences":[""])"), "stop_sequences");
  EXPECT_EQ(refused(R"(,"stop_sequences":[5])"), "stop_sequences");
  EXPECT_EQ(refused(R"(,"stream":"yes")"), "stream");
  EXPECT_EQ(refused(R"(,"system":5)"), "system");
  EXPECT_EQ(refused(R"(,"system":[{"type":"image"}])"), "system[0]");
  EXPECT_EQ(refused(R"(,"thinking":{"type":"maybe"})"), "thinking.type");
  EXPECT_EQ(refused(R"(,"thinking":{"type":"enabled","budget_tokens":5})"), "thinking.budget_tokens");
  EXPECT_EQ(refused(R"(,"thinking":{"type":"enabled"})"), "thinking.budget_tokens");
  EXPECT_EQ(refused(R"(,"mcp_servers":[{"url":"x"}])"), "mcp_servers");
  EXPECT_EQ(refused(R"(,"output_config":5)"), "output_config");
  EXPECT_EQ(refused(R"(,"output_config":{"format":{"type":"xml"}})"), "output_config.format.type");
  EXPECT_EQ(refused(R"(,"output_config":{"format":{"type":"json_schema"}})"), "output_config.format.schema");
  EXPECT_EQ(refused(R"(,"output_config":{"effort":3})"), "output_config.effort");
  EXPECT_EQ(refused(R"(,"output_config":{"effort":"enormous"})"), "output_config.effort");
  EXPECT_EQ(refused(R"(,"container":"c")"), "container");
  EXPECT_EQ(refused(R"(,"metadata":5)"), "metadata");
  EXPECT_EQ(refused(R"(,"metadata":{"user_id":5})"), "metadata.user_id");
  EXPECT_EQ(refused(R"(,"service_tier":"gold")"), "service_tier");
  EXPECT_EQ(refused(R"(,"cache_control":true)"), "cache_control");
  EXPECT_EQ(refused(R"(,"cache_control":{"type":"eternal"})"), "cache_control.type");
  EXPECT_EQ(parse_messages(R"({"max_tokens":1,"messages":[{"role":"user","content":"hi"}]})").error().param, "model");
  EXPECT_EQ(parse_messages(R"({"model":5,"max_tokens":1})").error().param, "model");
  EXPECT_EQ(parse_messages(R"({"model":"m","max_tokens":1,"messages":[]})").error().param, "messages");
  EXPECT_EQ(parse_messages(R"({"model":"m","max_tokens":1,"messages":"hi"})").error().param, "messages");
}

TEST(AnthropicRequest, BlocksBecomeMessages) {
  EXPECT_EQ(
      messages_of(R"({"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]})"),
      messages_of(R"({"role":"user","content":"hi"})"));
  EXPECT_EQ(messages_of(R"({"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]})"),
            R"([{"role":"user","content":"a\nb"}])");
  EXPECT_EQ(messages_of(R"({"role":"user","content":"a"})",
                        R"(,"system":[{"type":"text","text":"x"},{"type":"text","text":"y"}])"),
            R"([{"role":"system","content":"x\ny"},{"role":"user","content":"a"}])");
  EXPECT_EQ(messages_of(R"({"role":"user","content":"a"})", R"(,"system":"")"), R"([{"role":"user","content":"a"}])");
  EXPECT_EQ(messages_of(R"({"role":"system","content":"x"},{"role":"user","content":"a"},
                           {"role":"system","content":[{"type":"text","text":"y"}]},{"role":"user","content":"b"})",
                        R"(,"system":"s")"),
            R"([{"role":"system","content":"s\nx"},{"role":"user","content":"a"},)"
            R"({"role":"system","content":"y"},{"role":"user","content":"b"}])");
  EXPECT_EQ(
      messages_of(
          R"({"role":"user","content":"weather?"},
             {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},
               {"type":"redacted_thinking","data":"xx"},{"type":"text","text":"Let me see."},
               {"type":"tool_use","id":"t1","name":"f","input":{"b":1,"a":2}},{"type":"tool_use","id":"t2","name":"g"}]},
             {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"sun"},
               {"type":"tool_result","tool_use_id":"t2","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},
               {"type":"tool_result","tool_use_id":"t3"},{"type":"text","text":"go on"}]})"),
      R"([{"role":"user","content":"weather?"},{"role":"assistant","content":"Let me see.","reasoning_content":"hm",)"
      R"("tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":{"b":1,"a":2}}},)"
      R"({"id":"t2","type":"function","function":{"name":"g","arguments":{}}}]},)"
      R"({"role":"tool","content":"sun","tool_call_id":"t1","name":"f"},)"
      R"({"role":"tool","content":"x\ny","tool_call_id":"t2","name":"g"},)"
      R"({"role":"tool","content":"","tool_call_id":"t3"},{"role":"user","content":"go on"}])");
}

TEST(AnthropicRequest, WrongMessagesAreRefusedByName) {
  EXPECT_EQ(refused_message(R"({"role":"king","content":"x"})"), "messages[0].role");
  EXPECT_EQ(refused_message(R"({"role":"system","content":"x"})"), "messages");  // and nobody else's
  EXPECT_EQ(refused_message(R"({"role":"system","content":[{"type":"image"}]})"), "messages[0].content[0]");
  EXPECT_EQ(refused_message(R"({"role":"user","content":""})"), "messages[0].content");
  EXPECT_EQ(refused_message(R"({"role":"user","content":[]})"), "messages[0].content");
  EXPECT_EQ(refused_message(R"({"role":"user"})"), "messages[0].content");
  EXPECT_EQ(refused_message(R"({"role":"user","content":5})"), "messages[0].content");
  EXPECT_EQ(refused_message(R"("hi")"), "messages[0]");
  EXPECT_EQ(refused_message(R"({"role":"user","content":["x"]})"), "messages[0].content[0]");
  EXPECT_EQ(refused_message(R"({"role":"user","content":[{"type":"text"}]})"), "messages[0].content[0].text");
  EXPECT_EQ(refused_message(R"({"role":"user","content":[{"text":"x"}]})"), "messages[0].content[0].type");
  for (const char* type : {"image", "document", "search_result", "server_tool_use"}) {
    EXPECT_EQ(refused_message(R"({"role":"user","content":[{"type":")" + std::string(type) + "\"}]}"),
              "messages[0].content[0]");
  }
  EXPECT_EQ(refused_message(R"({"role":"user","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]})"),
            "messages[0].content[0].type");
  EXPECT_EQ(refused_message(R"({"role":"assistant","content":[{"type":"tool_use","name":"f","input":{}}]})"),
            "messages[0].content[0].id");
  EXPECT_EQ(refused_message(R"({"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"{}"}]})"),
            "messages[0].content[0].input");
  EXPECT_EQ(refused_message(R"({"role":"user","content":[{"type":"tool_result","content":"x"}]})"),
            "messages[0].content[0].tool_use_id");
  EXPECT_EQ(refused_message(
                R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image"}]}]})"),
            "messages[0].content[0].content[0]");
  EXPECT_EQ(refused_message(R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","is_error":"yes"}]})"),
            "messages[0].content[0].is_error");
  EXPECT_EQ(
      refused_message(
          R"({"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f"}]})"),
      "messages");
}

TEST(AnthropicRequest, AnAssistantsLastMessageIsContinued) {
  const std::string begun = R"({"role":"user","content":"x"},{"role":"assistant","content":"The answer is ("})";
  auto call = with_messages(begun);
  ASSERT_TRUE(call);
  EXPECT_TRUE(std::get<Conversation>(call->call.input).continue_last);
  EXPECT_EQ(with_messages(begun, R"(,"output_config":{"format":{"type":"json_schema","schema":{}}})").error().param,
            "messages");
  EXPECT_EQ(
      with_messages(begun, R"(,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"any"})").error().param,
      "tool_choice");
}

TEST(AnthropicRequest, ToolsAndTheirChoice) {
  const std::string tool =
      R"(,"tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}},
          {"type":"custom","name":"g","input_schema":{},"strict":true}])";
  Call call = read(tool).call;
  ASSERT_EQ(call.tool_use.tools.size(), 2u);
  EXPECT_EQ(call.tool_use.tools[0].name, "f");
  EXPECT_EQ(call.tool_use.tools[0].description, "d");
  EXPECT_EQ(call.tool_use.tools[0].parameters, R"({"type":"object"})");
  EXPECT_TRUE(call.tool_use.tools[1].strict);
  EXPECT_EQ(call.tool_use.choice, ToolChoice::automatic);
  EXPECT_TRUE(call.tool_use.parallel);
  EXPECT_TRUE(call.ignored.empty());
  call = read(tool + R"(,"tool_choice":{"type":"any","disable_parallel_tool_use":true})").call;
  EXPECT_EQ(call.tool_use.choice, ToolChoice::required);
  EXPECT_FALSE(call.tool_use.parallel);
  EXPECT_EQ(read(tool + R"(,"tool_choice":{"type":"none"})").call.tool_use.choice, ToolChoice::none);
  EXPECT_EQ(read(tool + R"(,"tool_choice":{"type":"auto"})").call.tool_use.choice, ToolChoice::automatic);
  call = read(tool + R"(,"tool_choice":{"type":"tool","name":"g"})").call;
  EXPECT_TRUE(call.tool_use.named);
  EXPECT_EQ(call.tool_use.allowed, std::vector<std::string>{"g"});
  EXPECT_EQ(refused(tool + R"(,"tool_choice":{"type":"tool","name":"h"})"), "tool_choice.name");
  EXPECT_EQ(refused(tool + R"(,"tool_choice":{"type":"tool"})"), "tool_choice.name");
  EXPECT_EQ(refused(tool + R"(,"tool_choice":{"type":"required"})"), "tool_choice.type");
  EXPECT_EQ(refused(tool + R"(,"tool_choice":"auto")"), "tool_choice");
  EXPECT_EQ(refused(R"(,"tool_choice":{"type":"any"})"), "tool_choice");
  EXPECT_EQ(refused(R"(,"tools":[{"name":"f"}])"), "tools[0].input_schema");
  EXPECT_EQ(refused(R"(,"tools":[{"name":"a b","input_schema":{}}])"), "tools[0].name");
  EXPECT_EQ(refused(R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}])"), "tools[0].type");
  EXPECT_EQ(refused(R"(,"tools":[{"name":"f","input_schema":{}},{"name":"f","input_schema":{}}])"), "tools");
  EXPECT_EQ(refused(R"(,"tools":{})"), "tools");
}

TEST(AnthropicRequest, FormatsKeepTheSchemasOrder) {
  Call call = read(R"(,"output_config":{"format":{"type":"json_schema","schema":{"z":1,"a":2}}})").call;
  EXPECT_EQ(call.format.kind, Format::Kind::json_schema);
  EXPECT_EQ(call.format.source, R"({"z":1,"a":2})");
  EXPECT_EQ(call.format.param, "output_config.format.schema");
  call = read(R"(,"output_format":{"type":"json_schema","schema":{"a":2}})").call;
  EXPECT_EQ(call.format.param, "output_format.schema");
  EXPECT_EQ(read(R"(,"output_config":{"format":null})").call.format.kind, Format::Kind::text);
  EXPECT_EQ(refused(R"(,"output_format":{"type":"json_schema","schema":{}},)"
                    R"("output_config":{"format":{"type":"json_schema","schema":{}}})"),
            "output_format");
}

TEST(AnthropicRequest, ThinkingIsOnOffOrLeftToTheTemplate) {
  EXPECT_EQ(read(R"(,"thinking":{"type":"enabled","budget_tokens":2048})").call.thinking, true);
  EXPECT_EQ(read(R"(,"thinking":{"type":"adaptive"})").call.thinking, true);
  EXPECT_EQ(read(R"(,"thinking":{"type":"disabled"})").call.thinking, false);
  const MessagesCall hidden = read(R"(,"thinking":{"type":"enabled","budget_tokens":2048,"display":"omitted"})");
  EXPECT_EQ(hidden.call.ignored, std::vector<std::string>{"thinking.budget_tokens"});
  EXPECT_TRUE(hidden.hides_thinking && hidden.call.thinking_if_able);
  EXPECT_FALSE(read(R"(,"thinking":{"type":"adaptive","display":"summarized"})").hides_thinking);
  EXPECT_EQ(refused(R"(,"thinking":{"type":"adaptive","display":"loud"})"), "thinking.display");
}

TEST(AnthropicRequest, AThreadBringsWhatWasSaidBefore) {
  const FindThread find = [](std::string_view id) -> std::optional<Thread> {
    if (id != "msg_1") return std::nullopt;
    return Thread{R"({"system":"s","tools":[{"name":"f","input_schema":{}}]})",
                  R"([{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]}])"};
  };
  const auto ask = [&](const std::string& thread, const std::string& more = {}) {
    return parse_messages(kHead + R"(,"thread":)" + thread + more + "}", find);
  };
  auto call = ask(R"({"type":"create"})", R"(,"system":"x")");
  ASSERT_TRUE(call && call->thread);
  EXPECT_EQ(call->thread->fixed, R"({"system":"x"})");
  EXPECT_EQ(call->thread->messages, R"([{"role":"user","content":"hi"}])");
  EXPECT_TRUE(call->call.ignored.empty());
  call = ask(R"({"type":"continue","previous_message_id":"msg_1"})");
  ASSERT_TRUE(call && call->thread) << call.error().message;
  EXPECT_EQ(std::get<Conversation>(call->call.input).messages,
            R"([{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
            R"({"role":"user","content":"hi"}])");
  EXPECT_EQ(call->call.tool_use.tools.size(), 1u);
  EXPECT_EQ(call->thread->messages,
            R"([{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},)"
            R"({"role":"user","content":"hi"}])");
  EXPECT_FALSE(read().thread || read(R"(,"thread":null)").thread);
  const Failure gone = ask(R"({"type":"continue","previous_message_id":"msg_2"})").error();
  EXPECT_EQ(gone.problem, Problem::not_found);
  EXPECT_EQ(gone.code, "thread_not_found");
  EXPECT_EQ(ask(R"({"type":"continue"})").error().param, "thread.previous_message_id");
  EXPECT_EQ(ask(R"({"type":"fork"})").error().param, "thread.type");
  EXPECT_EQ(ask("5").error().param, "thread");
  for (const char* own : {"system", "tools"}) {
    auto refused = ask(R"({"type":"continue","previous_message_id":"msg_1"})", ",\"" + std::string(own) + "\":[]");
    ASSERT_FALSE(refused) << own;
    EXPECT_EQ(refused.error().param, own);
  }
}

TEST(AnthropicRequest, HostileBodiesAreRefused) {
  for (const char* wrong : {"", "{", "[]", "null", "{} {}", R"({"model":1e999})", R"({"a":1,"a":2})",
                            "{\"a\":\"\xff\"}", R"({"model":"m","max_tokens":1,"messages":[[[]]]})"}) {
    EXPECT_FALSE(parse_messages(wrong)) << wrong;
    EXPECT_FALSE(parse_count(wrong)) << wrong;
  }
  std::string many = R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"x")";
  for (int i = 0; i < 50'000; ++i) many += ",\"k\\n" + std::to_string(i) + "\":0";
  auto call = parse_messages(many + "}]}]}");
  ASSERT_TRUE(call);
  EXPECT_LE(call->call.ignored.size(), 32u);  // they go into a header
  for (const std::string& name : call->call.ignored) EXPECT_EQ(name.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace freehold::api::anthropic
