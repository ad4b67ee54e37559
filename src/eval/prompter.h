// From a question's texts to a model's tokens, plainly or through its chat template.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/question.h"
#include "eval/scorer.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace freehold::eval {

// May be used by several threads at once.
class Prompter {
 public:
  // Borrows both, which outlive it. `chat`: null = texts go to the model as they are.
  Prompter(const text::Tokenizer& tokenizer, const text::ChatTemplate* chat) : tokenizer_(&tokenizer), chat_(chat) {}

  bool chat() const { return chat_ != nullptr; }
  // What the model is to go on from.
  Result<std::vector<std::int32_t>> prompt(std::string_view text) const;
  // `text`, `before` and `answer`, of which the answer is scored. As lm-evaluation-harness does it: the tokens of the
  // whole text, scored from as many as the text without the answer has. In a chat the answer is the assistant's, and
  // `before` is left out.
  Result<Scored> scored(std::string_view text, std::string_view before, std::string_view answer) const;
  // The same with the text's own tokens given (from prompt()).
  Result<Scored> scored(std::string_view text, const std::vector<std::int32_t>& tokens, std::string_view before,
                        std::string_view answer) const;
  // A whole text, in pieces of at most `context` + 1 tokens that follow one another; each is scored but for its first
  // token, which is bos where the vocabulary has one, else the last of the piece before.
  Result<std::vector<Scored>> windows(std::string_view text, std::uint32_t context) const;

  std::int32_t bos() const { return tokenizer_->vocabulary().bos; }
  // Whether a prompt may lose its first tokens: what a template writes there has a meaning.
  bool may_cut() const { return chat_ == nullptr; }

 private:
  const text::Tokenizer* tokenizer_;  // owner: the caller
  const text::ChatTemplate* chat_;    // the same
};

// What becomes of an item that is longer than the context: it is an error; it loses examples from the front; or, when
// it has none left, also the first tokens of its prompt (behind bos), as EleutherAI's lm-evaluation-harness does it. A
// question's choices lose the same tokens. All that lost something are counted.
enum class Fit : std::uint8_t { refuse, fewer_examples, cut };

struct Tokenized {
  std::vector<ScoreItem> items;                    // one a question; of choice, continuation and perplexity
  std::vector<std::vector<std::int32_t>> prompts;  // of generate
  std::vector<std::vector<std::int32_t>> letters;  // of choice with the metric letter: prompts
  // What results depend on beside the task's digest: the context, where items lost examples because of it or texts are
  // cut into windows; else empty.
  std::string variant;
  std::size_t shortened = 0;  // questions that lost examples
  std::size_t cut = 0;        // of these, those that lost tokens of their own
};
struct TokenizeOptions {
  std::uint32_t context = 0;
  Fit fit = Fit::refuse;
  bool scores = true;    // log-probabilities are wanted
  bool letters = false;  // the metric letter is wanted
};
// On the pool's threads. Errors: exhausted naming the item that does not fit, and how many there are.
Result<Tokenized> tokenize(const Questions& questions, const Prompter& prompter, const TokenizeOptions& options,
                           ThreadPool& pool);

}  // namespace freehold::eval
