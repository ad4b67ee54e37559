#include "api/ollama/made.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/ollama/common.h"
#include "base/utf8.h"

namespace freehold::api::ollama {
namespace {

Json text_as_json(const std::string& text) {
  if (text.empty()) return nullptr;
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : Json(nullptr);
}

Parsed<MadeModel> parse_made_model(const Json& entry, const std::string& where) {
  if (!entry.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(entry, where);
  MadeModel m;
  for (const auto& [key, into] : {std::pair{"name", &m.name}, std::pair{"base", &m.base}}) {
    FH_TRY(auto text, f.string(key));
    if (!text || text->empty()) return f.wrong(key, "a name");
    *into = std::move(*text);
  }
  for (const auto& [key, into] : {std::pair{"parent", &m.parent}, std::pair{"system", &m.preset.system},
                                  std::pair{"license", &m.preset.license}}) {
    FH_TRY(auto text, f.string(key));
    *into = text.value_or("");
  }
  if (const Json* parameters = f.find("parameters"); parameters != nullptr) {
    if (!parameters->is_object()) return f.wrong("parameters", "an object");
    m.preset.parameters = dump(*parameters);
  }
  if (const Json* messages = f.find("messages"); messages != nullptr) {
    if (!messages->is_array()) return f.wrong("messages", "an array");
    m.preset.messages = dump(*messages);
  }
  FH_TRY(auto made, f.integer("made", 0, std::int64_t{1} << 40));
  m.made = made.value_or(0);
  FH_TRY(auto alias, f.boolean("alias"));
  m.alias = alias.value_or(false);
  FH_TRY(auto label, f.string("label"));
  m.label = label.value_or("");
  return m;
}

bool is_role(const Json& message, const char* role) {
  return message.is_object() && message.contains("role") && message["role"] == role;
}

}  // namespace

std::string to_json(const std::map<std::string, std::vector<MadeModel>>& models) {
  Json list = Json::array();
  for (const auto& [owner, own] : models) {
    for (const MadeModel& m : own) {
      Json entry = {{"owner", owner},
                    {"name", m.name},
                    {"base", m.base},
                    {"parent", m.parent},
                    {"system", m.preset.system},
                    {"parameters", text_as_json(m.preset.parameters)},
                    {"messages", text_as_json(m.preset.messages)},
                    {"license", m.preset.license},
                    {"made", m.made},
                    {"alias", m.alias}};
      if (!m.label.empty()) entry["label"] = m.label;
      list.push_back(std::move(entry));
    }
  }
  return dump({{"version", 2}, {"models", std::move(list)}}) + "\n";
}

Parsed<std::map<std::string, std::vector<MadeModel>>> parse_made_models(std::string_view text) {
  FH_TRY(const Json root, parse_object(text));
  Fields f(root);
  FH_TRY(auto version, f.integer("version", 1, 2));
  if (!version) return f.wrong("version", "1 or 2");
  const Json* list = f.find("models");
  if (list == nullptr || !list->is_array()) return f.wrong("models", "an array");
  std::map<std::string, std::vector<MadeModel>> out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string where = fmt::format("models[{}]", i);
    FH_TRY(MadeModel m, parse_made_model((*list)[i], where));
    std::string owner = "local";
    if (*version == 2) {
      Fields entry((*list)[i], where);
      FH_TRY(auto named, entry.string("owner"));
      if (!named || named->empty()) return entry.wrong("owner", "a key's id");
      owner = std::move(*named);
    }
    out[owner].push_back(std::move(m));
  }
  return out;
}

Parsed<void> check_name(std::string_view name, std::string_view field) {
  const auto wrong = [&] {
    return refuse(Problem::invalid,
                  fmt::format("'{}': invalid model name '{}': letters, digits, '.', '_', '-' and '/', then perhaps "
                              "':' and a tag",
                              field, printable(name)),
                  std::string(field));
  };
  const auto good_part = [](std::string_view part) {
    return !part.empty() && std::isalnum(static_cast<unsigned char>(part[0])) != 0 &&
           std::all_of(part.begin(), part.end(), [](char c) {
             return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
           });
  };
  if (name.size() > 200) return wrong();
  std::string_view rest = name;
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    if (!good_part(rest.substr(colon + 1))) return wrong();
    rest = rest.substr(0, colon);
  }
  while (true) {
    const std::size_t slash = rest.find('/');
    if (!good_part(rest.substr(0, slash))) return wrong();
    if (slash == std::string_view::npos) return {};
    rest = rest.substr(slash + 1);
  }
}

Preset over(const Preset& under, const Preset& own) {
  Preset out = under;
  if (!own.system.empty()) out.system = own.system;
  if (!own.messages.empty()) out.messages = own.messages;
  if (!own.license.empty()) out.license = own.license;
  if (under.parameters.empty()) {
    out.parameters = own.parameters;
  } else if (!own.parameters.empty()) {
    Json both = text_as_json(under.parameters);
    const Json more = text_as_json(own.parameters);
    for (const auto& item : more.items()) both[item.key()] = item.value();
    out.parameters = dump(both);
  }
  return out;
}

Parsed<void> apply(const Preset& preset, Call& call) {
  call.preset_done = true;
  auto* conversation = std::get_if<Conversation>(&call.input);
  if (conversation == nullptr || (preset.system.empty() && preset.messages.empty())) return {};
  FH_TRY(Json given, parse_json(conversation->messages));
  Json out = Json::array();
  auto next = given.begin();
  if (next != given.end() && is_role(*next, "system")) {
    out.push_back(*next++);
  } else if (!preset.system.empty()) {
    out.push_back({{"role", "system"}, {"content", preset.system}});
  }
  // An earlier exchange begins with them already.
  if (!preset.messages.empty() && call.earlier.empty()) {
    for (const Json& message : text_as_json(preset.messages)) out.push_back(message);
  }
  for (; next != given.end(); ++next) out.push_back(*next);
  conversation->messages = dump(out);
  return {};
}

struct Turns::Messages {
  Json list;
};

Turns::Turns(std::string_view messages) : messages_(std::make_unique<Messages>()) {
  if (auto parsed = parse_json(messages); parsed && parsed->is_array()) messages_->list = std::move(*parsed);
  const Json& list = messages_->list;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (is_role(list[i], "user")) starts_.push_back(i);
  }
}

Turns::~Turns() = default;

std::string Turns::without(std::size_t turns, std::size_t& left_out) const {
  const Json& list = messages_->list;
  left_out = 0;
  if (turns == 0 || turns > droppable()) return dump(list);
  Json out = Json::array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i >= starts_[turns] || is_role(list[i], "system")) {
      out.push_back(list[i]);
    } else {
      ++left_out;
    }
  }
  return dump(out);
}

}  // namespace freehold::api::ollama
