#include "app/veil/call_veil.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/json_strings.h"

namespace freehold::app {
namespace {

using format::JsonStrings;

// What steers a conversation and is no text of anybody's.
bool is_structure(const JsonStrings::Value& value) {
  if (value.in.empty()) return false;
  if (std::find(value.in.begin(), value.in.end(), "arguments") != value.in.end()) return false;
  const std::string& name = value.in.back();
  if (name == "role" || name == "type" || name == "id" || name == "tool_call_id") return true;
  return name == "name" && value.in.size() > 1 && value.in[value.in.size() - 2] == "function";
}

bool is_text(std::string_view name) {
  return name == "content" || name == "text" || name == "reasoning_content";
}

std::optional<std::string> veiled_value(Veil& veil, const JsonStrings::Value& value) {
  const std::string_view name = value.in.empty() ? std::string_view() : std::string_view(value.in.back());
  if (value.number) return veil.changed_number(name, value.text);
  return is_text(name) ? veil.changed(value.text) : veil.changed_beside(name, value.text);
}

void veil_in_place(Veil& veil, std::string& text) {
  if (auto other = veil.changed(text)) text = std::move(*other);
}

// Ids stay what they are, so that they may not spell what would have to go.
api::Parsed<void> check_tokens(Veil& veil, const std::vector<std::int32_t>& ids, const std::string& field,
                               const SpellTokens& spell) {
  if (ids.empty() || !veil.changed(spell(ids)) || veil.blocked()) return {};
  return api::refuse(api::Problem::invalid,
                     fmt::format("'{}' has token ids that spell personal data, which cannot be taken out of ids: send "
                                 "text ({})",
                                 field, veil.summary()),
                     field, "personal_data");
}

}  // namespace

std::string veil_kept_body(Veil& veil, std::string_view json, std::uint64_t& token_ids) {
  return format::replace_json_strings(json, [&](const JsonStrings::Value& value) -> std::optional<std::string> {
    const bool ids = value.number && value.in.size() == 1 &&
                     (value.in[0] == "prompt" || value.in[0] == "input" || value.in[0] == "context");
    if (!ids) return veiled_value(veil, value);
    ++token_ids;
    return "0";
  });
}

api::Parsed<void> veil_texts(Veil& veil, std::vector<api::PlainPrompt>& texts, const std::string& field,
                             const SpellTokens& spell) {
  if (!veil.active()) return {};
  for (api::PlainPrompt& prompt : texts) {
    if (auto* text = std::get_if<std::string>(&prompt)) {
      veil_in_place(veil, *text);
    } else {
      FH_TRY_VOID(check_tokens(veil, std::get<std::vector<std::int32_t>>(prompt), field, spell));
    }
  }
  if (veil.blocked()) return tl::unexpected(veil.refusal());
  return {};
}

api::Parsed<void> veil_call(Veil& veil, api::Call& call, const SpellTokens& spell) {
  if (!veil.active()) return {};
  if (auto* chat = std::get_if<api::Conversation>(&call.input)) {
    chat->messages = format::replace_json_strings(chat->messages, [&](const JsonStrings::Value& value) {
      return is_structure(value) ? std::nullopt : veiled_value(veil, value);
    });
    // The client's own variables of the template: no name in them is structure.
    chat->extras = format::replace_json_strings(
        chat->extras, [&](const JsonStrings::Value& value) { return veiled_value(veil, value); });
  } else {
    FH_TRY_VOID(veil_texts(veil, std::get<std::vector<api::PlainPrompt>>(call.input), call.input_field, spell));
  }
  for (api::Tool& tool : call.tool_use.tools) veil_in_place(veil, tool.description);
  FH_TRY_VOID(check_tokens(veil, call.earlier, "context", spell));
  if (veil.blocked()) return tl::unexpected(veil.refusal());
  return {};
}

}  // namespace freehold::app
