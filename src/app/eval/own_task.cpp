// A CSV or JSONL file and a few columns, as a task.
#include <fmt/format.h>

#include "app/eval/evaluation.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

// As a double-quoted scalar of YAML.
std::string yaml_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\"";
}

std::string place(std::string_view column) {
  return fmt::format("{{{}}}", column);
}

}  // namespace

Result<eval::TaskSet> own_task(std::string_view path, const Arguments& arguments) {
  if (!arguments.given("prompt-column") || !arguments.given("answer-column"))
    return fail(Errc::invalid, fmt::format("{} needs --prompt-column and --answer-column", printable(path)));
  const std::string_view answer = arguments.text("answer-column");
  for (std::string_view column : {arguments.text("prompt-column"), answer, arguments.text("choices-column")}) {
    if (column.find_first_of("{}|") != std::string_view::npos)
      return fail(Errc::invalid, fmt::format("a column cannot be called '{}'", printable(column)));
  }
  std::string yaml = fmt::format("version: 1\ntasks:\n  - name: {}\n    data: {{file: {}, format: {}}}\n",
                                 yaml_text(path), yaml_text(path), path.ends_with(".csv") ? "csv" : "jsonl");
  yaml += fmt::format("    prompt: {}\n", yaml_text(place(arguments.text("prompt-column"))));
  if (arguments.given("shots")) yaml += "    shots: {count: 0, pick: seed}\n";
  if (arguments.given("choices-column")) {
    yaml += fmt::format("    kind: choice\n    choices:\n      - {{list: {}}}\n    right: {{index: {}}}\n",
                        yaml_text(arguments.text("choices-column")), yaml_text(answer));
    yaml += "    metrics: [acc, acc_byte, letter, ece]\n";
  } else {
    const bool f1 = arguments.text("metric") == "f1";
    yaml += fmt::format("    kind: generate\n    target: {}\n    max_tokens: {}\n", yaml_text(place(answer)),
                        arguments.integer("max-tokens"));
    yaml += "    until: [\"\\n\"]\n    normalise: [lower, punctuation, articles, numbers]\n";
    yaml += fmt::format("    metrics: [{}]\n", f1 ? "f1, exact_match" : "exact_match, f1");
  }
  return eval::parse_tasks(yaml, path);
}

}  // namespace freehold::app
