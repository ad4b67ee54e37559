#include "text/tools/conversation.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "text/grammar/schema_json.h"
#include "text/jinja/json_value.h"
#include "text/tools/message_values.h"

namespace freehold::text::tools {
namespace {

using jinja::Type;
using jinja::Value;
using Messages = std::vector<Value>;

// A call of an earlier message.
struct PastCall {
  std::string id;
  std::string name;
  Value arguments;   // a dict, or a string that is no JSON object
  std::string text;  // the same as JSON text
};

bool is_short_id(std::string_view id) {
  return id.size() == 9 && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

// Nine letters and digits that stand for an id: the same for the call and its result.
std::string short_id(std::string_view id) {
  if (is_short_id(id)) return std::string(id);
  return sha256(id).hex().substr(0, 9);
}

class Fitting {
 public:
  Fitting(const TemplateSupport& support, const Messages& in) : support_(support), in_(in) {}

  Result<Messages> run() {
    for (std::size_t i = 0; i < in_.size(); ++i) {
      std::string where = "messages[" + std::to_string(i) + "]";
      if (!in_[i].is(Type::dict)) return fail(Errc::invalid, where + ": expected an object");
      std::string_view role = text_member(in_[i], "role");
      const Value* calls = member(in_[i], "tool_calls");
      if (role == "assistant" && calls != nullptr && calls->is(Type::list) && !calls->as_sequence().items.empty()) {
        FH_TRY(auto past, past_calls(*calls, where));
        std::size_t results = i + 1;
        while (results < in_.size() && text_member(in_[results], "role") == "tool") ++results;
        add_turn(in_[i], past, std::span(in_).subspan(i + 1, results - i - 1));
        i = results - 1;
      } else if (role == "tool") {
        add_result(in_[i], "");
      } else if (role == "assistant" && calls != nullptr) {
        out_.push_back(without(in_[i], "tool_calls"));  // templates look whether it is there, not whether it is empty
      } else {
        add_plain(in_[i], role);
      }
    }
    return std::move(out_);
  }

 private:
  Result<std::vector<PastCall>> past_calls(const Value& list, const std::string& message) {
    std::vector<PastCall> out;
    const auto& items = list.as_sequence().items;
    for (std::size_t i = 0; i < items.size(); ++i) {
      std::string where = message + ".tool_calls[" + std::to_string(i) + "]";
      if (!items[i].is(Type::dict)) return fail(Errc::invalid, where + ": expected an object");
      const Value* function = member(items[i], "function");
      const Value& f = function != nullptr && function->is(Type::dict) ? *function : items[i];
      PastCall call;
      call.name = text_member(f, "name");
      if (call.name.empty()) return fail(Errc::invalid, where + ".function.name: expected a string");
      call.id = text_member(items[i], "id");
      if (call.id.empty()) call.id = message + "/" + std::to_string(i);
      if (support_.short_ids) call.id = short_id(call.id);
      const Value* arguments = member(f, "arguments");
      call.arguments = arguments == nullptr || arguments->is(Type::none) ? Value::dict({}) : *arguments;
      if (call.arguments.is(Type::string)) {
        std::string_view text = call.arguments.as_text();
        auto parsed = jinja::value_from_json(text);
        if (parsed && parsed->is(Type::dict)) call.arguments = *parsed;
      }
      if (!call.arguments.is(Type::dict) && !call.arguments.is(Type::string))
        return fail(Errc::invalid, where + ".function.arguments: expected an object, or its JSON text");
      FH_TRY(call.text, json_text(call.arguments));
      out.push_back(std::move(call));
    }
    return out;
  }

  // A message with calls and the results behind it.
  void add_turn(const Value& message, const std::vector<PastCall>& calls, std::span<const Value> results) {
    if (!support_.writes_calls) {
      std::vector<Call> plain;
      for (const PastCall& c : calls) plain.push_back({c.name, c.text});
      std::string content = content_text(message);
      if (!content.empty()) content += '\n';
      content += write_calls(*support_.format, plain);
      out_.push_back(with(without(message, "tool_calls"), "content", Value::string(std::move(content))));
      for (const Value& r : results) add_result(r, name_of(r, calls));
      return;
    }
    std::string content = content_text(message);
    if (support_.null_content && !content.empty()) out_.push_back(without(message, "tool_calls"));
    std::size_t group = support_.parallel ? calls.size() : 1;
    std::vector<bool> used(results.size(), false);
    for (std::size_t first = 0; first < calls.size(); first += group) {
      auto some = std::span(calls).subspan(first, group);
      Value content_value = first > 0 ? Value::string("") : message_content(message);
      if (support_.null_content) content_value = Value::none();
      out_.push_back(with(with(message, "content", content_value), "tool_calls", calls_value(some)));
      bool last = first + group >= calls.size();
      for (std::size_t r = 0; r < results.size(); ++r) {
        std::string id = result_id(results[r]);
        bool mine = std::any_of(some.begin(), some.end(), [&](const PastCall& c) { return c.id == id; });
        if (used[r] || (!mine && !last)) continue;
        used[r] = true;
        add_result(results[r], name_of(results[r], calls));
      }
    }
  }

  Value calls_value(std::span<const PastCall> calls) const {
    std::vector<Value> list;
    for (const PastCall& c : calls) {
      Value arguments = support_.arguments_as_text && c.arguments.is(Type::dict) ? Value::string(c.text) : c.arguments;
      Value function = Value::dict({{"name", Value::string(c.name)}, {"arguments", arguments}});
      list.push_back(
          Value::dict({{"id", Value::string(c.id)}, {"type", Value::string("function")}, {"function", function}}));
    }
    return Value::list(std::move(list));
  }

  std::string result_id(const Value& result) const {
    std::string id(text_member(result, "tool_call_id"));
    return support_.short_ids ? short_id(id) : id;
  }

  std::string name_of(const Value& result, const std::vector<PastCall>& calls) const {
    std::string id = result_id(result);
    auto call = std::find_if(calls.begin(), calls.end(), [&](const PastCall& c) { return c.id == id; });
    return call == calls.end() ? "" : call->name;
  }

  void add_result(const Value& message, const std::string& name) {
    if (support_.writes_results) {
      Value out = with(message, "content", Value::string(content_text(message)));
      if (support_.short_ids) out = with(out, "tool_call_id", Value::string(result_id(message)));
      if (text_member(out, "name").empty() && !name.empty()) out = with(out, "name", Value::string(name));
      out_.push_back(std::move(out));
      return;
    }
    std::string text = "<tool_response>\n" + content_text(message) + "\n</tool_response>";
    if (after_result()) {
      append_text(out_.back(), "\n" + text);
    } else {
      out_.push_back(Value::dict({{"role", Value::string("user")}, {"content", Value::string(std::move(text))}}));
    }
    results_end_ = out_.size();
  }

  // Templates that know no results want users and assistants to alternate: what the user says behind results joins
  // them.
  void add_plain(const Value& message, std::string_view role) {
    if (role == "user" && !support_.user_after_results && !out_.empty() && text_member(out_.back(), "role") == "tool") {
      return append_text(out_.back(), "\n" + content_text(message));
    }
    if (role != "user" || !after_result()) {
      out_.push_back(message);
      return;
    }
    std::string results = content_text(out_.back());
    out_.back() = message;
    prepend_text(out_.back(), results + "\n");
  }

  bool after_result() const { return results_end_ == out_.size() && !out_.empty(); }

  const TemplateSupport& support_;
  const Messages& in_;
  Messages out_;
  std::size_t results_end_ = 0;  // the length of out_ when results as text were its end
};

bool is_system(const Value& message) {
  const std::string_view role = text_member(message, "role");
  return role == "system" || role == "developer";
}

// System messages that the template has no place for: they begin what the user says next, or join what was said last.
void place_systems(const TemplateSupport& support, Messages& messages) {
  Messages out;
  std::string homeless;
  const auto settle = [&] {
    if (homeless.empty()) return;
    const std::string_view last = out.empty() ? std::string_view() : text_member(out.back(), "role");
    if (last == "user" || last == "tool") {
      append_text(out.back(), "\n\n" + homeless);
    } else {
      out.push_back(Value::dict({{"role", Value::string("user")}, {"content", Value::string(homeless)}}));
    }
    homeless.clear();
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (is_system(messages[i]) && !(i == 0 ? support.system_role : support.late_system)) {
      const std::string text = content_text(messages[i]);
      if (!homeless.empty() && !text.empty()) homeless += "\n\n";
      homeless += text;
      continue;
    }
    if (text_member(messages[i], "role") == "user" && !homeless.empty()) {
      prepend_text(messages[i], std::exchange(homeless, {}) + "\n\n");
    }
    settle();
    out.push_back(std::move(messages[i]));
  }
  settle();
  messages = std::move(out);
}

void add_section(const TemplateSupport& support, const std::string& section, Messages& messages) {
  if (!messages.empty() && is_system(messages[0])) {
    append_text(messages[0], content_text(messages[0]).empty() ? section : "\n\n" + section);
    return;
  }
  if (!support.system_role) {
    for (Value& m : messages) {
      if (text_member(m, "role") == "user") return prepend_text(m, section + "\n\n");
    }
  }
  messages.insert(messages.begin(), Value::dict({{"role", Value::string(support.system_role ? "system" : "user")},
                                                 {"content", Value::string(section)}}));
}

}  // namespace

Result<std::string> describe_tools(const ToolFormat& format, std::span<const Tool> tools, bool parallel) {
  std::string out = "# Tools\n\nYou may call ";
  out += parallel ? "one or more functions" : "one function";
  out +=
      " to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n"
      "<tools>\n";
  for (const Tool& tool : tools) {
    FH_TRY(std::string json, tool_json(tool));
    out += json + "\n";
  }
  std::vector<Call> example = {{"<function-name>", "<args-json-object>"}};
  return out +
         "</tools>\n\nTo call a function, write nothing but this, with the function's name and a JSON object of its "
         "arguments:\n" +
         write_calls(format, example);
}

Result<void> fit_conversation(const TemplateSupport& support, std::span<const Tool> tools, const ToolChoice& choice,
                              bool parallel, ChatInput& input) {
  if (!input.messages.is(Type::list)) return fail(Errc::invalid, "messages: expected an array");
  Messages given = input.messages.as_sequence().items;
  FH_TRY(Messages messages, Fitting(support, given).run());
  place_systems(support, messages);
  if (!tools.empty() && choice.mode != ToolChoice::Mode::none) {
    if (support.describes_tools) {
      FH_TRY(input.tools, tools_value(tools));
    } else {
      FH_TRY(std::string section, describe_tools(*support.format, tools, parallel));
      add_section(support, section, messages);
    }
  }
  input.messages = Value::list(std::move(messages));
  return {};
}

}  // namespace freehold::text::tools
