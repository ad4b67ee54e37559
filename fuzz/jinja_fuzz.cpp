// A chat template from hostile bytes: parsed, then rendered with a few values. Behind a NUL byte may stand JSON for the
// variable `x`.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "text/jinja/json_value.h"
#include "text/jinja/template.h"

using namespace freehold;
using namespace freehold::text::jinja;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t nul = bytes.find('\0');
  Limits limits;
  limits.steps = 20'000;
  limits.output_bytes = 64 << 10;
  limits.memory_bytes = 4 << 20;
  auto parsed = Template::parse(bytes.substr(0, nul), limits);
  if (!parsed) return parsed.error().message().empty() ? std::abort(), 0 : 0;

  static const Value messages = *value_from_json(
      R"([{"role": "system", "content": "s"}, {"role": "user", "content": "é 🙂\n"},
          {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1.5}}}]}])");
  Template::Variables variables = {{"messages", messages},
                                   {"tools", Value::none()},
                                   {"bos_token", Value::string("<s>")},
                                   {"add_generation_prompt", Value::boolean(true)}};
  if (nul != std::string_view::npos) {
    if (auto x = value_from_json(bytes.substr(nul + 1))) variables.emplace_back("x", *x);
  }
  auto first = parsed->render(variables, [] { return std::tm{}; });
  auto second = parsed->render(variables, [] { return std::tm{}; });
  if (first.has_value() && (!is_utf8(*first) || first->size() > limits.output_bytes)) std::abort();
  if (!first.has_value() && first.error().kind() != FailureKind::raised && first.error().message().empty())
    std::abort();
  // The clock is the only thing that may make two renders differ.
  if (first.has_value() && second.has_value() && *first != *second) std::abort();
  return 0;
}
