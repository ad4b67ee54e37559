#include "eval/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

#include "format/json.h"

namespace freehold::eval {
namespace {

void append_text(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  out += '"';
}

constexpr std::pair<Ended, std::string_view> kEnded[] = {{Ended::whole, "whole"},
                                                         {Ended::length, "length"},
                                                         {Ended::filtered, "content_filter"},
                                                         {Ended::refused, "refused"},
                                                         {Ended::other, "other"}};

// A text; with how it ended, where that is not as it should.
void append_answer(std::string& out, std::string_view text, Ended ended) {
  if (ended == Ended::whole) return append_text(out, text);
  out += "{\"text\":";
  append_text(out, text);
  out += fmt::format(",\"ended\":\"{}\"}}", name_of(ended));
}

struct KeptAnswer {
  std::string text;
  Ended ended = Ended::whole;
};
std::optional<KeptAnswer> kept_answer(const format::Value& value) {
  if (const auto text = value.as_string()) return KeptAnswer{std::string(*text)};
  const format::Value* text = value.member("text");
  const format::Value* ended = value.member("ended");
  if (text == nullptr || ended == nullptr || !text->as_string()) return std::nullopt;
  for (const auto& [kind, name] : kEnded) {
    if (ended->as_string() == name) return KeptAnswer{std::string(*text->as_string()), kind};
  }
  return std::nullopt;
}

bool has(const Task& task, Metric metric) {
  return std::find(task.metrics.begin(), task.metrics.end(), metric) != task.metrics.end();
}

double characters(std::string_view text) {
  return static_cast<double>(std::max<std::size_t>(text.size(), 1));
}

double value_of(const Question& q, const ItemResult& r, Metric metric, std::size_t choice) {
  const Score& s = r.scores[choice];
  switch (metric) {
    case Metric::acc_byte:
      return s.logprob / characters(q.answers[choice]);
    case Metric::acc_token:
      return s.logprob / std::max(1u, s.tokens);
    case Metric::acc_uncond:
      return s.logprob - r.scores[q.answers.size() + choice].logprob;
    default:
      return s.logprob;
  }
}

// The model's shares among the choices.
std::vector<double> shares(const Question& q, const ItemResult& r) {
  double most = -INFINITY;
  for (std::size_t c = 0; c < q.answers.size(); ++c) most = std::max(most, r.scores[c].logprob);
  std::vector<double> p(q.answers.size());
  double sum = 0;
  for (std::size_t c = 0; c < p.size(); ++c) sum += p[c] = std::exp(r.scores[c].logprob - most);
  for (double& x : p) x /= sum;
  return p;
}

struct Sums {
  double value = 0;
  double weight = 0;
};
Sums sum_of(const Measured& m, std::span<const std::uint32_t> indices) {
  Sums sums;
  for (std::uint32_t i : indices) {
    sums.value += m.values[i];
    sums.weight += m.weights.empty() ? 1 : m.weights[i];
  }
  return sums;
}

double score_of(Metric metric, const Sums& sums) {
  const double mean = sums.weight > 0 ? sums.value / sums.weight : 0;
  return metric == Metric::perplexity ? std::exp(mean) : mean;
}

// values, weights of a metric whose items have them; ece is apart.
Result<> fill(const Questions& all, const std::vector<ItemResult>& results, Measured& m) {
  const Task& task = *all.task;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Question& q = all.questions[i];
    const ItemResult& r = results[i];
    if (const std::uint32_t k = pass_of(m.metric); k > 0) {
      const auto right = std::count(r.verdicts.begin(), r.verdicts.end(), sandbox::Verdict::passed);
      m.values.push_back(r.verdicts.empty() ? 0 : pass_at(k, r.verdicts.size(), static_cast<std::uint64_t>(right)));
    } else if (task.kind == TaskKind::generate) {
      double best = 0;
      FH_TRY(const std::string usual, final_answer(task, r, task.normalisation));
      for (const std::string& accepted : q.accepted) {
        FH_TRY(std::string expected, filtered(task, accepted));
        if (expected.empty()) expected = accepted;  // the filter finds an answer in what models write around it
        const Normalisation how = fitting(expected, task.normalisation);
        std::string answer = usual;
        if (how != task.normalisation) {
          FH_TRY(answer, final_answer(task, r, how));
        }
        expected = normalise(expected, how);
        const bool equal = !expected.empty() && answer == expected;
        best = std::max(best, m.metric == Metric::f1 ? word_f1(answer, expected) : (equal ? 1.0 : 0.0));
      }
      m.values.push_back(best);
    } else if (m.metric == Metric::mc2) {
      const auto p = shares(q, r);
      double sum = 0;
      for (std::size_t c = 0; c < p.size(); ++c) sum += q.right[c] ? p[c] : 0;
      m.values.push_back(sum);
    } else if (m.metric == Metric::perplexity || m.metric == Metric::bits_per_byte) {
      double logprob = 0;
      std::uint64_t tokens = 0;
      for (const Score& s : r.scores) {
        logprob += s.logprob;
        tokens += s.tokens;
      }
      const bool bits = m.metric == Metric::bits_per_byte;
      m.values.push_back(-logprob / (bits ? std::numbers::ln2 : 1));
      // A continuation counts as one word, as LAMBADA's perplexity has it.
      m.weights.push_back(bits                                  ? characters(q.answers[0])
                          : task.kind == TaskKind::continuation ? 1.0
                                                                : static_cast<double>(tokens));
    } else if (task.kind == TaskKind::continuation) {
      m.values.push_back(r.scores[0].greedy ? 1 : 0);
    } else {
      const std::size_t choice = chosen(task, q, r, m.metric);
      m.values.push_back(choice < q.right.size() && q.right[choice] ? 1 : 0);
    }
  }
  return {};
}

}  // namespace

std::string_view name_of(Aspect aspect) {
  switch (aspect) {
    case Aspect::scores:
      return "scores";
    case Aspect::texts:
      return "texts";
    case Aspect::letter:
      return "letter";
    case Aspect::verdicts:
      break;
  }
  return "verdicts";
}

std::string_view name_of(Ended ended) {
  for (const auto& [kind, name] : kEnded) {
    if (kind == ended) return name;
  }
  return {};
}

std::vector<Aspect> aspects_of(const Task& task) {
  if (task.runs_programs()) return {Aspect::texts, Aspect::verdicts};
  if (task.kind == TaskKind::generate) return {Aspect::texts};
  std::vector<Aspect> aspects;
  const bool only_letters = task.metrics.size() == 1 && task.metrics[0] == Metric::letter;
  if (!only_letters) aspects.push_back(Aspect::scores);
  if (has(task, Metric::letter)) aspects.push_back(Aspect::letter);
  return aspects;
}

std::string to_json(const ItemResult& result, Aspect aspect) {
  std::string out;
  if (aspect == Aspect::letter) {
    append_answer(out, result.letter, result.ended_at(0));
    return out;
  }
  out = "[";
  if (aspect == Aspect::scores) {
    for (const Score& s : result.scores)
      out += fmt::format("{}[{},{},{}]", out.size() > 1 ? "," : "", s.logprob, s.tokens, s.greedy ? 1 : 0);
  } else if (aspect == Aspect::verdicts) {
    for (const sandbox::Verdict verdict : result.verdicts)
      out += fmt::format("{}\"{}\"", out.size() > 1 ? "," : "", name_of(verdict));
  } else {
    for (std::size_t i = 0; i < result.texts.size(); ++i) {
      if (i > 0) out += ',';
      append_answer(out, result.texts[i], result.ended_at(i));
    }
  }
  return out + "]";
}

Result<> add_json(std::string_view json, Aspect aspect, ItemResult& result) {
  FH_TRY(const format::Value value, format::parse_json(json));
  const Unexpected damaged = fail(Errc::corrupt, "a result that was kept is damaged");
  if (aspect == Aspect::letter) {
    auto answer = kept_answer(value);
    if (!answer) return damaged;
    result.letter = std::move(answer->text);
    result.ended = {answer->ended};
    return {};
  }
  for (const format::Value& item : value.items()) {
    if (aspect == Aspect::texts) {
      auto answer = kept_answer(item);
      if (!answer) return damaged;
      result.texts.push_back(std::move(answer->text));
      result.ended.resize(result.texts.size());
      result.ended.back() = answer->ended;
      continue;
    }
    if (aspect == Aspect::verdicts) {
      const auto verdict = sandbox::verdict_from_name(item.as_string().value_or(""));
      if (!verdict) return damaged;
      result.verdicts.push_back(*verdict);
      continue;
    }
    const auto parts = item.as_f64s();
    if (!parts || parts->size() != 3 || !std::isfinite((*parts)[0])) return damaged;
    if (!((*parts)[1] >= 0 && (*parts)[1] <= UINT32_MAX)) return damaged;
    result.scores.push_back({(*parts)[0], static_cast<std::uint32_t>((*parts)[1]), (*parts)[2] != 0});
  }
  return {};
}

std::size_t chosen(const Task& task, const Question& q, const ItemResult& r, Metric metric) {
  if (task.kind != TaskKind::choice) return SIZE_MAX;
  if (metric == Metric::letter) {
    return r.letter.size() == 1 ? static_cast<std::size_t>(r.letter[0] - 'A') : SIZE_MAX;
  }
  if (r.scores.size() < q.answers.size()) return SIZE_MAX;
  std::size_t best = 0;
  for (std::size_t c = 1; c < q.answers.size(); ++c) {
    if (value_of(q, r, metric, c) > value_of(q, r, metric, best)) best = c;
  }
  return best;
}

Result<std::string> filtered(const Task& task, std::string_view text) {
  std::string found(text);
  for (const Filter& filter : task.filters) {
    FH_TRY(found, extract(filter, found));
  }
  return found;
}

Result<std::string> final_answer(const Task& task, const ItemResult& result, const Normalisation& how) {
  std::vector<std::string> answers;
  for (const std::string& text : result.texts) {
    FH_TRY(const std::string answer, filtered(task, text));
    answers.push_back(normalise(answer, how));
  }
  std::string best;
  std::ptrdiff_t most = 0;
  for (const std::string& answer : answers) {
    const auto votes = std::count(answers.begin(), answers.end(), answer);
    if (answer.empty() || votes <= most) continue;
    most = votes;
    best = answer;
  }
  return best;
}

Result<std::vector<Measured>> measure(const Questions& questions, const std::vector<ItemResult>& results) {
  const Task& task = *questions.task;
  std::vector<std::uint32_t> everything(results.size());
  std::iota(everything.begin(), everything.end(), 0u);
  std::vector<Measured> out;
  for (Metric metric : task.metrics) {
    Measured m{.metric = metric};
    if (metric == Metric::ece) {
      std::vector<bool> right;
      for (std::size_t i = 0; i < results.size(); ++i) {
        const auto p = shares(questions.questions[i], results[i]);
        m.values.push_back(*std::max_element(p.begin(), p.end()));
        const std::size_t choice = chosen(task, questions.questions[i], results[i], Metric::acc);
        right.push_back(questions.questions[i].right[choice]);
      }
      m.score = calibration_error(m.values, right, everything);
      m.interval = bootstrap(
          results.size(),
          [&](std::span<const std::uint32_t> indices) { return calibration_error(m.values, right, indices); }, 1);
      // Resampling adds to each bin's error, so a small one may lie below all of its resamples.
      m.interval = {std::min(m.interval.low, m.score), std::max(m.interval.high, m.score)};
      out.push_back(std::move(m));
      continue;
    }
    FH_TRY_VOID(fill(questions, results, m));
    m.score = score_of(metric, sum_of(m, everything));
    m.binary = is_binary(metric) && (pass_of(metric) == 0 || task.generation.repeats == 1);
    if (m.binary) {
      const auto right = static_cast<std::uint64_t>(std::count(m.values.begin(), m.values.end(), 1.0));
      m.interval = wilson(right, results.size());
    } else {
      m.interval = bootstrap(
          results.size(), [&](std::span<const std::uint32_t> indices) { return score_of(metric, sum_of(m, indices)); },
          1);
    }
    out.push_back(std::move(m));
  }
  return out;
}

GroupScore combine(const std::vector<const Measured*>& members, bool by_items, const std::vector<double>& shares) {
  GroupScore out;
  for (const Measured* m : members) out.items += m->values.size();
  double below = 0, above = 0;
  for (std::size_t at = 0; at < members.size(); ++at) {
    const Measured* m = members[at];
    const double weight = by_items          ? static_cast<double>(m->values.size()) / static_cast<double>(out.items)
                          : !shares.empty() ? shares[at]
                                            : 1.0 / static_cast<double>(members.size());
    out.score += weight * m->score;
    below += std::pow(weight * (m->score - m->interval.low), 2);
    above += std::pow(weight * (m->interval.high - m->score), 2);
  }
  out.interval = {out.score - std::sqrt(below), out.score + std::sqrt(above)};
  const bool binary = std::all_of(members.begin(), members.end(), [](const Measured* m) { return m->binary; });
  if (binary && by_items) {
    double right = 0;
    for (const Measured* m : members) right += std::accumulate(m->values.begin(), m->values.end(), 0.0);
    out.interval = wilson(static_cast<std::uint64_t>(std::llround(right)), out.items);
  }
  return out;
}

}  // namespace freehold::eval
