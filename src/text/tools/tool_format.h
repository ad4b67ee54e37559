// How a model writes calls of tools, and how it marks what it thinks: one row of a table a format. The same row writes
// calls into prompts (conversation.h), makes the grammar (constraint.h) and reads answers (answer_reader.h).
//
//   open  call_open NAME name_close ARGUMENTS call_close  [separator call_open … call_close]*  close
//
//   hermes         <tool_call>\n{"name": "f", "arguments": {…}}\n</tool_call>
//   llama3         {"name": "f", "parameters": {…}}
//   mistral        [TOOL_CALLS][{"name": "f", "arguments": {…}, "id": "abcDEF789"}]
//   mistral-args   [TOOL_CALLS]f[CALL_ID]abcDEF789[ARGS]{…}
//   deepseek-v3.1  <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{…}<｜tool▁call▁end｜><｜tool▁calls▁end｜>
//   deepseek-r1    …<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{…}\n```<｜tool▁call▁end｜>…
//   command-r      Action:\n```json\n[\n    {\n        "tool_name": "f",\n        "parameters": {…}\n    }\n]```
//   granite        <|tool_call|>[{"name": "f", "arguments": {…}}]
//
// A template that shows none of these gets hermes.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::text::tools {

// Everything in it has static storage. Empty entries of the arrays mean nothing.
struct ToolFormat {
  std::string_view id;

  // Writing.
  std::string_view open;
  std::string_view call_open;
  std::string_view name_close;
  std::string_view call_close;
  std::string_view separator;
  std::string_view close;
  // Regular expressions for what models may also write there (ids, say); empty: exactly the text above.
  std::string_view open_pattern;
  std::string_view call_open_pattern;
  std::string_view name_close_pattern;
  std::string_view call_close_pattern;
  bool quoted = true;  // the name stands in a JSON string

  // Reading. A trigger begins calls wherever it stands outside of thinking; a start trigger only where the answer (or
  // what follows the thinking) starts.
  std::array<std::string_view, 2> triggers;
  std::array<std::string_view, 2> start_triggers;
  // JSON calls: the members that hold name and arguments, in this or any other order, are "name" or "tool_name", and
  // "arguments" or "parameters". Where `fields` are given a call may instead be NAME and ARGUMENTS between these texts:
  // what stands before the first '{' is cut at them, and piece number `name_field` of what remains is the name.
  std::array<std::string_view, 3> fields;
  std::size_t name_field = 0;
  std::string_view next;                    // begins another call of the same section
  std::array<std::string_view, 3> closers;  // passed over behind a call

  // Detection: the template's source holds all of them.
  std::array<std::string_view, 2> signs;
};

std::span<const ToolFormat> tool_formats();
const ToolFormat& generic_tool_format();
// By what the template's source writes. Never fails: generic_tool_format() if there is nothing known in it.
const ToolFormat& detect_tool_format(std::string_view template_source);

// Texts that a tokenizer may hold as control tokens although they are part of answers under this format
// ("[TOOL_CALLS]",
// "<tool_call>"). Whoever decodes answers for an AnswerReader must show these tokens as their text.
std::vector<std::string> markers_of(const ToolFormat& format);

// One call: `arguments` is JSON text. What write_calls writes is what AnswerReader reads.
struct Call {
  std::string name;
  std::string arguments;
  bool operator==(const Call&) const = default;
};
std::string write_calls(const ToolFormat& format, std::span<const Call> calls);

// The tags around what a model thinks before it answers.
struct ThinkingTags {
  std::string_view open;
  std::string_view close;
};
// By the closing tag in the template's source.
std::optional<ThinkingTags> detect_thinking(std::string_view template_source);
// Whether a rendered prompt ends inside of thinking (templates that write the opening tag themselves).
bool prompt_opens_thinking(const ThinkingTags& tags, std::string_view prompt);

}  // namespace freehold::text::tools
