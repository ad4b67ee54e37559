// Reading and changing messages of a conversation, which are dicts of the template's values.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/value.h"

namespace freehold::text::tools {

// Null if `value` is no dict or has no such member.
const jinja::Value* member(const jinja::Value& value, std::string_view name);
// "" if the member is not there or no string. Borrowed from `value`.
std::string_view text_member(const jinja::Value& value, std::string_view name);
// A copy of the dict with the member set, or taken out.
jinja::Value with(const jinja::Value& dict, std::string_view name, jinja::Value value);
jinja::Value without(const jinja::Value& dict, std::string_view name);

// The message's content, "" instead of None or nothing.
jinja::Value message_content(const jinja::Value& message);
// Its text: a string, or the text parts of a list joined.
std::string content_text(const jinja::Value& message);
// Adds to a content that is a string, None or a list of parts.
void append_text(jinja::Value& message, const std::string& text);
void prepend_text(jinja::Value& message, const std::string& text);

// As the tojson filter of templates writes it. Error: invalid (a value that JSON does not have).
Result<std::string> json_text(const jinja::Value& value);

}  // namespace freehold::text::tools
