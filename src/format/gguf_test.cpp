// What GGUF files say is what we read: all value types, three versions, alignments, legal oddities, split files.
#include "format/gguf.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/temporary_folder_testing.h"
#include "format/gguf_test_builder.h"

namespace freehold::format {
namespace {

using testing::raw;
using testing::sample;
using testing::TestGguf;

// Parses a copy that starts on an 8-byte boundary, as a map does, and that ASan guards to the byte.
struct Parsed {
  std::vector<char> bytes;
  Result<Gguf> result;
  explicit Parsed(const std::string& file)
      : bytes(file.begin(), file.end()), result(parse_gguf(as_bytes({bytes.data(), bytes.size()}))) {}
  std::string error() const { return result ? "" : result.error().what; }
};

TEST(Gguf, ReadsEveryValueTypeInEveryVersion) {
  for (std::uint32_t version : {1u, 2u, 3u}) {
    Parsed p(sample(version).build());
    ASSERT_TRUE(p.result) << version << ": " << p.error();
    const Metadata& m = p.result->metadata;
    EXPECT_EQ(p.result->version, version);
    EXPECT_EQ(*m.string("general.architecture"), "llama");
    EXPECT_EQ(*m.u64("llama.block_count"), 1u);
    EXPECT_EQ(*m.f64("llama.attention.layer_norm_rms_epsilon"), static_cast<double>(1e-5f));
    EXPECT_EQ(*m.u64("a.u8"), 200u);
    EXPECT_EQ(*m.i64("a.i8"), -5);
    EXPECT_EQ(*m.u64("a.u16"), 65535u);
    EXPECT_EQ(*m.i64("a.i16"), -300);
    EXPECT_EQ(*m.i64("a.i32"), -70000);
    EXPECT_EQ(*m.boolean("a.bool"), true);
    EXPECT_EQ(*m.u64("a.u64"), ~std::uint64_t{0});
    EXPECT_EQ(*m.i64("a.i64"), -1);
    EXPECT_EQ(*m.f64("a.f64"), 0.25);
    EXPECT_EQ(*m.strings("tokenizer.ggml.tokens"),
              (std::vector<std::string_view>{"<unk>", "", "\xe2\x96\x81the", "the"}));
    EXPECT_EQ(*m.f32s("tokenizer.ggml.scores"), (std::vector<float>{0, -1, -2, -3}));
    EXPECT_EQ(*m.i64s("tokenizer.ggml.token_type"), (std::vector<std::int64_t>{2, 1, 1, 6}));
    EXPECT_EQ(*m.get<std::vector<bool>>("a.bools"), (std::vector<bool>{false, true, true}));
    EXPECT_EQ(m.find("a.empty")->size(), 0u);
    EXPECT_TRUE(m.strings("a.empty")->empty());
    EXPECT_EQ(*m.string("a.empty_string"), "");
    auto nested = m.find("a.nested")->items();
    ASSERT_EQ(nested.size(), 2u);
    EXPECT_EQ(*nested[0].as_i64s(), (std::vector<std::int64_t>{7, -8}));
    EXPECT_EQ(*nested[1].as_strings(), (std::vector<std::string_view>{"x"}));
  }
}

TEST(Gguf, ShapesAreOutermostFirst) {
  Parsed p(sample().build());
  ASSERT_TRUE(p.result) << p.error();
  const tensor::View* embd = p.result->find("token_embd.weight");
  ASSERT_NE(embd, nullptr);
  EXPECT_EQ(embd->shape, (std::vector<std::uint64_t>{4, 8}));
  EXPECT_EQ(embd->rows(), 4u);
  ASSERT_EQ(embd->bytes.size(), 128u);
  float last = 0;
  std::memcpy(&last, embd->bytes.data() + 124, 4);
  EXPECT_EQ(last, 32.f);
  EXPECT_EQ(p.result->find("blk.0.attn_q.weight")->type, tensor::DType::q8_0);
  EXPECT_EQ(p.result->find("absent"), nullptr);
  EXPECT_EQ(p.result->tensors.front().name, "token_embd.weight");
}

TEST(Gguf, AcceptsEveryLegalAlignment) {
  for (std::uint32_t a : {8u, 16u, 32u, 64u, 128u, 4096u}) {
    TestGguf g = sample();
    g.alignment = a;
    g.u32("general.alignment", a);
    for (bool pad_last : {true, false}) {
      g.pad_last = pad_last;
      Parsed p(g.build());
      EXPECT_TRUE(p.result) << a << ": " << p.error();
      EXPECT_EQ(p.result ? p.result->alignment : 0, a);
    }
  }
}

TEST(Gguf, AcceptsLegalOddities) {
  EXPECT_TRUE(Parsed(TestGguf{}.build()).result) << "nothing in it";
  EXPECT_TRUE(Parsed(TestGguf{}.string("general.architecture", "llama").build()).result) << "a vocabulary alone";
  TestGguf g;
  g.string("Not.Snake_Case!", "\x1b[31mred")
      .string(std::string(65535, 'k'), "long key")
      .string("nul", std::string("a\0b", 3));
  g.array("deep", 9, 1, raw(9) + g.length(1) + raw(9) + g.length(1) + raw(0) + g.length(1) + "\7");  // four levels
  g.f32(std::string(63, 'n'), {1, 1, 1, 1}).f32("b", {3});
  Parsed p(g.build());
  ASSERT_TRUE(p.result) << p.error();
  EXPECT_EQ(p.result->tensors[0].shape.size(), 4u);
  // The table may list tensors in another order than their bytes.
  TestGguf swapped;
  swapped.f32("a", {8}).f32("b", {8});
  swapped.tensors[0].offset = 32;
  swapped.tensors[1].offset = 0;
  EXPECT_TRUE(Parsed(swapped.build()).result);
  // A writer that pads the file to a page.
  TestGguf padded = sample();
  padded.tail = std::string(4096, '\0');
  EXPECT_TRUE(Parsed(padded.build()).result);
}

std::string part(int number, int count, int tensors, const std::string& name) {
  TestGguf g;
  if (number == 0) g.string("general.architecture", "llama");
  g.entry("split.no", 2, raw(static_cast<std::uint16_t>(number)));
  g.entry("split.count", 2, raw(static_cast<std::uint16_t>(count)));
  g.entry("split.tensors.count", 5, raw(static_cast<std::int32_t>(tensors)));
  if (!name.empty()) g.f32(name, {8});
  return g.build();
}

TEST(GgufSplit, PutsThePartsTogether) {
  TemporaryFolder folder;
  auto first = folder.write("m-00001-of-00003.gguf", part(0, 3, 2, ""));
  folder.write("m-00002-of-00003.gguf", part(1, 3, 2, "a"));
  folder.write("m-00003-of-00003.gguf", part(2, 3, 2, "b"));
  auto g = open_gguf(first);
  ASSERT_TRUE(g) << g.error().what;
  Gguf moved = std::move(*g);
  EXPECT_EQ(moved.files.size(), 3u);
  EXPECT_EQ(*moved.metadata.string("general.architecture"), "llama");
  EXPECT_EQ(moved.tensors.size(), 2u);
  ASSERT_NE(moved.find("b"), nullptr);
  EXPECT_EQ(moved.find("b")->bytes.size(), 32u);
}

TEST(GgufSplit, RefusesWhatDoesNotFit) {
  auto error_of = [](const std::string& second, const std::string& name = "m-00001-of-00002.gguf", int declared = 2) {
    TemporaryFolder folder;
    auto first = folder.write(name, part(0, 2, declared, "a"));
    if (!second.empty()) folder.write("m-00002-of-00002.gguf", second);
    auto g = open_gguf(first);
    return g ? std::string() : g.error().what;
  };
  EXPECT_EQ(error_of(part(1, 2, 2, "b")), "");
  EXPECT_NE(error_of("").find("m-00002-of-00002.gguf"), std::string::npos);
  EXPECT_NE(error_of(part(1, 2, 2, "a")).find("in two parts"), std::string::npos);
  EXPECT_NE(error_of(part(0, 2, 2, "b")).find("part 1 of 2"), std::string::npos);
  EXPECT_NE(error_of(part(1, 3, 2, "b")).find("part 2 of 3"), std::string::npos);
  EXPECT_NE(error_of(part(1, 2, 2, "b"), "m-00001-of-00002.gguf", 3).find("split.tensors.count"), std::string::npos);
  EXPECT_NE(error_of(part(1, 2, 3, "b")).find("split.tensors.count"), std::string::npos);
  EXPECT_NE(error_of(part(1, 2, 2, "b"), "renamed.gguf").find("00001-of-00002"), std::string::npos);
  EXPECT_NE(error_of("GGUF").find("m-00002"), std::string::npos);
  EXPECT_NE(error_of(TestGguf{}.u32("split.count", 2).u32("split.no", 1).string("general.name", "other").build())
                .find("general.name"),
            std::string::npos);
  TemporaryFolder folder;
  auto later = folder.write("m-00002-of-00002.gguf", part(1, 2, 2, "b"));
  auto g = open_gguf(later);
  ASSERT_FALSE(g);
  EXPECT_NE(g.error().what.find("open the first part, m-00001-of-00002.gguf"), std::string::npos) << g.error().what;
  // A part that is a link out of the folder is not followed.
  auto first = folder.write("n-00001-of-00002.gguf", part(0, 2, 2, "a"));
  TemporaryFolder elsewhere;
  std::filesystem::create_symlink(elsewhere.write("x.gguf", part(1, 2, 2, "b")),
                                  folder.path() / "n-00002-of-00002.gguf");
  EXPECT_FALSE(open_gguf(first));
}

}  // namespace
}  // namespace freehold::format
