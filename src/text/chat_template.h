// Chat templates: a conversation becomes the text that a model was trained on. The templates are those of the Hugging
// Face ecosystem (Jinja, as transformers' apply_chat_template runs it); they come out of model files, so they are
// treated as hostile: see jinja/limits.h for what one may cost.
//
//   FH_TRY(auto chat, ChatTemplate::parse(std::move(source)));
//   ChatInput input;
//   input.messages = messages_from_pairs({{"user", "Hello!"}});
//   FH_TRY(std::string prompt, chat.render(input));
//
// The text of a message can spell a special token; whoever tokenizes the prompt decides what that means.
#pragma once

#include <cstddef>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/failure.h"
#include "text/jinja/limits.h"
#include "text/jinja/template.h"
#include "text/jinja/value.h"

namespace freehold::text {

// The variables of one rendering.
struct ChatInput {
  jinja::Value messages = jinja::Value::list({});  // a list of dicts with role, content, tool_calls, …
  jinja::Value tools = jinja::Value::none();       // a list of JSON schemas, or None
  bool add_generation_prompt = true;
  std::optional<std::string> bos_token;  // nothing: the variable is undefined
  std::optional<std::string> eos_token;
  std::vector<std::pair<std::string, jinja::Value>> extras;  // enable_thinking, documents, …; they win over the above
  std::function<std::tm()> clock;                            // for strftime_now; empty = the local time
};

// More about a failed rendering than an Error can say.
struct TemplateFailure {
  jinja::FailureKind kind = jinja::FailureKind::runtime;
  std::string
      message;  // of a `raised` failure: exactly what the template gave to raise_exception; may hold any characters
  std::size_t line = 0;  // of the template; 0 = not known
};

// Immutable; may be rendered by several threads at once.
class ChatTemplate {
 public:
  // Errors: corrupt (not a template; the line is named), exhausted (too long or too deep).
  static Result<ChatTemplate> parse(std::string source, const jinja::Limits& limits = {});

  const std::string& source() const { return source_; }
  // SHA-256 of the source, as 64 hexadecimal digits.
  const std::string& digest() const { return digest_; }

  // Errors: invalid (the template refuses this conversation), exhausted (a limit). `failure`, if given, is filled with
  // the details.
  Result<std::string> render(const ChatInput& input, TemplateFailure* failure = nullptr) const;

 private:
  ChatTemplate(std::string source, jinja::Template parsed);
  std::string source_;
  std::string digest_;
  jinja::Template template_;
};

// Messages from (role, content) pairs.
jinja::Value messages_from_pairs(const std::vector<std::pair<std::string, std::string>>& messages);

// `json` is an array of messages, or an object with "messages" and optionally "tools", "add_generation_prompt",
// "bos_token", "eos_token"; its other members become extras. Errors: invalid, naming the member.
Result<ChatInput> chat_input_from_json(std::string_view json);
// An array of objects with a string "role".
Result<jinja::Value> messages_from_json(std::string_view json);
// An array of objects, or null.
Result<jinja::Value> tools_from_json(std::string_view json);

}  // namespace freehold::text
