#include "upstream/wire.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "format/json.h"
#include "upstream/values.h"

namespace freehold::upstream {
namespace {

constexpr const Wire* kWires[] = {&kOpenAi, &kAnthropic, &kGemini};
constexpr std::size_t kShown = 300;

}  // namespace

std::string_view name_of(Ending ending) {
  switch (ending) {
    case Ending::stop:
      return "stop";
    case Ending::length:
      return "length";
    case Ending::filtered:
      return "content_filter";
    case Ending::other:
      break;
  }
  return "other";
}

const Wire* wire_of(std::string_view name) {
  for (const Wire* wire : kWires) {
    if (wire->name == name) return wire;
  }
  return nullptr;
}

std::string wire_names() {
  std::string names;
  for (const Wire* wire : kWires) {
    if (!names.empty()) names += ", ";
    names += wire->name;
  }
  return names;
}

std::string with_whole_pairs(std::string_view json) {
  constexpr std::size_t kEscape = 6;  // \\uXXXX
  // The code unit of the escape that begins here; 0: none does.
  const auto unit = [&](std::size_t at) -> unsigned {
    unsigned value = 0;
    if (at + kEscape > json.size() || json[at] != '\\' || json[at + 1] != 'u') return 0;
    const char* end = json.data() + at + kEscape;
    const auto [stop, error] = std::from_chars(json.data() + at + 2, end, value, 16);
    return error == std::errc() && stop == end ? value : 0;
  };
  const auto high = [](unsigned u) { return u >= 0xD800 && u < 0xDC00; };
  const auto low = [](unsigned u) { return u >= 0xDC00 && u < 0xE000; };
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    std::size_t length = json[i] == '\\' ? std::min<std::size_t>(2, json.size() - i) : 1;
    if (high(unit(i)) && low(unit(i + kEscape))) {
      length = 2 * kEscape;
    } else if (high(unit(i)) || low(unit(i))) {
      out += "\\ufffd";
      i += kEscape;
      continue;
    }
    out += json.substr(i, length);
    i += length;
  }
  return out;
}

Result<> Reading::whole(std::string_view json) {
  auto answer = format::parse_json(json);
  if (!answer && json.find("\\u") != std::string_view::npos) answer = format::parse_json(with_whole_pairs(json));
  if (!answer) return in_context(std::move(answer).error(), "its answer");
  if (const format::Value* error = answer->member("error"); error != nullptr && !error->is_null())
    return fail(Errc::corrupt, complaint_of(json).message);
  FH_TRY_VOID(take_whole(*answer));
  if (!ended_) return fail(Errc::corrupt, "its answer is JSON and no stream, and no complete answer either");
  complete_ = true;
  return {};
}

// All three say {"error": {"message": …}}; the code is "code" or "type" (OpenAI), "type" (Anthropic), "status"
// (Gemini).
Complaint complaint_of(std::string_view body) {
  Complaint out{printable(body, kShown), {}};
  const auto value = format::parse_json(body);
  if (!value) return out;
  const format::Value* error = value->member("error");
  if (error == nullptr) return out;
  if (const auto text = error->as_string()) return {printable(*text, kShown), {}};
  const auto text = [&](std::string_view key) -> std::optional<std::string_view> {
    const format::Value* v = error->member(key);
    return v != nullptr ? v->as_string() : std::nullopt;
  };
  if (const auto message = text("message")) out.message = printable(*message, kShown);
  for (const std::string_view key : {"code", "type", "status"}) {
    if (const auto code = text(key); code && out.code.empty()) out.code = printable(*code, 60);
  }
  return out;
}

}  // namespace freehold::upstream
