#include "app/serve/methods.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace freehold::app {
namespace {

constexpr std::string_view kRead = "GET, HEAD";
constexpr std::string_view kReadOrDelete = "GET, HEAD, DELETE";  // of OpenAI's models

using guard::Action;

struct Address {
  std::string_view path;  // "*" stands for one segment, "**" at the end for at least one
  std::string_view methods;
  Action action = Action::ask;  // of what is not GET or HEAD
};
// The first that fits counts.
constexpr Address kAddresses[] = {
    {"", kRead},
    {"healthz", kRead},
    {"health", kRead},
    {"readyz", kRead},
    {"v1/chat/completions", "POST"},
    {"v1/completions", "POST"},
    {"v1/embeddings", "POST"},
    {"v1/models", kRead},
    {"v1/models/**", kRead},
    {"v1/messages", "POST"},
    {"v1/messages/count_tokens", "POST"},
    {"v1/responses", "POST"},
    {"v1/responses/input_tokens", "POST"},
    {"v1/responses/compact", ""},  // not served, which is for its handler to say
    {"v1/responses/*", "GET, HEAD, DELETE", Action::keep},
    {"v1/responses/*/input_items", kRead},
    {"v1/responses/*/cancel", "POST", Action::keep},
    {"v1/files", "GET, HEAD, POST", Action::keep},
    {"v1/files/*", "GET, HEAD, DELETE", Action::keep},
    {"v1/files/*/content", kRead},
    {"v1/batches", "GET, HEAD, POST", Action::keep},
    {"v1/batches/*", kRead},
    {"v1/batches/*/cancel", "POST", Action::keep},
    {"v1/fine_tuning/jobs", "GET, HEAD, POST"},
    {"v1/fine_tuning/jobs/*", kRead},
    {"v1/fine_tuning/jobs/*/cancel", "POST", Action::keep},
    {"v1/fine_tuning/jobs/*/pause", "POST", Action::keep},
    {"v1/fine_tuning/jobs/*/resume", "POST", Action::keep},
    {"v1/fine_tuning/jobs/*/events", kRead},
    {"v1/fine_tuning/jobs/*/checkpoints", kRead},
    {"v1beta/models", kRead},
    {"v1beta/models/**", kRead},
    {"api/generate", "POST"},
    {"api/chat", "POST"},
    {"api/embed", "POST"},
    {"api/embeddings", "POST"},
    {"api/show", "POST"},
    {"api/create", "POST", Action::keep},
    {"api/copy", "POST", Action::keep},
    {"api/pull", "POST", Action::keep},
    {"api/push", "POST", Action::keep},
    {"api/delete", "DELETE", Action::keep},
    {"api/tags", kRead},
    {"api/ps", kRead},
    {"api/version", kRead},
    {"api/blobs/*", "HEAD, POST", Action::keep},
    {"tokenize", "POST"},
    {"detokenize", "POST"},
    {"apply-template", "POST"},
    {"completion", "POST"},
    {"completions", "POST"},
    {"version", kRead},
    {"metrics", kRead},
    {"props", kRead},
    {"slots", kRead},
    {"lora-adapters", kRead},
    {"v1/load_lora_adapter", "POST", Action::manage},
    {"v1/unload_lora_adapter", "POST", Action::manage},
    {"freehold/v1/models", kRead},
    {"freehold/v1/adapters", "GET, HEAD, POST", Action::manage},
    {"freehold/v1/adapters/**", "DELETE", Action::manage},
    {"freehold/v1/requests/*", kRead},
    {"freehold/v1/requests/*/cancel", "POST", Action::keep},
};

bool fits(std::string_view pattern, std::span<const std::string> path) {
  while (!path.empty()) {
    const std::size_t slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    if (part == "**") return true;
    if (part == "*" ? path[0].empty() : part != path[0]) return false;
    path = path.subspan(1);
    if (slash == std::string_view::npos) return path.empty();
    pattern.remove_prefix(slash + 1);
  }
  return false;
}

// Gemini's verbs stand behind the last colon of the address.
std::optional<std::string_view> of_verb(const http::Request& request) {
  const std::string& last = request.target.segments.back();
  const bool openai = request.target.segments[0] == "v1" && request.target.segments.size() == 3;
  const std::string_view plain = openai ? kReadOrDelete : kRead;
  const std::size_t colon = last.rfind(':');
  if (colon == std::string::npos) return plain;
  const std::string_view verb = std::string_view(last).substr(colon + 1);
  for (const char* known :
       {"generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"}) {
    if (verb == known) return "POST";
  }
  if (request.method == "POST") return std::nullopt;
  return plain;  // a colon of the model's name
}

}  // namespace

std::optional<std::string_view> methods_of(const http::Request& request) {
  const auto& path = request.target.segments;
  for (const Address& address : kAddresses) {
    if (!fits(address.path, path)) continue;
    if (address.path.ends_with("models/**")) return of_verb(request);
    if (address.methods.empty()) return std::nullopt;
    return address.methods;
  }
  return std::nullopt;
}

guard::Action action_of(const http::Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return Action::read;
  const auto& path = request.target.segments;
  const auto found = std::find_if(std::begin(kAddresses), std::end(kAddresses),
                                  [&](const Address& address) { return fits(address.path, path); });
  if (found == std::end(kAddresses)) return Action::ask;
  // Of a model's address: Gemini's verbs ask it.
  if (found->path.ends_with("models/**") && request.method == "DELETE") return Action::keep;
  return found->action;
}

bool has_method(std::string_view methods, std::string_view method) {
  while (true) {
    const std::size_t comma = methods.find(", ");
    if (methods.substr(0, comma) == method) return true;
    if (comma == std::string_view::npos) return false;
    methods.remove_prefix(comma + 2);
  }
}

}  // namespace freehold::app
