// YAML to tasks. A task may stand for many by `for_each`: {subject} in its texts becomes each word of the list.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "base/utf8.h"
#include "eval/task.h"
#include "format/yaml.h"

namespace freehold::eval {
namespace {

using format::YamlNode;

constexpr std::size_t kMostTasks = 2000;  // of one file: names are compared with each other

Unexpected wrong(const YamlNode& node, std::string what) {
  return fail(Errc::invalid, fmt::format("line {}: {}", node.line, what));
}

// The members of one map, each to be asked for; finish() names one that nobody asked for.
class Members {
 public:
  Members(const YamlNode& node, std::string_view what, const std::string& subject)
      : node_(node), what_(what), subject_(subject) {}

  const YamlNode* find(std::string_view key) {
    asked_.emplace_back(key);
    const YamlNode* node = node_.member(key);
    return node == nullptr || node->is_null() ? nullptr : node;
  }
  // A text, with {subject} filled in; `out` keeps what it has if there is none.
  Result<> text(std::string_view key, std::string& out) {
    const YamlNode* node = find(key);
    if (node == nullptr) return {};
    if (!node->is_scalar()) return wrong(*node, fmt::format("'{}' must be a text", key));
    out = filled(node->text);
    return {};
  }
  Result<> pattern(std::string_view key, Pattern& out) {
    const YamlNode* node = find(key);
    if (node == nullptr) return {};
    if (!node->is_scalar()) return wrong(*node, fmt::format("'{}' must be a text", key));
    auto parsed = Pattern::parse(filled(node->text));
    if (!parsed) return wrong(*node, parsed.error().what);
    out = std::move(*parsed);
    return {};
  }
  Result<> texts(std::string_view key, std::vector<std::string>& out) {
    const YamlNode* node = find(key);
    if (node == nullptr) return {};
    if (node->is_scalar()) {
      out = {filled(node->text)};
      return {};
    }
    if (!node->is_list()) return wrong(*node, fmt::format("'{}' must be a list of texts", key));
    out.clear();
    for (const YamlNode& item : node->items) {
      if (!item.is_scalar()) return wrong(item, fmt::format("'{}' must be a list of texts", key));
      out.push_back(filled(item.text));
    }
    return {};
  }
  Result<> count(std::string_view key, std::uint32_t& out, std::int64_t least, std::int64_t most) {
    const YamlNode* node = find(key);
    if (node == nullptr) return {};
    const auto n = node->as_integer();
    if (!n || *n < least || *n > most)
      return wrong(*node, fmt::format("'{}' must be a whole number from {} to {}", key, least, most));
    out = static_cast<std::uint32_t>(*n);
    return {};
  }
  Result<> number(std::string_view key, double& out, double least, double most) {
    const YamlNode* node = find(key);
    if (node == nullptr) return {};
    const auto x = node->as_number();
    if (!x || *x < least || *x > most)
      return wrong(*node, fmt::format("'{}' must be a number from {} to {}", key, least, most));
    out = *x;
    return {};
  }
  Result<> truth(std::string_view key, bool& out) {
    const YamlNode* node = find(key);
    if (node == nullptr) return {};
    const auto b = node->as_bool();
    if (!b) return wrong(*node, fmt::format("'{}' must be true or false", key));
    out = *b;
    return {};
  }
  Result<> finish() const {
    if (!node_.is_map()) return wrong(node_, fmt::format("{} must be a map", what_));
    for (const auto& member : node_.members) {
      if (std::find(asked_.begin(), asked_.end(), member.key) != asked_.end()) continue;
      const auto near = nearest(member.key, asked_);
      return wrong(member.value, fmt::format("{} has no key '{}'{}", what_, printable(member.key),
                                             near ? fmt::format("; did you mean {}?", *near) : ""));
    }
    return {};
  }
  const YamlNode& node() const { return node_; }
  std::string filled(std::string text) const {
    constexpr std::string_view kPlace = "{subject}", kSpaced = "{subject|spaces}";
    std::string spaced = subject_;
    std::replace(spaced.begin(), spaced.end(), '_', ' ');
    for (auto [place, word] :
         {std::pair(kPlace, &subject_), std::pair(kSpaced, static_cast<const std::string*>(&spaced))}) {
      if (subject_.empty()) break;
      for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += word->size())
        text.replace(at, place.size(), *word);
    }
    return text;
  }

 private:
  const YamlNode& node_;  // owner: the caller
  std::string what_;
  const std::string& subject_;
  std::vector<std::string> asked_;
};

Result<> read_source(const YamlNode& node, const std::string& subject, DataSource& out, Shots* shots) {
  Members m(node, shots != nullptr ? "shots" : "data", subject);
  std::string format;
  FH_TRY_VOID(m.text("file", out.file));
  FH_TRY_VOID(m.text("format", format));
  FH_TRY_VOID(m.texts("names", out.names));
  if (shots != nullptr) {
    std::string pick = "first";
    FH_TRY_VOID(m.count("count", shots->count, 0, 1000));
    FH_TRY_VOID(m.text("pick", pick));
    if (pick != "first" && pick != "seed") return wrong(node, "'pick' must be first or seed");
    shots->pick = pick == "first" ? ShotPick::first : ShotPick::seed;
  }
  FH_TRY_VOID(m.finish());
  if (out.file.empty()) {
    if (shots != nullptr) return {};
    return wrong(node, "data needs a file");
  }
  if (format.empty()) {
    format = out.file.ends_with(".csv") ? "csv" : out.file.ends_with(".txt") ? "text" : "jsonl";
  }
  auto known = data_format_from_name(format);
  if (!known) return wrong(node, known.error().what);
  out.format = *known;
  const bool named = out.format == DataFormat::lines || out.format == DataFormat::cells;
  if (named == out.names.empty() || (out.format == DataFormat::cells && out.names.size() != 1))
    return wrong(node, "'names' belong to the formats lines and cells, which need them; cells has one");
  return {};
}

Result<ChoiceSource> read_choice(const YamlNode& node, const std::string& subject) {
  ChoiceSource source;
  if (node.is_scalar()) {
    Members none(node, "choices", subject);
    auto parsed = Pattern::parse(none.filled(node.text));
    if (!parsed) return wrong(node, parsed.error().what);
    source.pattern = std::move(*parsed);
    return source;
  }
  Members m(node, "a choice", subject);
  std::string list, split, letters;
  Pattern each;
  FH_TRY_VOID(m.text("list", list));
  FH_TRY_VOID(m.text("letters", letters));
  FH_TRY_VOID(m.text("split", split));
  FH_TRY_VOID(m.text("by", source.by));
  const bool has_each = m.find("each") != nullptr;
  FH_TRY_VOID(m.pattern("each", each));
  FH_TRY_VOID(m.finish());
  if (has_each) source.each = std::move(each);
  if (int{!list.empty()} + int{!split.empty()} + int{!letters.empty()} != 1)
    return wrong(node, "a choice is a text, or has 'list', 'split' or 'letters'");
  if (!split.empty() && source.by.empty()) return wrong(node, "'split' needs 'by'");
  source.kind = !list.empty()    ? ChoiceSource::Kind::list
                : !split.empty() ? ChoiceSource::Kind::split
                                 : ChoiceSource::Kind::letters;
  source.field = list + split + letters;
  return source;
}

Result<> read_choices(Members& m, const std::string& subject, Task& task) {
  FH_TRY_VOID(m.text("contexts", task.contexts));
  FH_TRY_VOID(m.truth("lettered", task.lettered));
  FH_TRY_VOID(m.text("unconditional", task.unconditional));
  if (const YamlNode* node = m.find("choices")) {
    if (!node->is_list()) return wrong(*node, "'choices' must be a list");
    for (const YamlNode& item : node->items) {
      FH_TRY(ChoiceSource source, read_choice(item, subject));
      task.choices.push_back(std::move(source));
    }
  }
  if (const YamlNode* node = m.find("right")) {
    Members r(*node, "right", subject);
    std::string index, letter;
    std::uint32_t source = 0;
    FH_TRY_VOID(r.text("index", index));
    FH_TRY_VOID(r.text("letter", letter));
    const bool of_source = r.find("source") != nullptr;
    FH_TRY_VOID(r.count("source", source, 0, 100));
    FH_TRY_VOID(r.finish());
    if (int{!index.empty()} + int{!letter.empty()} + int{of_source} != 1)
      return wrong(*node, "'right' has one of index, letter, source");
    task.right.kind = !index.empty()    ? RightChoice::Kind::index
                      : !letter.empty() ? RightChoice::Kind::letter
                                        : RightChoice::Kind::source;
    task.right.field = !index.empty() ? index : letter;
    task.right.source = source;
    if (of_source && source >= task.choices.size()) return wrong(*node, "there is no such source of choices");
  } else if (task.kind == TaskKind::choice) {
    return wrong(m.node(), "a task of kind choice needs 'right'");
  }
  if (task.kind == TaskKind::choice && task.choices.empty() == task.contexts.empty())
    return wrong(m.node(), "a task of kind choice needs 'choices' or 'contexts'");
  return {};
}

Result<> read_generation(Members& m, const std::string& subject, Task& task) {
  FH_TRY_VOID(m.pattern("target", task.target));
  FH_TRY_VOID(m.texts("accept", task.accept));
  FH_TRY_VOID(m.pattern("program", task.program));
  if (task.runs_programs() && task.kind != TaskKind::generate)
    return wrong(m.node(), "'program' belongs to tasks of kind generate");
  FH_TRY_VOID(m.texts("until", task.generation.until));
  FH_TRY_VOID(m.count("max_tokens", task.generation.max_tokens, 1, 1 << 20));
  FH_TRY_VOID(m.count("repeats", task.generation.repeats, 1, 1000));
  FH_TRY_VOID(m.number("temperature", task.generation.temperature, 0, 100));
  FH_TRY_VOID(m.number("top_p", task.generation.top_p, 1e-6, 1));
  if (const YamlNode* node = m.find("filter")) {
    if (!node->is_list()) return wrong(*node, "'filter' must be a list");
    for (const YamlNode& item : node->items) {
      std::string kind = item.text, argument;
      bool last = false;
      if (item.is_map()) {
        Members f(item, "a filter", subject);
        for (std::string_view name : {"regex", "json_field"}) {
          if (f.find(name) != nullptr) kind = name;
          FH_TRY_VOID(f.text(name, argument));
        }
        FH_TRY_VOID(f.truth("last", last));
        FH_TRY_VOID(f.finish());
      }
      auto filter = make_filter(kind, argument, last);
      if (!filter) return wrong(item, filter.error().what);
      task.filters.push_back(std::move(*filter));
    }
  }
  if (const YamlNode* node = m.find("normalise")) {
    std::vector<std::string> words;
    FH_TRY_VOID(m.texts("normalise", words));
    for (const std::string& word : words) {
      if (word == "lower")
        task.normalisation.lower = true;
      else if (word == "punctuation")
        task.normalisation.punctuation = true;
      else if (word == "articles")
        task.normalisation.articles = true;
      else if (word == "commas")
        task.normalisation.commas = true;
      else if (word == "numbers")
        task.normalisation.numbers = true;
      else
        return wrong(*node,
                     fmt::format("'{}' is none of lower, punctuation, articles, commas, numbers", printable(word)));
    }
  }
  return {};
}

bool fits(Metric metric, TaskKind kind) {
  switch (kind) {
    case TaskKind::choice:
      return metric <= Metric::letter;
    case TaskKind::generate:
      return metric == Metric::exact_match || metric == Metric::f1 || pass_of(metric) > 0;
    case TaskKind::continuation:
      return metric == Metric::acc || metric == Metric::perplexity;
    case TaskKind::perplexity:
      break;
  }
  return metric == Metric::perplexity || metric == Metric::bits_per_byte;
}

Result<> read_metrics(Members& m, Task& task) {
  std::vector<std::string> names;
  FH_TRY_VOID(m.texts("metrics", names));
  for (const std::string& name : names) {
    const auto metric = metric_from_name(name);
    if (!metric || !fits(*metric, task.kind)) {
      return wrong(m.node(), fmt::format("'{}' is no metric of tasks of kind {}", printable(name), name_of(task.kind)));
    }
    if (std::find(task.metrics.begin(), task.metrics.end(), *metric) != task.metrics.end())
      return wrong(m.node(), fmt::format("'metrics' names {} twice", name));
    if (*metric == Metric::letter && !task.why_no_letters().empty())
      return wrong(m.node(), fmt::format("letter cannot measure this task: {}", task.why_no_letters()));
    if (*metric == Metric::ece && task.several_right())
      return wrong(m.node(), "ece is of one right choice, and here a row may have several; mc2 adds up their shares");
    task.metrics.push_back(*metric);
  }
  if (task.metrics.empty()) return wrong(m.node(), "a task needs 'metrics'");
  for (Metric metric : task.metrics) {
    const std::uint32_t pass = pass_of(metric);
    if ((pass > 0) != task.runs_programs())
      return wrong(m.node(),
                   "answers that are programs ('program') are measured by pass@1, pass@10, pass@100, and only those");
    if (pass > task.generation.repeats)
      return wrong(m.node(), fmt::format("{} takes {} answers an item: 'repeats'", name_of(metric), pass));
  }
  return {};
}

// Before anything is missed: a key with a slip of the pen is named as such.
Result<> only_known_keys(const YamlNode& node) {
  const std::string none;
  Members m(node, "a task", none);
  for (std::string_view key :
       {"name",        "title",    "version",       "kind",      "for_each", "data",       "shots",
        "description", "prompt",   "before",        "between",   "choices",  "right",      "target",
        "contexts",    "lettered", "unconditional", "accept",    "until",    "max_tokens", "repeats",
        "filter",      "top_p",    "temperature",   "normalise", "metrics",  "program"}) {
    m.find(key);
  }
  return m.finish();
}

Result<Task> read_task(const YamlNode& node, const std::string& subject) {
  FH_TRY_VOID(only_known_keys(node));
  Task task;
  Members m(node, "a task", subject);
  std::string kind;
  FH_TRY_VOID(m.text("name", task.name));
  FH_TRY_VOID(m.text("title", task.title));
  FH_TRY_VOID(m.count("version", task.version, 1, 1'000'000));
  FH_TRY_VOID(m.text("kind", kind));
  m.find("for_each");
  if (task.name.empty()) return wrong(node, "a task needs a name");
  if (task.title.empty()) task.title = task.name;
  bool known = false;
  for (TaskKind k : {TaskKind::choice, TaskKind::generate, TaskKind::continuation, TaskKind::perplexity}) {
    if (kind != name_of(k)) continue;
    task.kind = k;
    known = true;
  }
  if (!known) return wrong(node, "'kind' must be choice, generate, continuation or perplexity");
  const YamlNode* data = m.find("data");
  if (data == nullptr) return wrong(node, "a task needs data");
  FH_TRY_VOID(read_source(*data, subject, task.data, nullptr));
  if (const YamlNode* shots = m.find("shots")) {
    DataSource from;
    FH_TRY_VOID(read_source(*shots, subject, from, &task.shots));
    if (!from.file.empty()) task.shots.from = std::move(from);
  }
  FH_TRY_VOID(m.text("description", task.description));
  FH_TRY_VOID(m.pattern("prompt", task.prompt));
  FH_TRY_VOID(m.text("before", task.before));
  FH_TRY_VOID(m.text("between", task.between));
  FH_TRY_VOID(read_choices(m, subject, task));
  FH_TRY_VOID(read_generation(m, subject, task));
  FH_TRY_VOID(read_metrics(m, task));
  FH_TRY_VOID(m.finish());
  if (task.prompt.source().empty() && task.contexts.empty() && task.kind != TaskKind::perplexity)
    return wrong(node, "a task needs a prompt");
  const bool needs_target = task.kind != TaskKind::choice || !task.contexts.empty();
  if (needs_target && task.target.source().empty()) return wrong(node, "this task needs a 'target'");
  return task;
}

// The node as text, whatever its spelling in the file was: what a digest is taken of.
void append_canonical(const YamlNode& node, std::string& out) {
  const auto put = [&](std::string_view text) { out += fmt::format("{}:{}", text.size(), text); };
  if (node.is_scalar()) {
    put(node.text);
  } else if (node.is_list()) {
    out += '[';
    for (const YamlNode& item : node.items) append_canonical(item, out);
    out += ']';
  } else {
    out += '{';
    for (const auto& member : node.members) {
      if (member.key == "title" || member.key == "for_each") continue;
      put(member.key);
      append_canonical(member.value, out);
    }
    out += '}';
  }
}

Result<Group> read_group(const YamlNode& node, std::string_view file, const std::string& none) {
  Group group;
  group.where = fmt::format("{}: line {}", printable(file), node.line);
  Members m(node, "a group", none);
  std::string mean = "members";
  FH_TRY_VOID(m.text("name", group.name));
  FH_TRY_VOID(m.text("title", group.title));
  FH_TRY_VOID(m.texts("members", group.members));
  FH_TRY_VOID(m.text("mean", mean));
  FH_TRY_VOID(m.finish());
  if (group.name.empty() || group.members.empty()) return wrong(node, "a group needs a name and members");
  std::set<std::string_view> seen;
  for (const std::string& member : group.members) {
    if (!seen.insert(member).second)
      return wrong(node, fmt::format("group '{}' names '{}' twice", printable(group.name), printable(member)));
  }
  if (mean != "members" && mean != "items") return wrong(node, "'mean' must be members or items");
  if (group.title.empty()) group.title = group.name;
  group.by_items = mean == "items";
  return group;
}

Result<> read_tasks(const YamlNode& list, TaskSet& set) {
  for (const YamlNode& node : list.items) {
    std::vector<std::string> subjects = {""};
    const std::string none;
    if (const YamlNode* each = node.member("for_each")) {
      Members m(node, "a task", none);
      FH_TRY_VOID(m.texts("for_each", subjects));
      if (subjects.empty()) return wrong(*each, "'for_each' is empty");
    }
    if (set.tasks.size() + subjects.size() > kMostTasks)
      return wrong(node, fmt::format("more than {} tasks", kMostTasks));
    for (const std::string& subject : subjects) {
      FH_TRY(Task task, read_task(node, subject));
      task.canonical = subject + "\n";
      append_canonical(node, task.canonical);
      TaskSet one;
      one.tasks.push_back(std::move(task));
      if (auto added = set.add(std::move(one)); !added) return wrong(node, added.error().what);
    }
  }
  return {};
}

Result<TaskSet> read_set(std::string_view yaml, std::string_view file) {
  FH_TRY(const YamlNode root, format::parse_yaml(yaml));
  const std::string none;
  Members m(root, "a task file", none);
  std::uint32_t version = 0;
  FH_TRY_VOID(m.count("version", version, 1, 1));
  const YamlNode* tasks = m.find("tasks");
  const YamlNode* groups = m.find("groups");
  FH_TRY_VOID(m.finish());
  if (version != 1) return wrong(root, "a task file begins with 'version: 1'");
  TaskSet set;
  if (tasks != nullptr) FH_TRY_VOID(read_tasks(*tasks, set));
  if (groups != nullptr) {
    for (const YamlNode& node : groups->items) {
      TaskSet one;
      FH_TRY(Group group, read_group(node, file, none));
      one.groups.push_back(std::move(group));
      if (auto added = set.add(std::move(one)); !added) return wrong(node, added.error().what);
    }
  }
  return set;
}

}  // namespace

Result<TaskSet> parse_tasks(std::string_view yaml, std::string_view file) {
  auto set = read_set(yaml, file);
  if (!set) {
    Error error = std::move(set).error();
    if (error.code == Errc::corrupt) error.code = Errc::invalid;
    return in_context(std::move(error), printable(file));
  }
  FH_TRY_VOID(set->check_cycles());
  return set;
}

}  // namespace freehold::eval
