#include "model/tokenizer_loader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "text/byte_alphabet.h"

namespace freehold::model {
namespace {

using format::Metadata;
using format::Value;
using Ids = std::vector<text::TokenId>;

Result<LoadedTokenizer> load(const Metadata& metadata) {
  format::Gguf gguf;
  gguf.metadata = metadata;
  return load_tokenizer(format::Checkpoint(std::move(gguf)));
}

Metadata spm() {
  Metadata m;
  m.set("tokenizer.ggml.model", Value::string("llama"));
  m.set("tokenizer.ggml.tokens", Value::strings({"<unk>", "<s>", "</s>", "\u2581", "a", "b", "\u2581a", "<|im_end|>"}));
  m.set("tokenizer.ggml.scores", Value::f32s(std::vector<float>{0, 0, 0, -9, -9, -9, -1, 0}));
  m.set("tokenizer.ggml.token_type", Value::i32s(std::vector<std::int32_t>{2, 3, 3, 1, 1, 1, 1, 4}));
  m.set("tokenizer.ggml.bos_token_id", Value::u32(1));
  m.set("tokenizer.ggml.eos_token_id", Value::u32(2));
  return m;
}

Metadata spm_with(const std::string& key, Value value) {
  Metadata m = spm();
  m.set(key, std::move(value));
  return m;
}

Metadata bpe(std::string pre = "gpt-2") {
  Metadata m;
  m.set("tokenizer.ggml.model", Value::string("gpt2"));
  m.set("tokenizer.ggml.pre", Value::string(std::move(pre)));
  m.set("tokenizer.ggml.tokens", Value::strings({"a", "b", "ab", "<s>", "\u0120"}));
  m.set("tokenizer.ggml.token_type", Value::i32s(std::vector<std::int32_t>{1, 1, 1, 3, 1}));
  m.set("tokenizer.ggml.merges", Value::strings({"a b"}));
  return m;
}

TEST(TokenizerLoader, ReadsAScoredVocabulary) {
  auto t = load(spm());
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(*t->tokenizer.encode("ab a", {.add_special = true}), (Ids{1, 6, 5, 6}));
  EXPECT_EQ(t->bos_token, "<s>");
  EXPECT_EQ(t->eos_token, "</s>");
  EXPECT_TRUE(t->tokenizer.ends_generation(2) && t->tokenizer.ends_generation(7));
  EXPECT_FALSE(t->tokenizer.ends_generation(1));
  EXPECT_EQ(t->tokenizer.vocabulary().eot, 7);
  // A user's text does not end an answer, though the file calls the token user-defined.
  Ids ids = *t->tokenizer.encode("<|im_end|>");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 7), 0);
  EXPECT_EQ(*t->tokenizer.encode("<|im_end|>", {.parse_special = true}), Ids{7});
}

TEST(TokenizerLoader, HonoursTheFlags) {
  Metadata m = spm();
  m.set("tokenizer.ggml.add_bos_token", Value::boolean(false));
  m.set("tokenizer.ggml.add_eos_token", Value::boolean(true));
  m.set("tokenizer.ggml.add_space_prefix", Value::boolean(false));
  auto t = load(m);
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(*t->tokenizer.encode("ab", {.add_special = true}), (Ids{4, 5, 2}));
  m.set("tokenizer.ggml.remove_extra_whitespaces", Value::boolean(true));
  m.set("tokenizer.ggml.padding_token_id", Value::u32(0xFFFFFFFF));  // how some files write "none"
  t = load(m);
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(*t->tokenizer.encode("  a   a "), (Ids{4, 6}));
}

TEST(TokenizerLoader, EveryIdIsOfTheVocabulary) {
  for (const char* key : {"mask", "seperator", "cls", "fim_pre", "middle", "of_our_own"}) {
    const std::string name = fmt::format("tokenizer.ggml.{}_token_id", key);
    EXPECT_TRUE(load(spm_with(name, Value::u32(7)))) << key;
    EXPECT_TRUE(load(spm_with(name, Value::u32(0xFFFFFFFF)))) << key;
    const auto outside = load(spm_with(name, Value::u32(8)));
    ASSERT_FALSE(outside) << key;
    EXPECT_EQ(outside.error().code, Errc::corrupt);
    EXPECT_NE(outside.error().what.find(name), std::string::npos) << outside.error().what;
  }
  const auto ids = [](std::vector<std::int32_t> list) {
    return load(spm_with("tokenizer.ggml.eos_token_ids", Value::i32s(list))).has_value();
  };
  EXPECT_TRUE(ids({2, 7}));
  EXPECT_FALSE(ids({2, 8}));
  EXPECT_FALSE(ids({-5}));
}

TEST(TokenizerLoader, FilesFromBeforeTokenTypes) {
  Metadata m = spm();
  m.erase("tokenizer.ggml.token_type");
  auto t = load(m);
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->tokenizer.token_type(1), text::TokenType::control);
  Ids ids = *t->tokenizer.encode("<s>");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 0);
}

TEST(TokenizerLoader, ReadsAByteLevelVocabulary) {
  auto t = load(bpe());
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(*t->tokenizer.encode("ab ab", {.add_special = true}), (Ids{2, 4, 2}));
  EXPECT_FALSE(t->bos_token);
  // llama-bpe implies a bos, where there is one.
  Metadata m = bpe("llama-bpe");
  m.set("tokenizer.ggml.bos_token_id", Value::u32(3));
  t = load(m);
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(*t->tokenizer.encode("ab", {.add_special = true}), (Ids{3, 2}));
}

TEST(TokenizerLoader, ChatTemplates) {
  Metadata m = spm();
  m.set("tokenizer.chat_template.tool_use", Value::string("T"));
  m.set("tokenizer.chat_template", Value::string("D"));
  m.set("tokenizer.chat_templates", Value::strings({"tool_use"}));
  auto t = load(m);
  ASSERT_TRUE(t) << t.error().what;
  ASSERT_EQ(t->chat_templates.size(), 2u);
  EXPECT_EQ(t->chat_templates[0].name, "default");
  EXPECT_EQ(t->chat_templates[0].source, "D");
  EXPECT_EQ(t->chat_templates[1].name, "tool_use");
}

TEST(TokenizerLoader, NamesWhatIsWrong) {
  auto says = [](Metadata m, std::string_view key, Value value, Errc code, std::string_view what) {
    if (value.is_null()) {
      m.erase(key);
    } else {
      m.set(key, std::move(value));
    }
    auto t = load(m);
    ASSERT_FALSE(t) << what;
    EXPECT_EQ(t.error().code, code) << t.error().what;
    EXPECT_NE(t.error().what.find(what), std::string::npos) << t.error().what;
  };
  says(spm(), "tokenizer.ggml.model", Value::null(), Errc::not_found, "holds none");
  says(spm(), "tokenizer.ggml.model", Value::string("bert"), Errc::unsupported, "'bert'");
  says(spm(), "tokenizer.ggml.model", Value::u32(1), Errc::corrupt, "tokenizer.ggml.model");
  says(spm(), "tokenizer.ggml.tokens", Value::null(), Errc::corrupt, "tokenizer.ggml.tokens");
  says(spm(), "tokenizer.ggml.tokens", Value::strings({}), Errc::corrupt, "");
  says(spm(), "tokenizer.ggml.tokens", Value::string("x"), Errc::corrupt, "tokenizer.ggml.tokens");
  says(spm(), "tokenizer.ggml.scores", Value::f32s(std::vector<float>{1}), Errc::corrupt, "scores has 1");
  says(spm(), "tokenizer.ggml.scores", Value::null(), Errc::corrupt, "scores");
  says(spm(), "tokenizer.ggml.token_type", Value::i32s(std::vector<std::int32_t>{1}), Errc::corrupt,
       "token_type has 1");
  says(spm(), "tokenizer.ggml.token_type", Value::i32s(std::vector<std::int32_t>(8, 77)), Errc::corrupt, "type 77");
  says(spm(), "tokenizer.ggml.token_type", Value::i32s(std::vector<std::int32_t>(8, 6)), Errc::corrupt, "of type byte");
  says(spm(), "tokenizer.ggml.bos_token_id", Value::u32(8), Errc::corrupt, "bos_token_id is 8");
  says(spm(), "tokenizer.ggml.eos_token_id", Value::i32(-5), Errc::corrupt, "eos_token_id is -5");
  says(spm(), "tokenizer.ggml.unknown_token_id", Value::u64(UINT64_MAX), Errc::corrupt, "unknown_token_id");
  says(spm(), "tokenizer.ggml.bos_token_id", Value::string("1"), Errc::corrupt, "bos_token_id");
  says(spm(), "tokenizer.chat_template", Value::u32(1), Errc::corrupt, "chat_template");
  says(bpe(), "tokenizer.ggml.pre", Value::string("martian\x1b[31m"), Errc::unsupported, "'martian\\x1b[31m'");
  says(bpe(), "tokenizer.ggml.pre", Value::null(), Errc::unsupported, "tokenizer.ggml.pre");
  says(bpe(), "tokenizer.ggml.merges", Value::null(), Errc::corrupt, "merges");
  says(bpe(), "tokenizer.ggml.merges", Value::strings({"ab"}), Errc::corrupt, "merge 0");
  says(bpe(), "tokenizer.ggml.merges", Value::strings({"b a"}), Errc::corrupt, "not in the vocabulary");
  says(bpe(), "tokenizer.ggml.add_bos_token", Value::boolean(true), Errc::corrupt, "add_bos_token");
}

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("freehold-tokenizer-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<LoadedTokenizer> load(std::string_view tokenizer, std::string_view config = "{}") {
    format::HfFolder hf;
    hf.path = folder_;
    FH_TRY(hf.tokenizer_json, map("tokenizer.json", tokenizer));
    FH_TRY(hf.tokenizer_config_json, map("tokenizer_config.json", config));
    return load_tokenizer(format::Checkpoint(std::move(hf)));
  }
  Result<MappedFile> map(const std::string& name, std::string_view content) {
    FH_TRY_VOID(write_file_atomically(folder_ / name, content));
    return MappedFile::open(folder_ / name);
  }
  std::filesystem::path folder_;
};

constexpr std::string_view kMetaspace = R"({
  "added_tokens":[{"id":0,"content":"<unk>","special":true},{"id":1,"content":"<s>","special":true},{"id":9,"content":"<x>","special":false}],
  "pre_tokenizer":{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"first","split":false},
  "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},
    {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
  "model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
    "vocab":{"\u2581a":5,"<unk>":0,"<s>":1,"\u2581":2,"a":3,"b":4,"<0xC3>":6,"<0xA9>":7},"merges":["\u2581 a"]}})";

TEST_F(FolderTest, PrefixOnlyAtTheVeryStart) {
  auto t = load(kMetaspace, R"({"bos_token":"<s>","add_bos_token":true,"chat_template":"C"})");
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(*t->tokenizer.encode("a<x>a", {.add_special = true}), (Ids{1, 5, 9, 3}));
  EXPECT_EQ(*t->tokenizer.encode(" a"), (Ids{5}));
  EXPECT_EQ(*t->tokenizer.encode("b\u00E9zz"), (Ids{2, 4, 6, 7, 0}));
  EXPECT_EQ(*t->tokenizer.decode(Ids{2, 4, 6, 7}), "b\u00E9");
  ASSERT_EQ(t->chat_templates.size(), 1u);
  EXPECT_EQ(t->tokenizer.token_type(8), text::TokenType::unused);  // a gap in the ids
}

TEST_F(FolderTest, NamesWhatIsWrong) {
  auto says = [&](std::string_view from, std::string_view to, std::string_view what) {
    std::string text(kMetaspace);
    std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    auto t = load(text);
    ASSERT_FALSE(t) << what;
    EXPECT_NE(t.error().what.find(what), std::string::npos) << t.error().what;
  };
  says(R"("a":3)", R"("a":4)", "stands for");
  says(R"("a":3)", R"("a":2000000000)", "too large");
  says(R"("id":9)", R"("id":3)", "stands for");
  says(R"("unk_token":"<unk>")", R"("unk_token":"<none>")", "<none>");
  says(R"("merges":["\u2581 a"])", R"("merges":["a b"])", "not in the vocabulary");
  says(R"("replacement":"\u2581")", R"("replacement":"_")", "Metaspace");
  says(R"("type":"ByteFallback")", R"("type":"ByteLevel")", "does not fit");
  says(R"("start":1)", R"("start":2)", "Strip");
  auto t = load(kMetaspace, R"({"bos_token":"<nowhere>"})");
  ASSERT_FALSE(t);
  EXPECT_NE(t.error().what.find("<nowhere>"), std::string::npos);
  format::HfFolder empty;
  EXPECT_EQ(load_tokenizer(format::Checkpoint(std::move(empty))).error().code, Errc::not_found);
}

}  // namespace
}  // namespace freehold::model
