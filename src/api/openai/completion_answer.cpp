// Answers of POST /v1/completions, in one piece or as server-sent events.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "api/openai/answer_base_json.h"
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
        prompts_(std::move(prompts)) {}

 private:
  std::string_view object(bool) const override { return "text_completion"; }

  std::string echoed(std::uint32_t choice) {
    if (!echo_ || std::exchange(choices_[choice].begun, true)) return {};
    return prompts_[choice / n_];
  }
  static Json choice_json(std::uint32_t index, std::string text, Json logprobs, Json reason) {
    return {{"text", std::move(text)},
            {"index", index},
            {"logprobs", std::move(logprobs)},
            {"finish_reason", std::move(reason)}};
  }
  // The legacy form: arrays of equal length.
  Json take_logprobs(Choice& choice) const {
    if (!logprobs_) return nullptr;
    Json out = {{"tokens", Json::array()},
                {"token_logprobs", Json::array()},
                {"top_logprobs", Json::array()},
                {"text_offset", Json::array()}};
    for (Json& entry : choice.logprobs) {
      for (auto& item : out.items()) item.value().push_back(std::move(entry[item.key()]));
    }
    choice.logprobs = Json::array();
    return out;
  }
  Json text_choice(std::uint32_t index, std::string_view text) override {
    return choice_json(index, echoed(index) + std::string(text), take_logprobs(choices_[index]), nullptr);
  }
  Json last_choice(std::uint32_t index) override {
    Choice& c = choices_[index];
    Json rest = logprobs_ && !c.logprobs.empty() ? take_logprobs(c) : Json(nullptr);
    return choice_json(index, echoed(index), std::move(rest), std::string(c.reason));
  }
  Json whole_choice(std::uint32_t index) override {
    Choice& c = choices_[index];
    return choice_json(index, echoed(index) + c.text, take_logprobs(c), std::string(c.reason));
  }
  void add_logprobs(Choice& choice, const engine::TokenLogprobs& token) override {
    if (best_ > 0) {
      Score& score = scores_[static_cast<std::size_t>(&choice - choices_.data())];
      score.sum += token.sampled.logprob;
      ++score.tokens;
    }
    if (logprobs_) add_token(choice, token.sampled, token.top, token.sampled.bytes);
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
      Choice& choice = choices_[prompt * n_ + i];
      add_token(choice, token.token, token.top, as_written(prompts_[prompt], choice.offset, token.token.bytes));
    }
  }
  // A prompt's token as it stands in the text: a tokenizer may begin a text with a space or a mark that nobody wrote.
  static std::string_view as_written(std::string_view text, std::size_t at, std::string_view token) {
    const std::string_view rest = text.substr(std::min(at, text.size()));
    if (rest.starts_with(token)) return token;
    if (token.starts_with(' ') && rest.starts_with(token.substr(1))) return token.substr(1);
    return at == 0 ? std::string_view() : token;
  }
  static void add_token(Choice& choice, const engine::TokenLogprob& token, std::span<const engine::TokenLogprob> all,
                        std::string_view written) {
    const bool known = !std::isnan(token.logprob);
    Json top = known ? Json::object() : Json(nullptr);
    for (const engine::TokenLogprob& t : all) top[std::string(t.bytes)] = t.logprob;
    choice.logprobs.push_back({{"tokens", std::string(written)},
                               {"token_logprobs", known ? Json(token.logprob) : Json(nullptr)},
                               {"top_logprobs", std::move(top)},
                               {"text_offset", choice.offset}});
    choice.offset += written.size();
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
  const std::vector<std::string> prompts_;
};

}  // namespace

std::unique_ptr<Encoder> completion_encoder(const Call& call, AnswerId id, std::vector<std::string> prompts) {
  return std::make_unique<Completion>(call, std::move(id), std::move(prompts));
}

}  // namespace freehold::api::openai
