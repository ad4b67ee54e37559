#include "api/anthropic/conversation.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace freehold::api::anthropic {
namespace {

tl::unexpected<Failure> text_only(const std::string& where, const std::string& type) {
  return refuse(Problem::invalid, fmt::format("'{}': this model reads text only, not '{}'", where, printable(type)),
                where);
}

// One block with its type, checked to be an object.
Parsed<std::string> type_of(const Json& block, const std::string& where) {
  if (!block.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(block, where);
  FH_TRY(auto type, f.string("type"));
  if (!type) return f.wrong("type", "a string");
  return *type;
}

Parsed<std::string> block_text(Fields& f) {
  FH_TRY(auto text, f.string("text"));
  if (!text) return f.wrong("text", "a string");
  for (const char* key : {"type", "cache_control", "citations"}) f.known(key);
  return std::move(*text);
}

// A string, or blocks of text with a line break between them: of `system` and of a tool's result.
Parsed<std::string> plain_text(const Json& content, const std::string& where, std::vector<std::string>& ignored) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array())
    return refuse(Problem::invalid, fmt::format("'{}' must be a string or an array of blocks", where), where);
  std::string out;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", where, i);
    FH_TRY(const std::string type, type_of(content[i], at));
    if (type != "text") return text_only(at, type);
    Fields f(content[i], at);
    FH_TRY(const std::string text, block_text(f));
    f.add_left_over(ignored);
    if (i > 0) out += '\n';
    out += text;
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::vector<std::string>& ignored) : ignored_(ignored) {}

  Json messages = Json::array();

  void add_system(const std::string& text) { add_text("system", text); }

  Parsed<void> add(const Json& message, const std::string& where) {
    if (!message.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
    Fields f(message, where);
    FH_TRY(auto role, f.string("role"));
    if (role != "user" && role != "assistant" && role != "system") {
      return f.wrong("role", "one of user, assistant, system");
    }
    const Json* content = f.find("content");
    const std::string at = f.name("content");
    if (content == nullptr) return refuse(Problem::invalid, fmt::format("'{}' is required", at), at);
    f.known("cache_control");
    f.add_left_over(ignored_);
    // An answer may be empty; a question is a mistake.
    if (role == "user" && (*content == "" || *content == Json::array())) {
      return refuse(Problem::invalid, fmt::format("'{}' must not be empty", at), at);
    }
    if (role == "system") {
      FH_TRY(std::string text, plain_text(*content, at, ignored_));
      if (!text.empty()) add_system(text);
      return {};
    }
    if (content->is_string()) {
      add_text(*role, content->get<std::string>());
      return {};
    }
    if (!content->is_array())
      return refuse(Problem::invalid, fmt::format("'{}' must be a string or an array of blocks", at), at);
    for (std::size_t i = 0; i < content->size(); ++i) {
      FH_TRY_VOID(add_block(*role, (*content)[i], fmt::format("{}[{}]", at, i)));
    }
    if (content->empty()) add_text(*role, "");
    return {};
  }

 private:
  // The open message of that role, a new one if the last is another's.
  Json& open(const std::string& role) {
    if (messages.empty() || messages.back()["role"] != role) messages.push_back({{"role", role}, {"content", ""}});
    return messages.back();
  }
  // An assistant's texts are pieces of one answer; other people's blocks are paragraphs.
  void add_text(const std::string& role, const std::string& text) {
    Json& content = open(role)["content"];
    auto& so_far = content.get_ref<std::string&>();
    if (role != "assistant" && !so_far.empty()) so_far += '\n';
    so_far += text;
  }
  Parsed<void> add_block(const std::string& role, const Json& block, const std::string& where) {
    FH_TRY(const std::string type, type_of(block, where));
    Fields f(block, where);
    f.known("type");
    f.known("cache_control");
    if (type == "text") {
      FH_TRY(const std::string text, block_text(f));
      add_text(role, text);
    } else if (type == "tool_use") {
      FH_TRY_VOID(add_call(role, f));
    } else if (type == "tool_result") {
      FH_TRY_VOID(add_result(role, f));
    } else if (type == "thinking") {
      // What the model thought goes to the template, which decides whether it still matters.
      FH_TRY(auto thought, f.string("thinking"));
      if (!thought) return f.wrong("thinking", "a string");
      if (role != "assistant") return f.wrong("type", "in a message of the assistant");
      f.known("signature");
      if (!thought->empty()) {
        Json& member = open(role)["reasoning_content"];
        if (member.is_null()) member = "";
        member.get_ref<std::string&>() += *thought;
      }
    } else if (type == "redacted_thinking") {
      f.known("data");  // nobody can read it
    } else {
      return text_only(where, type);
    }
    f.add_left_over(ignored_);
    return {};
  }
  Parsed<void> add_call(const std::string& role, Fields& f) {
    if (role != "assistant") return f.wrong("type", "in a message of the assistant");
    FH_TRY(auto id, f.string("id"));
    if (!id || id->empty()) return f.wrong("id", "a string that is not empty");
    FH_TRY(auto name, f.string("name"));
    if (!name || name->empty()) return f.wrong("name", "the name of a tool");
    const Json* input = f.find("input");
    if (input != nullptr && !input->is_object()) return f.wrong("input", "an object");
    f.known("caller");  // the client itself, in what SDKs send back
    names_[*id] = *name;
    open(role)["tool_calls"].push_back(
        {{"id", *id},
         {"type", "function"},
         {"function", {{"name", *name}, {"arguments", input != nullptr ? *input : Json::object()}}}});
    return {};
  }
  Parsed<void> add_result(const std::string& role, Fields& f) {
    if (role != "user") return f.wrong("type", "in a message of the user");
    FH_TRY(auto id, f.string("tool_use_id"));
    if (!id || id->empty()) return f.wrong("tool_use_id", "the id of a call");
    std::string text;
    if (const Json* content = f.find("content"); content != nullptr) {
      FH_TRY(text, plain_text(*content, f.name("content"), ignored_));
    }
    FH_TRY(auto failed, f.boolean("is_error"));
    // Templates have no word for it; the text says what went wrong.
    if (failed.value_or(false) && ignored_.size() < 32) ignored_.push_back(f.name("is_error"));
    Json message = {{"role", "tool"}, {"content", std::move(text)}, {"tool_call_id", *id}};
    if (auto name = names_.find(*id); name != names_.end()) message["name"] = name->second;
    messages.push_back(std::move(message));
    return {};
  }

  std::vector<std::string>& ignored_;
  std::map<std::string, std::string> names_;  // of the calls so far, by id
};

}  // namespace

Parsed<Conversation> parse_conversation(Fields& f, std::vector<std::string>& ignored) {
  Reader reader(ignored);
  if (const Json* system = f.find("system"); system != nullptr) {
    FH_TRY(std::string text, plain_text(*system, "system", ignored));
    if (!text.empty()) reader.add_system(text);
  }
  const Json* messages = f.find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) {
    return f.wrong("messages", "an array of at least one message");
  }
  for (std::size_t i = 0; i < messages->size(); ++i) {
    FH_TRY_VOID(reader.add((*messages)[i], fmt::format("messages[{}]", i)));
  }
  if (reader.messages.empty() || reader.messages.back()["role"] == "system") {
    return f.wrong("messages", "messages of which one has text");
  }
  Conversation out;
  if (reader.messages.back()["role"] == "assistant") {
    if (reader.messages.back().contains("tool_calls")) {
      return refuse(Problem::invalid, "'messages': the last one calls tools, so that their results must follow",
                    "messages");
    }
    out.continue_last = true;
  }
  out.messages = dump(reader.messages);
  return out;
}

}  // namespace freehold::api::anthropic
