// What has been said, and how it becomes a prompt: through the model's chat template, or as one plain text that grows
// when the model has none (or --raw asks for it).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/tokenizer_loader.h"
#include "text/chat_template.h"
#include "text/prompt.h"

namespace freehold::app {

class Conversation {
 public:
  // Parses the model's default template. `raw`: do not use it. Borrows `loaded`.
  static Result<Conversation> create(const model::LoadedTokenizer& loaded, bool raw, bool parse_special = false);

  bool raw() const { return !template_.has_value(); }
  const text::ChatTemplate* chat_template() const { return template_ ? &*template_ : nullptr; }

  // Not with a raw one. Kept as the first message, so long as it is not empty.
  void set_system(std::string text) { system_ = std::move(text); }
  const std::string& system() const { return system_; }

  // What others than the model have said passes through this before it becomes a prompt; messages() and to_json() keep
  // it as it was said.
  using Reading = std::function<Result<std::string>(const std::string& text)>;
  void set_reading(Reading reading) { reading_ = std::move(reading); }

  void add(std::string role, std::string content);
  // Takes back the last message (or piece of text); nothing if there is none.
  std::optional<std::pair<std::string, std::string>> pop();
  void clear() { messages_.clear(); }
  const std::vector<std::pair<std::string, std::string>>& messages() const { return messages_; }

  // What the model is asked now. Errors: as text::prompt_from_messages, and of the reading; `context` is for that too.
  Result<text::Prompt> prompt(std::uint32_t context) const;

  // The file of /save and /load: {"system":…,"messages":[{"role":…,"content":…}…]}.
  std::string to_json() const;
  struct Said {
    std::string system;
    std::vector<std::pair<std::string, std::string>> messages;  // (role, content)
  };
  // Such a file, or the array of messages alone, a first system message among them. Errc::invalid if it is neither.
  static Result<Said> read_json(std::string_view json);
  // Replaces what has been said; no change if it is an error.
  Result<> from_json(std::string_view json);

 private:
  explicit Conversation(const model::LoadedTokenizer& loaded) : loaded_(&loaded) {}
  const model::LoadedTokenizer* loaded_;  // owner: the caller of create
  std::optional<text::ChatTemplate> template_;
  bool parse_special_ = false;
  Reading reading_;
  std::string system_;
  std::vector<std::pair<std::string, std::string>> messages_;  // (role, content)
};

}  // namespace freehold::app
