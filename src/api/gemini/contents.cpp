#include "api/gemini/contents.h"

#include <fmt/format.h>

#include <deque>
#include <map>
#include <nlohmann/json.hpp>

namespace freehold::api::gemini {
namespace {

// What a part can be beside text and functions.
constexpr const char* kOtherParts[] = {"inlineData",          "fileData", "executableCode",
                                       "codeExecutionResult", "toolCall", "toolResponse"};

Parsed<void> refuse_other_parts(ProtoFields& f) {
  for (const char* key : kOtherParts) {
    if (f.find(key) == nullptr) continue;
    return refuse(Problem::invalid, fmt::format("'{}': this model reads text only", f.name(key)), f.name(key));
  }
  return {};
}

class Reader {
 public:
  explicit Reader(std::vector<std::string>& ignored) : ignored_(ignored) {}

  Json messages = Json::array();

  Parsed<void> add(const Json& content, const std::string& where) {
    ProtoFields f(content, where);
    FH_TRY(auto role, f.string("role"));
    if (role && !role->empty() && *role != "user" && *role != "model" && *role != "function") {
      return f.wrong("role", "user or model");
    }
    const bool model = role == "model";
    FH_TRY(const auto parts, f.items("parts"));
    if (parts.empty()) return f.missing("parts");
    f.add_left_over(ignored_);
    for (const auto& part : parts) FH_TRY_VOID(add_part(model, *part.json, part.where));
    return {};
  }

 private:
  Json& open(bool model) {
    const char* role = model ? "assistant" : "user";
    if (messages.empty() || messages.back()["role"] != role) messages.push_back({{"role", role}, {"content", ""}});
    return messages.back();
  }
  Parsed<void> add_part(bool model, const Json& part, const std::string& where) {
    ProtoFields f(part, where);
    FH_TRY_VOID(refuse_other_parts(f));
    FH_TRY(auto text, f.string("text"));
    FH_TRY(const Json* call, f.object("functionCall"));
    FH_TRY(const Json* response, f.object("functionResponse"));
    FH_TRY(auto thought, f.boolean("thought"));
    f.known("thoughtSignature");
    f.add_left_over(ignored_);
    const int kinds = (text ? 1 : 0) + (call != nullptr ? 1 : 0) + (response != nullptr ? 1 : 0);
    if (kinds != 1) {
      return refuse(Problem::invalid, fmt::format("'{}' must have one of text, functionCall, functionResponse", where),
                    where);
    }
    if (call != nullptr) {
      if (!model) return f.wrong("functionCall", "in a content of the role model");
      return add_call(*call, f.name("functionCall"));
    }
    if (response != nullptr) {
      if (model) return f.wrong("functionResponse", "in a content of the role user");
      return add_response(*response, f.name("functionResponse"));
    }
    Json& member = open(model)[thought.value_or(false) && model ? "reasoning_content" : "content"];
    if (member.is_null()) member = "";
    member.get_ref<std::string&>() += *text;
    return {};
  }
  Parsed<void> add_call(const Json& call, const std::string& where) {
    ProtoFields f(call, where);
    FH_TRY(auto name, f.string("name"));
    if (!name || name->empty()) return f.wrong("name", "the name of a function");
    FH_TRY(auto id, f.string("id"));
    FH_TRY(const Json* arguments, f.object("args"));
    f.add_left_over(ignored_);
    if (!id || id->empty()) id = fmt::format("call_{}", calls_);
    ++calls_;
    asked_[*name].push_back(*id);
    open(true)["tool_calls"].push_back(
        {{"id", *id},
         {"type", "function"},
         {"function", {{"name", *name}, {"arguments", arguments != nullptr ? *arguments : Json::object()}}}});
    return {};
  }
  Parsed<void> add_response(const Json& response, const std::string& where) {
    ProtoFields f(response, where);
    FH_TRY(auto name, f.string("name"));
    if (!name || name->empty()) return f.wrong("name", "the name of a function");
    FH_TRY(auto id, f.string("id"));
    FH_TRY(const Json* value, f.object("response"));
    if (value == nullptr) return f.missing("response");
    FH_TRY(const auto parts, f.items("parts"));
    if (!parts.empty()) return f.unsupported("parts");
    f.add_left_over(ignored_);
    messages.push_back({{"role", "tool"},
                        {"content", dump(*value)},
                        {"tool_call_id", id && !id->empty() ? *id : call_of(*name)},
                        {"name", *name}});
    return {};
  }
  // Clients of older versions tell calls apart by name alone: the first that has no answer yet.
  std::string call_of(const std::string& name) {
    const auto found = asked_.find(name);
    if (found == asked_.end() || found->second.empty()) return name;
    std::string id = std::move(found->second.front());
    found->second.pop_front();
    return id;
  }

  std::vector<std::string>& ignored_;
  std::map<std::string, std::deque<std::string>> asked_;  // ids of calls without an answer, by name
  std::size_t calls_ = 0;
};

}  // namespace

Parsed<std::string> content_text(const Json& content, const std::string& where, std::vector<std::string>& ignored) {
  ProtoFields f(content, where);
  f.known("role");
  FH_TRY(const auto parts, f.items("parts"));
  if (parts.empty()) return f.missing("parts");
  f.add_left_over(ignored);
  std::string out;
  for (const auto& part : parts) {
    ProtoFields p(*part.json, part.where);
    FH_TRY_VOID(refuse_other_parts(p));
    FH_TRY(auto text, p.string("text"));
    if (!text) return p.missing("text");
    p.add_left_over(ignored);
    out += *text;
  }
  return out;
}

Parsed<Conversation> parse_contents(ProtoFields& f, std::vector<std::string>& ignored) {
  Reader reader(ignored);
  FH_TRY(const Json* system, f.object("systemInstruction"));
  if (system != nullptr) {
    FH_TRY(std::string text, content_text(*system, f.name("systemInstruction"), ignored));
    if (!text.empty()) reader.messages.push_back({{"role", "system"}, {"content", std::move(text)}});
  }
  FH_TRY(const auto contents, f.items("contents"));
  if (contents.empty()) return f.wrong("contents", "an array of at least one content");
  for (const auto& content : contents) FH_TRY_VOID(reader.add(*content.json, content.where));
  Conversation out;
  const Json& last = reader.messages.back();
  if (last["role"] == "assistant") {
    if (last.contains("tool_calls")) {
      return refuse(Problem::invalid, "'contents': the last one calls functions, so that their responses must follow",
                    "contents");
    }
    out.continue_last = true;
  }
  out.messages = dump(reader.messages);
  return out;
}

}  // namespace freehold::api::gemini
