// Answers of POST /v1/completions, in one piece or as server-sent events.
#include "api/openai/answer_base.h"
#include "api/openai/openai.h"

namespace freehold::api::openai {
namespace {

class Completion : public AnswerBase {
 public:
  Completion(const Call& call, AnswerId id, std::vector<std::string> prompts)
      : AnswerBase(call, std::move(id), "cmpl-", call.request.n * static_cast<std::uint32_t>(prompts.size())),
        n_(call.request.n),
        echo_(call.echo),
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
    Json top = Json::object();
    for (const engine::TokenLogprob& t : token.top) top[std::string(t.bytes)] = t.logprob;
    choice.logprobs.push_back({{"tokens", std::string(token.sampled.bytes)},
                               {"token_logprobs", token.sampled.logprob},
                               {"top_logprobs", std::move(top)},
                               {"text_offset", choice.offset}});
    choice.offset += token.sampled.bytes.size();
  }

  const std::uint32_t n_;
  const bool echo_;
  const std::vector<std::string> prompts_;
};

}  // namespace

std::unique_ptr<Encoder> completion_encoder(const Call& call, AnswerId id, std::vector<std::string> prompts) {
  return std::make_unique<Completion>(call, std::move(id), std::move(prompts));
}

}  // namespace freehold::api::openai
