// Nothing of the data goes silently, and what is held out and in which order it is learned depends on the seed alone.
#include "train/dataset.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "base/temporary_folder_testing.h"
#include "format/json.h"
#include "text/test_vocabulary.h"

namespace freehold::train {
namespace {

class Data : public testing::Test {
 protected:
  Data() {
    text::Vocabulary v = text::bpe_vocabulary();
    v.eos = text::add_token(v, "<|stop|>", text::TokenType::control);
    auto tokenizer = text::Tokenizer::create(std::move(v));
    EXPECT_TRUE(tokenizer) << tokenizer.error().what;
    model_.emplace(model::LoadedTokenizer{std::move(*tokenizer), std::nullopt, "<|stop|>", {}});
    recipe_.sequence_len = 16;
    DatasetSource source;
    source.path = "d.jsonl";
    source.style = PromptStyle::input_output;
    recipe_.datasets.push_back(source);
  }
  static std::string row(const std::string& prompt, const std::string& answer) {
    return R"({"segments":[{"label":false,"text":")" + prompt + R"("},{"label":true,"text":")" + answer + "\"}]}\n";
  }
  Result<Dataset> load(const std::string& content) {
    folder_.write("d.jsonl", content);
    return load_dataset(recipe_, folder_.path(), *model_);
  }
  TemporaryFolder folder_;
  Recipe recipe_;
  std::optional<model::LoadedTokenizer> model_;
};

TEST_F(Data, ARowMayBeChangedBeforeItIsLearned) {
  folder_.write("d.jsonl", row("01", "23") + row("45", "67"));
  const RowChange change = [](Row& r) {
    if (r.line != 2) return;
    const auto segments = format::parse_json(R"([{"label":false,"text":"0"},{"label":true,"text":"1"}])");
    r.object = format::Value::object({{"segments", *segments}});
  };
  const auto data = load_dataset(recipe_, folder_.path(), *model_, {}, change);
  ASSERT_TRUE(data) << data.error().what;
  ASSERT_EQ(data->train.size(), 2u);
  EXPECT_EQ(data->train[0].tokens.size(), data->train[1].tokens.size() + 2);
}

TEST_F(Data, TooLongIsAnErrorUnlessAllowedByName) {
  const std::string content = row("0123", "4567") + row("0123456789", "0123456789") + row("0123456789012345", "x");
  auto data = load(content);
  ASSERT_TRUE(data) << data.error().what;
  const auto checked = check_lengths(recipe_, *data);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().what.find("2 of 3 examples are longer than sequence_len 16: the longest has 20 tokens ("),
            0u)
      << checked.error().what;
  EXPECT_NE(checked.error().what.find("line 2)"), std::string::npos);

  recipe_.too_long = TooLong::drop;
  data = load(content);
  EXPECT_TRUE(check_lengths(recipe_, *data));
  EXPECT_EQ(data->train.size(), 1u);
  EXPECT_EQ(data->sources[0].dropped, 2u);

  recipe_.too_long = TooLong::truncate;
  data = load(content);
  ASSERT_EQ(data->train.size(), 2u) << "the third has nothing left to learn";
  EXPECT_EQ(data->train[1].tokens.size(), 16u);
  EXPECT_EQ(data->train[1].scored(), 6u);
  EXPECT_EQ(data->sources[0].truncated, 2u);
  EXPECT_EQ(data->sources[0].dropped, 1u);
  EXPECT_EQ(data->sources[0].tokens, 8u + 16u);
  EXPECT_EQ(data->sources[0].learned, 4u + 6u);
  EXPECT_EQ(data->sources[0].longest, 20u);
}

TEST_F(Data, DuplicatesGoOnlyIfAsked) {
  const std::string content = row("a", "b") + row("a", "b") + row("ab", "c");
  EXPECT_EQ(load(content)->train.size(), 3u);
  recipe_.deduplicate = true;
  const auto data = load(content);
  EXPECT_EQ(data->train.size(), 2u);
  EXPECT_EQ(data->sources[0].duplicates, 1u);
}

TEST_F(Data, APartIsHeldOutBySeed) {
  std::string content;
  for (int i = 10; i < 60; ++i) content += row("q", std::to_string(i));
  recipe_.val_set_size = 0.1;
  const auto key = [](const Dataset& d) {
    std::vector<std::vector<std::int32_t>> out;
    for (const Example& e : d.held_out) out.push_back(e.tokens);
    return out;
  };
  const auto first = load(content), again = load(content);
  EXPECT_EQ(first->held_out.size(), 5u);
  EXPECT_EQ(first->train.size(), 45u);
  EXPECT_EQ(key(*first), key(*again));
  recipe_.seed = 7;
  EXPECT_NE(key(*load(content)), key(*first));
  recipe_.val_set_size = 50;
  EXPECT_NE(load(content).error().what.find("nothing is left to train on"), std::string::npos);
}

TEST_F(Data, ErrorsNameFileLineAndReason) {
  EXPECT_NE(load(row("a", "b") + "{}\n").error().what.find("d.jsonl: line 2: there is no list 'segments'"),
            std::string::npos);
  EXPECT_EQ(load(row("a", "")).error().what, "nothing is left to train on: no example has a token to learn");
  recipe_.special_tokens = {{"eos_token", "</s>"}};
  EXPECT_EQ(load(row("a", "b")).error().what,
            "special_tokens: the model's eos_token is '<|stop|>', not '</s>'; the vocabulary stays as it is");
  recipe_.special_tokens.clear();
  recipe_.datasets[0].path = "none.jsonl";
  EXPECT_EQ(load("x").error().code, Errc::not_found);
}

TEST(EpochOrder, IsAPermutationOfSeedAndEpoch) {
  const auto a = epoch_order(1000, 42, 0, true), b = epoch_order(1000, 42, 1, true);
  EXPECT_EQ(a, epoch_order(1000, 42, 0, true));
  EXPECT_NE(a, b);
  EXPECT_NE(a, epoch_order(1000, 43, 0, true));
  EXPECT_EQ(std::set<std::uint32_t>(a.begin(), a.end()).size(), 1000u);
  std::vector<std::uint32_t> plain(1000);
  std::iota(plain.begin(), plain.end(), 0U);
  EXPECT_NE(a, plain);
  EXPECT_EQ(epoch_order(1000, 42, 5, false), plain);
  EXPECT_TRUE(epoch_order(0, 1, 0, true).empty());
}

}  // namespace
}  // namespace freehold::train
