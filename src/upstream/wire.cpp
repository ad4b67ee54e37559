#include "upstream/wire.h"

#include "base/utf8.h"
#include "format/json.h"

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
      return "filtered";
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
