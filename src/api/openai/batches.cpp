#include "api/openai/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/openai/common.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

constexpr std::array<std::string_view, kBatchStatuses> kNames = {
    "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"};
constexpr std::array<std::string_view, 4> kEndpoints = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings",
                                                        "/v1/responses"};
constexpr std::size_t kMostCustomId = 512;

std::size_t index_of(BatchStatus status) {
  return static_cast<std::size_t>(status);
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(std::string(text));
}

Json error_json(const BatchError& error) {
  return {{"code", error.code},
          {"line", error.line ? Json(*error.line) : Json(nullptr)},
          {"message", error.message},
          {"param", text_or_null(error.param)}};
}

}  // namespace

std::string_view name_of(BatchStatus status) {
  return kNames[index_of(status)];
}

std::optional<BatchStatus> batch_status(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<BatchStatus>(found - kNames.begin());
}

bool is_over(BatchStatus status) {
  using enum BatchStatus;
  return status == completed || status == failed || status == expired || status == cancelled;
}

bool may_become(BatchStatus from, BatchStatus to) {
  using enum BatchStatus;
  switch (to) {
    case in_progress:
      return from == validating;
    case failed:
    case cancelling:
      return from == validating || from == in_progress || from == finalizing;
    case finalizing:
      return from == in_progress;
    case completed:
      return from == finalizing;
    case expired:
      return from == validating || from == in_progress;
    case cancelled:
      return from == cancelling;
    case validating:
      return false;
  }
  return false;
}

bool Batch::become(BatchStatus next, std::int64_t now) {
  if (!may_become(status, next)) return false;
  status = next;
  reached[index_of(next)] = now;
  return true;
}

std::string batch_json(const Batch& b) {
  Json errors = nullptr;
  if (!b.errors.empty()) {
    Json data = Json::array();
    for (const BatchError& e : b.errors) data.push_back(error_json(e));
    errors = {{"object", "list"}, {"data", std::move(data)}};
  }
  Json out = {{"id", b.id},
              {"object", "batch"},
              {"endpoint", b.endpoint},
              {"errors", std::move(errors)},
              {"input_file_id", b.input_file_id},
              {"completion_window", "24h"},
              {"status", name_of(b.status)},
              {"output_file_id", text_or_null(b.output_file_id)},
              {"error_file_id", text_or_null(b.error_file_id)},
              {"created_at", b.created_at},
              {"expires_at", b.expires_at}};
  for (std::size_t i = 1; i < kBatchStatuses; ++i) {
    out[std::string(kNames[i]) + "_at"] = b.reached[i] != 0 ? Json(b.reached[i]) : Json(nullptr);
  }
  out["request_counts"] = {{"total", b.total}, {"completed", b.completed}, {"failed", b.failed}};
  out["metadata"] = Json::parse(b.metadata, nullptr, false);
  return dump(out);
}

std::optional<Batch> read_batch(std::string_view json) {
  const auto root = parse_object(json);
  if (!root) return std::nullopt;
  const auto read = [&]() -> Parsed<Batch> {
    Fields f(*root);
    Batch b;
    constexpr std::int64_t kMost = INT64_MAX;
    const auto text = [](Fields& from, std::string_view key, std::string& into) -> Parsed<void> {
      FH_TRY(auto value, from.string(key));
      into = value.value_or("");
      return {};
    };
    const auto number = [](Fields& from, std::string_view key, auto& into) -> Parsed<void> {
      FH_TRY(auto value, from.integer(key, 0, kMost));
      into = static_cast<std::remove_reference_t<decltype(into)>>(value.value_or(0));
      return {};
    };
    FH_TRY_VOID(text(f, "id", b.id));
    FH_TRY_VOID(text(f, "endpoint", b.endpoint));
    FH_TRY_VOID(text(f, "input_file_id", b.input_file_id));
    FH_TRY_VOID(text(f, "output_file_id", b.output_file_id));
    FH_TRY_VOID(text(f, "error_file_id", b.error_file_id));
    FH_TRY_VOID(number(f, "created_at", b.created_at));
    FH_TRY_VOID(number(f, "expires_at", b.expires_at));
    std::string status;
    FH_TRY_VOID(text(f, "status", status));
    const auto known = batch_status(status);
    if (!known) return f.wrong("status", "a batch's");
    b.status = *known;
    for (std::size_t i = 1; i < kBatchStatuses; ++i) {
      FH_TRY_VOID(number(f, std::string(kNames[i]) + "_at", b.reached[i]));
    }
    const Json *counts = f.find("request_counts"), *errors = f.find("errors"), *metadata = f.find("metadata");
    if (counts == nullptr || !counts->is_object()) return f.wrong("request_counts", "an object");
    Fields c(*counts);
    FH_TRY_VOID(number(c, "total", b.total));
    FH_TRY_VOID(number(c, "completed", b.completed));
    FH_TRY_VOID(number(c, "failed", b.failed));
    if (metadata != nullptr) b.metadata = dump(*metadata);
    if (errors == nullptr) return b;
    const Json* data = errors->is_object() && errors->contains("data") ? &(*errors)["data"] : nullptr;
    if (data == nullptr || !data->is_array()) return f.wrong("errors", "a list");
    for (const Json& item : *data) {
      if (!item.is_object()) return f.wrong("errors", "a list of objects");
      Fields e(item);
      BatchError error;
      FH_TRY_VOID(text(e, "code", error.code));
      FH_TRY_VOID(text(e, "message", error.message));
      FH_TRY_VOID(text(e, "param", error.param));
      FH_TRY(auto line, e.integer("line", 0, kMost));
      if (line) error.line = static_cast<std::uint64_t>(*line);
      b.errors.push_back(std::move(error));
    }
    return b;
  };
  auto batch = read();
  if (!batch) return std::nullopt;
  return std::move(*batch);
}

Parsed<NewBatch> parse_batch(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  NewBatch out;
  FH_TRY(auto input, f.string("input_file_id"));
  if (!input || input->empty()) return refuse(Problem::invalid, "'input_file_id' is required", "input_file_id");
  out.input_file_id = std::move(*input);
  FH_TRY(auto endpoint, f.string("endpoint"));
  if (!endpoint) return refuse(Problem::invalid, "'endpoint' is required", "endpoint");
  if (std::find(kEndpoints.begin(), kEndpoints.end(), *endpoint) == kEndpoints.end()) {
    return f.wrong("endpoint", fmt::format("one of {}", fmt::join(kEndpoints, ", ")));
  }
  out.endpoint = std::move(*endpoint);
  FH_TRY(auto window, f.string("completion_window"));
  if (!window) return refuse(Problem::invalid, "'completion_window' is required", "completion_window");
  if (*window != "24h") return f.wrong("completion_window", "24h");
  FH_TRY(out.metadata, parse_metadata(f));
  if (const Json* expires = f.find("output_expires_after"); expires != nullptr) {
    if (!expires->is_object()) return f.wrong("output_expires_after", "an object");
    Fields e(*expires, "output_expires_after");
    FH_TRY(auto anchor, e.string("anchor"));
    if (anchor != "created_at") return e.wrong("anchor", "created_at");
    FH_TRY(auto seconds, e.integer("seconds", 3600, 2'592'000));
    if (!seconds) return refuse(Problem::invalid, "'output_expires_after.seconds' is required", e.name("seconds"));
    out.output_expires_after = static_cast<std::uint64_t>(*seconds);
  }
  return out;
}

tl::expected<BatchLine, BatchError> parse_batch_line(std::string_view line, std::uint64_t number) {
  const auto wrong = [&](std::string code, std::string message, std::string param = {}) {
    return tl::unexpected(BatchError{std::move(code), std::move(message), std::move(param), number});
  };
  const auto root = parse_json(line);
  if (!root) return wrong("invalid_json_line", fmt::format("This line is not valid JSON: {}.", root.error().message));
  if (!root->is_object()) return wrong("invalid_json_line", "This line is not a JSON object.");
  Fields f(*root);
  BatchLine out;
  for (const auto& [key, into] : {std::pair("custom_id", &out.custom_id), std::pair("url", &out.url)}) {
    const auto value = f.string(key);
    if (!value) return wrong("invalid_type", value.error().message, key);
    if (!*value || (*value)->empty())
      return wrong("missing_required_parameter", fmt::format("Missing required parameter: '{}'.", key), key);
    *into = **value;
  }
  if (out.custom_id.size() > kMostCustomId) {
    return wrong("invalid_custom_id", fmt::format("'custom_id' is longer than {} bytes.", kMostCustomId), "custom_id");
  }
  const auto method = f.string("method");
  if (!method || *method != "POST") return wrong("invalid_method", "'method' must be POST.", "method");
  const Json* body = f.find("body");
  if (body == nullptr) return wrong("missing_required_parameter", "Missing required parameter: 'body'.", "body");
  if (!body->is_object()) return wrong("invalid_type", "'body' must be an object.", "body");
  out.body = dump(*body);
  return out;
}

std::string answered_line(std::string_view id, std::string_view custom_id, int status, std::string_view request_id,
                          std::string_view body, std::string_view ignored) {
  const std::string named = ignored.empty() ? "" : ",\"freehold_ignored\":" + dump(std::string(ignored));
  return fmt::format(
      R"({{"id":{},"custom_id":{},"response":{{"status_code":{},"request_id":{},"body":{}{}}},"error":null}})"
      "\n",
      dump(std::string(id)), dump(std::string(custom_id)), status, dump(std::string(request_id)), body, named);
}

std::string unanswered_line(std::string_view id, std::string_view custom_id, const BatchError& error) {
  return dump({{"id", std::string(id)},
               {"custom_id", std::string(custom_id)},
               {"response", nullptr},
               {"error", {{"code", error.code}, {"message", error.message}}}}) +
         "\n";
}

}  // namespace freehold::api::openai
