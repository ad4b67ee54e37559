#include "text/tools/tool_format.h"

#include <algorithm>

#include "base/check.h"
#include "text/grammar/schema_json.h"

namespace freehold::text::tools {
namespace {

constexpr std::string_view kNineCharacters = R"((, "id": "[a-zA-Z0-9]{9}")?\})";

// The order is that of detection: a format whose signs another's templates show too comes after it.
constexpr ToolFormat kFormats[] = {
    {
        .id = "deepseek-r1",
        .open = "<｜tool▁calls▁begin｜>",
        .call_open = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
        .name_close = "\n```json\n",
        .call_close = "\n```<｜tool▁call▁end｜>",
        .separator = "\n",
        .close = "<｜tool▁calls▁end｜>",
        .open_pattern = "(<｜tool▁calls▁begin｜>)?",  // which templates write only once in a conversation
        .quoted = false,
        .triggers = {"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"},
        .fields = {"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "```json"},
        .name_field = 1,
        .next = "<｜tool▁call▁begin｜>",
        .closers = {"```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"},
        .signs = {"<｜tool▁sep｜>", "```json"},
    },
    {
        .id = "deepseek-v3.1",
        .open = "<｜tool▁calls▁begin｜>",
        .call_open = "<｜tool▁call▁begin｜>",
        .name_close = "<｜tool▁sep｜>",
        .call_close = "<｜tool▁call▁end｜>",
        .close = "<｜tool▁calls▁end｜>",
        .open_pattern = "(<｜tool▁calls▁begin｜>)?",  // which templates write only once in a conversation
        .quoted = false,
        .triggers = {"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"},
        .fields = {"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>"},
        .next = "<｜tool▁call▁begin｜>",
        .closers = {"<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"},
        .signs = {"<｜tool▁sep｜>"},
    },
    {
        .id = "mistral-args",
        .call_open = "[TOOL_CALLS]",
        .name_close = "[ARGS]",
        .name_close_pattern = R"((\[CALL_ID\][a-zA-Z0-9]{9})?\[ARGS\])",
        .quoted = false,
        .triggers = {"[TOOL_CALLS]"},
        .fields = {"[CALL_ID]", "[ARGS]"},
        .signs = {"[TOOL_CALLS]", "[ARGS]"},
    },
    {
        .id = "mistral",
        .open = "[TOOL_CALLS][",
        .call_open = R"({"name": ")",
        .name_close = R"(", "arguments": )",
        .call_close = "}",
        .separator = ", ",
        .close = "]",
        .open_pattern = R"(\[TOOL_CALLS\] ?\[)",
        .call_close_pattern = kNineCharacters,
        .triggers = {"[TOOL_CALLS]"},
        .signs = {"[TOOL_CALLS]"},
    },
    {
        .id = "command-r",
        .open = "Action:\n```json\n[\n",
        .call_open = "    {\n        \"tool_name\": \"",
        .name_close = "\",\n        \"parameters\": ",
        .call_close = "\n    }",
        .separator = ",\n",
        .close = "\n]```",
        .triggers = {"Action:\n```json"},
        .closers = {"```"},
        .signs = {"Action:", "\"tool_name\": "},
    },
    {
        .id = "granite",
        .open = "<|tool_call|>[",
        .call_open = R"({"name": ")",
        .name_close = R"(", "arguments": )",
        .call_close = "}",
        .separator = ", ",
        .close = "]",
        .triggers = {"<|tool_call|>"},
        .closers = {"<|/tool_call|>"},
        .signs = {"<|tool_call|>"},
    },
    {
        .id = "hermes",
        .call_open = "<tool_call>\n{\"name\": \"",
        .name_close = R"(", "arguments": )",
        .call_close = "}\n</tool_call>",
        .separator = "\n",
        .triggers = {"<tool_call>"},
        .closers = {"</tool_call>"},
        .signs = {"<tool_call>"},
    },
    {
        .id = "llama3",
        .call_open = R"({"name": ")",
        .name_close = R"(", "parameters": )",
        .call_close = "}",
        .separator = "; ",
        .open_pattern = R"((<\|python_tag\|>)?)",
        .call_open_pattern = R"(\{("type": "function", )?"name": ")",
        .triggers = {"<|python_tag|>"},
        .start_triggers = {R"({"name": ")", R"({"type": "function", "name": ")"},
        .closers = {";"},
        .signs = {R"({"name": )", R"("parameters": )"},
    },
};

constexpr ThinkingTags kThinking[] = {
    {"<think>", "</think>"},
    {"[THINK]", "[/THINK]"},
    {"<|START_THINKING|>", "<|END_THINKING|>"},
    {"<seed:think>", "</seed:think>"},
};

// Control tokens are written between such brackets.
void collect_markers(std::string_view text, std::vector<std::string>& out) {
  for (std::size_t at = 0; at < text.size();) {
    char open = text[at];
    std::size_t end = open == '<' ? text.find('>', at) : open == '[' ? text.find(']', at) : std::string_view::npos;
    std::string marker(end == std::string_view::npos ? std::string_view() : text.substr(at, end + 1 - at));
    if (marker.size() < 3) {
      ++at;
      continue;
    }
    if (std::find(out.begin(), out.end(), marker) == out.end()) out.push_back(marker);
    at = end + 1;
  }
}

}  // namespace

std::span<const ToolFormat> tool_formats() {
  return kFormats;
}

const ToolFormat& generic_tool_format() {
  for (const ToolFormat& f : kFormats) {
    if (f.id == "hermes") return f;
  }
  FH_CHECK(false, "the table has no generic format");
}

const ToolFormat& detect_tool_format(std::string_view template_source) {
  auto shows = [&](std::string_view sign) { return template_source.find(sign) != std::string_view::npos; };
  for (const ToolFormat& f : kFormats) {
    if (std::all_of(f.signs.begin(), f.signs.end(), shows)) return f;
  }
  return generic_tool_format();
}

std::vector<std::string> markers_of(const ToolFormat& format) {
  std::vector<std::string> out;
  for (std::string_view text : {format.open, format.call_open, format.name_close, format.call_close, format.close})
    collect_markers(text, out);
  for (const auto& texts : {format.triggers, format.start_triggers}) {
    for (std::string_view text : texts) collect_markers(text, out);
  }
  for (const auto& texts : {format.fields, format.closers}) {
    for (std::string_view text : texts) collect_markers(text, out);
  }
  return out;
}

std::string write_calls(const ToolFormat& format, std::span<const Call> calls) {
  std::string out(format.open);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (i > 0) out += format.separator;
    out += format.call_open;
    if (format.quoted) {
      std::string name = grammar::json_quoted(calls[i].name);
      out += std::string_view(name).substr(1, name.size() - 2);
    } else {
      out += calls[i].name;
    }
    out += format.name_close;
    out += calls[i].arguments;
    out += format.call_close;
  }
  out += format.close;
  return out;
}

std::optional<ThinkingTags> detect_thinking(std::string_view template_source) {
  for (const ThinkingTags& tags : kThinking) {
    if (template_source.find(tags.close) != std::string_view::npos) return tags;
  }
  return std::nullopt;
}

bool prompt_opens_thinking(const ThinkingTags& tags, std::string_view prompt) {
  std::size_t end = prompt.find_last_not_of(" \n\r\t");
  return end != std::string_view::npos && prompt.substr(0, end + 1).ends_with(tags.open);
}

}  // namespace freehold::text::tools
