// Ollama's words about models: lists, descriptions, and the requests that make, copy and delete them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace freehold::api::ollama {

// "x" is "x:latest"; a name with a tag stays as it is.
std::string with_tag(std::string_view name);

struct ModelCard {
  std::string name;
  std::chrono::system_clock::time_point modified;
  std::uint64_t size = 0;  // bytes of the weight files
  std::string digest;      // 64 hexadecimal digits
  std::string parent;      // of a model made from another
  std::string format;      // "gguf", "safetensors"
  std::string family;
  std::uint64_t parameters = 0;
  std::string weight_type;  // "Q4_K"
  std::vector<std::string> capabilities;
  std::uint64_t context = 0;  // of one sequence, as it is served
  // Of a model in memory.
  std::uint64_t memory = 0;                                      // bytes that it takes
  std::optional<std::chrono::system_clock::time_point> expires;  // if it is not used again; nothing: not by itself
};

// GET /api/tags: {"models":[…]}.
std::string tags_json(const std::vector<ModelCard>& models);
// GET /api/ps: models in memory.
std::string ps_json(const std::vector<ModelCard>& models);

// What a model was made with, by /api/create. Everything may be empty.
struct Preset {
  std::string system;
  std::string parameters;  // a JSON object of options, as text
  std::string messages;    // a JSON array, in the form of api::Conversation, as text
  std::string license;
  bool operator==(const Preset&) const = default;
};

// Whether a model can be made with it: options that are known are of their types, messages are a conversation's.
Parsed<void> check_preset(const Preset& preset);

// POST /api/show.
struct Description {
  ModelCard card;
  Preset preset;
  std::string chat_template;  // the source
  std::string model_info;     // a JSON object of metadata, as text
  std::string license;
};
std::string show_json(const Description& description);

// A request that names one model (show, delete, pull, push), by "model" or "name".
struct Named {
  std::string model;
  bool stream = true;
  bool verbose = false;
  std::vector<std::string> ignored;
};
Parsed<Named> parse_named(std::string_view body);

struct Copy {
  std::string source, destination;
};
Parsed<Copy> parse_copy(std::string_view body);

// POST /api/create. Refused by name: files, adapters, quantize, modelfile, template.
struct Create {
  std::string model, from;
  Preset preset;
  bool stream = true;
  std::vector<std::string> ignored;
};
Parsed<Create> parse_create(std::string_view body);

// POST /api/pull.
struct Pull {
  std::string model;
  bool stream = true;
  std::vector<std::string> ignored;
};
// Refused by name: insecure, username, password.
Parsed<Pull> parse_pull(std::string_view body);

// One line of progress, without its end: {"status":"…"}.
std::string status_json(std::string_view status);
// The same with how far it is: {"status":"pulling 0123456789ab","digest":"sha256:…","total":2,"completed":1}. An empty
// digest is left out.
std::string progress_json(std::string_view status, std::string_view digest, std::uint64_t total,
                          std::uint64_t completed);

}  // namespace freehold::api::ollama
