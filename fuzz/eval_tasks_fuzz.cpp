// Task files and benchmark data from hostile bytes: YAML with its verbs, rows in every format, packed files, answers.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "eval/filter.h"
#include "eval/literal.h"
#include "eval/result.h"
#include "eval/row.h"
#include "eval/task.h"
#include "eval/unpack.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto set = eval::parse_tasks(text, "fuzz");
  if (!set && set.error().what.empty()) std::abort();
  for (auto format : {eval::DataFormat::csv, eval::DataFormat::jsonl, eval::DataFormat::lines, eval::DataFormat::text,
                      eval::DataFormat::cells}) {
    const auto rows = eval::parse_rows(text, format, {"a", "b"});
    if (!rows) continue;
    for (const eval::Row& row : *rows) {
      const bool maps = format == eval::DataFormat::jsonl || format == eval::DataFormat::cells;
      if (row.fields.empty() && !maps) std::abort();
      if (!set) break;
      for (const eval::Task& task : set->tasks) {
        const auto prompt = task.prompt.fill(row);
        if (!prompt && prompt.error().what.empty()) std::abort();
      }
    }
  }
  const auto json = eval::json_of_literal(text);
  if (!json && json.error().what.empty()) std::abort();
  for (std::string_view name : {"x.gz", "x.bz2"}) (void)eval::unpack(name, std::string(text));
  for (std::string_view kind : {"last_number", "json_field", "first_line", "code", "letter"}) {
    const auto filter = eval::make_filter(kind, "answer");
    if (!filter || !eval::extract(*filter, text)) std::abort();
  }
  eval::ItemResult result;
  for (auto aspect : {eval::Aspect::scores, eval::Aspect::texts, eval::Aspect::letter, eval::Aspect::verdicts}) {
    eval::ItemResult again;
    if (!eval::add_json(text, aspect, result) || aspect != eval::Aspect::scores) continue;
    if (!eval::add_json(eval::to_json(result, aspect), aspect, again) || again.scores.size() != result.scores.size())
      std::abort();
  }
  return 0;
}
