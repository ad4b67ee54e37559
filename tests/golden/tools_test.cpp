// Tools against the templates of oracle/chat-templates, whatever it holds: what a template writes for an assistant's
// earlier calls is what AnswerReader reads and what the grammar of the same tools accepts.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "oracle.h"
#include "text/chat_template.h"
#include "text/grammar/grammar_testing.h"
#include "text/jinja/json_value.h"
#include "text/tools/answer_reader.h"
#include "text/tools/constraint.h"
#include "text/tools/conversation.h"

namespace freehold::text::tools {
namespace {

using nlohmann::ordered_json;
using Kind = AnswerPiece::Kind;

jinja::Value value_of(const ordered_json& json) {
  auto value = jinja::value_from_json(json.dump());
  EXPECT_TRUE(value) << value.error().what;
  return value ? *value : jinja::Value::none();
}

std::vector<Tool> tools_of(const ordered_json& list) {
  std::vector<Tool> out;
  for (const auto& entry : list) {
    const ordered_json& f = entry.contains("function") ? entry["function"] : entry;
    Tool tool;
    tool.name = f.at("name");
    tool.description = f.value("description", "");
    if (f.contains("parameters")) tool.parameters = f["parameters"].dump();
    out.push_back(std::move(tool));
  }
  return out;
}

struct Oracle {
  ordered_json data;  // of one template
  ChatTemplate chat;
  TemplateSupport support;

  ChatInput input(const ordered_json& messages, bool add_generation_prompt) const {
    ChatInput out;
    out.messages = value_of(messages);
    out.add_generation_prompt = add_generation_prompt;
    if (data.contains("tools_when_absent")) out.tools = value_of(data["tools_when_absent"]);
    if (data.contains("bos_token") && data["bos_token"].is_string()) out.bos_token = data["bos_token"];
    if (data.contains("eos_token") && data["eos_token"].is_string()) out.eos_token = data["eos_token"];
    out.clock = [] {
      std::tm day{};
      day.tm_year = 124;
      day.tm_mday = 1;
      return day;
    };
    return out;
  }
};

// The messages up to and with message `count - 1`, rendered.
std::string render(const Oracle& oracle, const ordered_json& messages, std::size_t count,
                   const std::vector<Tool>& tools, bool add_generation_prompt, std::string& why) {
  ordered_json some = ordered_json::array();
  for (std::size_t i = 0; i < count; ++i) some.push_back(messages[i]);
  ChatInput input = oracle.input(some, add_generation_prompt);
  auto fitted = fit_conversation(oracle.support, tools, ToolChoice::automatic(), true, input);
  if (!fitted) {
    why = fitted.error().what;
    return "";
  }
  auto text = oracle.chat.render(input);
  if (!text) {
    why = text.error().what;
    return "";
  }
  return *text;
}

std::vector<Call> calls_in(const std::vector<AnswerPiece>& pieces) {
  std::vector<Call> out;
  for (const AnswerPiece& p : pieces) {
    if (p.kind == Kind::tool_start) out.push_back({p.text, ""});
    if (p.kind == Kind::tool_arguments) out.back().arguments += p.text;
  }
  return out;
}

// JSON without the white space that the grammars never write, and with the one they may.
std::string spaced(const ordered_json& j) {
  if (j.is_object() || j.is_array()) {
    std::string out(1, j.is_object() ? '{' : '[');
    for (const auto& [key, value] : j.items()) {
      if (out.size() > 1) out += ", ";
      if (j.is_object()) out += ordered_json(key).dump() + ": ";
      out += spaced(value);
    }
    return out + (j.is_object() ? '}' : ']');
  }
  return j.dump();
}

// What the assistant's message added to the prompt, from the first call's trigger on, as it is at the end of `prompt`.
std::string_view calls_part(const ToolFormat& format, std::string_view added) {
  std::size_t at = std::string_view::npos;
  for (const auto& triggers : {format.triggers, format.start_triggers}) {
    for (std::string_view t : triggers) {
      if (!t.empty()) at = std::min(at, added.find(t));
    }
  }
  return at == std::string_view::npos ? std::string_view() : added.substr(at);
}

TEST(Golden, Tools) {
  GOLDEN_KIND("chat-templates");
  auto folder = golden::oracle() / "chat-templates";
  ordered_json templates = ordered_json::parse(golden::slurp(folder / "templates.json"), nullptr, false);
  ordered_json conversations = ordered_json::parse(golden::slurp(folder / "conversations.json"), nullptr, false);
  ASSERT_TRUE(templates.is_object());
  ASSERT_TRUE(conversations.is_array());
  std::size_t turns = 0;
  for (const auto& [id, data] : templates.items()) {
    auto parsed = ChatTemplate::parse(data.at("template").get<std::string>());
    ASSERT_TRUE(parsed) << id;
    TemplateSupport support = inspect_template(*parsed);
    Oracle oracle{data, std::move(*parsed), support};
    const ToolFormat& format = *oracle.support.format;
    const TemplateSupport& s = oracle.support;
    std::size_t mine = 0;
    for (const auto& conversation : conversations) {
      if (!conversation.contains("tools")) continue;
      std::vector<Tool> tools = tools_of(conversation["tools"]);
      const ordered_json& messages = conversation["messages"];
      // Templates without a system role refuse the conversation, tools or not.
      if (!s.system_role && messages[0].at("role") == "system") continue;
      std::string name = id + " / " + conversation["id"].get<std::string>();
      for (std::size_t i = 0; i < messages.size(); ++i) {
        if (!messages[i].contains("tool_calls")) continue;
        std::string why;
        std::string whole = render(oracle, messages, i + 1, tools, false, why);
        ASSERT_FALSE(whole.empty()) << name << ": " << why;
        std::vector<Call> wanted;
        for (const auto& c : messages[i]["tool_calls"]) {
          const ordered_json& arguments = c["function"]["arguments"];
          ordered_json object =
              arguments.is_string() ? ordered_json::parse(arguments.get<std::string>()) : ordered_json(arguments);
          wanted.push_back({c["function"]["name"], object.dump()});
        }
        // The answer: what stands behind the last user's or tool's words.
        std::string before = render(oracle, messages, i, tools, false, why);
        // Tools reach every prompt.
        for (const Tool& t : tools) EXPECT_NE(before.find(t.name), std::string::npos) << name << ": " << t.name;
        std::size_t same = 0;
        while (same < std::min(whole.size(), before.size()) && whole[same] == before[same]) ++same;
        // One call after the other where the template takes one a message.
        std::string_view rest = std::string_view(whole).substr(same);
        std::vector<Call> found;
        while (found.size() < wanted.size()) {
          std::string_view text = calls_part(format, rest);
          ASSERT_FALSE(text.empty()) << name << ": no call of " << format.id << " in " << rest;
          ReaderOptions options;
          options.format = &format;
          for (const Tool& t : tools) options.names.push_back(t.name);
          std::vector<AnswerPiece> pieces;
          AnswerReader reader(options);
          // The end of the calls is where text begins again: the end-of-turn token.
          std::size_t end = 0;
          bool stopped = false;
          for (; end < text.size() && !stopped; ++end) {
            reader.push(text.substr(end, 1), pieces);
            stopped = !pieces.empty() && pieces.back().kind == Kind::text;
          }
          std::string tail = stopped ? pieces.back().text : "";
          reader.end(pieces);
          auto calls = calls_in(pieces);
          ASSERT_FALSE(calls.empty()) << name << ": " << text;
          std::string answer(text.substr(0, end - tail.size()));
          while (!answer.empty() && (answer.back() == '\n' || answer.back() == ' ')) answer.pop_back();

          // The grammar accepts the same text, but for white space inside the arguments.
          std::string canonical = answer;
          for (const Call& c : calls) {
            ordered_json object = ordered_json::parse(c.arguments, nullptr, false);
            ASSERT_TRUE(object.is_object()) << name << ": " << c.arguments;
            std::size_t at = canonical.find(c.arguments);
            ASSERT_NE(at, std::string::npos);
            if (c.arguments.find('\n') != std::string::npos) canonical.replace(at, c.arguments.size(), spaced(object));
            found.push_back({c.name, object.dump()});
          }
          auto constraint = make_constraint(format, tools, ToolChoice::required());
          ASSERT_TRUE(constraint) << name << ": " << constraint.error().what;
          auto verdict = grammar::verdict(constraint->grammar, canonical);
          // A template may leave the section of calls open.
          bool open = !format.close.empty() && !canonical.ends_with(format.close);
          EXPECT_EQ(verdict, open ? grammar::Verdict::prefix : grammar::Verdict::complete) << name << "\n" << canonical;
          rest = rest.substr(static_cast<std::size_t>(text.data() - rest.data()) + answer.size());
        }
        EXPECT_EQ(found, wanted) << name << "\n" << whole.substr(same);
        ++turns;
        ++mine;
      }
    }
    std::printf(
        "%-28s %-14s tools %d calls %d results %d parallel %d text-args %d null %d short-ids %d system %d think %d: "
        "%zu turns\n",
        id.c_str(), std::string(format.id).c_str(), s.describes_tools, s.writes_calls, s.writes_results, s.parallel,
        s.arguments_as_text, s.null_content, s.short_ids, s.system_role, s.thinking.has_value(), mine);
  }
  golden::require_cases(turns, "chat-templates");
}

}  // namespace
}  // namespace freehold::text::tools
