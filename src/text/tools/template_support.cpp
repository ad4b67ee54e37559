// inspect_template: small conversations are rendered and looked at for what was put into them.
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/json_value.h"
#include "text/tools/conversation.h"
#include "text/tools/message_values.h"

namespace freehold::text::tools {
namespace {

using jinja::Value;

// Words that no template writes by itself.
constexpr std::string_view kCall = "probe_call";
constexpr std::string_view kSecond = "probe_second";
constexpr std::string_view kResult = "probe_result";
constexpr std::string_view kSystem = "probe_system";
constexpr std::string_view kAfter = "probe_after";
constexpr std::string_view kArguments = R"("probe_argument": "probe_value")";
constexpr std::string_view kLongId = "call_abcdefghijklmnopqrst";
constexpr std::string_view kShortId = "abcDEF789";

struct Way {
  bool as_text = false;
  bool null_content = false;
  std::string_view id;
};

class Probe {
 public:
  explicit Probe(const ChatTemplate& chat) : chat_(chat) {
    Tool tool;
    tool.name = kCall;
    tool.description = "probe";
    tool.parameters =
        R"({"type": "object", "properties": {"probe_argument": {"type": "string", "description": "probe"}}})";
    if (auto value = tools_value({&tool, 1})) tools_ = std::move(*value);
  }

  // "" where the template refuses.
  std::string render(std::vector<Value> messages, bool with_tools) const {
    ChatInput input;
    input.messages = Value::list(std::move(messages));
    input.tools = with_tools ? tools_ : Value::list({});
    input.add_generation_prompt = false;
    input.bos_token = "<s>";
    input.eos_token = "</s>";
    input.clock = [] {
      std::tm day{};
      day.tm_year = 100;
      day.tm_mday = 1;
      return day;
    };
    auto text = chat_.render(input);
    return text ? std::move(*text) : std::string();
  }

  static Value message(std::string_view role, std::string_view content) {
    return Value::dict({{"role", Value::string(std::string(role))}, {"content", Value::string(std::string(content))}});
  }

  static Value call(std::string_view name, const Way& way) {
    Value arguments = way.as_text ? Value::string("{" + std::string(kArguments) + "}")
                                  : Value::dict({{"probe_argument", Value::string("probe_value")}});
    return Value::dict(
        {{"id", Value::string(std::string(way.id))},
         {"type", Value::string("function")},
         {"function", Value::dict({{"name", Value::string(std::string(name))}, {"arguments", std::move(arguments)}})}});
  }

  static Value calls(std::vector<Value> list, const Way& way) {
    Value out = message("assistant", "");
    if (way.null_content) out = with(out, "content", Value::none());
    return with(out, "tool_calls", Value::list(std::move(list)));
  }

 private:
  const ChatTemplate& chat_;
  Value tools_ = Value::list({});
};

bool holds(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

TemplateSupport inspect_template(const ChatTemplate& chat) {
  TemplateSupport out;
  out.format = &detect_tool_format(chat.source());
  out.thinking = detect_thinking(chat.source());
  Probe probe(chat);
  Value user = Probe::message("user", "probe_question");
  out.system_role = holds(probe.render({Probe::message("system", kSystem), user}, false), kSystem);
  out.late_system = holds(
      probe.render({user, Probe::message("assistant", "x"), Probe::message("system", kSystem), user}, false), kSystem);
  out.describes_tools = holds(probe.render({user}, true), kCall);
  const Value after = Probe::message("user", kAfter);
  for (std::string_view id : {kLongId, kShortId}) {
    for (bool as_text : {false, true}) {
      for (bool null_content : {false, true}) {
        Way way{as_text, null_content, id};
        Value turn = Probe::calls({Probe::call(kCall, way)}, way);
        std::string text = probe.render({user, turn}, false);
        if (!holds(text, kCall) || !holds(text, kArguments)) continue;
        out.writes_calls = true;
        out.arguments_as_text = as_text;
        out.null_content = null_content;
        out.short_ids = id == kShortId;
        Value both = Probe::calls({Probe::call(kCall, way), Probe::call(kSecond, way)}, way);
        std::string two = probe.render({user, both}, false);
        out.parallel = holds(two, kCall) && holds(two, kSecond);
        Value result = with(Probe::message("tool", kResult), "tool_call_id", Value::string(std::string(id)));
        out.writes_results = holds(probe.render({user, turn, result}, false), kResult);
        out.user_after_results = holds(probe.render({user, turn, result, after}, false), kAfter);
        return out;
      }
    }
  }
  if (out.describes_tools) {
    std::vector<Value> messages = {user, Probe::message("assistant", "x"), Probe::message("tool", kResult)};
    out.writes_results = holds(probe.render(messages, true), kResult);
    messages.push_back(after);
    out.user_after_results = holds(probe.render(std::move(messages), true), kAfter);
  }
  out.parallel = true;  // as text anything can be written
  return out;
}

}  // namespace freehold::text::tools
