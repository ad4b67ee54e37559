#include "text/tools/message_values.h"

#include <utility>
#include <vector>

#include "text/chat_template.h"

namespace freehold::text::tools {

using jinja::Type;
using jinja::Value;

const Value* member(const Value& value, std::string_view name) {
  return value.is(Type::dict) ? value.as_dict().find(name) : nullptr;
}

std::string_view text_member(const Value& value, std::string_view name) {
  const Value* found = member(value, name);
  return found != nullptr && found->is(Type::string) ? found->as_text() : std::string_view();
}

Value with(const Value& dict, std::string_view name, Value value) {
  std::vector<std::pair<std::string, Value>> entries;
  for (const auto& e : dict.as_dict().entries()) {
    if (e.key.is(Type::string)) entries.emplace_back(e.key.as_text(), e.value);
  }
  entries.emplace_back(name, std::move(value));
  return Value::dict(std::move(entries));
}

Value without(const Value& dict, std::string_view name) {
  std::vector<std::pair<std::string, Value>> entries;
  for (const auto& e : dict.as_dict().entries()) {
    if (e.key.is(Type::string) && e.key.as_text() != name) entries.emplace_back(e.key.as_text(), e.value);
  }
  return Value::dict(std::move(entries));
}

Value message_content(const Value& message) {
  const Value* content = member(message, "content");
  return content == nullptr || content->is(Type::none) ? Value::string("") : *content;
}

std::string content_text(const Value& message) {
  Value content = message_content(message);
  if (content.is(Type::string)) return std::string(content.as_text());
  std::string out;
  if (content.is(Type::list)) {
    for (const Value& part : content.as_sequence().items)
      out += part.is(Type::string) ? part.as_text() : text_member(part, "text");
  }
  return out;
}

namespace {

void join_text(Value& message, const std::string& text, bool in_front) {
  Value content = message_content(message);
  if (content.is(Type::list)) {
    std::vector<Value> parts = content.as_sequence().items;
    parts.insert(in_front ? parts.begin() : parts.end(),
                 Value::dict({{"type", Value::string("text")}, {"text", Value::string(text)}}));
    message = with(message, "content", Value::list(std::move(parts)));
    return;
  }
  std::string old = content_text(message);
  message = with(message, "content", Value::string(in_front ? text + old : old + text));
}

}  // namespace

void append_text(Value& message, const std::string& text) {
  join_text(message, text, false);
}

void prepend_text(Value& message, const std::string& text) {
  join_text(message, text, true);
}

Result<std::string> json_text(const Value& value) {
  static const auto kTemplate = ChatTemplate::parse("{{ value|tojson if value is not string else value }}");
  ChatInput input;
  input.extras.emplace_back("value", value);
  return kTemplate->render(input);
}

}  // namespace freehold::text::tools
