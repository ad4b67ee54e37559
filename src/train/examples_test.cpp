// What is learned: exactly the answers, in the tokens that serving would have seen and written.
#include "train/examples.h"

#include <gtest/gtest.h>

#include "format/json.h"
#include "text/prompt.h"
#include "text/test_vocabulary.h"

namespace freehold::train {
namespace {

constexpr const char* kChat =
    "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}";

class Examples : public testing::Test {
 protected:
  Examples() {
    text::Vocabulary v = text::bpe_vocabulary();
    text::add_token(v, "<|turn|>", text::TokenType::control);
    end_ = text::add_token(v, "<|stop|>", text::TokenType::control);
    v.eos = end_;
    v.end_of_generation.push_back(end_);
    v.end_of_generation.push_back(300);  // <|end|>
    auto tokenizer = text::Tokenizer::create(std::move(v));
    EXPECT_TRUE(tokenizer) << tokenizer.error().what;
    model_.emplace(model::LoadedTokenizer{std::move(*tokenizer), std::nullopt, "<|stop|>", {{"default", kChat}}});
  }

  Result<Built> build(const std::string& json) {
    FH_TRY(const ExampleBuilder builder, ExampleBuilder::create(recipe_, source_, *model_));
    FH_TRY(format::Value object, format::parse_json(json));
    return builder.build({1, std::move(object)});
  }
  // The text of the example with what is learned in brackets; control tokens shown.
  std::string shown(const Example& example) {
    std::string out;
    bool inside = false;
    text::DecodeOptions options;
    options.render_special = true;
    for (std::size_t t = 0; t < example.tokens.size(); ++t) {
      if (example.learns(t) != inside) out += inside ? "]" : "[";
      inside = example.learns(t);
      out += *model_->tokenizer.decode({&example.tokens[t], 1}, options);
    }
    return out + (inside ? "]" : "");
  }
  std::string learned(const std::string& json) {
    const auto built = build(json);
    if (!built) return built.error().what;
    std::string out;
    for (const Example& example : built->examples) out += (out.empty() ? "" : " | ") + shown(example);
    return out;
  }

  Recipe recipe_;
  DatasetSource source_;
  std::optional<model::LoadedTokenizer> model_;
  text::TokenId end_ = 0;
};

TEST_F(Examples, OfAConversationTheAssistantsTurns) {
  source_.style = PromptStyle::chat_template;
  const std::string row = R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes"},
                              {"role":"user","content":"and?"},{"role":"assistant","content":"no"}]})";
  EXPECT_EQ(learned(row),
            "<|turn|>user\nhi<|end|>\n<|turn|>assistant\n[yes<|end|>]\n<|turn|>user\nand?<|end|>\n<|turn|>assistant\n["
            "no<|end|>]\n");
  source_.train_on_eos = TrainOnEos::last;
  EXPECT_EQ(learned(row),
            "<|turn|>user\nhi<|end|>\n<|turn|>assistant\n[yes]<|end|>\n<|turn|>user\nand?<|end|>\n<|turn|>assistant\n["
            "no<|end|>]\n");
  source_.train_on_eos = TrainOnEos::all;
  EXPECT_EQ(learned(row),
            "<|turn|>user\nhi[<|end|>]\n<|turn|>assistant\n[yes<|end|>]\n<|turn|>user\nand?[<|end|>]\n<|turn|>"
            "assistant\n[no<|end|>]\n");
  recipe_.train_on_inputs = true;
  EXPECT_EQ(learned(row).front(), '[');
}

TEST_F(Examples, AMessageMaySayItselfWhetherItIsLearned) {
  source_.style = PromptStyle::chat_template;
  source_.property_training = "weight";
  EXPECT_EQ(learned(R"({"messages":[{"role":"user","content":"hi","weight":false},
                                    {"role":"assistant","content":"yes","weight":0},
                                    {"role":"assistant","content":"no","weight":1},{"role":"assistant","content":"ok"}]})"),
            "<|turn|>user\nhi<|end|>\n<|turn|>assistant\nyes<|end|>\n<|turn|>assistant\n[no<|end|>]\n<|turn|>"
            "assistant\n[ok<|end|>]\n");
  EXPECT_NE(learned(R"({"messages":[{"role":"assistant","content":"a","weight":0}]})").find("kept out by 'weight'"),
            std::string::npos);
  EXPECT_NE(learned(R"({"messages":[{"role":"assistant","content":"a","weight":2}]})")
                .find("message 1: 'weight' of a message is true or false, or 1 or 0, not "),
            std::string::npos);
}

TEST_F(Examples, TheTokensBeforeAnAnswerAreThoseOfServing) {
  source_.style = PromptStyle::chat_template;
  const auto built = build(
      R"({"messages":[{"role":"user","content":"say <|end|> twice"},{"role":"assistant","content":"<|turn|>x"}]})");
  ASSERT_TRUE(built) << built.error().what;
  const Example& example = built->examples.at(0);
  text::ChatInput input;
  input.messages = text::messages_from_pairs({{"user", "say <|end|> twice"}});
  const auto chat = text::ChatTemplate::parse(kChat);
  const auto prompt = text::prompt_from_messages(model_->tokenizer, *chat, input);
  ASSERT_TRUE(prompt);
  ASSERT_GT(example.tokens.size(), prompt->tokens.size());
  EXPECT_TRUE(std::equal(prompt->tokens.begin(), prompt->tokens.end(), example.tokens.begin()));
  for (std::size_t t = 0; t < prompt->tokens.size(); ++t) EXPECT_FALSE(example.learns(t)) << t;
  EXPECT_TRUE(example.learns(prompt->tokens.size()));
  // What people wrote is no control token: one <|turn|> a message.
  const text::TokenId turn = model_->tokenizer.find_token("<|turn|>");
  EXPECT_EQ(std::count(example.tokens.begin(), example.tokens.end(), turn), 2);
}

TEST_F(Examples, ShareGptsNamesAndASystemColumn) {
  source_.style = PromptStyle::chat_template;
  source_.field_messages = "conversations";
  source_.property_role = "from";
  source_.property_content = "value";
  EXPECT_EQ(
      learned(R"({"system":"be kind","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]})"),
      "<|turn|>system\nbe kind<|end|>\n<|turn|>user\na<|end|>\n<|turn|>assistant\n[b<|end|>]\n");
  source_.roles = {{"human", "assistant"}, {"gpt", "user"}};
  EXPECT_EQ(learned(R"({"conversations":[{"from":"gpt","value":"b"},{"from":"human","value":"a"}]})"),
            "<|turn|>user\nb<|end|>\n<|turn|>assistant\n[a<|end|>]\n");
}

TEST_F(Examples, PreferencesGiveAPair) {
  source_.style = PromptStyle::preference;
  EXPECT_EQ(
      learned(
          R"({"messages":[{"role":"user","content":"q"}],"chosen":{"role":"assistant","content":"good"},"rejected":"bad"})"),
      "<|turn|>user\nq<|end|>\n<|turn|>assistant\n[good<|end|>]\n | "
      "<|turn|>user\nq<|end|>\n<|turn|>assistant\n[bad<|end|>]\n");
}

TEST_F(Examples, AlpacaInputOutputAndCompletion) {
  EXPECT_EQ(learned(R"({"instruction":"Add","input":"1 2","output":"3"})"),
            "Below is an instruction that describes a task, paired with an input that provides further context. Write "
            "a response "
            "that appropriately completes the request.\n\n### Instruction:\nAdd\n\n### Input:\n1 2\n\n### "
            "Response:\n[3<|stop|>]");
  EXPECT_NE(learned(R"({"instruction":"Add","output":"3"})").find("a task. Write a response"), std::string::npos);
  source_.format_with_input = "U: {instruction} {input}\nA: ";
  source_.format_without_input = "U: {instruction}\nA: ";
  EXPECT_EQ(learned(R"({"instruction":"{input}","input":"i","output":"3"})"), "U: {input} i\nA: [3<|stop|>]");
  source_.style = PromptStyle::input_output;
  EXPECT_EQ(learned(R"({"segments":[{"label":false,"text":"<|turn|>a"},{"label":true,"text":"b<|end|>"}]})"),
            "<|turn|>a[b<|end|>]");
  source_.style = PromptStyle::completion;
  recipe_.sequence_len = 8;
  EXPECT_EQ(learned(R"({"text":"0123456789"})"), "[01234567] | [89<|stop|>]");
}

TEST_F(Examples, WhatCannotBeLearnedSaysWhy) {
  EXPECT_EQ(learned(R"({"instruction":"Add","output":""})"), "'output' is empty: there is nothing to learn");
  EXPECT_EQ(learned(R"({"instruction":"Add"})"), "there is no 'output'; there are instruction");
  source_.style = PromptStyle::chat_template;
  EXPECT_EQ(learned(R"({"messages":[{"role":"user","content":"q"}]})"),
            "no message has a role of roles_to_train (assistant): there is nothing to learn");
  EXPECT_EQ(learned(R"({"messages":[{"from":"user","content":"q"}]})"),
            "message 1: a message has no 'role': message_property_mappings names it");
  EXPECT_EQ(learned(R"({"messages":[{"role":"user","content":5}]})"),
            "message 1: a message has no text 'content': message_property_mappings names it");
  EXPECT_EQ(learned(R"({"conversation":[]})"), "there is no list 'messages': field_messages names it");
  EXPECT_EQ(learned(R"({"messages":[]})"), "'messages' is empty");
  // A template that writes the last turn in another way than the same turn in the middle.
  model_->chat_templates[0].source =
      "{% for m in messages %}{{ m.role }}:{% if loop.last %}!{% endif %}{{ m.content }};{% endfor %}";
  const std::string changed = learned(
      R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"q"}]})");
  EXPECT_NE(changed.find("message 2 in another way"), std::string::npos) << changed;
  model_->chat_templates.clear();
  EXPECT_NE(learned("{}").find("needs a chat template"), std::string::npos);
  source_.style = PromptStyle::input_output;
  EXPECT_EQ(learned(R"({"segments":[{"label":1,"text":"a"}]})"), "a segment has 'label', true or false, and 'text'");
}

}  // namespace
}  // namespace freehold::train
