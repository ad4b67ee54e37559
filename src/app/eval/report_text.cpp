// The terminal's table, --json and the items as lines of JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/eval/report.h"
#include "app/json_writer.h"
#include "app/progress.h"
#include "app/table.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

std::string figure(eval::Metric metric, double x) {
  return in_points(metric) ? fmt::format("{:.1f}", 100 * x) : fmt::format("{:.3f}", x);
}

std::string with_interval(eval::Metric metric, const eval::GroupScore& s) {
  return fmt::format("{} [{}, {}]", figure(metric, s.score), figure(metric, s.interval.low),
                     figure(metric, s.interval.high));
}

void write_interval(JsonWriter& w, const eval::Interval& interval) {
  w.key("interval").begin_array().value(interval.low).value(interval.high).end_array();
}

void write_money(JsonWriter& w, std::string_view key, const std::optional<ledger::Money>& money) {
  w.key(key);
  money ? w.value(money->text()) : w.null();
}

std::string costs_as_text(const EvalReport& report) {
  std::vector<std::vector<std::string>> rows = {{"TASK", "MODEL", "USD NOW", "USD A RIGHT ANSWER"}};
  for (const ReportLine& line : report.lines) {
    for (std::size_t m = 0; m < report.models.size(); ++m)
      rows.push_back({printable(line.name), printable(report.models[m].name), usd_text(line.spent[m]),
                      usd_text(line.per_correct[m])});
  }
  return as_table(rows, {Align::left, Align::left, Align::right, Align::right});
}

std::string verdict(const ModelComparison& c, bool less) {
  if (c.adjusted >= 0.05) return "no difference shown";
  return (c.difference > 0) != less ? "better" : "worse";
}

void write_task(JsonWriter& w, const EvalReport& report, std::size_t t) {
  const eval::Questions& q = report.tasks[t];
  w.begin_object().member("name", q.task->name).member("version", q.task->version);
  w.member("digest", q.digest.hex()).member("items", q.questions.size()).member("shots", q.task->shots.count);
  w.key("models").begin_array();
  for (const ModelResults& model : report.models) {
    const TaskResult& r = model.tasks[t];
    w.begin_object().member("model", model.name).member("shortened_items", r.shortened).member("cut_items", r.cut);
    if (r.unanswered) {
      const Unanswered& u = *r.unanswered;
      w.key("unanswered").begin_object().member("refused_items", u.refused).member("content_filter", u.filtered);
      w.member("length", u.length).member("other", u.other).member("unparsable", u.unparsable).end_object();
    }
    w.key("metrics").begin_object();
    for (const eval::Measured& m : r.measured) {
      w.key(eval::name_of(m.metric)).begin_object().member("score", m.score);
      write_interval(w, m.interval);
      w.end_object();
    }
    w.end_object().end_object();
  }
  w.end_array().end_object();
}

}  // namespace

std::string usd_text(const std::optional<ledger::Money>& money) {
  if (!money) return "unknown";
  int digits = 2;
  for (double x = money->as_double(); x > 0 && x < 0.1 && digits < 12; x *= 10) ++digits;
  return money->rounded(digits);
}

std::string report_table(const EvalReport& report) {
  std::vector<std::vector<std::string>> rows = {{"TASK", "METRIC", "ITEMS"}};
  std::vector<Align> columns = {Align::left, Align::left, Align::right};
  for (const ModelResults& model : report.models) {
    rows[0].push_back(printable(model.name));
    columns.push_back(Align::right);
  }
  for (const eval::Published& p : report.published) {
    rows[0].push_back(p.model + " (published)");
    columns.push_back(Align::right);
  }
  for (const ReportLine& line : report.lines) {
    std::vector<std::string> row = {printable(line.name), std::string(eval::name_of(line.metric)), grouped(line.items)};
    for (const eval::GroupScore& s : line.scores) row.push_back(with_interval(line.metric, s));
    for (const eval::Published& p : report.published) {
      const auto found = p.scores.find(line.name);
      row.push_back(found == p.scores.end() ? "" : figure(line.metric, found->second));
    }
    rows.push_back(std::move(row));
    if (line.group) continue;
    // The task's other metrics, below its own.
    const eval::Task& task = *report.tasks[line.tasks[0]].task;
    for (std::size_t m = 1; m < task.metrics.size(); ++m) {
      row = {"", std::string(eval::name_of(task.metrics[m])), ""};
      for (const ModelResults& model : report.models) {
        const eval::Measured& measured = model.tasks[line.tasks[0]].measured[m];
        row.push_back(with_interval(measured.metric, {measured.score, measured.interval, 0}));
      }
      row.resize(rows[0].size());
      rows.push_back(std::move(row));
    }
  }
  std::string out = as_table(rows, columns);
  const auto notes = unanswered_lines(report);
  if (!notes.empty()) out += "\n";
  for (const std::string& note : notes) out += note + "\n";
  if (report.costs) out += "\n" + costs_as_text(report);
  if (report.comparisons.empty()) return out;
  rows = {{"TASK", "COMPARED", "DIFFERENCE", "95 %", "P", "P (HOLM)", ""}};
  for (const ModelComparison& c : report.comparisons) {
    const ReportLine& line = report.lines[c.line];
    rows.push_back({printable(line.name),
                    printable(fmt::format("{} - {}", report.models[c.second].name, report.models[c.first].name)),
                    figure(line.metric, c.difference),
                    fmt::format("[{}, {}]", figure(line.metric, c.interval.low), figure(line.metric, c.interval.high)),
                    fmt::format("{:.4f}", c.p), fmt::format("{:.4f}", c.adjusted),
                    verdict(c, eval::less_is_better(line.metric))});
  }
  return out + "\n" +
         as_table(rows,
                  {Align::left, Align::left, Align::right, Align::right, Align::right, Align::right, Align::left});
}

std::string report_json(const EvalReport& report) {
  JsonWriter w(true);
  w.begin_object().key("models").begin_array();
  for (const ModelResults& model : report.models)
    w.begin_object().member("name", model.name).member("identity", model.identity).end_object();
  w.end_array().key("tasks").begin_array();
  for (std::size_t t = 0; t < report.tasks.size(); ++t) write_task(w, report, t);
  w.end_array().key("scores").begin_array();
  for (const ReportLine& line : report.lines) {
    w.begin_object().member("name", line.name).member("title", line.title).member("group", line.group);
    w.member("metric", eval::name_of(line.metric)).member("items", line.items).key("models").begin_array();
    for (std::size_t m = 0; m < report.models.size(); ++m) {
      w.begin_object().member("model", report.models[m].name).member("score", line.scores[m].score);
      write_interval(w, line.scores[m].interval);
      write_money(w, "spent", report.costs ? line.spent[m] : std::nullopt);
      write_money(w, "cost_per_correct", report.costs ? line.per_correct[m] : std::nullopt);
      w.end_object();
    }
    w.end_array().end_object();
  }
  w.end_array().key("comparisons").begin_array();
  for (const ModelComparison& c : report.comparisons) {
    const ReportLine& line = report.lines[c.line];
    w.begin_object().member("name", line.name).member("first", report.models[c.first].name);
    w.member("second", report.models[c.second].name).member("difference", c.difference);
    write_interval(w, c.interval);
    w.member("test", c.test).member("p", c.p).member("p_holm", c.adjusted);
    w.member("only_first_right", c.only_first).member("only_second_right", c.only_second);
    w.member("verdict", verdict(c, eval::less_is_better(line.metric))).end_object();
  }
  w.end_array().key("published").begin_array();
  for (const eval::Published& p : report.published) {
    w.begin_object().member("model", p.model).member("source", p.source).member("confidence", p.confidence);
    w.key("scores").begin_object();
    for (const auto& [name, score] : p.scores) w.member(name, score);
    w.end_object().end_object();
  }
  w.end_array().end_object();
  return w.take() + "\n";
}

std::string report_items(const EvalReport& report) {
  std::string out;
  for (std::size_t t = 0; t < report.tasks.size(); ++t) {
    const eval::Questions& all = report.tasks[t];
    for (const ModelResults& model : report.models) {
      for (std::size_t i = 0; i < all.questions.size(); ++i) {
        const eval::Question& q = all.questions[i];
        const eval::ItemResult& r = model.tasks[t].items[i];
        JsonWriter w;
        w.begin_object().member("task", all.task->name).member("model", model.name).member("item", q.row);
        if (!r.scores.empty()) {
          w.key("logprobs").begin_array();
          for (const eval::Score& s : r.scores) w.value(s.logprob);
          w.end_array().key("tokens").begin_array();
          for (const eval::Score& s : r.scores) w.value(s.tokens);
          w.end_array();
        }
        if (!r.texts.empty()) {
          w.key("texts").begin_array();
          for (const std::string& text : r.texts) w.value(text);
          w.end_array();
        }
        if (!r.letter.empty()) w.member("letter", r.letter);
        if (std::any_of(r.ended.begin(), r.ended.end(), [](eval::Ended e) { return e != eval::Ended::whole; })) {
          w.key("ended").begin_array();
          for (const eval::Ended ended : r.ended) w.value(eval::name_of(ended));
          w.end_array();
        }
        if (!r.verdicts.empty()) {
          w.key("verdicts").begin_array();
          for (const sandbox::Verdict verdict : r.verdicts) w.value(name_of(verdict));
          w.end_array();
        }
        w.key("values").begin_object();
        for (const eval::Measured& m : model.tasks[t].measured) w.member(eval::name_of(m.metric), m.values[i]);
        w.end_object().end_object();
        out += w.take() + "\n";
      }
    }
  }
  return out;
}

}  // namespace freehold::app
