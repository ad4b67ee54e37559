// Which of a vendor's answers are none, and how a report says so.
#include <fmt/format.h>

#include <algorithm>

#include "app/eval/report.h"
#include "app/progress.h"
#include "base/utf8.h"

namespace freehold::app {

Result<Unanswered> unanswered_in(const eval::Questions& all, const std::vector<eval::ItemResult>& items) {
  using eval::Ended;
  Unanswered out;
  const eval::Task& task = *all.task;
  const bool letters = task.kind != eval::TaskKind::generate;
  for (std::size_t at = 0; at < items.size(); ++at) {
    const eval::ItemResult& item = items[at];
    const eval::Question& question = all.questions[at];
    if (std::find(item.ended.begin(), item.ended.end(), Ended::refused) != item.ended.end()) ++out.refused;
    const std::size_t answers = letters ? 1 : item.texts.size();
    for (std::size_t i = 0; i < answers; ++i) {
      const Ended ended = item.ended_at(i);
      out.filtered += ended == Ended::filtered ? 1 : 0;
      out.length += ended == Ended::length ? 1 : 0;
      out.other += ended == Ended::other ? 1 : 0;
      if (ended != Ended::whole) continue;
      if (letters) {
        const std::size_t choice = eval::chosen(task, question, item, eval::Metric::letter);
        out.unparsable += choice >= question.answers.size() ? 1 : 0;
      } else {
        FH_TRY(const std::string found, eval::filtered(task, item.texts[i]));
        out.unparsable += found.empty() ? 1 : 0;
      }
    }
  }
  return out;
}

std::vector<std::string> unanswered_lines(const EvalReport& report) {
  std::vector<std::string> out;
  for (const ModelResults& model : report.models) {
    for (std::size_t t = 0; t < model.tasks.size(); ++t) {
      const auto& counts = model.tasks[t].unanswered;
      if (!counts || !counts->any()) continue;
      std::string line = fmt::format("{}, {}:", printable(model.name), printable(report.tasks[t].task->name));
      const auto add = [&](std::size_t n, std::string_view one, std::string_view many, std::string_view what) {
        if (n == 0) return;
        line += fmt::format("{} {} {} {}", line.ends_with(':') ? "" : ",", grouped(n), n == 1 ? one : many, what);
      };
      add(counts->refused, "item", "items", "refused by the vendor");
      add(counts->filtered, "answer", "answers", "withheld by the vendor's filter");
      add(counts->length, "answer", "answers", "cut off at the token limit");
      add(counts->other, "answer", "answers", "ended for another reason");
      add(counts->unparsable, "answer", "answers", "without anything to judge");
      out.push_back(std::move(line));
    }
  }
  return out;
}

}  // namespace freehold::app
