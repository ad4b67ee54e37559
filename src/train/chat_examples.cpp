// Styles with messages: chat_template, and preferences of DPO.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/json_value.h"
#include "text/prompt.h"
#include "train/examples.h"

namespace freehold::train {
namespace {

using format::Member;
using format::Value;
using Jinja = text::jinja::Value;

// A JSON value as templates see it.
Jinja to_jinja(const Value& value) {
  if (value.is_null()) return Jinja::none();
  if (const auto b = value.as_bool()) return Jinja::boolean(*b);
  if (const auto text = value.as_string()) return Jinja::string(std::string(*text));
  if (const auto n = value.as_i64()) return Jinja::integer(*n);
  if (const auto n = value.as_u64()) return Jinja::big_integer(fmt::format("{}", *n));
  if (const auto x = value.as_f64()) return Jinja::real(*x);
  if (value.is_array()) {
    std::vector<Jinja> items;
    for (const Value& item : value.items()) items.push_back(to_jinja(item));
    return Jinja::list(std::move(items));
  }
  std::vector<std::pair<std::string, Jinja>> entries;
  for (const Member& m : value.members()) entries.emplace_back(m.key, to_jinja(m.value));
  return Jinja::dict(std::move(entries));
}

// The names that data sets give the roles; a source's own `roles` replace them.
constexpr std::pair<std::string_view, std::string_view> kRoles[] = {
    {"human", "user"}, {"gpt", "assistant"}, {"model", "assistant"}, {"bot", "assistant"}};

}  // namespace

Result<Jinja> ExampleBuilder::message_of(const Value& from, std::string& role) const {
  if (!from.is_object()) return fail(Errc::invalid, fmt::format("a message is no object but {}", from.describe()));
  const Value* named = from.member(source_->property_role);
  if (named == nullptr || !named->as_string()) {
    return fail(Errc::invalid, fmt::format("a message has no '{}': message_property_mappings names it",
                                           printable(source_->property_role)));
  }
  role = *named->as_string();
  if (source_->roles.empty()) {
    for (const auto& [theirs, ours] : kRoles) {
      if (role == theirs) role = ours;
    }
  } else {
    const auto found =
        std::find_if(source_->roles.begin(), source_->roles.end(), [&](const auto& r) { return r.first == role; });
    if (found != source_->roles.end()) role = found->second;
  }
  const Value* content = from.member(source_->property_content);
  const bool calls = from.member("tool_calls") != nullptr;
  if (!calls && (content == nullptr || (!content->is_string() && !content->is_array()))) {
    return fail(Errc::invalid, fmt::format("a message has no text '{}': message_property_mappings names it",
                                           printable(source_->property_content)));
  }
  std::vector<std::pair<std::string, Jinja>> entries = {{"role", Jinja::string(role)}};
  entries.emplace_back("content", content != nullptr ? to_jinja(*content) : Jinja::none());
  for (const Member& m : from.members()) {
    if (m.key != source_->property_role && m.key != source_->property_content && m.key != source_->property_training)
      entries.emplace_back(m.key, to_jinja(m.value));
  }
  return Jinja::dict(std::move(entries));
}

Result<std::optional<bool>> ExampleBuilder::training_of(const Value& message) const {
  const Value* said = source_->property_training.empty() ? nullptr : message.member(source_->property_training);
  if (said == nullptr || said->is_null()) return std::optional<bool>();
  if (const auto flag = said->as_bool()) return flag;
  const auto number = said->as_u64();
  if (number && *number <= 1) return std::optional(*number == 1);
  return fail(Errc::invalid, fmt::format("'{}' of a message is true or false, or 1 or 0, not {}",
                                         printable(source_->property_training), said->describe()));
}

Result<Jinja> ExampleBuilder::messages_of(const Row& row, std::vector<bool>& learn) const {
  const Value* list = row.object.member(source_->field_messages);
  if (list == nullptr || !list->is_array()) {
    return fail(Errc::invalid,
                fmt::format("there is no list '{}': field_messages names it", printable(source_->field_messages)));
  }
  std::vector<Jinja> messages;
  std::string role;
  std::size_t number = 0;
  for (const Value& item : list->items()) {
    ++number;
    auto message = message_of(item, role);
    if (!message) return in_context(message.error(), fmt::format("message {}", number));
    const auto said = training_of(item);
    if (!said) return in_context(said.error(), fmt::format("message {}", number));
    const auto& trained = source_->roles_to_train;
    messages.push_back(std::move(*message));
    learn.push_back(said->value_or(std::find(trained.begin(), trained.end(), role) != trained.end()));
    if (number == 1 && role != "system") {
      FH_TRY(const std::string system, optional_text_member(row, source_->field_system));
      if (!system.empty()) {
        messages.insert(messages.begin(),
                        Jinja::dict({{"role", Jinja::string("system")}, {"content", Jinja::string(system)}}));
        learn.insert(learn.begin(), false);
      }
    }
  }
  if (messages.empty()) return fail(Errc::invalid, fmt::format("'{}' is empty", printable(source_->field_messages)));
  return Jinja::list(std::move(messages));
}

Result<Example> ExampleBuilder::learn(Jinja messages, const Row& row, const std::vector<bool>& learned,
                                      std::size_t& straddled) const {
  text::ChatInput input;
  input.messages = std::move(messages);
  if (const Value* tools = row.object.member("tools"); tools != nullptr && tools->is_array())
    input.tools = to_jinja(*tools);
  input.bos_token = model_->bos_token;
  input.eos_token = model_->eos_token;
  FH_TRY(text::LearnedPrompt prompt,
         text::learned_from_messages(model_->tokenizer, *template_, std::move(input), learned));
  straddled += prompt.straddled;
  Example example;
  example.tokens = std::move(prompt.prompt.tokens);
  const auto last = std::find(prompt.turn_ends.rbegin(), prompt.turn_ends.rend(), true);
  for (std::size_t t = 0; t < example.tokens.size(); ++t) {
    bool learns = recipe_->train_on_inputs || prompt.learned[t];
    if (prompt.turn_ends[t] && source_->train_on_eos == TrainOnEos::all) learns = true;
    if (prompt.turn_ends[t] && source_->train_on_eos == TrainOnEos::last) {
      learns = static_cast<std::size_t>(prompt.turn_ends.rend() - last) == t + 1;
    }
    example.labels.push_back(learns ? example.tokens[t] : kIgnored);
  }
  return example;
}

Result<Built> ExampleBuilder::chat(const Row& row) const {
  std::vector<bool> learned;
  FH_TRY(Jinja messages, messages_of(row, learned));
  if (!recipe_->train_on_inputs && std::find(learned.begin(), learned.end(), true) == learned.end()) {
    return fail(Errc::invalid,
                fmt::format("no message has a role of roles_to_train ({}){}: there is nothing to learn",
                            fmt::join(source_->roles_to_train, ", "),
                            source_->property_training.empty()
                                ? ""
                                : fmt::format(" and is not kept out by '{}'", printable(source_->property_training))));
  }
  Built built;
  FH_TRY(Example example, learn(std::move(messages), row, learned, built.straddled));
  built.examples.push_back(std::move(example));
  return built;
}

Result<Built> ExampleBuilder::preference(const Row& row) const {
  std::vector<bool> ignored;
  FH_TRY(const Jinja messages, messages_of(row, ignored));
  Built built;
  for (const std::string* field : {&source_->field_chosen, &source_->field_rejected}) {
    const Value* answer = row.object.member(*field);
    if (answer == nullptr) return fail(Errc::invalid, fmt::format("there is no '{}'", printable(*field)));
    std::vector<Jinja> all = messages.as_sequence().items;
    if (const auto text = answer->as_string()) {
      all.push_back(
          Jinja::dict({{"role", Jinja::string("assistant")}, {"content", Jinja::string(std::string(*text))}}));
    } else {
      std::string role;
      auto message = message_of(*answer, role);
      if (!message) return in_context(message.error(), printable(*field));
      all.push_back(std::move(*message));
    }
    std::vector<bool> learned(all.size());
    learned.back() = true;
    FH_TRY(Example example, learn(Jinja::list(std::move(all)), row, learned, built.straddled));
    built.examples.push_back(std::move(example));
  }
  return built;
}

}  // namespace freehold::train
