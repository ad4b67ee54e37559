// Answers of POST /v1/completions, in one piece or as server-sent events.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "api/openai/answer_base_json.h"
#include "api/openai/logprob_text.h"
#include "api/openai/openai.h"

namespace freehold::api::openai {
namespace {

class Completion : public AnswerBase {
 public:
  Completion(const Call& call, AnswerId id, std::vector<std::string> prompts)
      : AnswerBase(call, std::move(id), "cmpl-", call.request.n * static_cast<std::uint32_t>(prompts.size())),
        n_(call.request.n),
        echo_(call.echo),
        best_(call.best),
        scores_(choices_.size()),
        lists_(choices_.size()),
        prompts_(std::move(prompts)) {}

 private:
  std::string_view object(bool) const override { return "text_completion"; }

  std::string echoed(std::uint32_t choice) {
    if (!echo_ || std::exchange(choices_[choice].begun, true)) return {};
    return prompts_[choice / n_];
  }
  // Log-probabilities and reason are JSON text already.
  static std::string choice_text(std::size_t index, std::string_view text, std::string_view logprobs,
                                 std::string_view reason) {
    return fmt::format(R"({{"text":{},"index":{},"logprobs":{},"finish_reason":{}}})", dump(std::string(text)), index,
                       logprobs, reason);
  }
  // The legacy form: arrays of equal length.
  std::string take_logprobs(std::uint32_t index) {
    if (!logprobs_) return "null";
    Lists& l = lists_[index];
    std::string out = fmt::format(R"({{"tokens":[{}],"token_logprobs":[{}],"top_logprobs":[{}],"text_offset":[{}]}})",
                                  l.tokens, l.scores, l.tops, l.offsets);
    l = {{}, {}, {}, {}, l.offset};
    return out;
  }
  std::string text_choice(std::uint32_t index, std::string_view text) override {
    return choice_text(index, echoed(index) + std::string(text), take_logprobs(index), "null");
  }
  std::string last_choice(std::uint32_t index) override {
    const std::string rest = lists_[index].tokens.empty() ? "null" : take_logprobs(index);
    return choice_text(index, echoed(index), rest, fmt::format("\"{}\"", choices_[index].reason));
  }
  std::string whole_choice(std::uint32_t index, std::size_t place) override {
    const Choice& c = choices_[index];
    return choice_text(place, echoed(index) + c.text, take_logprobs(index), fmt::format("\"{}\"", c.reason));
  }
  void add_logprobs(std::uint32_t index, const engine::TokenLogprobs& token) override {
    if (best_ > 0) {
      scores_[index].sum += token.sampled.logprob;
      ++scores_[index].tokens;
    }
    if (logprobs_) add_token(lists_[index], token.sampled, token.top, token.sampled.bytes);
  }
  // The highest log-probability a token, as documented.
  std::vector<std::uint32_t> given() const override {
    if (best_ == 0) return AnswerBase::given();
    std::vector<std::uint32_t> out;
    for (std::uint32_t first = 0; first < choices_.size(); first += n_) {
      std::vector<std::uint32_t> ranked(n_);
      std::iota(ranked.begin(), ranked.end(), first);
      std::stable_sort(ranked.begin(), ranked.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return scores_[a].mean() > scores_[b].mean(); });
      out.insert(out.end(), ranked.begin(), ranked.begin() + best_);
    }
    return out;
  }
  // Echoed: the prompt's tokens stand in every choice before its own. Nothing comes before the first.
  void add_prompt_logprobs(std::uint32_t prompt, const engine::PromptLogprobs& token) override {
    for (std::uint32_t i = 0; i < n_; ++i) {
      Lists& lists = lists_[prompt * n_ + i];
      add_token(lists, token.token, token.top, as_written(prompts_[prompt], lists.offset, token.token.bytes));
    }
  }
  // A prompt's token as it stands in the text: a tokenizer may begin a text with a space or a mark that nobody wrote.
  static std::string_view as_written(std::string_view text, std::size_t at, std::string_view token) {
    const std::string_view rest = text.substr(std::min(at, text.size()));
    if (rest.starts_with(token)) return token;
    if (token.starts_with(' ') && rest.starts_with(token.substr(1))) return token.substr(1);
    return at == 0 ? std::string_view() : token;
  }
  // The elements of each array so far, with commas between them.
  struct Lists {
    std::string tokens, scores, tops, offsets;
    std::size_t offset = 0;  // in bytes, of the text of all tokens
  };
  static void add_token(Lists& lists, const engine::TokenLogprob& token, std::span<const engine::TokenLogprob> top,
                        std::string_view written) {
    const std::string_view comma = lists.tokens.empty() ? "" : ",";
    for (std::string* list : {&lists.tokens, &lists.scores, &lists.tops, &lists.offsets}) *list += comma;
    append_string(lists.tokens, written);
    append_number(lists.scores, token.logprob);
    append_tops(lists.tops, token, top, written);
    lists.offsets += std::to_string(lists.offset);
    lists.offset += written.size();
  }
  // By text, the token's own always among them (so there may be one more than was asked for), as documented. Those that
  // look the same once what is no UTF-8 is replaced count once: the first, which is likeliest.
  static void append_tops(std::string& out, const engine::TokenLogprob& token,
                          std::span<const engine::TokenLogprob> top, std::string_view written) {
    if (std::isnan(token.logprob)) {
      out += "null";
      return;
    }
    std::vector<std::string> names;
    out += '{';
    const auto add = [&](const engine::TokenLogprob& t) {
      std::string name;
      append_string(name, t.token == token.token ? written : t.bytes);
      if (std::find(names.begin(), names.end(), name) != names.end()) return;
      if (!names.empty()) out += ',';
      out += name;
      out += ':';
      append_number(out, t.logprob);
      names.push_back(std::move(name));
    };
    for (const engine::TokenLogprob& t : top) add(t);
    add(token);
    out += '}';
  }

  struct Score {
    double sum = 0;
    std::uint32_t tokens = 0;
    double mean() const { return tokens == 0 ? -INFINITY : sum / tokens; }
  };
  const std::uint32_t n_;
  const bool echo_;
  const std::uint32_t best_;
  std::vector<Score> scores_;  // of every choice, if the best are wanted
  std::vector<Lists> lists_;   // of every choice, since the last chunk or of the whole answer
  const std::vector<std::string> prompts_;
};

}  // namespace

std::unique_ptr<Encoder> completion_encoder(const Call& call, AnswerId id, std::vector<std::string> prompts) {
  return std::make_unique<Completion>(call, std::move(id), std::move(prompts));
}

}  // namespace freehold::api::openai
