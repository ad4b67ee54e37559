// A vendor's model over all tasks of a report: answers in its own words, several at the same time. Vendors give no
// log-probabilities of given texts, so choices are letters under a schema, and continuations cannot be measured.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "app/audit/act.h"
#include "app/eval/evaluation.h"
#include "app/interrupt.h"
#include "app/labelling.h"
#include "app/progress.h"
#include "app/vendor_account.h"
#include "base/thread_pool.h"
#include "base/utf8.h"
#include "eval/judge.h"
#include "format/json.h"
#include "store/store.h"
#include "upstream/gateway.h"
#include "upstream/wire.h"

namespace freehold::app {
namespace {

using Clock = std::chrono::steady_clock;
using eval::Aspect;

constexpr std::uint32_t kLetterTokens = 64;  // {"answer": "A"}, however a vendor's tokenizer spells it
constexpr std::size_t kMostStops = 4;        // of a request
constexpr std::size_t kKeepAnswers = 16;     // of one transaction: an answer costs money

// One question's answers that are still to come.
struct Wanted {
  std::size_t item = 0;
  Aspect aspect = Aspect::texts;
};

std::string letter_schema(std::size_t choices) {
  std::string letters;
  for (std::size_t c = 0; c < std::min<std::size_t>(choices, 26); ++c)
    letters += fmt::format("{}\"{}\"", c > 0 ? "," : "", eval::letter_of(c));
  return fmt::format(
      "{{\"type\":\"object\",\"properties\":{{\"answer\":{{\"type\":\"string\",\"enum\":[{}]}}}},"
      "\"required\":[\"answer\"],\"additionalProperties\":false}}",
      letters);
}

upstream::Call call_for(const eval::Questions& all, const Wanted& wanted, const std::string& model) {
  const eval::Task& task = *all.task;
  const eval::Question& q = all.questions[wanted.item];
  upstream::Call call{.model = model};
  const bool letter = wanted.aspect == Aspect::letter;
  call.messages.push_back(
      {upstream::Message::Role::user, all.shared[q.shared] + (letter ? eval::lettered_prompt(task, q) : q.prompts[0])});
  call.temperature = letter ? 0 : task.generation.temperature;
  call.max_tokens = letter ? kLetterTokens : task.generation.max_tokens;
  if (letter) {
    call.schema = letter_schema(q.answers.size());
  } else {
    if (task.generation.top_p < 1) call.top_p = task.generation.top_p;
    // Stop strings of blanks alone are refused by some, and stand for "the first line": that is cut here. So are more
    // than OpenAI takes.
    for (const std::string& until : task.generation.until) {
      if (!eval::stripped(until).empty() && call.stop.size() < kMostStops) call.stop.push_back(until);
    }
  }
  return call;
}

// What the vendor said, as a local model would have been cut.
std::string cut(const eval::Task& task, std::string text) {
  if (!task.runs_programs()) text = std::string(eval::stripped(text));  // a program's blanks mean something
  for (const std::string& until : task.generation.until) text = text.substr(0, text.find(until));
  return text;
}

// Of {"answer": "B"}; empty if it is none.
std::string letter_from(std::string_view text) {
  const auto value = format::parse_json(eval::stripped(text));
  const format::Value* answer = value ? value->member("answer") : nullptr;
  return answer != nullptr ? std::string(answer->as_string().value_or("")) : "";
}

// What all threads share.
class VendorRun {
 public:
  VendorRun(const upstream::Gateway& gateway, const VendorAccount& account, const eval::Questions& all,
            std::vector<eval::ItemResult>& results, eval::ResultStore& store, std::string identity, std::uint64_t& used,
            std::uint64_t budget)
      : gateway_(gateway),
        account_(account),
        all_(all),
        results_(results),
        store_(store),
        identity_(std::move(identity)),
        used_(used),
        budget_(budget) {}

  Result<> run(const std::vector<Wanted>& wanted, std::size_t threads, const std::function<void()>& progress);
  const upstream::Tokens& tokens() const { return tokens_; }
  std::uint64_t requests() const { return requests_; }
  const std::optional<ledger::Money>& cost() const { return cost_; }

 private:
  void work(const std::vector<Wanted>& wanted);
  Result<> one(const Wanted& wanted);
  Result<std::string> ask(const upstream::Call& call);
  Result<> flush(Aspect aspect);

  const upstream::Gateway& gateway_;  // owner: the caller, as of all that follow
  const VendorAccount& account_;
  const eval::Questions& all_;
  std::vector<eval::ItemResult>& results_;  // each item is one thread's
  eval::ResultStore& store_;
  std::string identity_;
  std::mutex mutex_;     // guards what follows
  std::uint64_t& used_;  // tokens of the whole command, reserved ones included
  std::uint64_t budget_;
  std::size_t next_ = 0, done_ = 0;
  std::uint64_t requests_ = 0;
  upstream::Tokens tokens_;
  std::optional<ledger::Money> cost_ = ledger::Money();
  std::vector<std::pair<std::size_t, std::string>> fresh_;
  Result<> failed_;
};

Result<std::string> VendorRun::ask(const upstream::Call& call) {
  // The worst case is set aside before, and what was really used is settled after: threads cannot overshoot together.
  const std::uint64_t most = at_most(call).input + call.max_tokens;
  {
    const std::lock_guard lock(mutex_);
    if (used_ + most > budget_) {
      return fail(Errc::exhausted,
                  fmt::format("the budget of {} tokens is spent: {} were used or are under way, and the "
                              "next request may take {}",
                              budget_, used_, most));
    }
    used_ += most;
  }
  std::uint64_t counted = 0;
  auto reply = account_.ask(gateway_, call, [&](const upstream::Attempt& attempt, std::optional<ledger::Money> cost) {
    const std::lock_guard lock(mutex_);
    cost_ = cost && cost_ ? std::optional(*cost_ + *cost) : std::nullopt;
    requests_ += attempt.free && attempt.status == 0 ? 0 : 1;  // what left this machine
    if (attempt.tokens) {
      tokens_.input += attempt.tokens->input;
      tokens_.output += attempt.tokens->output;
      counted += attempt.tokens->input + attempt.tokens->output;
    } else if (!attempt.free) {
      counted += most;  // nobody has counted it, and it may be billed
    }
  });
  const std::lock_guard lock(mutex_);
  used_ = used_ - most + counted;
  if (!reply) return tl::unexpected(std::move(reply).error());
  return std::move(reply->text);
}

Result<> VendorRun::one(const Wanted& wanted) {
  const upstream::Call call = call_for(all_, wanted, gateway_.place().model);
  eval::ItemResult& result = results_[wanted.item];
  if (wanted.aspect == Aspect::letter) {
    FH_TRY(const std::string text, ask(call));
    result.letter = letter_from(text);
  } else {
    for (std::uint32_t r = 0; r < all_.task->generation.repeats; ++r) {
      FH_TRY(std::string text, ask(call));
      result.texts.push_back(cut(*all_.task, std::move(text)));
    }
  }
  const std::lock_guard lock(mutex_);
  ++done_;
  fresh_.emplace_back(all_.questions[wanted.item].row, eval::to_json(result, wanted.aspect));
  return fresh_.size() >= kKeepAnswers ? flush(wanted.aspect) : Result<>();
}

Result<> VendorRun::flush(Aspect aspect) {
  if (fresh_.empty()) return {};
  FH_TRY_VOID(store_.save(identity_, all_.digest.hex(), aspect, fresh_));
  fresh_.clear();
  return {};
}

void VendorRun::work(const std::vector<Wanted>& wanted) {
  while (true) {
    std::size_t mine = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!failed_ || next_ == wanted.size()) return;
      mine = next_++;
    }
    auto result = interrupted() ? Result<>(fail(Errc::cancelled, "interrupted")) : one(wanted[mine]);
    if (result) continue;
    const std::lock_guard lock(mutex_);
    if (failed_)
      failed_ = in_context(std::move(result).error(), fmt::format("item {}", all_.questions[wanted[mine].item].row));
    return;
  }
}

Result<> VendorRun::run(const std::vector<Wanted>& wanted, std::size_t threads, const std::function<void()>& progress) {
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < std::min(threads, wanted.size()); ++i) workers.emplace_back([&] { work(wanted); });
  for (std::thread& worker : workers) worker.join();
  progress();
  const std::lock_guard lock(mutex_);
  // What was paid for is kept, whatever stopped the rest.
  if (!wanted.empty()) FH_TRY_VOID(flush(wanted.front().aspect));
  return failed_;
}

// Runs the programs that the vendor wrote; what is known of them is not run again.
Result<> judge_answers(const eval::Questions& all, const EvalSetup& setup, const std::string& identity,
                       eval::ResultStore& store, std::vector<eval::ItemResult>& results) {
  const sandbox::Sandbox& sandbox = *setup.sandbox;
  const std::string key = eval::verdicts_key(all.digest.hex(), sandbox);
  if (setup.fresh) FH_TRY_VOID(store.drop(identity, key, Aspect::verdicts));
  FH_TRY(const auto known, store.load(identity, key, Aspect::verdicts));
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto found = known.find(all.questions[i].row);
    if (found != known.end()) FH_TRY_VOID(eval::add_json(found->second, Aspect::verdicts, results[i]));
    if (results[i].verdicts.size() != results[i].texts.size()) missing.push_back(i);
  }
  return eval::judge(all, missing, results,
                     {.sandbox = &sandbox,
                      .threads = static_cast<std::size_t>(available_cpus()),
                      .stop = &interrupt_flag(),
                      .done = [&](std::size_t i) {
                        return store.save(identity, key, Aspect::verdicts,
                                          {{all.questions[i].row, eval::to_json(results[i], Aspect::verdicts)}});
                      }});
}

// What was done with personal data, for the log and for people: nothing of it happens silently.
Result<> tell_of_veil(const VendorVeil& veil, const std::string& vendor, Console& console) {
  const std::string summary = veil.summary();
  if (summary.empty()) return {};
  console.note(fmt::format("{}: personal data in what was {}", vendor, summary));
  return record_act("vendor.personal_data", vendor, veil.entry());
}

Result<> must_be_answerable(const EvalReport& report, std::string_view reference) {
  for (const eval::Questions& q : report.tasks) {
    for (Aspect aspect : eval::aspects_of(*q.task)) {
      if (aspect != Aspect::scores) continue;
      return fail(Errc::unsupported,
                  fmt::format("{}: {} needs log-probabilities of given texts, which vendors do not give{}",
                              printable(reference), printable(q.task->name),
                              q.task->kind == eval::TaskKind::choice && q.task->contexts.empty()
                                  ? "; --method letter judges the letters that models write"
                                  : ""));
    }
  }
  return {};
}

}  // namespace

std::string from_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

Result<> evaluate_gateway(std::string_view reference, const EvalSetup& setup, EvalReport& report,
                          eval::ResultStore& store, const Arguments& arguments, Console& console) {
  FH_TRY_VOID(must_be_answerable(report, reference));
  FH_TRY(upstream::Place place, upstream::find_place(reference, from_environment));
  upstream::GatewayOptions options;
  if (arguments.given("allow-egress")) options.allowed = split_commas(arguments.list("allow-egress"));
  options.stopped = [] { return interrupted(); };
  const std::string named = fmt::format("gateway {} {} {}", place.wire->name, place.base.authority(), place.model);
  const std::string key = from_environment(place.wire->key_variable);
  const upstream::Place where = place;
  FH_TRY(const auto gateway, upstream::Gateway::create(std::move(place), key, std::move(options)));
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const guard::Policy policy, own_policy());
  FH_TRY(const std::string label, label_option(arguments, "label", policy));
  FH_TRY(const std::shared_ptr<VendorVeil> veil, VendorVeil::open(home, policy, vendor_name(where), label));
  // Answers to other words are other answers.
  ModelResults model{.name = std::string(reference), .identity = sha256(veil ? named + veil->identity() : named).hex()};

  std::uint64_t bytes = 0, written = 0, asked = 0;
  for (const eval::Questions& q : report.tasks) {
    for (const eval::Question& question : q.questions) {
      const std::uint64_t repeats = q.task->kind == eval::TaskKind::generate ? q.task->generation.repeats : 1;
      bytes += repeats * (q.shared[question.shared].size() + eval::lettered_prompt(*q.task, question).size());
      written += repeats * (q.task->kind == eval::TaskKind::generate ? q.task->generation.max_tokens : kLetterTokens);
      asked += repeats;
    }
  }
  VendorAccount::Options accounting;
  accounting.reference = reference;
  accounting.tag = "eval";
  accounting.stopped = [] { return interrupted(); };
  accounting.veil = veil;
  FH_TRY(const auto account, VendorAccount::open(where, std::move(accounting)));
  const auto dearest =
      account.price({bytes / 4, 0, written, ledger::long_prompts(bytes / 4 / std::max<std::uint64_t>(1, asked))});
  console.note(
      fmt::format("{}: {} requests, about {} tokens to read (by four bytes a token) and at most {} to write: {}",
                  printable(reference), grouped(asked), grouped(bytes / 4), grouped(written),
                  dearest ? fmt::format("at most about {} USD", dearest->rounded(4))
                          : fmt::format("what {} charges is not known", account.vendor())));
  if (setup.plan_only) return {};

  const std::uint64_t budget =
      arguments.given("token-budget") ? static_cast<std::uint64_t>(arguments.integer("token-budget")) : UINT64_MAX / 2;
  std::uint64_t used = 0, requests = 0;
  ProgressBar bar(console, fmt::format("asking {}", printable(reference, 40)), false);
  const auto begun = Clock::now();
  for (std::size_t t = 0; t < report.tasks.size(); ++t) {
    const eval::Questions& all = report.tasks[t];
    const Aspect aspect = eval::aspects_of(*all.task).front();
    if (setup.fresh) FH_TRY_VOID(store.drop(model.identity, all.digest.hex(), aspect));
    FH_TRY(const auto known, store.load(model.identity, all.digest.hex(), aspect));
    TaskResult result;
    result.items.resize(all.questions.size());
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < all.questions.size(); ++i) {
      const auto found = known.find(all.questions[i].row);
      if (found == known.end())
        wanted.push_back({i, aspect});
      else
        FH_TRY_VOID(eval::add_json(found->second, aspect, result.items[i]));
    }
    model.stats.known += all.questions.size() - wanted.size();
    VendorRun run(gateway, account, all, result.items, store, model.identity, used, budget);
    auto ran = run.run(wanted, static_cast<std::size_t>(arguments.integer("parallel")),
                       [&] { bar.update(t + 1, report.tasks.size()); });
    model.stats.computed += run.tokens().input;
    model.stats.written += run.tokens().output;
    requests += run.requests();
    if (veil && (!ran || t + 1 == report.tasks.size())) FH_TRY_VOID(tell_of_veil(*veil, account.vendor(), console));
    if (!ran) {
      console.hint("answers so far are kept; the same command goes on where this one ended");
      return in_context(std::move(ran).error(), printable(reference));
    }
    if (all.task->runs_programs()) FH_TRY_VOID(judge_answers(all, setup, model.identity, store, result.items));
    FH_TRY(result.measured, eval::measure(all, result.items));
    result.computed = wanted.size();
    result.cost = run.cost();
    model.tasks.push_back(std::move(result));
  }
  bar.clear();
  model.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  console.note(fmt::format(
      "{}: {} requests, {} tokens read and {} written as the vendor counts them, in {}{}", printable(reference),
      grouped(requests), grouped(model.stats.computed), grouped(model.stats.written), human_seconds(model.seconds),
      model.stats.known > 0 ? fmt::format("; {} answers were known", grouped(model.stats.known)) : ""));
  report.models.push_back(std::move(model));
  return {};
}

}  // namespace freehold::app
