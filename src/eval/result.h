// What a model did with an item, and what that is worth by each metric.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/question.h"
#include "eval/scorer.h"
#include "eval/statistics.h"
#include "sandbox/sandbox.h"

namespace freehold::eval {

// The parts are measured, and kept, apart from each other.
enum class Aspect : std::uint8_t { scores, texts, letter, verdicts };
std::string_view name_of(Aspect aspect);
// Which of them a task needs.
std::vector<Aspect> aspects_of(const Task& task);

// How an answer ended, as far as it matters to who reads the scores. Local models' are `whole`: their limit is the
// task's.
enum class Ended : std::uint8_t {
  whole,
  length,    // at the longest answer that was asked for
  filtered,  // the vendor would not say it, or not to its end
  refused,   // the vendor would not take the question: there is no answer
  other,
};
std::string_view name_of(Ended ended);

struct ItemResult {
  std::vector<Score> scores;               // a choice each, then each after `unconditional`; or windows of a text
  std::vector<std::string> texts;          // what was written, one a repeat
  std::string letter;                      // "A", or empty
  std::vector<sandbox::Verdict> verdicts;  // of texts that are programs
  std::vector<Ended> ended = {};           // of the texts or of the letter; those that are missing are `whole`
  Ended ended_at(std::size_t i) const { return i < ended.size() ? ended[i] : Ended::whole; }
};
// One aspect as a line of JSON: shortest numbers that read back equal.
std::string to_json(const ItemResult& result, Aspect aspect);
// Adds what the line says. Errors: corrupt.
Result<> add_json(std::string_view json, Aspect aspect, ItemResult& result);

// The choice that a metric takes (lowest of equals); SIZE_MAX for metrics that take none.
std::size_t chosen(const Task& task, const Question& question, const ItemResult& result, Metric metric);
// What the task's filters find in a text. Errors: as extract.
Result<std::string> filtered(const Task& task, std::string_view text);
// The answer in what was written: filtered, normalised, the most frequent of several. Errors: as extract.
Result<std::string> final_answer(const Task& task, const ItemResult& result, const Normalisation& how);

// A metric over all items. values[i] is the item's: 1 or 0 of binary ones; with weights[i] what the mean is made of.
struct Measured {
  Metric metric = Metric::acc;
  std::vector<double> values;
  std::vector<double> weights;  // empty: 1 each
  bool binary = false;          // each value is 1 or 0
  double score = 0;             // 0 … 1 for shares; perplexities as they are
  Interval interval;            // 95 %: Wilson's for binary metrics, bootstrapped for others
};
// All of the task's metrics. Errors: as extract.
Result<std::vector<Measured>> measure(const Questions& questions, const std::vector<ItemResult>& results);

// A group's figure from its members', equal weight or by items. Intervals combine as independent ones do (Zou &
// Donner's MOVER: the distances from score to bound are added in squares).
struct GroupScore {
  double score = 0;
  Interval interval;
  std::uint64_t items = 0;
};
// `shares`: of the members, where they are not equal; those of a group of groups.
GroupScore combine(const std::vector<const Measured*>& members, bool by_items, const std::vector<double>& shares = {});

}  // namespace freehold::eval
