#include "app/serve/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"

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

constexpr std::string_view kVerbs[] = {"generateContent", "streamGenerateContent", "countTokens", "embedContent",
                                       "batchEmbedContents"};

// An id as they are made here (random_id), or the digest of a blob.
bool is_own_id(std::string_view text) {
  constexpr std::string_view kBefore[] = {"file-", "batch_", "resp_",     "ftjob-", "ftckpt_",
                                          "req_",  "msg_",   "chatcmpl-", "cmpl-"};
  const auto digits = [](std::string_view rest, std::size_t count) {
    return rest.size() == count && rest.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  };
  if (text.starts_with("sha256:") || text.starts_with("sha256-")) return digits(text.substr(7), 64);
  return std::any_of(std::begin(kBefore), std::end(kBefore), [&](std::string_view before) {
    return text.starts_with(before) && digits(text.substr(before.size()), 24);
  });
}

std::string short_digest(std::string_view text) {
  return "sha256:" + sha256(text).hex().substr(0, 16);
}

// The name of a model, and Gemini's verb behind it.
std::string logged_name(std::span<const std::string> segments) {
  std::string name;
  for (const std::string& segment : segments) name += (name.empty() ? "" : "/") + segment;
  const std::size_t colon = name.rfind(':');
  for (const std::string_view verb : kVerbs) {
    if (colon != std::string::npos && name.substr(colon + 1) == verb)
      return fmt::format("{}:{}", short_digest(name.substr(0, colon)), verb);
  }
  return short_digest(name);
}

// Gemini's verbs stand behind the last colon of the address.
std::optional<std::string_view> of_verb(const http::Request& request) {
  const std::string& last = request.target.segments.back();
  const bool openai = request.target.segments[0] == "v1" && request.target.segments.size() == 3;
  const std::string_view plain = openai ? kReadOrDelete : kRead;
  const std::size_t colon = last.rfind(':');
  if (colon == std::string::npos) return plain;
  const std::string_view verb = std::string_view(last).substr(colon + 1);
  if (std::find(std::begin(kVerbs), std::end(kVerbs), verb) != std::end(kVerbs)) return "POST";
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

bool outlives_request(const http::Request& request) {
  const auto& path = request.target.segments;
  return request.method == "POST" &&
         (fits("v1/batches", path) || fits("v1/fine_tuning/jobs", path) || fits("v1/fine_tuning/jobs/*/resume", path));
}

std::string logged_path(const http::Request& request) {
  const std::span<const std::string> path = request.target.segments;
  const auto found = std::find_if(std::begin(kAddresses), std::end(kAddresses),
                                  [&](const Address& address) { return fits(address.path, path); });
  if (found == std::end(kAddresses)) return sha256(request.target.path).name();
  std::string out;
  std::string_view pattern = found->path;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::size_t slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    if (part == "**") return out + "/" + logged_name(path.subspan(i));
    out += "/" + (part != "*" || is_own_id(path[i]) ? path[i] : short_digest(path[i]));
    if (slash != std::string_view::npos) pattern.remove_prefix(slash + 1);
  }
  return out;
}

std::string_view logged_method(std::string_view method) {
  constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "POST",  "PUT",    "PATCH",
                                           "DELETE", "OPTIONS", "TRACE", "CONNECT"};
  return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods) ? method : "other";
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
