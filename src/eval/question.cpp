#include "eval/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "base/file.h"
#include "base/random.h"
#include "base/utf8.h"
#include "eval/judge.h"
#include "eval/unpack.h"

namespace freehold::eval {
namespace {

constexpr std::string_view kRules = "freehold evaluation 2";  // what items and prompts are made of; counts up

Unexpected bad_row(const Row& row, std::string what) {
  return fail(Errc::corrupt, fmt::format("line {}: {}", row.line, what));
}

Result<std::vector<std::string>> texts_of(const ChoiceSource& source, const Row& row) {
  if (source.kind == ChoiceSource::Kind::pattern) {
    FH_TRY(std::string text, source.pattern.fill(row));
    return std::vector<std::string>{std::move(text)};
  }
  const Field* field = row.find(source.field);
  if (field == nullptr) return bad_row(row, fmt::format("there is no field '{}'", printable(source.field)));
  std::vector<std::string> texts;
  if (source.kind != ChoiceSource::Kind::split) {
    if (!field->is_list) return bad_row(row, fmt::format("'{}' is no list", printable(source.field)));
    if (field->has_others)
      return bad_row(row, fmt::format("'{}' has an item that is no text", printable(source.field)));
    texts = field->list;
    if (source.kind == ChoiceSource::Kind::letters) {
      if (texts.size() > 26)
        return bad_row(row, fmt::format("'{}' has more items than letters", printable(source.field)));
      for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = std::string(1, letter_of(i));
    }
  } else {
    std::string_view rest = field->text;
    while (true) {
      const std::size_t end = rest.find(source.by);
      const std::string_view part = stripped(rest.substr(0, end));
      if (!part.empty()) texts.emplace_back(part);
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + source.by.size());
    }
  }
  for (std::string& text : texts) {
    if (!source.each) break;
    Row it{.line = row.line};
    it.fields.emplace_back("it", Field{std::move(text)});
    FH_TRY(text, source.each->fill(it));
  }
  return texts;
}

Result<std::size_t> right_index(const RightChoice& right, const Row& row, std::size_t choices) {
  const Field* field = row.find(right.field);
  if (field == nullptr) return bad_row(row, fmt::format("there is no field '{}'", printable(right.field)));
  const std::string_view text = stripped(field->text);
  std::size_t index = SIZE_MAX;
  if (right.kind == RightChoice::Kind::letter) {
    if (text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') index = static_cast<std::size_t>(text[0] - 'A');
  } else if (!text.empty() && text.size() < 4 &&
             std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    index = static_cast<std::size_t>(std::stoi(std::string(text)));
  }
  if (index < choices) return index;
  return bad_row(
      row, fmt::format("'{}' is '{}', which is none of {} choices", printable(right.field), printable(text), choices));
}

Result<> add_prompt(const Task& task, const Row& row, Question& q) {
  FH_TRY(std::string prompt, task.prompt.fill(row));
  if (stripped(prompt).empty() && !task.prompt.source().empty() && !task.runs_programs())
    return bad_row(row, "the prompt is empty");
  q.prompts = {std::move(prompt)};
  return {};
}

// The list that a pattern is nothing but, as "{answers}"; null if it is something else.
const Field* list_of(const Pattern& pattern, const Row& row) {
  const std::string_view source = pattern.source();
  if (source.size() < 3 || source.front() != '{' || source.back() != '}') return nullptr;
  const Field* field = row.find(source.substr(1, source.size() - 2));
  return field != nullptr && field->is_list ? field : nullptr;
}

Result<> add_choices(const Task& task, const Row& row, Question& q) {
  if (!task.contexts.empty()) {
    const Field* contexts = row.find(task.contexts);
    if (contexts == nullptr || !contexts->is_list || contexts->list.empty())
      return bad_row(row, fmt::format("'{}' is no list", printable(task.contexts)));
    FH_TRY(const std::string target, task.target.fill(row));
    q.prompts = contexts->list;
    q.answers.assign(q.prompts.size(), target);
  } else {
    FH_TRY_VOID(add_prompt(task, row, q));
    for (std::size_t s = 0; s < task.choices.size(); ++s) {
      FH_TRY(auto texts, texts_of(task.choices[s], row));
      for (std::string& text : texts) {
        if (text.empty()) return bad_row(row, "a choice is empty");
        q.answers.push_back(std::move(text));
        q.right.push_back(task.right.kind == RightChoice::Kind::source && s == task.right.source);
      }
    }
  }
  if (q.answers.empty()) return bad_row(row, "there are no choices");
  if (q.answers.size() > 26 * 4) return bad_row(row, "there are too many choices");
  const bool lettered = std::find(task.metrics.begin(), task.metrics.end(), Metric::letter) != task.metrics.end();
  if (lettered && q.answers.size() > 26)
    return bad_row(row, fmt::format("{} choices are more than letters: leave 'letter' out", q.answers.size()));
  if (task.right.kind == RightChoice::Kind::source) {
    if (std::find(q.right.begin(), q.right.end(), true) == q.right.end()) return bad_row(row, "no choice is right");
    return {};
  }
  FH_TRY(const std::size_t right, right_index(task.right, row, q.answers.size()));
  q.right.assign(q.answers.size(), false);
  q.right[right] = true;
  return {};
}

Result<> add_target(const Task& task, const Row& row, Question& q) {
  FH_TRY(std::string target, task.target.fill(row));
  if (task.kind == TaskKind::perplexity) {
    q.prompts = {""};
  } else {
    FH_TRY_VOID(add_prompt(task, row, q));
  }
  // A list of answers: each counts, and the first is what examples show.
  const Field* all = list_of(task.target, row);
  if (all != nullptr && all->has_others) return bad_row(row, "an answer is no text");
  if (all != nullptr) target = all->list.empty() ? "" : all->list.front();
  if (target.empty()) return bad_row(row, "the answer is empty");
  if (all != nullptr) {
    q.accepted = all->list;
  } else {
    q.accepted.push_back(target);
  }
  for (const std::string& name : task.accept) {
    const Field* field = row.find(name);
    if (field == nullptr) return bad_row(row, fmt::format("there is no field '{}'", printable(name)));
    if (!field->is_list) q.accepted.push_back(field->text);
    q.accepted.insert(q.accepted.end(), field->list.begin(), field->list.end());
  }
  q.answers = {std::move(target)};
  for (const std::string& until : task.generation.until) {
    const auto beyond = [&](const std::string& accepted) {
      return stripped(accepted).find(until) != std::string::npos;
    };
    if (task.filters.empty() && std::all_of(q.accepted.begin(), q.accepted.end(), beyond)) q.beyond = until;
  }
  return {};
}

Result<Question> question_of(const Task& task, const Row& row) {
  Question q;
  if (task.kind == TaskKind::choice) {
    FH_TRY_VOID(add_choices(task, row, q));
  } else {
    FH_TRY_VOID(add_target(task, row, q));
  }
  return q;
}

// A solved question, as an example.
std::string solved(const Task& task, const Question& q) {
  std::size_t right = 0;
  while (right < q.right.size() && !q.right[right]) ++right;
  if (q.right.empty()) right = 0;
  return q.prompt(right) + task.before + q.answers[right];
}

// Which rows are the examples: the first, or a draw without replacement (Fisher and Yates, from the front).
std::vector<std::size_t> picked(const Shots& shots, std::size_t rows, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = 0; i < count && shots.pick == ShotPick::seed; ++i) {
    const double draw = uniform_draw(seed, 0x5307, i);
    std::swap(order[i], order[i + static_cast<std::size_t>(draw * static_cast<double>(rows - i))]);
  }
  order.resize(count);
  return order;
}

}  // namespace

Result<std::shared_ptr<const DataFolder::Loaded>> DataFolder::load(const DataSource& source) const {
  const std::filesystem::path path = folder_ / source.file;
  const std::string name = printable(path.string());
  auto packed = read_file(path, kMostDataBytes);
  if (!packed) return tl::unexpected(std::move(packed).error());
  auto loaded = std::make_shared<Loaded>();
  loaded->digest = sha256(*packed);
  if (expected_ != nullptr) {
    const auto known = expected_->find(source.file);
    if (known != expected_->end() && known->second != loaded->digest.hex()) {
      return fail(Errc::corrupt, fmt::format("{}: its SHA-256 is {}, not {}, so it is not the file that this task is "
                                             "about; 'freehold eval fetch' says where that comes from",
                                             name, loaded->digest.hex(), known->second));
    }
  }
  auto content = unpack(source.file, std::move(*packed));
  if (!content) return in_context(std::move(content).error(), name);
  auto rows = parse_rows(*content, source.format, source.names);
  if (!rows) return in_context(std::move(rows).error(), name);
  loaded->rows = std::move(*rows);
  return std::shared_ptr<const Loaded>(std::move(loaded));
}

std::string shared_text(const Questions& questions, std::size_t shared, std::size_t skip) {
  const Task& task = *questions.task;
  std::string text = task.description;
  const auto& examples = questions.examples[shared];
  for (std::size_t i = skip; i < examples.size(); ++i) text += examples[i] + task.between;
  return text;
}

Result<Questions> make_questions(const Task& task, const DataFolder& data, const QuestionOptions& options) {
  Questions out;
  out.task = &task;
  out.options = options;
  FH_TRY(const auto loaded, data.load(task.data));
  const std::string name = printable((data.folder() / task.data.file).string());
  if (loaded->rows.empty()) return fail(Errc::corrupt, fmt::format("{}: there are no rows", name));
  const bool numbered = task.prompt.source().find("{number") != std::string::npos;
  const auto made = [&](const Row& row, std::size_t number, const std::string& file) -> Result<Question> {
    Row with;
    if (numbered) {
      with = row;
      with.fields.emplace_back("number", Field{std::to_string(number)});
    }
    auto q = question_of(task, numbered ? with : row);
    if (!q) return in_context(std::move(q).error(), file);
    return q;
  };

  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(as_bytes(fmt::format("{}:{}", text.size(), text))); };
  add(kRules);
  add(task.canonical);
  add(loaded->digest.hex());
  add(options.chat ? "chat" : "plain");
  const bool sampled = task.kind == TaskKind::generate && task.generation.temperature > 0;
  const bool drawn = task.shots.count > 0 && task.shots.pick == ShotPick::seed;
  add(sampled || drawn ? std::to_string(options.seed) : "any seed");

  std::shared_ptr<const DataFolder::Loaded> from = loaded;
  const std::size_t shots = task.shots.count;
  if (shots > 0 && task.shots.from) {
    FH_TRY(from, data.load(*task.shots.from));
    add(from->digest.hex());
  }
  out.digest = hash.finish();

  // One more than asked for at least: a row that is an example itself takes another in its place.
  const bool own = shots > 0 && !task.shots.from;
  const std::size_t needed = shots + (own ? 1 : 0);
  if (needed > from->rows.size()) {
    return fail(Errc::invalid,
                fmt::format("{}: {} examples are wanted, but there are {} rows", name, shots, from->rows.size()));
  }
  const auto order = picked(task.shots, from->rows.size(), own ? from->rows.size() : shots, options.seed);
  const auto example = [&](std::size_t index, std::size_t number) -> Result<std::string> {
    FH_TRY(const Question q,
           made(from->rows[index], number,
                task.shots.from ? printable((data.folder() / task.shots.from->file).string()) : name));
    return solved(task, q);
  };
  // The examples that are these rows, as one of out.shared.
  std::map<std::vector<std::size_t>, std::size_t> places;
  const auto place_of = [&](const std::vector<std::size_t>& rows) -> Result<std::size_t> {
    const auto [found, fresh] = places.emplace(rows, out.examples.size());
    if (!fresh) return found->second;
    std::vector<std::string> texts(rows.size());
    for (std::size_t e = 0; e < rows.size(); ++e) {
      FH_TRY(texts[e], example(rows[e], e + 1));
    }
    out.examples.push_back(std::move(texts));
    out.shared.push_back(shared_text(out, found->second));
    return found->second;
  };
  const std::vector<std::size_t> usual(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shots));
  FH_TRY_VOID(place_of(usual));
  std::map<std::size_t, std::string> asked;  // by rows that are examples, or could be
  const auto asks = [&](std::size_t index, std::string_view prompt) -> Result<bool> {
    auto found = asked.find(index);
    if (found == asked.end()) {
      FH_TRY(const Question q, made(from->rows[index], shots + 1, name));
      found = asked.emplace(index, q.prompt(0)).first;
    }
    return found->second == prompt;
  };
  // The usual examples without those that `clashes` says: the next rows that do not take their places. Nothing if there
  // are too few.
  const auto without = [&](const auto& clashes) -> Result<std::optional<std::vector<std::size_t>>> {
    std::vector<std::size_t> rows = usual;
    std::size_t next = shots;
    for (std::size_t& row : rows) {
      while (true) {
        FH_TRY(const bool clash, clashes(row));
        if (!clash) break;
        if (next == order.size()) return std::nullopt;
        row = order[next++];
      }
    }
    return rows;
  };
  // Examples for row `i` that are neither itself nor another that asks the same. Where nearly all rows ask the same
  // (and differ in their choices) that cannot be had: then it is only not itself.
  std::map<std::string, std::optional<std::size_t>, std::less<>> by_prompt;
  const auto examples_for = [&](std::size_t i, const std::string& prompt) -> Result<std::size_t> {
    auto known = by_prompt.find(prompt);
    if (known == by_prompt.end()) {
      FH_TRY(const auto rows, without([&](std::size_t index) { return asks(index, prompt); }));
      std::optional<std::size_t> place;
      if (rows) {
        FH_TRY(place, place_of(*rows));
      }
      known = by_prompt.emplace(prompt, place).first;
    }
    if (known->second) return *known->second;
    FH_TRY(const auto rows, without([i](std::size_t index) -> Result<bool> { return index == i; }));
    return place_of(*rows);  // `needed` is one more than there are
  };

  const std::size_t count = std::min(options.limit, loaded->rows.size());
  for (std::size_t i = 0; i < count; ++i) {
    FH_TRY(Question q, made(loaded->rows[i], shots + 1, name));
    q.row = i;
    if (task.runs_programs()) {
      q.fields = std::shared_ptr<const Row>(loaded, &loaded->rows[i]);
      if (auto filled = program_of(task, q, ""); !filled) return in_context(std::move(filled).error(), name);
    }
    if (own) {
      FH_TRY(q.shared, examples_for(i, q.prompt(0)));
    }
    if (!q.beyond.empty()) {
      ++out.beyond_until;
      if (out.until.empty()) out.until = q.beyond;
    }
    out.questions.push_back(std::move(q));
  }
  if (count == loaded->rows.size() && out.beyond_until * 2 > count) {  // a part decides nothing
    return fail(
        Errc::corrupt,
        fmt::format("{}: answers end before '{}' (until), and of {} of {} rows the right one goes on behind it: "
                    "it could never be given; a task file can leave 'until' out",
                    name, printable(out.until), out.beyond_until, count));
  }
  return out;
}

std::string lettered_prompt(const Task& task, const Question& question) {
  if (task.lettered) return question.prompt(0);
  std::string text = question.prompt(0);
  constexpr std::string_view kAnswer = "Answer:";
  if (text.ends_with(kAnswer)) text.resize(text.size() - kAnswer.size());
  text = std::string(stripped(text));
  for (std::size_t i = 0; i < question.answers.size(); ++i)
    text += fmt::format("\n{}. {}", letter_of(i), question.answers[i]);
  return text + "\nAnswer:";
}

}  // namespace freehold::eval
