#include "app/conversation.h"

#include <fmt/format.h>

#include "app/json_writer.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::app {

Result<Conversation> Conversation::create(const model::LoadedTokenizer& loaded, bool raw, bool parse_special) {
  Conversation conversation(loaded);
  conversation.parse_special_ = parse_special;
  if (!raw && !loaded.chat_templates.empty()) {
    auto parsed = text::ChatTemplate::parse(loaded.chat_templates.front().source);
    if (!parsed) return in_context(parsed.error(), "chat template");
    conversation.template_ = std::move(*parsed);
  }
  return conversation;
}

void Conversation::add(std::string role, std::string content) {
  messages_.emplace_back(std::move(role), std::move(content));
}

std::optional<std::pair<std::string, std::string>> Conversation::pop() {
  if (messages_.empty()) return std::nullopt;
  auto last = std::move(messages_.back());
  messages_.pop_back();
  return last;
}

Result<text::Prompt> Conversation::prompt(std::uint32_t context) const {
  std::vector<std::pair<std::string, std::string>> all;
  if (!raw() && !system_.empty()) all.emplace_back("system", system_);
  all.insert(all.end(), messages_.begin(), messages_.end());
  for (auto& [role, content] : all) {
    if (!reading_ || role == "assistant") continue;
    FH_TRY(content, reading_(content));
  }
  if (raw()) {
    std::string text;
    for (const auto& message : all) text += message.second;
    return text::prompt_from_text(loaded_->tokenizer, text, true, parse_special_, context);
  }
  text::ChatInput input;
  input.messages = text::messages_from_pairs(all);
  input.bos_token = loaded_->bos_token;
  input.eos_token = loaded_->eos_token;
  auto prompt = text::prompt_from_messages(loaded_->tokenizer, *template_, std::move(input), context);
  if (!prompt) return in_context(prompt.error(), "chat template");
  return std::move(*prompt);
}

std::string Conversation::to_json() const {
  JsonWriter w(true);
  w.begin_object().member("system", system_).key("messages").begin_array();
  for (const auto& [role, content] : messages_) {
    w.begin_object().member("role", role).member("content", content).end_object();
  }
  w.end_array().end_object();
  return w.take() + "\n";
}

Result<Conversation::Said> Conversation::read_json(std::string_view json) {
  auto root = format::parse_json(json);
  if (!root) return fail(Errc::invalid, root.error().what);
  const format::Value* list = root->is_array() ? &*root : root->member("messages");
  if (list == nullptr || !list->is_array()) return fail(Errc::invalid, "there is no array \"messages\"");
  std::string system;
  std::vector<std::pair<std::string, std::string>> messages;
  for (const auto& item : list->items()) {
    const format::Value* role = item.member("role");
    const format::Value* content = item.member("content");
    if (role == nullptr || content == nullptr || !role->is_string() || !content->is_string()) {
      return fail(Errc::invalid,
                  fmt::format("message {} needs the strings \"role\" and \"content\"", messages.size() + 1));
    }
    if (messages.empty() && system.empty() && *role->as_string() == "system") {
      system = *content->as_string();
    } else {
      messages.emplace_back(std::string(*role->as_string()), std::string(*content->as_string()));
    }
  }
  if (const format::Value* text = root->member("system")) {
    if (!text->is_string()) return fail(Errc::invalid, "\"system\" is not a string");
    system = *text->as_string();
  }
  return Said{std::move(system), std::move(messages)};
}

Result<> Conversation::from_json(std::string_view json) {
  FH_TRY(Said said, read_json(json));
  system_ = std::move(said.system);
  messages_ = std::move(said.messages);
  return {};
}

}  // namespace freehold::app
