// Models made from others by /api/create and /api/copy: what is kept of them, and what it does to a conversation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/ollama/models.h"

namespace freehold::api::ollama {

struct MadeModel {
  std::string name;    // with its tag
  std::string base;    // the served model that answers
  std::string parent;  // the name it was made from: `base`, or another that was made
  Preset preset;
  std::int64_t made = 0;   // Unix seconds
  bool alias = false;      // the store has this name too, as an alias of the base
  std::string label = {};  // of what it was made with (guard/policy.h); empty: the lowest
};

// The text of the file that keeps them, by the tenant that made them, and back. Failures say what is wrong with the
// text. In a file of version 1 nobody owned a model: these belong to a server without keys.
std::string to_json(const std::map<std::string, std::vector<MadeModel>>& models);
Parsed<std::map<std::string, std::vector<MadeModel>>> parse_made_models(std::string_view text);

// A name for a new model: parts of letters, digits, '.', '_' and '-' joined by '/', and perhaps a tag; at most 200
// bytes.
Parsed<void> check_name(std::string_view name, std::string_view field);

// The preset of a model made from another that has `under`: parameters are added one by one, the rest replaces.
Preset over(const Preset& under, const Preset& own);

// Puts the system prompt (unless the conversation begins with one) and the messages before the conversation's own.
// Plain text stays as it is.
Parsed<void> apply(const Preset& preset, Call& call);

// A conversation's messages, of which the oldest turns may go. A turn is a user's message with all that follows it up
// to the next one; the system's messages and the last turn stay.
class Turns {
 public:
  explicit Turns(std::string_view messages);  // a JSON array, as api::Conversation has it
  ~Turns();
  // How many turns may go.
  std::size_t droppable() const { return starts_.empty() ? 0 : starts_.size() - 1; }
  // The messages without the first `turns` turns, and how many messages that leaves out.
  std::string without(std::size_t turns, std::size_t& left_out) const;

 private:
  struct Messages;
  std::unique_ptr<Messages> messages_;
  std::vector<std::size_t> starts_;  // where the turns begin
};

}  // namespace freehold::api::ollama
