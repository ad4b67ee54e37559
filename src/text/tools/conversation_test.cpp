#include "text/tools/conversation.h"

#include <gtest/gtest.h>

#include "text/jinja/json_value.h"
#include "text/tools/answer_reader.h"

namespace freehold::text::tools {
namespace {

// Knows nothing of tools, and no system role.
constexpr std::string_view kPlain =
    "{% for m in messages %}{% if m.role not in ['user', 'assistant'] or (m.role == 'user') != (loop.index0 % 2 == 0) "
    "%}"
    "{{ raise_exception('alternate') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}";

// Everything, as the newer templates have it.
constexpr std::string_view kFull =
    "{% for t in tools or [] %}<tool>{{ t | tojson }}{% endfor %}{% for m in messages %}[{{ m.role }}]{{ m.content }}"
    "{% for c in m.tool_calls %}<tool_call>\n{\"name\": \"{{ c.function.name }}\", \"arguments\": "
    "{{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}{% endfor %}";

// One call a message, text arguments, content None, ids of nine characters.
constexpr std::string_view kStrict =
    "{% for m in messages %}{% if m.role == 'assistant' and m.content is none %}{% if m.tool_calls|length != 1 %}"
    "{{ raise_exception('one') }}{% endif %}{% for c in m.tool_calls %}{% if c.id|length != 9 %}"
    "{{ raise_exception('nine') }}{% endif %}<tool_call>{\"name\": \"' + {{ c.function.name }}\", \"arguments\": "
    "{{ '' + c.function.arguments }}, \"id\": {{ c.id }}}{% endfor %}{% elif m.role == 'tool' %}"
    "[{{ m.tool_call_id }} {{ m.name }}]{{ '' + m.content }}{% else %}[{{ m.role }}]{{ '' + m.content }}{% endif %}"
    "{% endfor %}";

ChatTemplate parse(std::string_view source) {
  auto chat = ChatTemplate::parse(std::string(source));
  EXPECT_TRUE(chat) << chat.error().what;
  return std::move(*chat);
}

std::vector<Tool> weather() {
  return {{.name = "get_weather", .description = "The weather \"now\".", .parameters = R"({"type":"object"})"}};
}

std::string fit(const ChatTemplate& chat, std::string_view messages, std::vector<Tool> tools = weather(),
                ToolChoice choice = ToolChoice::automatic()) {
  ChatInput input;
  input.messages = *messages_from_json(messages);
  TemplateSupport support = inspect_template(chat);
  auto fitted = fit_conversation(support, tools, choice, true, input);
  if (!fitted) return fitted.error().what;
  auto text = chat.render(input);
  return text ? *text : text.error().what;
}

constexpr std::string_view kTwoCalls =
    R"([{"role": "user", "content": "both"},
        {"role": "assistant", "content": null, "tool_calls": [
          {"id": "call_one", "type": "function", "function": {"name": "a", "arguments": "{\"x\": \"é\"}"}},
          {"id": "call_two", "type": "function", "function": {"name": "b", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_two", "content": "second"},
        {"role": "tool", "tool_call_id": "call_one", "content": [{"type": "text", "text": "first"}]},
        {"role": "user", "content": "go on"}])";

TEST(Conversation, WhatATemplateCanDo) {
  TemplateSupport plain = inspect_template(parse(kPlain));
  EXPECT_FALSE(plain.describes_tools || plain.writes_calls || plain.writes_results || plain.system_role);
  TemplateSupport full = inspect_template(parse(kFull));
  EXPECT_TRUE(full.describes_tools && full.writes_calls && full.writes_results && full.system_role && full.parallel);
  EXPECT_FALSE(full.arguments_as_text || full.null_content || full.short_ids);
  TemplateSupport strict = inspect_template(parse(kStrict));
  EXPECT_TRUE(strict.writes_calls && strict.arguments_as_text && strict.null_content && strict.short_ids);
  EXPECT_FALSE(strict.parallel || strict.describes_tools);
}

TEST(Conversation, FullTemplatesGetDicts) {
  EXPECT_EQ(
      fit(parse(kFull), kTwoCalls),
      "<tool>{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"description\": \"The weather "
      "\\\"now\\\".\", \"parameters\": {\"type\": \"object\"}}}[user]both[assistant]<tool_call>\n{\"name\": \"a\", "
      "\"arguments\": {\"x\": \"é\"}}\n</tool_call><tool_call>\n{\"name\": \"b\", \"arguments\": "
      "{}}\n</tool_call>[tool]second[tool]first[user]go on");
}

TEST(Conversation, StrictTemplatesGetOneCallAMessage) {
  std::string text = fit(parse(kStrict), kTwoCalls, {});
  // The results follow their calls, with the same id.
  std::string shape;
  std::string ids[2];
  std::size_t at = text.find("\"id\": ");
  ASSERT_NE(at, std::string::npos) << text;
  ids[0] = text.substr(at + 6, 9);
  at = text.find("\"id\": ", at + 1);
  ASSERT_NE(at, std::string::npos) << text;
  ids[1] = text.substr(at + 6, 9);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(text, "[user]both<tool_call>{\"name\": \"' + a\", \"arguments\": {\"x\": \"é\"}, \"id\": " + ids[0] + "}[" +
                      ids[0] + " a]first<tool_call>{\"name\": \"' + b\", \"arguments\": {}, \"id\": " + ids[1] + "}[" +
                      ids[1] + " b]second[user]go on");
}

TEST(Conversation, PlainTemplatesGetText) {
  std::string text = fit(parse(kPlain), kTwoCalls);
  std::string section = *describe_tools(generic_tool_format(), weather());
  EXPECT_NE(section.find("\"name\": \"get_weather\", \"description\": \"The weather \\\"now\\\".\""),
            std::string::npos);
  EXPECT_NE(section.find("<tool_call>\n{\"name\": \"<function-name>\""), std::string::npos);
  std::string calls =
      "<tool_call>\n{\"name\": \"a\", \"arguments\": {\"x\": \"é\"}}\n</tool_call>\n<tool_call>\n{\"name\": "
      "\"b\", \"arguments\": {}}\n</tool_call>";
  EXPECT_EQ(text,
            "[user]" + section + "\n\nboth[assistant]" + calls +
                "[user]<tool_response>\nsecond\n</tool_response>\n<tool_response>\nfirst\n</tool_response>\ngo on");
  EXPECT_EQ(fit(parse(kPlain), R"([{"role": "user", "content": "hi"}])", weather(), ToolChoice::none()), "[user]hi");
  EXPECT_EQ(fit(parse(kPlain), R"([{"role": "user", "content": "hi"}])", {}), "[user]hi");
}

TEST(Conversation, TheSectionJoinsTheSystemMessage) {
  ChatTemplate chat = parse("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}");
  std::string section = *describe_tools(generic_tool_format(), weather());
  EXPECT_EQ(fit(chat, R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}])"),
            "[system]Be kind.\n\n" + section + "[user]hi");
  EXPECT_EQ(fit(chat, R"([{"role": "user", "content": "hi"}])"), "[system]" + section + "[user]hi");
}

// A system message first or not at all; after results it is the assistant's turn.
constexpr std::string_view kAlternating =
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'system' %}{% if not loop.first %}"
    "{{ raise_exception('system first') }}{% endif %}{% elif m.role != 'tool' and not m.tool_calls %}"
    "{% if (m.role == 'user') != (ns.n % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}{% set ns.n = ns.n + 1 "
    "%}"
    "{% endif %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", "
    "\"arguments\": {{ c.function.arguments | tojson }}}{% endfor %}{% endfor %}";

TEST(Conversation, SystemMessagesFindAPlace) {
  constexpr std::string_view kSystems =
      R"([{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},
          {"role":"system","content":"t"},{"role":"system","content":"u"},{"role":"user","content":"c"}])";
  EXPECT_EQ(fit(parse(kPlain), kSystems, {}), "[user]s\n\na[assistant]b[user]t\n\nu\n\nc");
  EXPECT_EQ(fit(parse(kAlternating), kSystems, {}), "[system]s[user]a[assistant]b[user]t\n\nu\n\nc");
  EXPECT_EQ(fit(parse(kFull), kSystems, {}), "[system]s[user]a[assistant]b[system]t[system]u[user]c");
  EXPECT_EQ(fit(parse(kPlain), R"([{"role":"system","content":"s"}])", {}), "[user]s");
  EXPECT_EQ(fit(parse(kPlain), R"([{"role":"system","content":""},{"role":"user","content":"a"}])", {}), "[user]a");
  EXPECT_EQ(fit(parse(kPlain), R"([{"role":"user","content":"a"},{"role":"system","content":"s"}])", {}),
            "[user]a\n\ns");
  const std::string with_tools = fit(parse(kPlain), kSystems);
  EXPECT_TRUE(with_tools.starts_with("[user]# Tools")) << with_tools;
  EXPECT_NE(with_tools.find("\n\ns\n\na[assistant]"), std::string::npos) << with_tools;
}

TEST(Conversation, WhatTheUserSaysBehindResultsJoinsThemWhereItMust) {
  constexpr std::string_view kTurn =
      R"([{"role":"user","content":"a"},{"role":"assistant","content":"","tool_calls":[
            {"id":"c","type":"function","function":{"name":"f","arguments":{"x":1}}}]},
          {"role":"tool","tool_call_id":"c","content":"r"},{"role":"user","content":"go on"}])";
  EXPECT_FALSE(inspect_template(parse(kAlternating)).user_after_results);
  EXPECT_TRUE(inspect_template(parse(kFull)).user_after_results);
  EXPECT_EQ(fit(parse(kAlternating), kTurn, {}),
            "[user]a[assistant]{\"name\": \"f\", \"arguments\": {\"x\": 1}}[tool]r\ngo on");
  EXPECT_TRUE(fit(parse(kFull), kTurn, {}).ends_with("[tool]r[user]go on"));
}

TEST(Conversation, TextBesideCalls) {
  constexpr std::string_view kMessages =
      R"([{"role": "user", "content": "q"}, {"role": "assistant", "content": "Let me see.", "tool_calls": [
          {"id": "c", "function": {"name": "a", "arguments": {"x": 1}}}]}, {"role": "tool", "tool_call_id": "c", "content": "r"}])";
  EXPECT_EQ(
      fit(parse(kFull), kMessages, {}),
      "[user]q[assistant]Let me see.<tool_call>\n{\"name\": \"a\", \"arguments\": {\"x\": 1}}\n</tool_call>[tool]r");
  std::string strict = fit(parse(kStrict), kMessages, {});
  EXPECT_EQ(strict.substr(0, strict.find("\"arguments\"")),
            "[user]q[assistant]Let me see.<tool_call>{\"name\": \"' + a\", ");
  EXPECT_EQ(
      fit(parse(kPlain), kMessages, {}),
      "[user]q[assistant]Let me see.\n<tool_call>\n{\"name\": \"a\", \"arguments\": {\"x\": 1}}\n</tool_call>[user]"
      "<tool_response>\nr\n</tool_response>");
}

TEST(Conversation, ArgumentsThatAreNoObjectStayText) {
  constexpr std::string_view kCut =
      R"([{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [
          {"id": "c", "function": {"name": "a", "arguments": "{\"x\": "}}]}])";
  EXPECT_EQ(fit(parse(kPlain), kCut, {}),
            "[user]q[assistant]<tool_call>\n{\"name\": \"a\", \"arguments\": {\"x\": }\n</tool_call>");
}

TEST(Conversation, ErrorsNameTheMessage) {
  ChatTemplate chat = parse(kFull);
  EXPECT_EQ(fit(chat, R"([{"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]}])"),
            "messages[0].tool_calls[0].function.name: expected a string");
  EXPECT_EQ(fit(chat, R"([{"role": "assistant", "tool_calls": [1]}])"),
            "messages[0].tool_calls[0]: expected an object");
  EXPECT_EQ(fit(chat, R"([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 1}}]}])"),
            "messages[0].tool_calls[0].function.arguments: expected an object, or its JSON text");
}

}  // namespace
}  // namespace freehold::text::tools
