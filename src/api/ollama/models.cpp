#include "api/ollama/models.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/ollama/common.h"

namespace freehold::api::ollama {
namespace {

// As Ollama shows a number of parameters: "8.0B", "494.03M", "260K".
std::string human(std::uint64_t n) {
  const double x = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.1f}B", x / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.2f}M", x / 1e6);
  if (n >= 1'000) return fmt::format("{:.0f}K", x / 1e3);
  return std::to_string(n);
}

Json details_json(const ModelCard& m) {
  return {{"parent_model", m.parent},
          {"format", m.format},
          {"family", m.family},
          {"families", Json::array({m.family})},
          {"parameter_size", human(m.parameters)},
          {"quantization_level", m.weight_type}};
}

Json card_json(const ModelCard& m) {
  return {
      {"name", with_tag(m.name)}, {"model", with_tag(m.name)},  {"modified_at", rfc3339(m.modified)}, {"size", m.size},
      {"digest", m.digest},       {"details", details_json(m)}, {"capabilities", m.capabilities}};
}

// "name" and its value in two columns, as Ollama writes parameters; lists take a line an item.
std::string parameter_lines(const std::string& parameters, std::string_view before) {
  std::string out;
  const auto object = parameters.empty() ? Parsed<Json>(Json::object()) : parse_object(parameters);
  if (!object) return out;
  for (const auto& item : object->items()) {
    const Json values = item.value().is_array() ? item.value() : Json::array({item.value()});
    for (const Json& value : values) {
      if (!out.empty()) out += "\n";
      out += before.empty() ? fmt::format("{:<30} {}", item.key(), dump(value))
                            : fmt::format("{}{} {}", before, item.key(), dump(value));
    }
  }
  return out;
}

std::string modelfile(const Description& d) {
  std::string out = fmt::format("# To build a new model from this one, replace FROM with:\n# FROM {}\n\nFROM {}\n",
                                with_tag(d.card.name), d.card.parent.empty() ? with_tag(d.card.name) : d.card.parent);
  if (!d.chat_template.empty()) out += fmt::format("TEMPLATE \"\"\"{}\"\"\"\n", d.chat_template);
  if (!d.preset.system.empty()) out += fmt::format("SYSTEM \"\"\"{}\"\"\"\n", d.preset.system);
  const std::string lines = parameter_lines(d.preset.parameters, "PARAMETER ");
  if (!lines.empty()) out += lines + "\n";
  return out;
}

// A string, or several, one after the other.
Parsed<std::string> parse_license(Fields& f) {
  FH_TRY(auto texts, f.strings("license", 64));
  return fmt::format("{}", fmt::join(texts, "\n"));
}

}  // namespace

std::string with_tag(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? name : name.substr(slash + 1);
  return last.find(':') == std::string_view::npos ? fmt::format("{}:latest", name) : std::string(name);
}

std::string tags_json(const std::vector<ModelCard>& models) {
  Json list = Json::array();
  for (const ModelCard& m : models) list.push_back(card_json(m));
  return dump({{"models", std::move(list)}});
}

std::string ps_json(const std::vector<ModelCard>& models) {
  Json list = Json::array();
  for (const ModelCard& m : models) {
    Json card = card_json(m);
    card.erase("modified_at");
    card["size"] = m.memory;
    card["expires_at"] = m.expires ? rfc3339(*m.expires) : "2318-01-01T00:00:00Z";  // as Ollama says of one that stays
    card["size_vram"] = 0;                                                          // all of it is in ordinary memory
    card["context_length"] = m.context;
    list.push_back(std::move(card));
  }
  return dump({{"models", std::move(list)}});
}

std::string show_json(const Description& d) {
  Json out = {{"modelfile", modelfile(d)},
              {"parameters", parameter_lines(d.preset.parameters, {})},
              {"template", d.chat_template}};
  if (!d.preset.system.empty()) out["system"] = d.preset.system;
  const std::string& license = d.preset.license.empty() ? d.license : d.preset.license;
  if (!license.empty()) out["license"] = license;
  out["details"] = details_json(d.card);
  if (!d.preset.messages.empty()) {
    if (auto messages = parse_json(d.preset.messages)) out["messages"] = std::move(*messages);
  }
  auto info = parse_object(d.model_info);
  out["model_info"] = info ? std::move(*info) : Json::object();
  out["capabilities"] = d.card.capabilities;
  out["modified_at"] = rfc3339(d.card.modified);
  return dump(out);
}

Parsed<Named> parse_named(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  Named named;
  FH_TRY(named.model, parse_model(f));
  FH_TRY(auto stream, f.boolean("stream"));
  named.stream = stream.value_or(true);
  FH_TRY(auto verbose, f.boolean("verbose"));
  named.verbose = verbose.value_or(false);
  named.ignored = f.left_over();
  return named;
}

Parsed<Copy> parse_copy(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(auto source, f.string("source"));
  if (!source || source->empty()) return refuse(Problem::invalid, "'source' is required", "source");
  FH_TRY(auto destination, f.string("destination"));
  if (!destination || destination->empty()) return refuse(Problem::invalid, "'destination' is required", "destination");
  return Copy{std::move(*source), std::move(*destination)};
}

Parsed<Create> parse_create(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  Create create;
  FH_TRY(create.model, parse_model(f));
  for (const char* key : {"files", "adapters", "quantize", "quantization", "modelfile", "path", "template"}) {
    const Json* value = f.find(key);
    if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty()) ||
        (value->is_object() && value->empty())) {
      continue;
    }
    return refuse(Problem::invalid,
                  fmt::format("'{}' is not supported: a model is made 'from' one that is served, with system, "
                              "parameters and messages (files come in by `freehold models import`)",
                              key),
                  key);
  }
  FH_TRY(auto from, f.string("from"));
  if (!from || from->empty()) return refuse(Problem::invalid, "'from' is required", "from");
  create.from = std::move(*from);
  FH_TRY(auto system, f.string("system"));
  create.preset.system = system.value_or("");
  if (const Json* parameters = f.find("parameters"); parameters != nullptr) {
    if (!parameters->is_object()) return f.wrong("parameters", "an object of options");
    Asked checked;
    auto good = parse_options(*parameters, checked);
    if (!good) {
      // The same options under another name: parameters.temperature, not options.temperature.
      Failure failure = std::move(good).error();
      if (const std::size_t at = failure.message.find("options."); at != std::string::npos)
        failure.message.replace(at, 7, "parameters");
      if (failure.param.starts_with("options.")) failure.param.replace(0, 7, "parameters");
      return tl::unexpected(std::move(failure));
    }
    if (!parameters->empty()) create.preset.parameters = dump(*parameters);
  }
  if (const Json* messages = f.find("messages"); messages != nullptr) {
    // Checked as a chat's are.
    FH_TRY(Asked chat, parse_chat(dump({{"model", create.model}, {"messages", *messages}}), {}));
    create.preset.messages = std::get<Conversation>(chat.call.input).messages;
  }
  FH_TRY(create.preset.license, parse_license(f));
  FH_TRY(auto stream, f.boolean("stream"));
  create.stream = stream.value_or(true);
  create.ignored = f.left_over();
  return create;
}

Parsed<void> check_preset(const Preset& preset) {
  if (!preset.parameters.empty()) {
    FH_TRY(const Json options, parse_object(preset.parameters));
    Asked checked;
    FH_TRY_VOID(parse_options(options, checked));
  }
  if (preset.messages.empty()) return {};
  FH_TRY(const Json messages, parse_json(preset.messages));
  FH_TRY(const Asked chat, parse_chat(dump({{"model", "x"}, {"messages", messages}}), {}));
  (void)chat;
  return {};
}

Parsed<Pull> parse_pull(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  Pull pull;
  FH_TRY(pull.model, parse_model(f));
  FH_TRY(auto stream, f.boolean("stream"));
  pull.stream = stream.value_or(true);
  FH_TRY(auto insecure, f.boolean("insecure"));
  if (insecure.value_or(false)) {
    return refuse(
        Problem::invalid,
        "'insecure' is not supported: from where models may be fetched, and whether without TLS, was said when "
        "the server was started (--pull-from)",
        "insecure");
  }
  for (const char* key : {"username", "password"}) {
    const Json* value = f.find(key);
    if (value == nullptr || value->is_null() || (value->is_string() && value->get_ref<const std::string&>().empty())) {
      continue;
    }
    return refuse(Problem::invalid, fmt::format("'{}' is not supported", key), key);
  }
  pull.ignored = f.left_over();
  return pull;
}

std::string status_json(std::string_view status) {
  return dump({{"status", std::string(status)}});
}

std::string progress_json(std::string_view status, std::string_view digest, std::uint64_t total,
                          std::uint64_t completed) {
  Json out = {{"status", std::string(status)}};
  if (!digest.empty()) out["digest"] = std::string(digest);
  out["total"] = total;
  out["completed"] = completed;
  return dump(out);
}

}  // namespace freehold::api::ollama
