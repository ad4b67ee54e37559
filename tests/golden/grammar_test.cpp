// Masks over the vocabularies of oracle/tokenizers: each token is allowed if and only if the automaton takes its bytes
// one by one, and random texts with just enough tokens finish.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "format/checkpoint.h"
#include "format/gguf.h"
#include "model/tokenizer_loader.h"
#include "oracle.h"
#include "text/grammar/grammar_testing.h"

namespace freehold::golden::grammar_cases {
namespace {

namespace fs = std::filesystem;
using namespace text::grammar;  // NOLINT(google-build-using-namespace): what this test is about

std::string gunzip(const fs::path& path) {
  std::string out;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return out;
  std::vector<char> buffer(1 << 20);
  for (int n = 0; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;) {
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  gzclose(file);
  return out;
}

std::shared_ptr<const VocabularyIndex> open(const fs::path& path) {
  std::string bytes = path.extension() == ".gz" ? gunzip(path) : golden::slurp(path);
  std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  auto gguf = format::parse_gguf({reinterpret_cast<const std::byte*>(aligned.data()), bytes.size()});
  if (!gguf) return nullptr;
  auto loaded = model::load_tokenizer(format::Checkpoint(std::move(*gguf)));
  return loaded ? VocabularyIndex::create(loaded->tokenizer) : nullptr;
}

const char* const kSchemas[] = {
    R"({"type":"object","properties":{"caf\u00e9":{"type":"string","maxLength":6},"n":{"type":"number","minimum":0.5,"maximum":12.25},"more":{"type":"array","items":{"$ref":"#"}}},"required":["n"]})",
    R"({"type":"array","items":{"enum":["red","green","\u4f60\u597d"]},"minItems":2})",
    R"({"type":"object","properties":{"when":{"type":"string","format":"date-time"},"text":{"type":"string","minLength":3}},"required":["when","text"],"additionalProperties":false})",
};

TEST(GoldenGrammar, MasksAreWhatTheAutomatonTakes) {
  GOLDEN_KIND("tokenizers");
  std::size_t vocabularies = 0;
  for (const fs::path& path : golden::entries(golden::oracle() / "tokenizers")) {
    std::string name = path.filename().string();
    if (!name.ends_with(".gguf") && !name.ends_with(".gguf.gz")) continue;
    auto index = open(path);
    ASSERT_NE(index, nullptr) << name;
    ++vocabularies;
    SCOPED_TRACE(name);
    EXPECT_FALSE(index->ends().empty());
    for (std::size_t i = 0; i < std::size(kSchemas); ++i) {
      auto grammar = require(compile_json_schema(kSchemas[i]));
      auto cache = std::make_shared<MaskCache>(grammar, index);
      std::mt19937 random(static_cast<std::uint32_t>(i));
      Matcher matcher(cache);
      std::vector<std::uint64_t> mask(index->mask_words());
      for (int step = 0; step < 12; ++step) {
        std::uint32_t budget = step % 2 == 0 ? kNoBudget : matcher.min_tokens() + 2;
        ASSERT_TRUE(matcher.fill_mask(mask, budget));
        std::vector<text::TokenId> choice;
        std::size_t wrong = 0;
        for (std::size_t t = 0; t < index->size(); ++t) {
          auto id = static_cast<text::TokenId>(t);
          if (index->ends_generation(id)) continue;
          bool takes = matcher.accept(id);
          bool fits = takes && (budget == kNoBudget || matcher.min_tokens() <= budget - 1);
          if (takes) matcher.rollback(1);
          bool in = (mask[t / 64] >> (t % 64) & 1) != 0;
          wrong += in != fits ? 1 : 0;
          if (in) choice.push_back(id);
        }
        ASSERT_EQ(wrong, 0u) << "step " << step;
        if (choice.empty()) break;
        ASSERT_TRUE(matcher.accept(choice[random() % choice.size()]));
      }
      for (std::uint32_t extra : {0u, 1u, 3u, 10u, 30u}) {
        matcher.reset();
        bool complete = false;
        std::string text = random_text(cache, matcher.min_tokens() + extra, random, &complete);
        EXPECT_TRUE(complete) << text;
        EXPECT_FALSE(nlohmann::json::parse(text, nullptr, false).is_discarded()) << text;
      }
    }
  }
  golden::require_cases(vocabularies, "tokenizers");
}

}  // namespace
}  // namespace freehold::golden::grammar_cases
