// A task as data: where its rows are, how a row becomes a prompt, and how what a model does with it is judged. Read
// from YAML with fixed keys and verbs (docs/formats/eval-tasks.md); nothing in a task file is run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/filter.h"
#include "eval/pattern.h"
#include "eval/row.h"

namespace freehold::eval {

enum class TaskKind : std::uint8_t {
  choice,        // which of some texts is likeliest after the prompt
  generate,      // the model writes, a filter finds the answer
  continuation,  // is the one text that follows what the model would write, and how likely is it
  perplexity,    // how likely a whole text is
};
std::string_view name_of(TaskKind kind);

struct DataSource {
  std::string file;  // below the data folder
  DataFormat format = DataFormat::jsonl;
  std::vector<std::string> names;  // of `lines` and `cells`
  bool operator==(const DataSource&) const = default;
};

// Where the texts of a choice come from; a task may have several, which follow one another.
struct ChoiceSource {
  enum class Kind : std::uint8_t { pattern, list, split, letters } kind = Kind::pattern;
  Pattern pattern;              // of `pattern`
  std::string field;            // of `list` and `split`; of `letters`, whose texts are "A", "B" … for a list's items
  std::string by;               // of `split`: what stands between the texts
  std::optional<Pattern> each;  // of `list` and `split`: filled with {it}
};

// Which choice is right.
struct RightChoice {
  enum class Kind : std::uint8_t {
    index,   // the field is a number from 0
    letter,  // the field is a letter from A
    source,  // all texts of choice source `source`
  } kind = Kind::index;
  std::string field;
  std::size_t source = 0;
};

enum class ShotPick : std::uint8_t {
  first,  // the file's first rows
  seed,   // drawn once for the whole task, by the seed
};

struct Shots {
  std::uint32_t count = 0;
  ShotPick pick = ShotPick::first;
  std::optional<DataSource> from;  // nothing: the task's own rows; a row is never its own example
};

// What can be measured, by kind of task:
// choice: acc (sum of log-probabilities), acc_byte (by the choice's bytes), acc_token (by its tokens), acc_uncond (less
//   its log-probability after `unconditional`), mc2 (share of probability on the right ones), ece (calibration error of
//   acc's choice; where one choice is right).
// generate: exact_match (of the most frequent answer where repeats are asked for: maj@k), f1 (by words); or, where the
//   answer is a program, pass@1, pass@10, pass@100: would one of so many answers run to its end? continuation: acc,
//   perplexity.
// perplexity: perplexity (by token), bits_per_byte.
enum class Metric : std::uint8_t {
  acc,
  acc_byte,
  acc_token,
  acc_uncond,
  mc2,
  ece,
  letter,  // choice, answered by writing a letter under a constraint
  exact_match,
  f1,
  perplexity,
  bits_per_byte,
  pass_1,
  pass_10,
  pass_100,
};
std::string_view name_of(Metric metric);
std::optional<Metric> metric_from_name(std::string_view name);
// Each item counts as right or wrong (so that pairs of models can be compared item by item with McNemar's test); of
// pass@1, where there is one answer an item.
bool is_binary(Metric metric);
// 10 of pass@10; 0 of metrics that are none of those.
std::uint32_t pass_of(Metric metric);
// Less is better.
bool less_is_better(Metric metric);

struct Generation {
  std::uint32_t max_tokens = 256;
  std::vector<std::string> until;
  double temperature = 0;
  double top_p = 1;
  // Answers a row. The most frequent one counts (maj@k), the earliest of equals; of programs all do (pass@k).
  std::uint32_t repeats = 1;
};

struct Task {
  std::string name;  // "mmlu/anatomy"
  std::string title;
  std::uint32_t version = 1;
  TaskKind kind = TaskKind::choice;
  DataSource data;
  Shots shots;
  std::string description;  // before the examples
  // {number}: of examples 1, 2 …, of the question one more than there are; where the row has no field of that name.
  Pattern prompt;
  std::string before = " ";      // between the prompt and the answer
  std::string between = "\n\n";  // between examples
  // choice
  std::vector<ChoiceSource> choices;
  RightChoice right;
  std::string contexts;   // the field with one prompt a choice; the text behind them is `target`
  bool lettered = false;  // the prompt lists the choices, which are letters
  std::string unconditional = "Answer:";
  // generate, continuation; and examples of contexts
  Pattern target;
  std::vector<std::string> accept;  // fields that hold answers which count too
  Generation generation;
  Pattern program;  // of answers that are programs: what is run, with the answer as {it}; else empty
  std::vector<Filter> filters;
  Normalisation normalisation;
  std::vector<Metric> metrics;  // the first is the task's own
  // What decides about the results, as text: what a digest is taken of.
  std::string canonical;

  bool runs_programs() const { return !program.source().empty(); }
  // Why the choices cannot be answered by letters; empty: they can.
  std::string_view why_no_letters() const;
  // Whether a row may have several right choices.
  bool several_right() const;
};

struct Group {
  std::string name;
  std::string title;
  std::vector<std::string> members;  // tasks or groups
  bool by_items = false;             // mean over all items; otherwise over the members' scores
  std::string where;                 // file and line, for errors
};

struct TaskSet {
  std::vector<Task> tasks;
  std::vector<Group> groups;
  const Task* find(std::string_view name) const;
  const Group* find_group(std::string_view name) const;
  // All tasks of a group, each once, in order; of a task itself. Errors: not_found with the nearest name.
  Result<std::vector<const Task*>> expand(std::string_view name) const;
  Result<> add(TaskSet more);  // invalid: a name that is there already
  // No group contains itself, be it by way of others. Errors: invalid, naming file and line.
  Result<> check_cycles() const;
  // Every member of every group is a task or a group of this set; no cycles. Errors: invalid, naming file, line and the
  // nearest name.
  Result<> check_members() const;
};

// `file`: for errors. Errors: invalid with the file and line, naming the key. A group's members may be in other files:
// check_members() when all are read.
Result<TaskSet> parse_tasks(std::string_view yaml, std::string_view file);

// With another number of examples.
void set_shots(Task& task, std::uint32_t count);

}  // namespace freehold::eval
