#include "eval/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

namespace freehold::eval {
namespace {

using sandbox::Verdict;

// Hands out samples, item by item, to whoever has nothing to do.
class Work {
 public:
  Work(const Questions& all, const std::vector<std::size_t>& items, std::vector<ItemResult>& results,
       const Judging& how)
      : all_(all), items_(items), results_(results), how_(how) {
    for (std::size_t i : items) {
      results[i].verdicts.assign(results[i].texts.size(), Verdict::failed);
      open_[i] = results[i].texts.size();
    }
  }

  void run() {
    std::size_t item = 0, sample = 0;
    while (take(item, sample)) {
      auto verdict = one(item, sample);
      const std::lock_guard lock(mutex_);
      if (!failed_) return;
      if (!verdict) {
        failed_ = in_context(std::move(verdict).error(), fmt::format("item {}", all_.questions[item].row));
        return;
      }
      results_[item].verdicts[sample] = *verdict;
      if (--open_[item] == 0) failed_ = how_.done(item);
    }
  }
  Result<> outcome() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }

 private:
  bool take(std::size_t& item, std::size_t& sample) {
    const std::lock_guard lock(mutex_);
    if (!failed_ || next_ == items_.size()) return false;
    item = items_[next_];
    sample = sample_++;
    if (sample_ == results_[item].texts.size()) {
      ++next_;
      sample_ = 0;
    }
    return true;
  }
  Result<Verdict> one(std::size_t item, std::size_t sample) {
    FH_TRY(const std::string program, program_of(*all_.task, all_.questions[item], results_[item].texts[sample]));
    return how_.sandbox->run(program, how_.stop);
  }

  const Questions& all_;  // owner: the caller, as of the next three
  const std::vector<std::size_t>& items_;
  std::vector<ItemResult>& results_;
  const Judging& how_;
  mutable std::mutex mutex_;                 // guards what follows, and the verdicts
  std::size_t next_ = 0, sample_ = 0;        // who comes next
  std::map<std::size_t, std::size_t> open_;  // samples without a verdict, by item
  Result<> failed_;
};

}  // namespace

Result<std::string> program_of(const Task& task, const Question& question, std::string_view answer) {
  Row row{.line = question.fields->line};
  FH_TRY(std::string text, filtered(task, answer));
  row.fields.emplace_back("it", Field{std::move(text)});
  row.fields.insert(row.fields.end(), question.fields->fields.begin(), question.fields->fields.end());
  return task.program.fill(row);
}

std::string verdicts_key(std::string_view run, const sandbox::Sandbox& sandbox) {
  return fmt::format("{} {}", run, sandbox.version());
}

Result<> judge(const Questions& all, const std::vector<std::size_t>& items, std::vector<ItemResult>& results,
               const Judging& how) {
  std::vector<std::size_t> some;
  for (std::size_t i : items) {
    if (!results[i].texts.empty()) some.push_back(i);
  }
  Work work(all, some, results, how);
  std::vector<std::thread> threads;
  for (std::size_t t = 1; t < how.threads; ++t) threads.emplace_back([&] { work.run(); });
  work.run();
  for (std::thread& thread : threads) thread.join();
  return work.outcome();
}

}  // namespace freehold::eval
