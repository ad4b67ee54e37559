// What is given out of a response that is kept: its input, and the events that would build it.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/openai/responses.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

class Replay {
 public:
  explicit Replay(std::int64_t after) : after_(after) {}

  void event(std::string_view type, const Json& data) {
    Json out = {{"type", std::string(type)}, {"sequence_number", number_}};
    for (const auto& item : data.items()) out[item.key()] = item.value();
    if (number_++ > after_) text_ += fmt::format("event: {}\ndata: {}\n\n", type, dump(out));
  }

  void item(std::size_t index, const Json& whole) {
    const std::string type = whole.value("type", "");
    Json begun = whole;
    if (begun.contains("status")) begun["status"] = "in_progress";
    for (const char* parts : {"content", "summary"}) {
      if (begun.contains(parts)) begun[parts] = Json::array();
    }
    if (begun.contains("arguments")) begun["arguments"] = "";
    event("response.output_item.added", {{"output_index", index}, {"item", begun}});
    Json place = {{"item_id", whole["id"]}, {"output_index", index}};
    if (type == "function_call") {
      if (!whole["arguments"].get_ref<const std::string&>().empty()) {
        event("response.function_call_arguments.delta", with(place, {{"delta", whole["arguments"]}}));
      }
      event("response.function_call_arguments.done",
            with(place, {{"name", whole["name"]}, {"arguments", whole["arguments"]}}));
    } else {
      for (const auto& [parts, number] : {std::pair{"summary", "summary_index"}, {"content", "content_index"}}) {
        for (std::size_t i = 0; whole.contains(parts) && i < whole[parts].size(); ++i) {
          part(with(place, {{number, i}}), whole[parts][i]);
        }
      }
    }
    event("response.output_item.done", {{"output_index", index}, {"item", whole}});
  }

  std::string text() && { return std::move(text_); }

 private:
  static Json with(Json object, const Json& more) {
    for (const auto& item : more.items()) object[item.key()] = item.value();
    return object;
  }
  void part(const Json& place, const Json& whole) {
    const std::string type = whole.value("type", "");
    const bool summary = type == "summary_text", thought = summary || type == "reasoning_text";
    const std::string name = summary   ? "response.reasoning_summary_text"
                             : thought ? "response.reasoning_text"
                                       : "response.output_text";
    const std::string part = summary ? "response.reasoning_summary_part" : "response.content_part";
    Json begun = whole;
    begun["text"] = "";
    if (!thought) begun["logprobs"] = Json::array();
    event(part + ".added", with(place, {{"part", begun}}));
    Json said = {{"delta", whole["text"]}};
    if (!thought) said["logprobs"] = whole["logprobs"];
    if (!whole["text"].get_ref<const std::string&>().empty()) event(name + ".delta", with(place, said));
    Json all = {{"text", whole["text"]}};
    if (!thought) all["logprobs"] = whole["logprobs"];
    event(name + ".done", with(place, all));
    event(part + ".done", with(place, {{"part", whole}}));
  }

  const std::int64_t after_;
  std::int64_t number_ = 0;
  std::string text_;
};

}  // namespace

Parsed<std::string> replayed_events(const StoredResponse& stored, std::int64_t after) {
  FH_TRY(const Json response, parse_json(stored.response));
  Json begun = response;
  begun["status"] = "in_progress";
  begun["output"] = Json::array();
  for (const char* key : {"usage", "error", "incomplete_details"}) begun[key] = nullptr;
  Replay replay(after);
  replay.event("response.created", {{"response", begun}});
  replay.event("response.in_progress", {{"response", begun}});
  const Json& output = response["output"];
  for (std::size_t i = 0; i < output.size(); ++i) replay.item(i, output[i]);
  // There is no event for what was cancelled.
  const std::string status = response.value("status", "completed");
  replay.event("response." + (status == "cancelled" ? "incomplete" : status), {{"response", response}});
  return std::move(replay).text();
}

Parsed<std::string> input_items_json(const StoredResponse& stored, const Page& page) {
  FH_TRY(const Json items, parse_json(stored.input_items));
  std::vector<std::pair<std::string, std::string>> objects;
  for (const Json& item : items) objects.emplace_back(item["id"].get<std::string>(), dump(item));
  if (!page.ascending) std::reverse(objects.begin(), objects.end());
  if (!page.after.empty()) {
    const auto found =
        std::find_if(objects.begin(), objects.end(), [&](const auto& object) { return object.first == page.after; });
    if (found == objects.end()) {
      return refuse(Problem::invalid, fmt::format("'after': there is no item '{}'", printable(page.after)), "after");
    }
    objects.erase(objects.begin(), found + 1);
  }
  const bool more = objects.size() > page.limit;
  if (more) objects.resize(page.limit);
  return list_json(objects, more);
}

bool is_background(std::string_view response) {
  const auto parsed = parse_object(response);
  return parsed && parsed->value("background", Json(false)) == true;
}

std::string with_status(std::string_view response, std::string_view status, const Failure* failure) {
  auto parsed = parse_object(response);
  if (!parsed) return std::string(response);
  (*parsed)["status"] = std::string(status);
  if (failure != nullptr) (*parsed)["error"] = {{"code", "server_error"}, {"message", failure->message}};
  return dump(*parsed);
}

std::string deleted_json(std::string_view id) {
  return dump({{"id", std::string(id)}, {"object", "response"}, {"deleted", true}});
}

}  // namespace freehold::api::openai
