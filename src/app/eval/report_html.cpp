// The report as one HTML file: a bar chart of all tasks and groups with a bar for each model, intervals drawn,
// published figures as marks; the figures as tables; the items on which models differ, to be read. Nothing is loaded
// from outside, and every text from data or models is escaped.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/eval/report.h"
#include "app/html.h"
#include "app/progress.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

// Okabe and Ito's colours, which colour-blind readers tell apart, darkest contrast first.
constexpr std::string_view kColours[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"};
constexpr std::string_view kShapes[] = {"\u25c6", "\u25b2", "\u25cf", "\u25a0"};
constexpr std::size_t kMostItems = 50;  // a comparison, that are shown

bool in_percent(const ReportLine& line) {
  return in_points(line.metric);
}

std::string number(const ReportLine& line, double x) {
  return in_percent(line) ? fmt::format("{:.1f}", 100 * x) : fmt::format("{:.3f}", x);
}

std::string_view colour(std::size_t model) {
  return kColours[model % std::size(kColours)];
}

// Lines of the chart: groups of several tasks stand for their tasks once there are many.
std::vector<const ReportLine*> charted(const EvalReport& report) {
  std::vector<const ReportLine*> lines;
  const bool groups = report.lines.size() > 16;
  for (const ReportLine& line : report.lines) {
    if (in_percent(line) && (!groups || line.group || line.name.find('/') == std::string::npos)) lines.push_back(&line);
  }
  return lines;
}

class Chart {
 public:
  Chart(const EvalReport& report, std::vector<const ReportLine*> lines) : report_(report), lines_(std::move(lines)) {
    const std::size_t bars = report.models.size();
    bar_ = std::clamp(90.0 / static_cast<double>(bars), 14.0, 46.0);
    slot_ = std::max(bar_ * static_cast<double>(bars) + 34, 112.0);
    width_ = kLeft + slot_ * static_cast<double>(lines_.size()) + 20;
    height_ = kTop + kPlot + 74;
  }

  std::string draw() {
    out_ = fmt::format(
        "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" aria-label=\"Scores by "
        "task and model\">\n",
        width_, height_);
    for (int percent = 0; percent <= 100; percent += 20) {
      out_ += fmt::format("<line x1=\"{}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>", kLeft,
                          width_ - 10, y(percent / 100.0), y(percent / 100.0), percent == 0 ? "axis" : "grid");
      out_ += fmt::format("<text x=\"{}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"end\">{}</text>\n", kLeft - 8,
                          y(percent / 100.0) + 4, percent);
    }
    out_ += fmt::format(
        "<text x=\"14\" y=\"{:.0f}\" class=\"tick\" text-anchor=\"middle\" transform=\"rotate(-90 14 "
        "{:.0f})\">score (%)</text>\n",
        kTop + kPlot / 2, kTop + kPlot / 2);
    for (std::size_t l = 0; l < lines_.size(); ++l) group(l);
    return out_ + "</svg>\n";
  }

 private:
  static constexpr double kLeft = 56, kTop = 18, kPlot = 300;
  static double y(double share) { return kTop + kPlot * (1 - std::clamp(share, 0.0, 1.0)); }

  void group(std::size_t l) {
    const ReportLine& line = *lines_[l];
    const double middle = kLeft + slot_ * (static_cast<double>(l) + 0.5);
    double x = middle - bar_ * static_cast<double>(report_.models.size()) / 2;
    for (std::size_t m = 0; m < report_.models.size(); ++m, x += bar_) bar(line, m, x);
    for (std::size_t p = 0; p < report_.published.size(); ++p) {
      const auto found = report_.published[p].scores.find(line.name);
      if (found == report_.published[p].scores.end()) continue;
      out_ += fmt::format(
          "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"mark\" text-anchor=\"middle\"><title>{}, published: "
          "{:.1f}</title>{}</text>\n",
          middle + slot_ / 2 - 13, y(found->second) + 5, escaped_html(report_.published[p].model), 100 * found->second,
          kShapes[p % std::size(kShapes)]);
    }
    // Long names go over two lines.
    const std::string& title = line.title;
    std::size_t cut = std::string::npos;
    if (title.size() > 14) {
      cut = title.find(' ', title.size() / 2 - 3);
      if (cut == std::string::npos) cut = title.rfind(' ');
    }
    const double below = kTop + kPlot;
    const auto label = [&](std::string_view text, double at, std::string_view kind) {
      out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" class=\"{}\" text-anchor=\"middle\">{}</text>\n", middle, at,
                          kind, escaped_html(printable(text, 24)));
    };
    label(std::string_view(title).substr(0, cut), below + 20, "name");
    if (cut != std::string::npos) label(std::string_view(title).substr(cut + 1), below + 35, "name");
    label(fmt::format("n = {}", grouped(line.items)), below + (cut == std::string::npos ? 36 : 51), "tick");
  }

  void bar(const ReportLine& line, std::size_t m, double x) {
    const eval::GroupScore& s = line.scores[m];
    const double top = y(s.score), centre = x + bar_ / 2;
    out_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"><title>{}, {}: "
        "{:.1f} [{:.1f}, {:.1f}]</title></rect>",
        x + 1, top, bar_ - 2, std::max(0.0, y(0) - top), colour(m), escaped_html(report_.models[m].name),
        escaped_html(line.title), 100 * s.score, 100 * s.interval.low, 100 * s.interval.high);
    const double low = y(s.interval.low), high = y(s.interval.high), cap = bar_ / 5;
    out_ += fmt::format(
        "<path class=\"whisker\" d=\"M{0:.1f} {1:.1f}V{2:.1f}M{3:.1f} {1:.1f}H{4:.1f}M{3:.1f} "
        "{2:.1f}H{4:.1f}\"/>",
        centre, low, high, centre - cap, centre + cap);
    if (bar_ >= 22) {
      out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"value\" text-anchor=\"middle\">{:.1f}</text>\n",
                          centre, high - 5, 100 * s.score);
    }
  }

  const EvalReport& report_;  // owner: the caller
  std::vector<const ReportLine*> lines_;
  double bar_ = 0, slot_ = 0, width_ = 0, height_ = 0;
  std::string out_;
};

std::string legend(const EvalReport& report) {
  std::string out = "<p class=\"legend\">";
  for (std::size_t m = 0; m < report.models.size(); ++m) {
    out +=
        fmt::format("<span><i style=\"background:{}\"></i>{}</span>", colour(m), escaped_html(report.models[m].name));
  }
  for (std::size_t p = 0; p < report.published.size(); ++p) {
    out += fmt::format("<span>{} {} (published: {})</span>", kShapes[p % std::size(kShapes)],
                       escaped_html(report.published[p].model), escaped_html(report.published[p].source));
  }
  return out + "</p>\n";
}

std::string score_table(const EvalReport& report) {
  std::string out = "<table><thead><tr><th>Task</th><th>Metric</th><th>Items</th>";
  for (const ModelResults& model : report.models) out += fmt::format("<th>{}</th>", escaped_html(model.name));
  for (const eval::Published& p : report.published)
    out += fmt::format("<th>{} (published)</th>", escaped_html(p.model));
  out += "</tr></thead><tbody>\n";
  for (const ReportLine& line : report.lines) {
    out += fmt::format("<tr{}><td>{}</td><td>{}</td><td class=\"n\">{}</td>", line.group ? " class=\"group\"" : "",
                       escaped_html(line.title), eval::name_of(line.metric), grouped(line.items));
    for (const eval::GroupScore& s : line.scores) {
      out += fmt::format("<td class=\"n\">{} <small>[{}, {}]</small></td>", number(line, s.score),
                         number(line, s.interval.low), number(line, s.interval.high));
    }
    for (const eval::Published& p : report.published) {
      const auto found = p.scores.find(line.name);
      out += fmt::format("<td class=\"n\">{}</td>", found == p.scores.end() ? "" : number(line, found->second));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string comparison_table(const EvalReport& report) {
  if (report.comparisons.empty()) return {};
  std::string out =
      "<h2>Differences</h2><p>Item by item, 95 % intervals. p is of McNemar's exact test for right and wrong, of "
      "random "
      "signs otherwise; Holm's adjustment is over all rows.</p>\n<table><thead><tr><th>Task</th><th>Compared</th>"
      "<th>Difference</th><th>p</th><th>p (Holm)</th><th>Right for one alone</th><th></th></tr></thead><tbody>\n";
  for (const ModelComparison& c : report.comparisons) {
    const ReportLine& line = report.lines[c.line];
    const bool shown = c.adjusted < 0.05;
    const bool better = (c.difference > 0) != eval::less_is_better(line.metric);
    out += fmt::format(
        "<tr><td>{}</td><td>{} \u2212 {}</td><td class=\"n\">{} <small>[{}, {}]</small></td><td class=\"n\">{:.4f}</td>"
        "<td class=\"n\">{:.4f}</td><td class=\"n\">{} : {}</td><td>{}</td></tr>\n",
        escaped_html(line.title), escaped_html(report.models[c.second].name), escaped_html(report.models[c.first].name),
        number(line, c.difference), number(line, c.interval.low), number(line, c.interval.high), c.p, c.adjusted,
        c.only_second, c.only_first,
        !shown   ? "no difference shown"
        : better ? "better"
                 : "worse");
  }
  return out + "</tbody></table>\n";
}

std::string cost_table(const EvalReport& report) {
  if (!report.costs) return {};
  std::string out =
      "<h2>Costs</h2><p>USD: at a vendor by the price book on the day of the run, here by what the machine costs while "
      "it "
      "works.</p>\n<table><thead><tr><th>Task</th><th>Model</th><th>This run</th><th>A right answer</th></tr></thead>"
      "<tbody>\n";
  for (const ReportLine& line : report.lines) {
    for (std::size_t m = 0; m < report.models.size(); ++m) {
      out += fmt::format("<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                         escaped_html(line.title), escaped_html(report.models[m].name), usd_text(line.spent[m]),
                         usd_text(line.per_correct[m]));
    }
  }
  return out + "</tbody></table>\n";
}

std::string said(const EvalReport& report, std::size_t t, std::size_t model, std::size_t i) {
  const eval::Questions& all = report.tasks[t];
  const eval::Question& q = all.questions[i];
  const eval::ItemResult& r = report.models[model].tasks[t].items[i];
  if (!r.verdicts.empty()) return fmt::format("{}<pre>{}</pre>", name_of(r.verdicts[0]), escaped_html(r.texts[0]));
  if (!r.texts.empty()) return escaped_html(r.texts[0]);
  const std::size_t choice = eval::chosen(*all.task, q, r, all.task->metrics.front());
  if (choice >= q.answers.size()) return "\u2013";
  return escaped_html(q.prompts.size() > 1 ? q.prompts[choice] : q.answers[choice]);
}

// Items on which two models differ, so that somebody can look at what the figures are made of.
std::string items_of(const EvalReport& report, const ModelComparison& c) {
  const ReportLine& line = report.lines[c.line];
  if (line.group) return {};
  const std::size_t t = line.tasks[0];
  const eval::Questions& all = report.tasks[t];
  const auto& a = report.models[c.first].tasks[t].measured.front().values;
  const auto& b = report.models[c.second].tasks[t].measured.front().values;
  std::string rows;
  std::size_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || ++different > kMostItems) continue;
    const eval::Question& q = all.questions[i];
    std::string right;
    for (std::size_t k = 0; k < q.right.size(); ++k) {
      if (q.right[k] && right.empty()) right = q.prompts.size() > 1 ? q.prompts[k] : q.answers[k];
    }
    if (right.empty() && !q.answers.empty()) right = q.answers[0];
    rows += fmt::format(
        "<tr><td class=\"n\">{}</td><td><pre>{}</pre></td><td>{}</td><td class=\"{}\">{}</td>"
        "<td class=\"{}\">{}</td></tr>\n",
        q.row, escaped_html(q.prompts[0]), escaped_html(right), a[i] > b[i] ? "good" : "bad",
        said(report, t, c.first, i), b[i] > a[i] ? "good" : "bad", said(report, t, c.second, i));
  }
  if (rows.empty()) return {};
  return fmt::format(
      "<details><summary>{}: {} items on which {} and {} differ{}</summary><table class=\"items\"><thead><tr><th>Item"
      "</th><th>Question</th><th>Right</th><th>{}</th><th>{}</th></tr></thead><tbody>\n{}</tbody></table></details>\n",
      escaped_html(line.title), grouped(different), escaped_html(report.models[c.first].name),
      escaped_html(report.models[c.second].name),
      different > kMostItems ? fmt::format(", the first {}", kMostItems) : "",
      escaped_html(report.models[c.first].name), escaped_html(report.models[c.second].name), rows);
}

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;margin:.8rem 0}th,td{padding:.3rem .7rem;border-bottom:1px solid #d8dde3;text-align:left;vertical-align:top}
th{font-weight:600;background:#f4f6f8}td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
small{color:#57606a}tr.group td{font-weight:600}pre{white-space:pre-wrap;margin:0;font:13px/1.4 ui-monospace,monospace;max-width:34rem}
.chart{overflow-x:auto}.grid{stroke:#e3e7eb}.axis{stroke:#1b1f24}.whisker{stroke:#1b1f24;stroke-width:1.4;fill:none}
.tick{font-size:12px;fill:#57606a}.name{font-size:13px;fill:#1b1f24}.value{font-size:11px;fill:#1b1f24}.mark{font-size:14px;fill:#1b1f24}
.legend span{margin-right:1.4rem;white-space:nowrap}.legend i{display:inline-block;width:.9em;height:.9em;margin-right:.4em;vertical-align:-.1em}
.good{background:#e6f4ea}.bad{background:#fdecea}summary{cursor:pointer;margin:.4rem 0}code{font-size:.85em}
</style></head><body>
)";

}  // namespace

std::string report_html(const EvalReport& report) {
  std::string out(kHead);
  out += "<h1>Evaluation</h1>\n" + legend(report);
  const auto lines = charted(report);
  if (!lines.empty()) out += "<div class=\"chart\">" + Chart(report, lines).draw() + "</div>\n";
  out += "<p>Bars: measured here. Whiskers: 95 % intervals.";
  if (!report.published.empty())
    out +=
        " Marks: figures that others published, made in their own way (other prompts, examples and versions of the "
        "data); they are for orientation.";
  out += "</p>\n<h2>Scores</h2>\n" + score_table(report) + comparison_table(report) + cost_table(report);
  for (const std::string& line : unanswered_lines(report)) out += fmt::format("<p>{}</p>\n", escaped_html(line));
  std::string items;
  for (const ModelComparison& c : report.comparisons) items += items_of(report, c);
  if (!items.empty()) out += "<h2>Items</h2>\n" + items;
  out += "<h2>What was measured</h2>\n<table><thead><tr><th>Model</th><th>Identity</th></tr></thead><tbody>\n";
  for (const ModelResults& m : report.models)
    out += fmt::format("<tr><td>{}</td><td><code>{}</code></td></tr>\n", escaped_html(m.name), m.identity);
  out +=
      "</tbody></table>\n<table><thead><tr><th>Task</th><th>Version</th><th>Shots</th><th>Digest</th></tr></"
      "thead><tbody>\n";
  for (const eval::Questions& q : report.tasks) {
    out += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><code>{}</code></td></tr>\n",
                       escaped_html(q.task->title), q.task->version, q.task->shots.count, q.digest.hex());
  }
  return out + "</tbody></table>\n</body></html>\n";
}

}  // namespace freehold::app
