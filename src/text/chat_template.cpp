#include "text/chat_template.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "text/jinja/json_value.h"

namespace freehold::text {
namespace {

using jinja::FailureKind;
using jinja::Type;
using jinja::Value;

std::tm local_time() {
  std::time_t now = std::time(nullptr);
  std::tm out{};
  localtime_r(&now, &out);
  return out;
}

Unexpected as_error(const jinja::Failure& failure) {
  std::string what = "chat template";
  if (failure.line() != 0) what += " line " + std::to_string(failure.line());
  what += ": " + printable(failure.message(), 500);
  switch (failure.kind()) {
    case FailureKind::syntax:
      return fail(Errc::corrupt, std::move(what));
    case FailureKind::limit:
      return fail(Errc::exhausted, std::move(what));
    case FailureKind::runtime:
    case FailureKind::raised:
      break;
  }
  return fail(Errc::invalid, std::move(what));
}

Result<void> check_messages(const Value& messages) {
  if (!messages.is(Type::list)) return fail(Errc::invalid, "messages: expected an array");
  const auto& items = messages.as_sequence().items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::string where = "messages[" + std::to_string(i) + "]";
    if (!items[i].is(Type::dict)) return fail(Errc::invalid, where + ": expected an object");
    const Value* role = items[i].as_dict().find("role");
    if (role == nullptr || !role->is(Type::string)) return fail(Errc::invalid, where + ".role: expected a string");
    const Value* content = items[i].as_dict().find("content");
    if (content != nullptr && !content->is(Type::string) && !content->is(Type::list) && !content->is(Type::none))
      return fail(Errc::invalid, where + ".content: expected a string, an array or null");
  }
  return {};
}

Result<void> check_tools(const Value& tools) {
  if (tools.is(Type::none)) return {};
  if (!tools.is(Type::list)) return fail(Errc::invalid, "tools: expected an array or null");
  const auto& items = tools.as_sequence().items;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!items[i].is(Type::dict)) return fail(Errc::invalid, "tools[" + std::to_string(i) + "]: expected an object");
  return {};
}

Result<void> take_token(const std::string& name, const Value& value, std::optional<std::string>& token) {
  if (value.is(Type::none)) return {};
  if (!value.is(Type::string)) return fail(Errc::invalid, name + ": expected a string or null");
  token = value.as_text();
  return {};
}

// One member of the object that chat_input_from_json reads.
Result<void> take_member(const std::string& name, const Value& value, ChatInput& input) {
  if (name == "messages") {
    FH_TRY_VOID(check_messages(value));
    input.messages = value;
  } else if (name == "tools") {
    FH_TRY_VOID(check_tools(value));
    input.tools = value;
  } else if (name == "add_generation_prompt") {
    if (!value.is(Type::boolean)) return fail(Errc::invalid, name + ": expected true or false");
    input.add_generation_prompt = value.as_bool();
  } else if (name == "bos_token") {
    return take_token(name, value, input.bos_token);
  } else if (name == "eos_token") {
    return take_token(name, value, input.eos_token);
  } else {
    input.extras.emplace_back(name, value);
  }
  return {};
}

}  // namespace

ChatTemplate::ChatTemplate(std::string source, jinja::Template parsed)
    : source_(std::move(source)), digest_(sha256(std::string_view(source_)).hex()), template_(std::move(parsed)) {}

Result<ChatTemplate> ChatTemplate::parse(std::string source, const jinja::Limits& limits) {
  auto parsed = jinja::Template::parse(source, limits);
  if (!parsed) return as_error(parsed.error());
  return ChatTemplate(std::move(source), std::move(*parsed));
}

Result<std::string> ChatTemplate::render(const ChatInput& input, TemplateFailure* failure) const {
  jinja::Template::Variables variables = {
      {"messages", input.messages},
      {"tools", input.tools},
      {"documents", Value::none()},
      {"add_generation_prompt", Value::boolean(input.add_generation_prompt)},
  };
  if (input.bos_token) variables.emplace_back("bos_token", Value::string(*input.bos_token));
  if (input.eos_token) variables.emplace_back("eos_token", Value::string(*input.eos_token));
  for (const auto& extra : input.extras) variables.push_back(extra);
  auto text = template_.render(variables, input.clock ? input.clock : local_time);
  if (text) return std::move(*text);
  const jinja::Failure& error = text.error();
  if (failure != nullptr) *failure = {error.kind(), error.message(), error.line()};
  return as_error(error);
}

jinja::Value messages_from_pairs(const std::vector<std::pair<std::string, std::string>>& messages) {
  std::vector<Value> out;
  for (const auto& [role, content] : messages)
    out.push_back(Value::dict({{"role", Value::string(role)}, {"content", Value::string(content)}}));
  return Value::list(std::move(out));
}

Result<ChatInput> chat_input_from_json(std::string_view json) {
  FH_TRY(Value value, jinja::value_from_json(json));
  ChatInput input;
  if (value.is(Type::list)) {
    FH_TRY_VOID(check_messages(value));
    input.messages = std::move(value);
    return input;
  }
  if (!value.is(Type::dict)) return fail(Errc::invalid, "expected an array of messages or an object with \"messages\"");
  if (value.as_dict().find("messages") == nullptr) return fail(Errc::invalid, "the object has no \"messages\"");
  for (const auto& [key, member] : value.as_dict().entries())
    FH_TRY_VOID(take_member(std::string(key.as_text()), member, input));
  return input;
}

Result<jinja::Value> messages_from_json(std::string_view json) {
  FH_TRY(Value value, jinja::value_from_json(json));
  FH_TRY_VOID(check_messages(value));
  return value;
}

Result<jinja::Value> tools_from_json(std::string_view json) {
  FH_TRY(Value value, jinja::value_from_json(json));
  FH_TRY_VOID(check_tools(value));
  return value;
}

}  // namespace freehold::text
