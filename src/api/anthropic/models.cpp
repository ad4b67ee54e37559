// Models, counts and errors.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "api/anthropic/anthropic.h"
#include "api/fields.h"
#include "base/utf8.h"

namespace freehold::api::anthropic {
namespace {

// RFC 3339, in UTC.
std::string date_of(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm t{};
  gmtime_r(&time, &t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

Json supported(bool yes) {
  return {{"supported", yes}};
}

Json capabilities_json(const ModelEntry& m) {
  Json out = Json::object();
  for (const char* none : {"batch", "citations", "code_execution", "image_input", "pdf_input"}) {
    out[none] = supported(false);
  }
  for (const char* group : {"context_management", "effort", "server_tools"}) out[group] = supported(false);
  for (const char* edit : {"clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112"}) {
    out["context_management"][edit] = supported(false);
  }
  for (const char* level : {"low", "medium", "high", "xhigh", "max"}) out["effort"][level] = supported(false);
  for (const char* tool : {"code_execution", "web_search"}) out["server_tools"][tool] = supported(false);
  out["structured_outputs"] = supported(true);
  out["thinking"] = supported(m.thinks);
  out["thinking"]["types"] = {{"adaptive", supported(true)},
                              {"between_tools", supported(false)},
                              {"disabled", supported(true)},
                              {"enabled", supported(true)}};
  return out;
}

Json entry_json(const ModelEntry& m) {
  return {{"type", "model"},
          {"id", m.id},
          {"display_name", m.id},
          {"created_at", date_of(m.created)},
          {"max_input_tokens", m.context},
          {"max_tokens", m.context},
          {"lifecycle", "active"},
          {"deprecated_at", nullptr},
          {"retires_at", nullptr},
          {"line", nullptr},
          {"capabilities", capabilities_json(m)}};
}

// What is served is active.
Parsed<bool> wants_active(const std::vector<std::string_view>& lifecycle) {
  bool active = lifecycle.empty();
  for (std::string_view stage : lifecycle) {
    active |= stage == "active";
    if (stage != "active" && stage != "deprecated" && stage != "retired") {
      return refuse(Problem::invalid, "'lifecycle' must be of active, deprecated, retired", "lifecycle");
    }
  }
  return active;
}

Parsed<std::size_t> parse_limit(std::string_view text) {
  const bool digits =
      !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == std::string_view::npos;
  const std::size_t limit = digits ? std::stoul(std::string(text)) : 0;
  if (limit < 1 || limit > 1000) return refuse(Problem::invalid, "'limit' must be from 1 to 1000", "limit");
  return limit;
}

// Where the model of that id stands.
Parsed<std::size_t> place_of(const std::vector<ModelEntry>& models, std::string_view id, const char* field) {
  const auto found = std::find_if(models.begin(), models.end(), [&](const ModelEntry& m) { return m.id == id; });
  if (found == models.end())
    return refuse(Problem::invalid, fmt::format("'{}': there is no model '{}'", field, printable(id)), field);
  return static_cast<std::size_t>(found - models.begin());
}

}  // namespace

Parsed<std::string> models_json(const std::vector<ModelEntry>& all, const Page& page) {
  FH_TRY(const bool active, wants_active(page.lifecycle));
  const std::vector<ModelEntry> none;
  const std::vector<ModelEntry>& models = active ? all : none;
  std::size_t limit = 20, first = 0, last = models.size();  // the documented default
  if (!page.limit.empty()) {
    FH_TRY(limit, parse_limit(page.limit));
  }
  if (!page.after.empty()) {
    FH_TRY(const std::size_t at, place_of(models, page.after, "after_id"));
    first = at + 1;
  }
  if (!page.before.empty()) {
    FH_TRY(last, place_of(models, page.before, "before_id"));
  }
  first = std::min(first, last);
  const bool more = last - first > limit;
  // Going backwards, the page ends where it was asked to.
  if (more) (page.after.empty() && !page.before.empty() ? first = last - limit : last = first + limit);
  Json data = Json::array();
  for (std::size_t i = first; i < last; ++i) data.push_back(entry_json(models[i]));
  const auto id = [&](std::size_t i) { return first == last ? Json(nullptr) : Json(models[i].id); };
  return dump({{"data", std::move(data)}, {"has_more", more}, {"first_id", id(first)}, {"last_id", id(last - 1)}});
}

std::string model_json(const ModelEntry& model) {
  return dump(entry_json(model));
}

std::string count_json(std::size_t tokens) {
  return dump({{"input_tokens", tokens}});
}

int error_status(Problem problem) {
  return problem == Problem::unavailable ? 529 : problem == Problem::budget ? 402 : api::status_of(problem);
}

std::string error_json(const Failure& failure, std::string_view request_id) {
  std::string_view type = "invalid_request_error";
  std::string message = named_message(failure);
  switch (failure.problem) {
    case Problem::context_length:
      // By these words agents know that they have to shorten it, and by how much.
      if (failure.excess && failure.excess->tokens != 0) {
        message = fmt::format("{} tokens > {} maximum", failure.excess->tokens, failure.excess->most());
      }
      message = "prompt is too long: " + message;
      break;
    case Problem::unauthorised:
      type = "authentication_error";
      break;
    case Problem::forbidden:
      type = "permission_error";
      break;
    case Problem::not_found:
      type = "not_found_error";
      break;
    case Problem::too_large:
      type = "request_too_large";
      break;
    case Problem::too_many:
      type = "rate_limit_error";
      break;
    case Problem::budget:
      type = "billing_error";
      break;
    case Problem::internal:
      type = "api_error";
      break;
    case Problem::unavailable:
      type = "overloaded_error";
      break;
    default:
      break;
  }
  Json out = {{"type", "error"}, {"error", {{"type", type}, {"message", message}}}};
  // By these codes the SDKs' threads know that they have to send everything anew.
  if (failure.code.starts_with("thread_")) out["error"]["details"] = {{"error_code", failure.code}};
  out["request_id"] = request_id.empty() ? Json(nullptr) : Json(std::string(request_id));
  return dump(out);
}

}  // namespace freehold::api::anthropic
