#include "eval/prompter.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/utf8.h"
#include "text/prompt.h"

namespace freehold::eval {
namespace {

constexpr std::size_t kLetterTokens = 8;  // that a letter under its constraint takes at most

bool wants(const Task& task, Metric metric) {
  return std::find(task.metrics.begin(), task.metrics.end(), metric) != task.metrics.end();
}

// Of one question, with `skip` examples left out.
struct One {
  ScoreItem item;
  std::vector<std::int32_t> prompt, letter;
  std::size_t longest = 0;  // tokens that the model would have to hold, answer included
};

// Drops `count` tokens behind bos; false if there are not so many before the last `kept` ones.
bool cut_front(std::vector<std::int32_t>& tokens, std::size_t count, std::size_t kept, std::int32_t bos) {
  const std::size_t begin = !tokens.empty() && tokens[0] == bos ? 1 : 0;
  if (begin + count + kept > tokens.size()) return false;
  const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(begin);
  tokens.erase(first, first + static_cast<std::ptrdiff_t>(count));
  return true;
}

std::size_t beyond(std::size_t tokens, std::size_t most) {
  return tokens > most ? tokens - most : 0;
}

// The first `together` texts are one question's choices. False if a choice alone is too long.
bool cut_texts(std::vector<Scored>& texts, std::size_t together, std::size_t context, std::int32_t bos) {
  std::size_t common = 0;
  for (std::size_t i = 0; i < together; ++i) common = std::max(common, beyond(texts[i].tokens.size() - 1, context));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Scored& text = texts[i];
    const std::size_t count = i < together ? common : beyond(text.tokens.size() - 1, context);
    if (count == 0) continue;
    // A token before the first that is scored must be left.
    if (!cut_front(text.tokens, count, text.tokens.size() - text.first + (text.tokens[0] == bos ? 0 : 1), bos))
      return false;
    text.first -= static_cast<std::uint32_t>(count);
  }
  return true;
}

// `cut`: whatever is too long loses its beginning.
Result<One> tokenize_one(const Questions& all, const Question& q, const Prompter& prompter,
                         const TokenizeOptions& options, std::size_t skip, bool cut) {
  const Task& task = *all.task;
  One one;
  const std::string shared = skip == 0 ? all.shared[q.shared] : shared_text(all, q.shared, skip);
  if (task.kind == TaskKind::generate) {
    FH_TRY(one.prompt, prompter.prompt(shared + q.prompts[0]));
    one.longest = one.prompt.size() + task.generation.max_tokens;
    if (cut && one.longest > options.context &&
        cut_front(one.prompt, one.longest - options.context, 1, prompter.bos())) {
      one.longest = options.context;
    }
    return one;
  }
  if (options.letters) {
    FH_TRY(one.letter, prompter.prompt(shared + lettered_prompt(task, q)));
    one.longest = one.letter.size() + kLetterTokens;
    if (cut && one.longest > options.context &&
        cut_front(one.letter, one.longest - options.context, 1, prompter.bos())) {
      one.longest = options.context;
    }
  }
  if (!options.scores) return one;
  std::vector<Scored> texts;
  if (task.kind == TaskKind::perplexity) {
    FH_TRY(texts, prompter.windows(q.answers[0], options.context));
  } else {
    std::vector<std::int32_t> tokens;
    for (std::size_t c = 0; c < q.answers.size(); ++c) {
      if (c == 0 || q.prompts.size() > 1) {
        FH_TRY(tokens, prompter.prompt(shared + q.prompt(c)));
      }
      FH_TRY(Scored text, prompter.scored(shared + q.prompt(c), tokens, task.before, q.answers[c]));
      texts.push_back(std::move(text));
    }
    if (wants(task, Metric::acc_uncond)) {
      for (std::size_t c = 0; c < q.answers.size(); ++c) {
        FH_TRY(Scored text, prompter.scored(task.unconditional, task.before, q.answers[c]));
        texts.push_back(std::move(text));
      }
    }
  }
  if (cut && task.kind != TaskKind::perplexity) cut_texts(texts, q.answers.size(), options.context, prompter.bos());
  for (const Scored& text : texts) one.longest = std::max(one.longest, text.tokens.size() - 1);
  one.item = make_score_item(texts);
  return one;
}

}  // namespace

Result<std::vector<std::int32_t>> Prompter::prompt(std::string_view text) const {
  if (chat_ == nullptr) {
    FH_TRY(text::Prompt plain, text::prompt_from_text(*tokenizer_, text));
    return std::move(plain.tokens);
  }
  text::ChatInput input;
  input.messages = text::messages_from_pairs({{"user", std::string(text)}});
  const auto spelled = [&](std::int32_t id) -> std::optional<std::string> {
    if (!tokenizer_->contains(id)) return std::nullopt;
    return std::string(tokenizer_->token_text(id));
  };
  input.bos_token = spelled(tokenizer_->vocabulary().bos);
  input.eos_token = spelled(tokenizer_->vocabulary().eos);
  FH_TRY(text::Prompt rendered, text::prompt_from_messages(*tokenizer_, *chat_, std::move(input)));
  return std::move(rendered.tokens);
}

Result<Scored> Prompter::scored(std::string_view text, std::string_view before, std::string_view answer) const {
  FH_TRY(const auto tokens, prompt(text));
  return scored(text, tokens, before, answer);
}

Result<Scored> Prompter::scored(std::string_view text, const std::vector<std::int32_t>& tokens, std::string_view before,
                                std::string_view answer) const {
  Scored out;
  if (chat_ != nullptr) {
    FH_TRY(const auto more, tokenizer_->encode(answer));
    out.first = static_cast<std::uint32_t>(tokens.size());
    out.tokens = tokens;
    out.tokens.insert(out.tokens.end(), more.begin(), more.end());
  } else {
    std::string whole(text);
    whole += before;
    whole += answer;
    FH_TRY(auto plain, text::prompt_from_text(*tokenizer_, whole));
    out.tokens = std::move(plain.tokens);
    out.first = static_cast<std::uint32_t>(std::min(tokens.size(), out.tokens.size()));
    // An answer that the tokenizer merged with what stands before it: its last token is all there is to score.
    if (out.first == out.tokens.size() && out.first > 0) --out.first;
  }
  if (out.first == 0) out.first = 1;
  if (out.tokens.size() <= out.first)
    return fail(Errc::invalid, fmt::format("'{}' has no token that could be scored", printable(answer)));
  return out;
}

Result<std::vector<Scored>> Prompter::windows(std::string_view text, std::uint32_t context) const {
  FH_TRY(const auto whole, tokenizer_->encode(text, {.add_special = true}));
  const std::int32_t bos = tokenizer_->vocabulary().bos;
  const bool begins = !whole.empty() && whole[0] == bos;
  std::vector<Scored> out;
  for (std::size_t at = 1; at < whole.size(); at += context) {
    Scored piece{.first = 1};
    piece.tokens.push_back(begins ? bos : whole[at - 1]);
    const std::size_t end = std::min<std::size_t>(whole.size(), at + context);
    piece.tokens.insert(piece.tokens.end(), whole.begin() + static_cast<std::ptrdiff_t>(at),
                        whole.begin() + static_cast<std::ptrdiff_t>(end));
    out.push_back(std::move(piece));
  }
  if (out.empty()) return fail(Errc::invalid, "a text of one token cannot be scored");
  return out;
}

Result<Tokenized> tokenize(const Questions& questions, const Prompter& prompter, const TokenizeOptions& options,
                           ThreadPool& pool) {
  const std::size_t count = questions.questions.size();
  std::vector<One> ones(count);
  std::vector<std::size_t> skipped(count);
  std::vector<char> cut(count);
  std::mutex mutex;  // guards what follows
  Result<> failed;
  std::size_t failed_at = SIZE_MAX, too_long = 0, longest = 0, longest_at = 0;
  pool.parallel_for(count, 4, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t i = begin; i < end; ++i) {
      const Question& q = questions.questions[i];
      const std::size_t examples = questions.examples[q.shared].size();
      for (std::size_t skip = 0;; ++skip) {
        auto one = tokenize_one(questions, q, prompter, options, skip, false);
        if (one && one->longest > options.context && options.fit == Fit::cut && skip == examples &&
            prompter.may_cut()) {
          one = tokenize_one(questions, q, prompter, options, skip, true);
          cut[i] = 1;
        }
        if (!one) {
          const std::lock_guard lock(mutex);
          if (i < failed_at) {
            failed_at = i;
            failed = in_context(std::move(one).error(), fmt::format("item {}", q.row));
          }
          break;
        }
        const bool fits = one->longest <= options.context;
        if (!fits && options.fit != Fit::refuse && skip < examples) continue;
        if (!fits) {
          const std::lock_guard lock(mutex);
          ++too_long;
          if (one->longest > longest || (one->longest == longest && i < longest_at)) {
            longest = one->longest;
            longest_at = i;
          }
        }
        skipped[i] = skip;
        ones[i] = std::move(*one);
        break;
      }
    }
  });
  const std::string& name = questions.task->name;
  if (!failed) return in_context(std::move(failed).error(), name);
  if (too_long > 0) {
    return fail(Errc::exhausted,
                fmt::format("{}: {} of {} items do not fit into the context of {} tokens; the longest, item {}, has {}",
                            name, too_long, count, options.context, questions.questions[longest_at].row, longest));
  }
  Tokenized out;
  if (questions.task->kind == TaskKind::perplexity) out.variant = fmt::format(" in windows of {}", options.context);
  for (std::size_t i = 0; i < count; ++i) {
    out.shortened += skipped[i] > 0 || cut[i] != 0 ? 1 : 0;
    out.cut += cut[i] != 0 ? 1 : 0;
    if (!ones[i].prompt.empty()) out.prompts.push_back(std::move(ones[i].prompt));
    if (!ones[i].letter.empty()) out.letters.push_back(std::move(ones[i].letter));
    if (!ones[i].item.tails.empty()) out.items.push_back(std::move(ones[i].item));
  }
  if (out.shortened > 0) {
    // Letters have longer prompts, so that other items lose examples when both are wanted.
    out.variant = fmt::format(" within {}{}{}", options.context,
                              options.scores && options.letters ? " with letters" : "", out.cut > 0 ? ", cut" : "");
  }
  return out;
}

}  // namespace freehold::eval
