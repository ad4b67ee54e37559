// Safetensors: the reference reader's rules, threat T7 class by class, truncation everywhere, mutants.
#include "format/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/random.h"
#include "base/sanitized_testing.h"
#include "base/thread_time.h"
#include "base/utf8.h"
#include "format/gguf_test_builder.h"

namespace freehold::format {
namespace {

using testing::raw;

std::string file(const std::string& header, std::size_t data) {
  std::string out = raw(std::uint64_t{header.size()}) + header;
  for (std::size_t i = 0; i < data; ++i) out += static_cast<char>(i);
  return out;
}

Result<Safetensors> parse_kept(const std::string& text, std::vector<char>& keep) {
  keep.assign(text.begin(), text.end());
  return parse_safetensors(as_bytes({keep.data(), keep.size()}));
}

const std::string kSample =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[16,24]},)"
    R"("a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"s":{"dtype":"F16","shape":[],"data_offsets":[24,26]}})";

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirBytes) {
  std::vector<char> keep;
  for (int spaces = 0; spaces < 9; ++spaces) {  // writers pad the header with spaces, or do not: every alignment occurs
    auto s = parse_kept(file(kSample + std::string(static_cast<std::size_t>(spaces), ' '), 26), keep);
    ASSERT_TRUE(s) << s.error().what;
    ASSERT_EQ(s->tensors.size(), 3u);
    EXPECT_EQ(s->tensors[0].name, "a");
    EXPECT_EQ(s->tensors[1].name, "b");
    EXPECT_EQ(s->tensors[1].type, tensor::DType::bf16);
    EXPECT_EQ(s->tensors[1].shape, (std::vector<std::uint64_t>{2, 2}));
    EXPECT_TRUE(s->tensors[2].shape.empty());
    EXPECT_EQ(*s->metadata.string("format"), "pt");
    EXPECT_EQ(std::to_integer<int>(s->tensors[1].bytes[0]), 16);
    for (const auto& t : s->tensors) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.bytes.data()) % tensor::info(t.type).block_bytes, 0u);
    }
  }
}

TEST(Safetensors, AcceptsLegalOddities) {
  std::vector<char> keep;
  EXPECT_TRUE(parse_kept(file("{}", 0), keep));
  EXPECT_TRUE(parse_kept(file("{}      ", 0), keep));
  EXPECT_TRUE(parse_kept(file(R"({"__metadata__":{}})", 0), keep));
  EXPECT_TRUE(parse_kept(file(R"({"\u00e9 \u001b[2J":{"shape":[1],"data_offsets":[0,4],"dtype":"F32"}})", 4), keep));
  auto others = parse_kept(
      file(
          R"({"p":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"q":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[8,12]}})",
          12),
      keep);
  ASSERT_TRUE(others) << others.error().what;
  EXPECT_TRUE(others->tensors.empty());
  EXPECT_EQ(others->others[1].dtype, "F8_E4M3");
}

struct HostileHeader {
  std::string header;
  std::size_t data;
  const char* says;
  Errc code = Errc::corrupt;
};

TEST(SafetensorsHostile, Headers) {
  auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  auto pair = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + a +
           R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + b + "}}";
  };
  std::string deep = R"({"x":)";
  for (int i = 0; i < 100000; ++i) deep += "[";
  std::vector<HostileHeader> cases = {
      {"", 0, "does not begin with '{'"},
      {" {}", 0, "does not begin with '{'"},
      {"[]", 0, "does not begin"},
      {"{", 0, "not valid JSON"},
      {"{}x", 0, "not valid JSON"},
      {"{}{}", 0, "not valid JSON"},
      {std::string("{}\0", 3), 0, "not valid JSON"},
      {"{\"\xff\":1}", 0, "not valid JSON"},
      {deep, 0, "tensor 'x': expected an object, found an array"},
      {R"({"x":1})", 0, "expected an object, found u64 1"},
      {R"({"x":{}})", 0, "is missing"},
      {R"({"x":{"dtype":"F32","shape":[1]}})", 4, "is missing"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":1}})", 4, "unknown member 'extra'"},
      {R"({"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "'dtype' occurs twice"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8, "'x' occurs twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "occurs twice"},
      {R"({"__metadata__":{"a":"b","a":"c"}})", 0, "'a' occurs twice"},
      {R"({"__metadata__":{"a":1}})", 0, "expected a string"},
      {R"({"__metadata__":{"a":{}}})", 0, "__metadata__: expected a string, found an object"},
      {R"({"__metadata__":[]})", 0, "expected an object"},
      {R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "name is empty"},
      {R"({"a\u0000b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "NUL"},
      {tensor("F31", "[1]", "[0,4]"), 4, "dtype 'F31' does not exist"},
      {R"({"x":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4, "dtype to be a string"},
      {tensor("F32", "1", "[0,4]"), 4, "shape to be an array"},
      {tensor("F32", "[-1]", "[0,4]"), 4, "found i64 -1"},
      {tensor("F32", "[1.0]", "[0,4]"), 4, "found f64 1"},
      {tensor("F32", "[[1]]", "[0,4]"), 4, "found an array"},
      {tensor("F32", "[18446744073709551616]", "[0,4]"), 4, "found f64"},
      {tensor("F32", "[4294967296,4294967296]", "[0,0]"), 0, "overflows"},
      {tensor("F32", "[4611686018427387905]", "[0,4]"), 4, "overflows"},
      {tensor("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 dimensions", Errc::unsupported},
      {tensor("F32", "[0]", "[0,0]"), 0, "a dimension is 0", Errc::unsupported},
      {tensor("F4", "[1]", "[0,1]"), 1, "no whole number"},
      {tensor("F32", "[1]", "[0]"), 4, "two numbers"},
      {tensor("F32", "[1]", "[0,4,8]"), 4, "two numbers"},
      {tensor("F32", "[1]", "[4,0]"), 4, "do not hold"},
      {tensor("F32", "[2]", "[0,4]"), 4, "do not hold the shape's 8 bytes"},
      {tensor("F32", "[1]", "[0,8]"), 8, "do not hold"},
      {tensor("F32", "[1]", "[4,8]"), 8, "leave a hole"},
      {tensor("F32", "[1]", "[0,4]"), 3, "outside the file"},
      {tensor("F32", "[1]", "[0,4]"), 5, "the file after 5"},
      {tensor("F32", "[1]", "[18446744073709551612,18446744073709551616]"), 4, "found f64"},
      {tensor("F32", "[1]", "[18446744073709551611,18446744073709551615]"), 4, "outside the file"},
      {pair("[0,4]", "[0,4]"), 4, "overlap"},
      {pair("[0,4]", "[2,6]"), 6, "overlap"},
      {pair("[0,4]", "[8,12]"), 12, "leave a hole"},
  };
  std::vector<char> keep;
  for (const HostileHeader& h : cases) {
    auto s = parse_kept(file(h.header, h.data), keep);
    ASSERT_FALSE(s) << h.header.substr(0, 200);
    EXPECT_NE(s.error().what.find(h.says), std::string::npos) << h.header.substr(0, 200) << ": " << s.error().what;
    EXPECT_EQ(s.error().code, h.code) << s.error().what;
    EXPECT_EQ(s.error().what, printable(s.error().what, 1000));
  }
}

TEST(SafetensorsHostile, HeaderLengths) {
  std::vector<char> keep;
  for (std::uint64_t length : {std::uint64_t{100'000'001}, std::uint64_t{1} << 32, std::uint64_t{1} << 63,
                               ~std::uint64_t{0}, ~std::uint64_t{0} - 7, std::uint64_t{1000}}) {
    EXPECT_FALSE(parse_kept(raw(length) + kSample, keep)) << length;
  }
}

TEST(SafetensorsHostile, TruncatedAtEveryByte) {
  std::string whole = file(kSample, 26);
  std::vector<char> keep;
  ASSERT_TRUE(parse_kept(whole, keep));
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_kept(whole.substr(0, n), keep)) << n;
}

TEST(SafetensorsHostile, LargeHeadersStayFast) {
  std::vector<char> keep;
  std::string brackets = R"({"__metadata__":{)";
  for (int i = 0; i < 1000000; ++i) brackets += "\"k" + std::to_string(i) + "\":\"\",";
  std::string tensors = "{";
  for (int i = 0; i < 300000; ++i)
    tensors += "\"" + std::to_string(i) + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)";
  for (const std::string& header : {brackets + "\"x\":\"\"}}", tensors + "\"x\":1}",
                                    "{" + std::string(10 << 20, ' ') + "]", "{\"x\":" + std::string(10 << 20, '9')}) {
    const auto begin = thread_time();
    EXPECT_FALSE(parse_kept(file(header, 4), keep));
    const double took = thread_seconds_since(begin);
    EXPECT_LT(took, kSanitized ? 20.0 : 1.0);  // below 0.3 without sanitizers
  }
}

TEST(SafetensorsHostile, MutantsNeitherCrashNorLinger) {
  std::string whole = file(kSample, 26);
  const std::string kBytes = "{}[],:\"0123456789-.eE\\u FBI\x80\xff";
  std::vector<char> keep;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    std::string mutant = whole;
    std::uint64_t draws = 0;
    auto below = [&](std::uint64_t n) {
      return static_cast<std::uint64_t>(uniform_draw(seed, 2, draws++) * static_cast<double>(n));
    };
    for (std::uint64_t c = 1 + below(4); c > 0; --c) {
      std::size_t at = below(mutant.size());
      if (below(3) == 0)
        mutant.insert(at, 1, kBytes[below(kBytes.size())]);
      else if (below(2) == 0)
        mutant.erase(at, 1 + below(8));
      else
        mutant[at] = kBytes[below(kBytes.size())];
      if (mutant.empty()) break;
    }
    if (mutant.size() > 8 && below(2) == 0) {  // half with a header length that fits, so that the header is reached
      std::uint64_t length = mutant.rfind('}') == std::string::npos ? 0 : mutant.rfind('}') - 7;
      std::memcpy(mutant.data(), &length, 8);
    }
    auto s = parse_kept(mutant, keep);
    if (!s) {
      EXPECT_EQ(s.error().what, printable(s.error().what, 1000));
      continue;
    }
    unsigned sum = 0;
    for (const auto& t : s->tensors) {
      for (std::byte b : t.bytes) sum += std::to_integer<unsigned>(b);
    }
    EXPECT_GE(sum, 0u);
  }
}

}  // namespace
}  // namespace freehold::format
