// Chat templates against transformers' rendering: oracle/chat-templates, whatever templates, conversations and cases it
// holds (its format is in the oracle's README).
#include <cstdio>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "oracle.h"
#include "text/chat_template.h"
#include "text/jinja/json_value.h"

namespace freehold::text {
namespace {

using nlohmann::ordered_json;

jinja::Value value_of(const ordered_json& json) {
  auto value = jinja::value_from_json(json.dump());
  EXPECT_TRUE(value) << value.error().what;
  return value ? *value : jinja::Value::none();
}

// "2024-07-26T12:00:00", or the epoch where the oracle fixes no time.
std::tm fixed_time(const std::filesystem::path& folder) {
  std::tm time{};
  ordered_json check = ordered_json::parse(golden::slurp(folder / "crosscheck.json"), nullptr, false);
  std::string text = check.is_object() ? check.value("strftime_now", "1970-01-01T00:00:00") : "1970-01-01T00:00:00";
  std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d", &time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour,
              &time.tm_min, &time.tm_sec);
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  timegm(&time);  // fills in the day of the week and of the year
  return time;
}

struct Entry {
  ordered_json data;
  Result<ChatTemplate> parsed;
};

ChatInput input_of(const Entry& entry, const ordered_json& conversation, bool add_generation_prompt, std::tm now) {
  ChatInput input;
  input.add_generation_prompt = add_generation_prompt;
  for (const auto& [name, value] : conversation.items()) {
    if (name == "messages")
      input.messages = value_of(value);
    else if (name == "tools")
      input.tools = value_of(value);
    else if (name != "id")
      input.extras.emplace_back(name, value_of(value));
  }
  if (!conversation.contains("tools") && entry.data.contains("tools_when_absent"))
    input.tools = value_of(entry.data["tools_when_absent"]);
  auto token = [&](const char* name) -> std::optional<std::string> {
    if (!entry.data.contains(name) || !entry.data[name].is_string()) return std::nullopt;
    return entry.data[name].get<std::string>();
  };
  input.bos_token = token("bos_token");
  input.eos_token = token("eos_token");
  input.clock = [now] { return now; };
  return input;
}

TEST(Golden, ChatTemplates) {
  GOLDEN_KIND("chat-templates");
  auto folder = golden::oracle() / "chat-templates";
  std::tm now = fixed_time(folder);

  std::map<std::string, Entry> templates;
  ordered_json all_templates = ordered_json::parse(golden::slurp(folder / "templates.json"), nullptr, false);
  ASSERT_TRUE(all_templates.is_object());
  for (const auto& [id, data] : all_templates.items()) {
    auto parsed = ChatTemplate::parse(data.at("template").get<std::string>());
    EXPECT_TRUE(parsed) << id << ": " << parsed.error().what;
    templates.emplace(id, Entry{data, std::move(parsed)});
  }
  std::map<std::string, ordered_json> conversations;
  ordered_json all_conversations = ordered_json::parse(golden::slurp(folder / "conversations.json"), nullptr, false);
  ASSERT_TRUE(all_conversations.is_array());
  for (const auto& conversation : all_conversations) conversations[conversation.at("id")] = conversation;

  std::istringstream lines(golden::slurp(folder / "cases.jsonl"));
  std::size_t cases = 0;
  std::size_t texts = 0;
  std::size_t raised = 0;
  std::size_t lenient = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    ordered_json one = ordered_json::parse(line, nullptr, false);
    ASSERT_TRUE(one.is_object()) << line;
    ++cases;
    std::string name = one.at("template").get<std::string>() + " / " + one.at("conversation").get<std::string>();
    auto entry = templates.find(one.at("template"));
    auto conversation = conversations.find(one.at("conversation"));
    ASSERT_NE(entry, templates.end()) << name;
    ASSERT_NE(conversation, conversations.end()) << name;
    if (!entry->second.parsed) continue;  // reported above
    ChatInput input = input_of(entry->second, conversation->second, one.value("add_generation_prompt", false), now);
    TemplateFailure failure;
    auto text = entry->second.parsed->render(input, &failure);
    if (one.contains("expected")) {
      EXPECT_TRUE(text) << name << ": " << text.error().what;
      if (text) {
        EXPECT_EQ(*text, one["expected"].get<std::string>()) << name;
      }
      ++texts;
    } else if (one.at("error").at("kind") == "raise_exception") {
      EXPECT_FALSE(text) << name << " rendered: " << *text;
      if (!text) {
        EXPECT_EQ(failure.kind, jinja::FailureKind::raised) << name << ": " << text.error().what;
        EXPECT_EQ(failure.message, one["error"].value("message", "")) << name;
      }
      ++raised;
    } else {
      lenient += text ? 1 : 0;  // a Python type error: either is right
    }
  }
  std::printf("%zu templates, %zu cases: %zu texts, %zu raised, %zu other errors of which %zu rendered\n",
              templates.size(), cases, texts, raised, cases - texts - raised, lenient);
  golden::require_cases(cases, "chat-templates");
}

}  // namespace
}  // namespace freehold::text
