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
#include "app/vendor_keys.h"
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
constexpr std::size_t kDoubtful = 5;         // refusals before any answer: the vendor refuses all, not this or that

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

// How many an item has.
std::size_t answers_of(const eval::Task& task, Aspect aspect) {
  return aspect == Aspect::letter ? 1 : task.generation.repeats;
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

eval::Ended ended_of(upstream::Ending ending) {
  switch (ending) {
    case upstream::Ending::stop:
      return eval::Ended::whole;
    case upstream::Ending::length:
      return eval::Ended::length;
    case upstream::Ending::filtered:
      return eval::Ended::filtered;
    case upstream::Ending::other:
      break;
  }
  return eval::Ended::other;
}

// Whether the vendor's word for a refusal can mean nothing but what is in the prompt (OpenAI's, and those who copy it).
bool is_about_content(std::string_view code) {
  return code == "content_filter" || code == "content_policy_violation";
}

struct Answer {
  std::string text;
  eval::Ended ended = eval::Ended::whole;
  bool doubtful = false;  // refused, and perhaps not for what is in this item
};

// Of the whole command.
struct Shared {
  std::uint64_t used = 0;  // tokens, reserved ones included
  std::uint64_t budget = 0;
  bool answers = false;  // the vendor has answered something: what it refuses is one item, not all
};

// What all threads share. An answer is on disk before the next one is asked for by its thread.
class VendorRun {
 public:
  VendorRun(const upstream::Gateway& gateway, const VendorAccount& account, const eval::Questions& all,
            std::vector<eval::ItemResult>& results, eval::ResultStore& store, std::string identity, Shared& shared)
      : gateway_(gateway),
        account_(account),
        all_(all),
        results_(results),
        store_(store),
        identity_(std::move(identity)),
        shared_(shared) {}

  Result<> run(const std::vector<Wanted>& wanted, std::size_t threads, const std::function<void()>& progress);
  const upstream::Tokens& tokens() const { return tokens_; }
  std::uint64_t requests() const { return requests_; }
  std::uint64_t uncounted() const { return uncounted_; }
  const std::optional<ledger::Money>& cost() const { return cost_; }

 private:
  void work(const std::vector<Wanted>& wanted);
  Result<> one(const Wanted& wanted);
  Result<Answer> ask(const upstream::Call& call);
  Result<> set_aside(std::uint64_t most);
  Result<> keep(const Wanted& wanted, const Answer& last);
  Result<> save(const Wanted& wanted);

  const upstream::Gateway& gateway_;  // owner: the caller, as of all that follow
  const VendorAccount& account_;
  const eval::Questions& all_;
  std::vector<eval::ItemResult>& results_;  // each item is one thread's
  eval::ResultStore& store_;
  std::string identity_;
  std::mutex mutex_;  // guards what follows, and the store
  Shared& shared_;
  std::size_t next_ = 0;
  std::uint64_t requests_ = 0, uncounted_ = 0;
  upstream::Tokens tokens_;
  std::optional<ledger::Money> cost_ = ledger::Money();
  std::vector<Wanted> doubtful_;  // refused, while nothing had been answered: not kept yet
  std::optional<Error> refusal_;  // the first of these
  Result<> failed_;
};

// With the mutex held.
Result<> VendorRun::set_aside(std::uint64_t most) {
  if (shared_.used + most > shared_.budget) {
    return fail(Errc::exhausted, fmt::format("the budget of {} tokens is spent: {} were used or are under way, and the "
                                             "next request may take {}",
                                             shared_.budget, shared_.used, most));
  }
  shared_.used += most;
  return {};
}

Result<Answer> VendorRun::ask(const upstream::Call& call) {
  // The worst case of each attempt is set aside before it, and what was really used is settled after: threads cannot
  // overshoot together, nor can one by asking again.
  const std::uint64_t most = at_most(call).input + call.max_tokens;
  bool held = true;
  {
    const std::lock_guard lock(mutex_);
    FH_TRY_VOID(set_aside(most));
  }
  std::optional<upstream::Attempt> last;
  auto reply = account_.ask(
      gateway_, call,
      [&](const upstream::Attempt& attempt, const Settled& settled, std::optional<ledger::Money> cost) -> Result<> {
        const std::lock_guard lock(mutex_);
        last = attempt;
        cost_ = cost && cost_ ? std::optional(*cost_ + *cost) : std::nullopt;
        requests_ += attempt.free && attempt.status == 0 ? 0 : 1;  // what left this machine
        uncounted_ += settled.counted ? 0 : 1;
        tokens_.input += settled.tokens.prompt;
        tokens_.output += settled.tokens.completion;
        shared_.used += settled.tokens.prompt + settled.tokens.completion - most;
        held = false;
        if (!attempt.again) return {};
        FH_TRY_VOID(set_aside(most));
        held = true;
        return {};
      });
  const std::lock_guard lock(mutex_);
  if (held) shared_.used -= most;
  if (reply) return Answer{std::move(reply->text), ended_of(reply->ending)};
  if (!last || !last->refused) return tl::unexpected(std::move(reply).error());
  const bool doubtful = !is_about_content(last->code);
  if (doubtful && !refusal_) refusal_ = reply.error();
  return Answer{"", eval::Ended::refused, doubtful};
}

Result<> VendorRun::one(const Wanted& wanted) {
  const upstream::Call call = call_for(all_, wanted, gateway_.place().model);
  eval::ItemResult& result = results_[wanted.item];
  const bool letter = wanted.aspect == Aspect::letter;
  const std::size_t answers = answers_of(*all_.task, wanted.aspect);
  while (result.ended.size() < answers) {
    FH_TRY(Answer answer, ask(call));
    // What the vendor does not take once it does not take again.
    const bool refused = answer.ended == eval::Ended::refused;
    for (std::size_t left = refused ? answers - result.ended.size() : 1; left > 0; --left) {
      result.ended.push_back(answer.ended);
      if (letter) {
        result.letter = letter_from(answer.text);
      } else {
        result.texts.push_back(cut(*all_.task, answer.text));
      }
    }
    FH_TRY_VOID(keep(wanted, answer));
  }
  return {};
}

// On disk when it returns, and with it what was doubtful before, if this is an answer.
Result<> VendorRun::keep(const Wanted& wanted, const Answer& last) {
  const std::lock_guard lock(mutex_);
  if (last.doubtful && !shared_.answers) {
    doubtful_.push_back(wanted);
    return doubtful_.size() < kDoubtful ? Result<>() : tl::unexpected(*refusal_);
  }
  if (last.ended != eval::Ended::refused) {
    shared_.answers = true;
    for (const Wanted& before : doubtful_) FH_TRY_VOID(save(before));
    doubtful_.clear();
  }
  return save(wanted);
}

// With the mutex held.
Result<> VendorRun::save(const Wanted& wanted) {
  return store_.save(identity_, all_.digest.hex(), wanted.aspect,
                     {{all_.questions[wanted.item].row, eval::to_json(results_[wanted.item], wanted.aspect)}});
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
  // A vendor that has answered nothing and refused all that it was asked: that is no matter of the items.
  if (failed_ && !shared_.answers && !doubtful_.empty()) failed_ = tl::unexpected(*refusal_);
  return failed_;
}

// Runs the programs that the vendor wrote; what is known of them is not run again.
Result<> judge_answers(const eval::Questions& all, const EvalSetup& setup, const std::string& identity,
                       eval::ResultStore& store, std::vector<eval::ItemResult>& results) {
  const sandbox::Sandbox& sandbox = *setup.sandbox;
  const std::string key = eval::verdicts_key(all.digest.hex(), sandbox);
  if (setup.fresh) FH_TRY_VOID(forget(store, identity, key, Aspect::verdicts));
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
      return fail(
          Errc::unsupported,
          fmt::format(
              "{}: {} needs log-probabilities of given texts, which vendors do not give{}", printable(reference),
              printable(q.task->name),
              q.task->why_no_letters().empty() ? "; --method letter judges the letters that models write" : ""));
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
  // Another address may be another model of the same name. The vendor's own stands by its authority, as it always has.
  const std::string base = place.base.text() == place.wire->base ? place.base.authority() : place.base.text();
  const std::string named = fmt::format("gateway {} {} {}", place.wire->name, base, place.model);
  const upstream::Place where = place;
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const VendorKey key, vendor_key(place, arguments, home));
  options.key_from = key.from;
  FH_TRY(const auto gateway,
         upstream::Gateway::create(std::move(place), std::string(key.key.text()), std::move(options)));
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

  Shared shared;
  shared.budget =
      arguments.given("token-budget") ? static_cast<std::uint64_t>(arguments.integer("token-budget")) : UINT64_MAX / 2;
  std::uint64_t requests = 0, uncounted = 0;
  ProgressBar bar(console, fmt::format("asking {}", printable(reference, 40)), false);
  const auto begun = Clock::now();
  for (std::size_t t = 0; t < report.tasks.size(); ++t) {
    const eval::Questions& all = report.tasks[t];
    const Aspect aspect = eval::aspects_of(*all.task).front();
    if (setup.fresh) FH_TRY_VOID(forget(store, model.identity, all.digest.hex(), aspect));
    FH_TRY(const auto known, store.load(model.identity, all.digest.hex(), aspect));
    TaskResult result;
    result.items.resize(all.questions.size());
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < all.questions.size(); ++i) {
      eval::ItemResult& item = result.items[i];
      const auto found = known.find(all.questions[i].row);
      if (found != known.end()) FH_TRY_VOID(eval::add_json(found->second, aspect, item));
      if (item.ended.size() < answers_of(*all.task, aspect)) wanted.push_back({i, aspect});
      shared.answers |= std::any_of(item.ended.begin(), item.ended.end(),
                                    [](eval::Ended ended) { return ended != eval::Ended::refused; });
    }
    model.stats.known += all.questions.size() - wanted.size();
    VendorRun run(gateway, account, all, result.items, store, model.identity, shared);
    auto ran = run.run(wanted, static_cast<std::size_t>(arguments.integer("parallel")),
                       [&] { bar.update(t + 1, report.tasks.size()); });
    model.stats.computed += run.tokens().input;
    model.stats.written += run.tokens().output;
    requests += run.requests();
    uncounted += run.uncounted();
    if (veil && (!ran || t + 1 == report.tasks.size())) FH_TRY_VOID(tell_of_veil(*veil, account.vendor(), console));
    if (!ran) {
      console.hint("answers so far are kept; the same command goes on where this one ended");
      return in_context(std::move(ran).error(), printable(reference));
    }
    if (all.task->runs_programs()) FH_TRY_VOID(judge_answers(all, setup, model.identity, store, result.items));
    FH_TRY(result.measured, eval::measure(all, result.items));
    FH_TRY(result.unanswered, unanswered_in(all, result.items));
    result.computed = wanted.size();
    result.cost = run.cost();
    model.tasks.push_back(std::move(result));
  }
  bar.clear();
  model.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  if (uncounted > 0) {
    console.note(
        fmt::format("{}: {} of its requests were not counted by the vendor; the most that they can have taken "
                    "stands for them",
                    printable(reference), grouped(uncounted)));
  }
  console.note(
      fmt::format("{}: {} requests, {} tokens read and {} written as the vendor counts them{}, in {}{}",
                  printable(reference), grouped(requests), grouped(model.stats.computed), grouped(model.stats.written),
                  uncounted > 0 ? " or at most" : "", human_seconds(model.seconds),
                  model.stats.known > 0 ? fmt::format("; {} answers were known", grouped(model.stats.known)) : ""));
  report.models.push_back(std::move(model));
  return {};
}

}  // namespace freehold::app
