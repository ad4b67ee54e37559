// What is written is what is read back, bit for bit, also through a second round.
#include "format/gguf_writer.h"

#include <gtest/gtest.h>

#include "base/temporary_folder_testing.h"
#include "format/gguf_test_builder.h"

namespace freehold::format {
namespace {

using testing::sample;

struct Written {
  Result<> result;
  std::string bytes;
};

// Writes in parts of `part` bytes.
Written write(const Metadata& metadata, const std::vector<GgufTensor>& tensors, const std::vector<std::string>& data,
              std::size_t part) {
  Written out;
  Sink sink = [&](Bytes b) -> Result<> {
    out.bytes += as_text(b);
    return {};
  };
  out.result = [&]() -> Result<> {
    FH_TRY(GgufWriter writer, GgufWriter::start(sink, metadata, tensors));
    for (const std::string& d : data) {
      for (std::size_t at = 0; at < d.size(); at += part)
        FH_TRY_VOID(writer.append(as_bytes(std::string_view(d).substr(at, part))));
    }
    return writer.finish();
  }();
  return out;
}

// Reads `file`, writes it again.
Written rewrite(const std::string& file, std::size_t part) {
  std::vector<char> keep(file.begin(), file.end());
  auto g = parse_gguf(as_bytes({keep.data(), keep.size()}));
  EXPECT_TRUE(g) << g.error().what;
  std::vector<GgufTensor> tensors;
  std::vector<std::string> data;
  for (const auto& t : g->tensors) {
    tensors.push_back({t.name, t.type, t.shape});
    data.emplace_back(as_text(t.bytes));
  }
  return write(g->metadata, tensors, data, part);
}

TEST(GgufWriter, RewritesEveryValueTypeOfEveryVersionToTheSameV3File) {
  std::string expected = sample(3).build();
  for (std::uint32_t version : {1u, 2u, 3u}) {
    for (std::size_t part : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      Written w = rewrite(sample(version).build(), part);
      ASSERT_TRUE(w.result) << w.result.error().what;
      EXPECT_EQ(w.bytes, expected) << "version " << version << ", parts of " << part;
    }
  }
}

TEST(GgufWriter, WritesValuesMadeByUs) {
  Metadata m;
  m.set("general.architecture", Value::string("llama"));
  m.set("tokens", Value::strings({"a", "", "\xc3\xa9"}));
  m.set("scores", Value::f32s(std::vector<float>{1, 2}));
  m.set("types", Value::i32s(std::vector<std::int32_t>{-1}));
  m.set("nothing", Value::strings({}));
  m.set("large", Value::strings(std::vector<std::string>(200000, "token of some length")));
  m.set("general.alignment", Value::u32(64));
  Written w = write(m, {{"a", tensor::DType::q8_0, {2, 32}}, {"b", tensor::DType::f32, {3}}},
                    {std::string(68, '\1'), std::string(12, '\2')}, 5);
  ASSERT_TRUE(w.result) << w.result.error().what;
  std::vector<char> keep(w.bytes.begin(), w.bytes.end());
  auto g = parse_gguf(as_bytes({keep.data(), keep.size()}));
  ASSERT_TRUE(g) << g.error().what;
  EXPECT_EQ(g->alignment, 64u);
  EXPECT_EQ(g->metadata.strings("large")->size(), 200000u);
  EXPECT_EQ(*g->metadata.strings("tokens"), (std::vector<std::string_view>{"a", "", "\xc3\xa9"}));
  EXPECT_EQ(g->find("b")->bytes.size(), 12u);
  EXPECT_EQ(rewrite(w.bytes, 1000).bytes, w.bytes);
}

TEST(GgufWriter, RefusesWhatTheReaderWouldRefuse) {
  auto error = [](const std::vector<GgufTensor>& tensors, std::vector<Member> entries = {}) {
    auto m = Metadata::make(std::move(entries));
    return write(*m, tensors, {}, 1).result.error().what;
  };
  using tensor::DType;
  EXPECT_NE(error({{"", DType::f32, {1}}}), "");
  EXPECT_NE(error({{std::string(64, 'x'), DType::f32, {1}}}), "");
  EXPECT_NE(error({{"x", DType::f32, {}}}), "");
  EXPECT_NE(error({{"x", DType::f32, {1, 1, 1, 1, 1}}}), "");
  EXPECT_NE(error({{"x", DType::f32, {0}}}), "");
  EXPECT_NE(error({{"x", DType::f32, {1ull << 40, 1ull << 40}}}), "");
  EXPECT_NE(error({{"x", DType::q4_k, {2, 128}}}), "");
  EXPECT_NE(error({{"x", DType::f32, {1}}, {"x", DType::f32, {1}}}), "");
  EXPECT_NE(error({}, {{"k", Value::null()}}), "");
  EXPECT_NE(error({}, {{"k", Value::object({})}}), "");
  EXPECT_NE(error({}, {{"k", Value::array({Value::u8(1), Value::string("x")})}}), "");
  EXPECT_NE(error({}, {{"", Value::u8(1)}}), "");
  EXPECT_NE(error({}, {{"general.alignment", Value::u32(33)}}), "");
}

TEST(GgufWriter, RefusesDataThatDoesNotFit) {
  std::vector<GgufTensor> one = {{"x", tensor::DType::f32, {2}}};
  EXPECT_FALSE(write({}, one, {std::string(4, 'x')}, 4).result);
  EXPECT_FALSE(write({}, one, {std::string(9, 'x')}, 9).result);
  EXPECT_FALSE(write({}, one, {std::string(8, 'x'), "y"}, 8).result);
  EXPECT_TRUE(write({}, one, {std::string(8, 'x')}, 8).result);
  EXPECT_TRUE(write({}, {}, {}, 1).result);
}

TEST(GgufWriter, StreamsIntoAnAtomicFile) {
  TemporaryFolder folder;
  auto path = folder.path() / "x.gguf";
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file);
  auto writer = GgufWriter::start([&](Bytes b) { return file->write(b); }, {}, {{"x", tensor::DType::f32, {2}}});
  ASSERT_TRUE(writer) << writer.error().what;
  ASSERT_TRUE(writer->append(as_bytes(std::string(8, 'x'))));
  ASSERT_TRUE(writer->finish());
  ASSERT_TRUE(file->commit());
  auto g = open_gguf(path);
  ASSERT_TRUE(g) << g.error().what;
  EXPECT_EQ(as_text(g->find("x")->bytes), "xxxxxxxx");
}

}  // namespace
}  // namespace freehold::format
