#include "text/chat_template.h"

#include <gtest/gtest.h>

namespace freehold::text {
namespace {

ChatInput hello() {
  ChatInput input;
  input.messages = messages_from_pairs({{"system", "Be kind."}, {"user", "Hi {{ 7*7 }}"}});
  return input;
}

TEST(ChatTemplate, RendersAConversation) {
  auto chat = ChatTemplate::parse(
      "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m['content'] }}{{ eos_token }}{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|>{% endif %}");
  ASSERT_TRUE(chat);
  ChatInput input = hello();
  input.bos_token = "<s>";
  input.eos_token = "</s>";
  EXPECT_EQ(*chat->render(input), "<s><|system|>Be kind.</s><|user|>Hi {{ 7*7 }}</s><|assistant|>");
  input.add_generation_prompt = false;
  EXPECT_EQ(*chat->render(input), "<s><|system|>Be kind.</s><|user|>Hi {{ 7*7 }}</s>");
}

TEST(ChatTemplate, VariablesThatAreNotPassedAreUndefined) {
  auto chat =
      ChatTemplate::parse("{{ bos_token is defined }} {{ tools is none }} {{ documents is none }} {{ x|default(1) }}");
  EXPECT_EQ(*chat->render(hello()), "False True True 1");
  ChatInput input = hello();
  input.extras.emplace_back("x", jinja::Value::boolean(false));
  input.extras.emplace_back("documents", jinja::Value::list({}));
  EXPECT_EQ(*chat->render(input), "False True False False");
}

TEST(ChatTemplate, DigestIsOfTheSource) {
  EXPECT_EQ(ChatTemplate::parse("abc")->digest(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ChatTemplate, ClockIsTheCallers) {
  auto chat = ChatTemplate::parse("{{ strftime_now('%d %b %Y') }}");
  ChatInput input = hello();
  input.clock = [] {
    std::tm t{};
    t.tm_year = 124;
    t.tm_mon = 6;
    t.tm_mday = 26;
    return t;
  };
  EXPECT_EQ(*chat->render(input), "26 Jul 2024");
  EXPECT_EQ(chat->render(hello())->size(), 11u);
}

TEST(ChatTemplate, ErrorsSayWhatTheCallerCanDo) {
  auto broken = ChatTemplate::parse("\n{% if %}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::corrupt);
  EXPECT_EQ(broken.error().what.rfind("chat template line 2: ", 0), 0u) << broken.error().what;

  auto chat = ChatTemplate::parse("{{ raise_exception('no \x1b[31m system') }}");
  TemplateFailure failure;
  auto text = chat->render(hello(), &failure);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::invalid);
  EXPECT_EQ(text.error().what.find('\x1b'), std::string::npos);
  EXPECT_EQ(failure.kind, jinja::FailureKind::raised);
  EXPECT_EQ(failure.message, "no \x1b[31m system");
  EXPECT_EQ(failure.line, 1u);

  auto endless = ChatTemplate::parse("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}");
  EXPECT_EQ(endless->render(hello()).error().code, Errc::exhausted);
}

TEST(ChatTemplate, InputFromJson) {
  auto input = chat_input_from_json(
      R"({"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}], "bos_token": "<s>",
          "eos_token": null, "add_generation_prompt": false, "enable_thinking": true})");
  ASSERT_TRUE(input) << input.error().what;
  auto chat = ChatTemplate::parse(
      "{{ messages[0].role }} {{ tools|tojson }} {{ bos_token }} {{ eos_token is defined }} {{ add_generation_prompt "
      "}} "
      "{{ enable_thinking }}");
  EXPECT_EQ(*chat->render(*input), "user [{\"type\": \"function\"}] <s> False False True");
  EXPECT_TRUE(chat_input_from_json(R"([{"role": "user", "content": [{"type": "text", "text": "x"}]}])"));
  EXPECT_TRUE(messages_from_json(R"([{"role": "assistant", "content": null, "tool_calls": []}])"));
  EXPECT_TRUE(tools_from_json("null"));
}

TEST(ChatTemplate, InputFromJsonNamesTheMistake) {
  auto what = [](const char* json) { return chat_input_from_json(json).error().what; };
  EXPECT_EQ(what("5"), "expected an array of messages or an object with \"messages\"");
  EXPECT_EQ(what("{}"), "the object has no \"messages\"");
  EXPECT_EQ(what(R"({"messages": 5})"), "messages: expected an array");
  EXPECT_EQ(what(R"([{"role": "user"}, 5])"), "messages[1]: expected an object");
  EXPECT_EQ(what(R"([{"content": "x"}])"), "messages[0].role: expected a string");
  EXPECT_EQ(what(R"([{"role": "user", "content": 5}])"), "messages[0].content: expected a string, an array or null");
  EXPECT_EQ(what(R"({"messages": [], "tools": {}})"), "tools: expected an array or null");
  EXPECT_EQ(what(R"({"messages": [], "tools": [1]})"), "tools[0]: expected an object");
  EXPECT_EQ(what(R"({"messages": [], "bos_token": 1})"), "bos_token: expected a string or null");
  EXPECT_EQ(what(R"({"messages": [], "add_generation_prompt": 1})"), "add_generation_prompt: expected true or false");
  EXPECT_EQ(what("[").rfind("JSON: byte ", 0), 0u);
}

}  // namespace
}  // namespace freehold::text
