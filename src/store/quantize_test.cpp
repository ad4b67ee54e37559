#include "store/quantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "format/gguf.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/quantise.h"
#include "store/testing.h"

namespace freehold::store {
namespace {

using testing::tiny_gguf;

struct Output {
  std::string bytes;
  Written written;
};

Result<Output> run(const format::Checkpoint& source, std::string_view type, int threads = 2, bool requantize = false) {
  ThreadPool pool(threads);
  Output out;
  FH_TRY(kernel::Mix mix, weight_type_from_name(type));
  FH_TRY(out.written, quantize(*source.gguf(), {mix, requantize}, pool, [&](Bytes b) -> Result<> {
           out.bytes.append(as_text(b));
           return {};
         }));
  return out;
}

format::Checkpoint open(const std::string& bytes) {
  return format::Checkpoint(format::parse_gguf(as_bytes(bytes)).value());
}

std::vector<float> values(const tensor::View& t) {
  std::vector<float> out(t.elems());
  kernel::dequantise(t.type, t.bytes.data(), out.data(), out.size());
  return out;
}

TEST(Quantize, GivesEachTensorItsTypeAndKeepsTheRest) {
  const format::Checkpoint source = open(tiny_gguf(0, "f32"));
  auto out = run(source, "q4_k_m");
  ASSERT_TRUE(out) << out.error().what;
  auto gguf = format::parse_gguf(as_bytes(out->bytes));
  ASSERT_TRUE(gguf) << gguf.error().what;
  EXPECT_EQ(gguf->metadata.u64("general.file_type").value(), 15u);
  EXPECT_EQ(gguf->metadata.u64("general.quantization_version").value(), 2u);
  EXPECT_EQ(gguf->metadata.size(), source.metadata().size());
  for (const format::Member& m : source.metadata().entries()) {
    if (m.key == "general.file_type") continue;
    EXPECT_EQ(*gguf->metadata.find(m.key), m.value) << m.key;
  }
  ASSERT_EQ(gguf->tensors.size(), source.tensors().size());
  for (const tensor::View& t : source.tensors()) {
    const tensor::View* q = gguf->find(t.name);
    ASSERT_NE(q, nullptr);
    EXPECT_EQ(q->shape, t.shape);
    EXPECT_EQ(q->type == tensor::DType::f32, t.shape.size() == 1) << t.name;
    // The bytes are the quantiser's, row by row.
    std::vector<std::byte> expected(q->bytes.size());
    ASSERT_TRUE(kernel::quantise_row(q->type, values(t), expected));
    EXPECT_TRUE(as_text(q->bytes) == as_text(expected)) << t.name;
  }
  EXPECT_EQ(gguf->find("output.weight")->type, tensor::DType::q6_k);
}

TEST(Quantize, BytesDoNotDependOnThreads) {
  const format::Checkpoint source = open(tiny_gguf(0, "f16"));
  EXPECT_TRUE(run(source, "q5_k_m", 1)->bytes == run(source, "q5_k_m", 3)->bytes);
}

TEST(Quantize, TheSameTypeCopiesBytes) {
  const std::string& f16 = tiny_gguf(0, "f16");
  EXPECT_TRUE(run(open(f16), "f16")->bytes == f16);
}

TEST(Quantize, WhatIsQuantisedAlreadyIsRefusedUnlessInsistedOn) {
  const format::Checkpoint source = open(tiny_gguf(0, "q8_0"));
  auto refused = run(source, "q4_0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
  EXPECT_NE(refused.error().what.find("token_embd.weight"), std::string::npos);
  EXPECT_TRUE(run(source, "q4_0", 2, true));
}

// A file with one matrix of the given values, as tensor "blk.0.ffn_up.weight".
std::string with_matrix(std::uint64_t rows, std::uint64_t cols, const std::vector<float>& x) {
  format::Metadata m;
  m.set("general.architecture", format::Value::string("llama"));
  m.set("llama.block_count", format::Value::u32(1));
  std::string out;
  auto writer = format::GgufWriter::start(
      [&](Bytes b) -> Result<> {
        out.append(as_text(b));
        return {};
      },
      m, {{"blk.0.ffn_up.weight", tensor::DType::f32, {rows, cols}}});
  EXPECT_TRUE(writer);
  EXPECT_TRUE(writer->append(std::as_bytes(std::span(x))));
  EXPECT_TRUE(writer->finish());
  return out;
}

TEST(Quantize, RowsThatDoNotFitAreNamed) {
  const std::string bytes = with_matrix(2, 288, std::vector<float>(2 * 288, 0.5F));
  auto out = run(open(bytes), "q4_k_m");
  ASSERT_TRUE(out) << out.error().what;
  ASSERT_EQ(out->written.notes.size(), 1u);
  EXPECT_EQ(out->written.notes[0].tensor, "blk.0.ffn_up.weight");
  EXPECT_NE(out->written.notes[0].note.find("288"), std::string::npos);
  EXPECT_EQ(out->written.tensors[0].type, tensor::DType::q5_0);
}

TEST(Quantize, WeightsThatAreNotFiniteAreNamed) {
  std::vector<float> x(512 * 256, 0.25F);
  x[100'000] = std::bit_cast<float>(0x7FC00000u);
  x[120'000] = std::bit_cast<float>(0x7F800000u);
  const std::string bytes = with_matrix(512, 256, x);
  auto out = run(open(bytes), "q4_k_m");
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().what.find("blk.0.ffn_up.weight"), std::string::npos) << out.error().what;
  EXPECT_NE(out.error().what.find("98304"), std::string::npos) << out.error().what;
}

// What a plan asks for beside a type: experts stacked, rows of heads reordered, norms shifted.
TEST(Quantize, DoesWhatAPlanSays) {
  const auto view = [](const char* name, std::vector<std::uint64_t> shape, const std::vector<float>& x) {
    return tensor::View{name, tensor::DType::f32, std::move(shape), std::as_bytes(std::span(x))};
  };
  const std::vector<float> heads = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};  // two heads of four rows of two
  const std::vector<float> column = {0, 1, 2, 3}, norm = {0.5F, -1}, one = {1, 2}, two = {3, 4};
  format::GgufPlan plan;
  plan.metadata.set("general.architecture", format::Value::string("llama"));
  plan.metadata.set("llama.block_count", format::Value::u32(1));
  plan.tensors.push_back({"q.weight", {8, 2}, {view("q", {8, 2}, heads)}, 4});
  plan.tensors.push_back({"q.bias", {4}, {view("b", {4}, column)}, 4});
  plan.tensors.push_back({"norm.weight", {2}, {view("n", {2}, norm)}, 0, 1.0F});
  plan.tensors.push_back({"blk.0.ffn_up_exps.weight", {2, 1, 2}, {view("e0", {1, 2}, one), view("e1", {1, 2}, two)}});
  plan.notes.emplace_back("something is lost");
  ThreadPool pool(1);
  std::string bytes;
  auto written = quantize(plan, {weight_type_from_name("f32").value()}, pool, [&](Bytes b) -> Result<> {
    bytes.append(as_text(b));
    return {};
  });
  ASSERT_TRUE(written) << written.error().what;
  ASSERT_EQ(written->notes.size(), 1u);
  auto gguf = format::parse_gguf(as_bytes(bytes));
  ASSERT_TRUE(gguf) << gguf.error().what;
  EXPECT_EQ(values(*gguf->find("q.weight")), (std::vector<float>{0, 0, 2, 2, 1, 1, 3, 3, 4, 4, 6, 6, 5, 5, 7, 7}));
  EXPECT_EQ(values(*gguf->find("q.bias")), (std::vector<float>{0, 2, 1, 3}));
  EXPECT_EQ(values(*gguf->find("norm.weight")), (std::vector<float>{1.5F, 0}));
  EXPECT_EQ(values(*gguf->find("blk.0.ffn_up_exps.weight")), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(gguf->find("blk.0.ffn_up_exps.weight")->shape, (std::vector<std::uint64_t>{2, 1, 2}));
}

TEST(Quantize, WeightsThatAreCopiedAreCheckedToo) {
  std::string bytes = tiny_gguf(0, "f32");
  const format::Checkpoint good = open(bytes);
  const tensor::View& norm = *good.find("output_norm.weight");
  std::memcpy(bytes.data() + (as_text(norm.bytes).data() - bytes.data()) + 8, "\0\0\xc0\x7f", 4);
  auto refused = run(open(bytes), "q8_0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::corrupt);
  EXPECT_NE(refused.error().what.find("tensor 'output_norm.weight', element 2"), std::string::npos)
      << refused.error().what;
}

}  // namespace
}  // namespace freehold::store
