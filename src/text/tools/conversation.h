// Makes a conversation fit for a model's chat template, whatever that template can do.
//
// inspect_template tries the template out, once a model: it renders small conversations and looks whether a tool's
// name, a call and a result reach the text. What the template cannot write, fit_conversation writes in its place: a
// section of the system prompt that describes the tools (the template has no tool support), earlier calls as the
// assistant's text, results as the user's. A system message that has no place begins the user's next message, which is
// where the makers of such models want it. All of it is deterministic.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/tools/tool.h"
#include "text/tools/tool_format.h"

namespace freehold::text::tools {

// What a template can do.
struct TemplateSupport {
  const ToolFormat* format = nullptr;  // never null: detect_tool_format
  std::optional<ThinkingTags> thinking;
  bool describes_tools = false;    // what is passed as `tools` reaches the prompt
  bool writes_calls = false;       // an assistant's tool_calls reach it
  bool writes_results = false;     // messages of the role tool reach it, behind calls
  bool parallel = false;           // more than one call in a message
  bool arguments_as_text = false;  // calls are written only if their arguments are JSON text instead of a dict
  bool null_content = false;       // calls are written only if the message's content is None
  bool short_ids = false;          // ids of calls must be nine letters or digits
  bool system_role = false;        // a first message of the role system reaches the prompt
  bool late_system = false;        // so does one behind others
  bool user_after_results = true;  // a user may speak right behind results
};
TemplateSupport inspect_template(const ChatTemplate& chat);

// The section that describes the tools, and how to call them, to a model whose template does not. Error: invalid.
Result<std::string> describe_tools(const ToolFormat& format, std::span<const Tool> tools, bool parallel = true);

// `input.messages` in the shape of OpenAI's: tool_calls[] {id, type, function {name, arguments}}, arguments a dict or
// JSON text (text that is no JSON object stays text), content null or missing allowed; role tool with tool_call_id and
// content. Afterwards the template renders them; input.tools is set from `tools`, or left alone if there are none. With
// Mode::none tools are not described. Errors: invalid, naming the message.
Result<void> fit_conversation(const TemplateSupport& support, std::span<const Tool> tools, const ToolChoice& choice,
                              bool parallel, ChatInput& input);

}  // namespace freehold::text::tools
