#include "format/metadata.h"

#include <gtest/gtest.h>

#include <cstring>

namespace freehold::format {
namespace {

Metadata of(std::vector<Member> entries) {
  auto m = Metadata::make(std::move(entries));
  EXPECT_TRUE(m);
  return m ? std::move(*m) : Metadata();
}

TEST(Metadata, ConvertsIntegersOfEveryWidthAndNothingElse) {
  Metadata m = of({{"u", Value::u8(7)},
                   {"i", Value::i64(-1)},
                   {"x", Value::f32(1.5f)},
                   {"b", Value::boolean(true)},
                   {"big", Value::u64(~std::uint64_t{0})},
                   {"s", Value::string("7")},
                   {"none", Value::null()}});
  EXPECT_EQ(*m.u64("u"), 7u);
  EXPECT_EQ(*m.i64("u"), 7);
  EXPECT_EQ(*m.f64("u"), 7.0);
  EXPECT_EQ(*m.f64("x"), 1.5);
  EXPECT_FALSE(m.u64("i"));
  EXPECT_FALSE(m.i64("big"));
  EXPECT_FALSE(m.u64("x"));
  EXPECT_FALSE(m.u64("b"));
  EXPECT_FALSE(m.boolean("u"));
  EXPECT_FALSE(m.u64("s"));
  EXPECT_EQ(m.u64("s").error().what, "metadata 's': expected a non-negative integer, found string '7'");
  EXPECT_EQ(m.u64("absent").error().what, "metadata 'absent' is missing; expected a non-negative integer");
  EXPECT_FALSE(m.find_as<std::uint64_t>("absent")->has_value());
  EXPECT_FALSE(m.find_as<std::uint64_t>("none")->has_value());
  EXPECT_FALSE(m.find_as<std::uint64_t>("s"));
  EXPECT_EQ(*m.get_or<std::uint64_t>("absent", 3), 3u);
  EXPECT_FALSE(m.get_or<std::uint64_t>("s", 3));
}

TEST(Metadata, KeepsOrderAndRefusesDuplicates) {
  EXPECT_FALSE(Metadata::make({{"a", Value::u8(1)}, {"b", Value::u8(2)}, {"a", Value::u8(1)}}));
  Metadata m = of({{"z", Value::u8(1)}, {"a", Value::u8(2)}});
  m.set("m", Value::u8(3));
  m.set("a", Value::u8(4));
  ASSERT_EQ(m.size(), 3u);
  EXPECT_EQ(m.entries()[0].key, "z");
  EXPECT_EQ(m.entries()[2].key, "m");
  EXPECT_EQ(*m.u64("a"), 4u);
  EXPECT_TRUE(m.erase("z"));
  EXPECT_FALSE(m.erase("z"));
  EXPECT_EQ(*m.u64("a"), 4u);
  EXPECT_EQ(*m.u64("m"), 3u);
  EXPECT_FALSE(m.contains("z"));
}

TEST(Metadata, ArraysDecodeFromUnalignedBytesAndFromValues) {
  std::vector<std::byte> raw(1 + 3 * sizeof(float));
  float numbers[] = {1.f, -2.f, 0.5f};
  std::memcpy(raw.data() + 1, numbers, sizeof numbers);
  Value packed = Value::packed({ValueType::f32, 8, 3, Bytes(raw).subspan(1)});
  EXPECT_EQ(*packed.as_f32s(), (std::vector<float>{1.f, -2.f, 0.5f}));
  EXPECT_FALSE(packed.as_i64s());
  EXPECT_FALSE(packed.as_strings());
  EXPECT_EQ(packed.describe(), "array of 3 f32");
  EXPECT_EQ(*Value::f32s(numbers).as_f64s(), (std::vector<double>{1, -2, 0.5}));
  EXPECT_EQ(*Value::strings({"a", ""}).as_strings(), (std::vector<std::string_view>{"a", ""}));
  EXPECT_EQ(Value::strings({}).element_type(), ValueType::string);
  EXPECT_FALSE(Value::array({Value::u8(1), Value::string("x")}).as_i64s());
}

TEST(Metadata, DescriptionsAreSafeToPrint) {
  EXPECT_EQ(Value::string("\x1b[2J").describe(), "string '\\x1b[2J'");
  EXPECT_EQ(Value::u32(7).describe(), "u32 7");
  EXPECT_EQ(Value::i8(-7).describe(), "i8 -7");
  EXPECT_EQ(Value::null().describe(), "null");
  EXPECT_LT(Value::string(std::string(10000, 'x')).describe().size(), 100u);
}

}  // namespace
}  // namespace freehold::format
