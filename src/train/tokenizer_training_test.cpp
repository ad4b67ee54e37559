#include "train/tokenizer_training.h"

#include <gtest/gtest.h>

#include "base/temporary_folder_testing.h"
#include "format/sentencepiece_model.h"
#include "model/tokenizer_sources.h"

namespace freehold::train {
namespace {

std::string text() {
  std::string out;
  for (int i = 0; i < 400; ++i) out += "the cat sat on the mat and the dog ran to house " + std::to_string(i) + "\n";
  return out;
}

TEST(TokenizerTraining, LearnsMergesAndKeepsEveryText) {
  const TemporaryFolder folder;
  TokenizerTraining options;
  options.inputs = {folder.write("a.txt", text()),
                    folder.write("b.txt", std::string(20'000, 'x') + "\n\xC3\xA9t\xC3\xA9 \xC3\xA9t\xC3\xA9\n")};
  options.vocab_size = 330;
  options.control = {"<|im_start|>", "<|im_end|>"};
  const auto model = train_tokenizer(options);
  ASSERT_TRUE(model) << model.error().what;
  EXPECT_EQ(*model, *train_tokenizer(options)) << "the same text, the same bytes";
  const auto parsed = format::parse_sentencepiece_model(as_bytes(*model));
  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_EQ(parsed->pieces.size(), 330u);
  auto source = model::tokenizer_from_sentencepiece(*parsed, {});
  ASSERT_TRUE(source) << source.error().what;
  const auto tokenizer = text::Tokenizer::create(std::move(source->vocabulary));
  ASSERT_TRUE(tokenizer) << tokenizer.error().what;
  EXPECT_NE(tokenizer->find_token("\u2581the"), text::kNoToken);
  EXPECT_EQ(tokenizer->find_token("<|im_start|>"), 3);
  EXPECT_EQ(tokenizer->token_type(4), text::TokenType::control);
  for (const std::string given : {"the cat", "  two  spaces\n\ttab", "\xF0\x9F\x98\x80 never seen 12", "<|im_end|>"}) {
    const auto ids = tokenizer->encode(given);
    ASSERT_TRUE(ids);
    EXPECT_EQ(*tokenizer->decode(*ids), given);
  }
}

TEST(TokenizerTraining, ErrorsSayWhatToChange) {
  const TemporaryFolder folder;
  TokenizerTraining options;
  options.inputs = {folder.write("a.txt", "abc\n")};
  EXPECT_EQ(train_tokenizer(options).error().what.find("a vocabulary of 4096 cannot be: the text gives at most "), 0u)
      << train_tokenizer(options).error().what;
  options.inputs = {folder.write("a.txt", "")};
  EXPECT_EQ(train_tokenizer(options).error().what, "there is no text to learn from");
  options.inputs = {folder.write("a.txt", "ab\n\xFF\n")};
  EXPECT_NE(train_tokenizer(options).error().what.find("a.txt: line 2: not UTF-8"), std::string::npos);
  options.inputs = {folder.write("a.txt", text())};
  options.vocab_size = 200;
  const auto small = train_tokenizer(options);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().what.find("a vocabulary of 200 cannot be: "), 0u) << small.error().what;
  options.control = {"a,b"};
  EXPECT_EQ(train_tokenizer(options).error().what, "'a,b' cannot be a control token");
  options.inputs = {folder.path() / "none"};
  EXPECT_EQ(train_tokenizer(options).error().code, Errc::not_found);
}

}  // namespace
}  // namespace freehold::train
