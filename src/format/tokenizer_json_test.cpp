#include "format/tokenizer_json.h"

#include <gtest/gtest.h>

namespace freehold::format {
namespace {

std::string file(std::string_view parts,
                 std::string_view model = R"({"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]})") {
  return std::string("{") + std::string(parts) + (parts.empty() ? "" : ",") + "\"model\":" + std::string(model) + "}";
}

TEST(TokenizerJson, ReadsTheParts) {
  auto t = parse_tokenizer_json(file(R"(
    "version":"1.0","truncation":null,"padding":null,
    "added_tokens":[{"id":3,"content":"<s>","single_word":false,"lstrip":false,"rstrip":true,"normalized":false,"special":true}],
    "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"_"},{"type":"Replace","pattern":{"String":" "},"content":"_"}]},
    "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{N}"},"behavior":"Isolated","invert":false},
      {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]},
    "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
      "pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[3],"tokens":["<s>"]}}},
    "decoder":{"type":"ByteLevel"})"));
  ASSERT_TRUE(t) << t.error().what;
  ASSERT_EQ(t->added_tokens.size(), 1u);
  EXPECT_TRUE(t->added_tokens[0].special && t->added_tokens[0].rstrip && !t->added_tokens[0].lstrip);
  ASSERT_EQ(t->normalizer.size(), 2u);
  EXPECT_EQ(t->normalizer[1].pattern, " ");
  ASSERT_EQ(t->pre_tokenizer.size(), 2u);
  EXPECT_TRUE(t->pre_tokenizer[0].is_regex);
  EXPECT_EQ(t->prefix, (std::vector<std::uint32_t>{3}));
  EXPECT_TRUE(t->suffix.empty());
  ASSERT_EQ(t->merges.size(), 1u);
  EXPECT_EQ(t->merges[0].right, "b");
}

TEST(TokenizerJson, MergesAsStringsAndAsPairs) {
  auto t = parse_tokenizer_json(file("", R"({"vocab":{"a":0},"merges":[["a b","c"],["x","y"]]})"));
  ASSERT_TRUE(t) << t.error().what;
  EXPECT_EQ(t->merges[0].left, "a b");
  for (std::string_view bad : {R"(["a"])", R"(["a b c"])", R"(["a "])", R"([" b"])", R"([["a"]])", R"([["a",""]])",
                               R"([["a","b","c"]])", "[1]", "[null]", "{}"}) {
    EXPECT_FALSE(parse_tokenizer_json(file("", R"({"type":"BPE","vocab":{},"merges":)" + std::string(bad) + "}")))
        << bad;
  }
}

TEST(TokenizerJson, APatternIsAStringOrARegexThatSaysWhich) {
  for (const char* pattern : {R"("null")", R"("a")", "null", "7", R"(["a"])", R"({"string":"a"})", R"({"String":7})",
                              R"({"String":"a","Regex":"a"})", "{}"}) {
    const std::string member = std::string(R"("pattern":)") + pattern;
    for (const std::string& part : {R"("normalizer":{"type":"Replace",)" + member + R"(,"content":"b"})",
                                    R"("pre_tokenizer":{"type":"Split",)" + member + R"(,"behavior":"Isolated"})",
                                    R"("decoder":{"type":"Replace",)" + member + R"(,"content":"b"})"}) {
      auto t = parse_tokenizer_json(file(part));
      ASSERT_FALSE(t) << part;
      EXPECT_EQ(t.error().code, Errc::corrupt) << part;
      EXPECT_NE(t.error().what.find("'pattern' is neither"), std::string::npos) << t.error().what;
    }
  }
}

TEST(TokenizerJson, NamesWhatItDoesNotKnow) {
  auto says = [](const std::string& text, std::string_view what) {
    auto t = parse_tokenizer_json(text);
    ASSERT_FALSE(t) << text;
    EXPECT_EQ(t.error().code, Errc::unsupported) << t.error().what;
    EXPECT_NE(t.error().what.find(what), std::string::npos) << t.error().what;
  };
  says(file(R"("normalizer":{"type":"Lowercase"})"), "normalizer 'Lowercase'");
  says(file(R"("normalizer":{"type":"NFC","extra":1})"), "field 'extra'");
  says(file(R"("normalizer":{"type":"Replace","pattern":{"Regex":"a"},"content":"b"})"), "regular expression");
  says(file(R"("pre_tokenizer":{"type":"UnicodeScripts"})"), "UnicodeScripts");
  says(file(R"("pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Sideways"})"), "Sideways");
  says(file(R"("decoder":{"type":"WordPiece"})"), "WordPiece");
  says(file(R"("post_processor":{"type":"BertProcessing"})"), "BertProcessing");
  says(file(R"("surprise":1)"), "surprise");
  says(file("", R"({"type":"Unigram","vocab":[]})"), "model 'Unigram'");
  says(file("", R"({"type":"BPE","vocab":{},"merges":[],"dropout":0.1})"), "dropout");
  says(file("", R"({"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"</w>"})"), "end_of_word_suffix");
  std::string deep = R"({"type":"NFC"})";
  for (int i = 0; i < 12; ++i) deep = R"({"type":"Sequence","normalizers":[)" + deep + "]}";
  says(file("\"normalizer\":" + deep), "too deep");
}

TEST(TokenizerJson, RefusesWhatIsWrong) {
  for (
      const std::string& bad :
      {std::string(""),
       std::string("[]"),
       std::string("{}"),
       std::string("null"),
       file("", "[]"),
       file("", "{}"),
       file("", R"({"type":"BPE","vocab":[],"merges":[]})"),
       file("", R"({"type":"BPE","vocab":{"a":-1},"merges":[]})"),
       file("", R"({"type":"BPE","vocab":{"a":1.5},"merges":[]})"),
       file("", R"({"type":"BPE","vocab":{"a":4294967296},"merges":[]})"),
       file("", R"({"type":"BPE","vocab":{"a":0,"a":1},"merges":[]})"),
       file("", R"({"type":"BPE","vocab":{"a":0}})"),
       file(R"("added_tokens":{})"),
       file(R"("added_tokens":[1])"),
       file(R"("added_tokens":[{"content":"x"}])"),
       file(R"("added_tokens":[{"id":1}])"),
       file(R"("normalizer":[])"),
       file(R"("normalizer":{"type":"Sequence"})"),
       file(R"("normalizer":{"type":"Prepend"})"),
       file(R"("normalizer":{"type":"Replace","pattern":{"String":""},"content":""})"),
       file(R"("post_processor":{"type":"TemplateProcessing"})"),
       file(
           R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}})"),
       file(R"("post_processor":{"type":"TemplateProcessing","single":[],"special_tokens":{}})")}) {
    auto t = parse_tokenizer_json(bad);
    ASSERT_FALSE(t) << bad;
    EXPECT_EQ(t.error().code, Errc::corrupt) << bad << ": " << t.error().what;
  }
}

TEST(TokenizerConfig, ReadsTokensFlagsAndTemplates) {
  auto c = parse_tokenizer_config(R"({"bos_token":{"content":"<s>","lstrip":false},"eos_token":"</s>","pad_token":null,
    "add_bos_token":true,"clean_up_tokenization_spaces":false,"model_max_length":1e30,
    "chat_template":[{"name":"default","template":"D"},{"name":"tool_use","template":"T"}],
    "added_tokens_decoder":{"12":{"content":"<x>","special":true}}})");
  ASSERT_TRUE(c) << c.error().what;
  EXPECT_EQ(c->bos_token, "<s>");
  EXPECT_EQ(c->eos_token, "</s>");
  EXPECT_FALSE(c->pad_token || c->add_eos_token);
  EXPECT_EQ(c->add_bos_token, true);
  ASSERT_EQ(c->chat_templates.size(), 2u);
  EXPECT_EQ(c->chat_templates[1].source, "T");
  ASSERT_EQ(c->added_tokens.size(), 1u);
  EXPECT_EQ(c->added_tokens[0].id, 12u);
  for (std::string_view bad : {"[]", R"({"bos_token":7})", R"({"add_bos_token":"yes"})", R"({"chat_template":7})",
                               R"({"chat_template":[{"name":"x"}]})", R"({"added_tokens_decoder":[]})",
                               R"({"added_tokens_decoder":{"-1":{"content":"x"}}})",
                               R"({"added_tokens_decoder":{"99999999999":{"content":"x"}}})"}) {
    EXPECT_FALSE(parse_tokenizer_config(bad)) << bad;
  }
}

}  // namespace
}  // namespace freehold::format
