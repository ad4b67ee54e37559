// What an evaluation found, as data: from it come the terminal's table, --json and the HTML page.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/question.h"
#include "eval/result.h"
#include "eval/runner.h"
#include "eval/shipped.h"
#include "eval/statistics.h"
#include "eval/task.h"
#include "ledger/money.h"

namespace freehold::app {

// Of a vendor's answers, those that nobody should take for wrong ones: all score nothing, and for another reason.
struct Unanswered {
  std::size_t refused = 0;     // items that the vendor would not take
  std::size_t filtered = 0;    // answers that it would not give, or not to their end
  std::size_t length = 0;      // answers cut off at the longest that was asked for; some may be right
  std::size_t other = 0;       // answers that ended in another way
  std::size_t unparsable = 0;  // answers that ended well and have nothing in them that could be judged
  bool any() const { return refused + filtered + length + other + unparsable > 0; }
};
// Errors: of the task's filters.
Result<Unanswered> unanswered_in(const eval::Questions& all, const std::vector<eval::ItemResult>& items);

// One model on one task.
struct TaskResult {
  std::vector<eval::ItemResult> items;
  std::vector<eval::Measured> measured;  // by the task's metrics
  std::size_t shortened = 0;             // items that lost examples because of the context
  std::size_t cut = 0;                   // of these, those that lost tokens of their own
  std::uint64_t computed = 0;            // items measured now, not known before
  std::optional<ledger::Money> cost;     // what that cost; nothing: no price or no machine's cost is known
  std::optional<Unanswered> unanswered;  // of a vendor's model
};

struct ModelResults {
  std::string name;
  std::string identity;           // digest of all that decides about its results
  std::vector<TaskResult> tasks;  // by EvalReport::tasks
  eval::RunStats stats;
  double seconds = 0;
};

// A row of the table: a task or a group.
struct ReportLine {
  std::string name;
  std::string title;
  eval::Metric metric = eval::Metric::acc;
  bool group = false;
  bool by_items = false;
  std::vector<std::size_t> tasks;  // indices
  std::vector<double> shares;      // of the tasks in the score of a group of groups; empty: equal ones, or by items
  std::size_t items = 0;
  std::vector<eval::GroupScore> scores;  // by model
  // By model: what was spent now, and what a right answer costs. Nothing where all was known already, where a price is
  // missing, and where the metric is not of right and wrong.
  std::vector<std::optional<ledger::Money>> spent, per_correct;
};

// The first model against another, on a line.
struct ModelComparison {
  std::size_t line = 0;
  std::size_t first = 0, second = 0;  // models
  double difference = 0;              // the second's score less the first's, in the score's own unit
  eval::Interval interval;            // 95 %: of shares exact (eval::paired_shares), else resampled
  eval::Interval relative;    // of the second's score over the first's, less 1; of perplexities and bits per byte
  std::size_t resampled = 0;  // items of the smallest task, where the interval is resampled; else 0
  double p = 1;               // McNemar's exact test, or random signs
  double adjusted = 1;        // Holm's, over all comparisons of the report
  std::string_view test;
  std::uint64_t only_first = 0, only_second = 0;  // items that one alone got right; of binary metrics
};

struct EvalReport {
  std::vector<eval::Questions> tasks;
  std::vector<ModelResults> models;
  std::vector<ReportLine> lines;
  std::vector<ModelComparison> comparisons;
  std::vector<eval::Published> published;  // that were asked for
  bool costs = false;                      // show them: two runs of the same evaluation differ in nothing else
};

// Shown in points, a hundredth each; perplexities and bits per byte are not.
bool in_points(eval::Metric metric);
// How much worse a score is than one before: in points, of perplexities and bits per byte in percent. Below 0: better.
double lost(eval::Metric metric, double before, double now);

// The rows of the table, before anything is measured: every task; and of `groups` those whose members are all there and
// are measured in one manner, behind their tasks.
std::vector<ReportLine> lines_of(const EvalReport& report, const std::vector<eval::Group>& groups);
// Why groups of a user's own files have none of these rows: a line each, for people.
std::vector<std::string> groups_without_line(const EvalReport& report, const std::vector<eval::Group>& groups);
// Fills lines and comparisons.
void summarise(EvalReport& report, const std::vector<eval::Group>& groups);

// In USD, two digits that count whatever the size; "unknown" of nothing.
std::string usd_text(const std::optional<ledger::Money>& money);
// "gateway:openai/m, arc_easy: 1 item refused by the vendor, …", one for each model and task that has any.
std::vector<std::string> unanswered_lines(const EvalReport& report);
std::string report_table(const EvalReport& report);
std::string report_json(const EvalReport& report);
std::string report_html(const EvalReport& report);
// Item by item, a line of JSON each.
std::string report_items(const EvalReport& report);

}  // namespace freehold::app
