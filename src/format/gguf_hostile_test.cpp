// Hostile GGUF files, class by class (threats T1-T5 and T10): each is refused with one clear error that names the
// place, quickly, and without allocating what the file claims.
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "base/sanitized_testing.h"
#include "base/thread_time.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "format/gguf_test_builder.h"

namespace freehold::format {
namespace {

using testing::raw;
using testing::sample;
using testing::TestGguf;
using testing::TestTensor;

Result<Gguf> parse(const std::string& file, std::vector<char>& keep) {
  keep.assign(file.begin(), file.end());  // exactly as large as the file: ASan sees every byte too many
  return parse_gguf(as_bytes({keep.data(), keep.size()}));
}

struct Hostile {
  const char* what;
  std::string file;
  Errc code;
  const char* says;  // a part of the error
};

TestGguf one(const TestTensor& t) {
  TestGguf g;
  g.tensor(t);
  return g;
}

std::vector<Hostile> hostile_headers() {
  const std::uint64_t n = sample().entries.size();
  auto counts = [](std::uint64_t tensors, std::uint64_t entries, std::uint32_t version = 3) {
    TestGguf g = sample(version);
    g.n_tensors = tensors;
    g.n_entries = entries;
    return g.build();
  };
  auto head = [](const std::string& magic, std::uint32_t version) {
    TestGguf g = sample();
    g.magic = magic;
    g.version = version;
    return g.build();
  };
  auto swapped = std::string("GGUF") + std::string("\0\0\0\3", 4) + std::string(64, '\0');
  return {
      {"empty", "", Errc::corrupt, "magic"},
      {"three bytes", "GGU", Errc::corrupt, "the file ends after 3"},
      {"another magic", head("GGML", 3), Errc::corrupt, "not a GGUF"},
      {"the old format", head("tjgg", 3), Errc::unsupported, "before GGUF"},
      {"escape in magic", head("\x1b[2J", 3), Errc::corrupt, "\\x1b"},
      {"version 0", head("GGUF", 0), Errc::unsupported, "version 0"},
      {"version 4", head("GGUF", 4), Errc::unsupported, "version 4"},
      {"version 2^32-1", head("GGUF", ~0u), Errc::unsupported, "4294967295"},
      {"big endian", swapped, Errc::unsupported, "big-endian GGUF (version 3)"},
      {"n_kv 2^64-1", counts(3, ~0ull), Errc::corrupt, "more than"},
      {"n_kv 2^63", counts(3, 1ull << 63), Errc::corrupt, "more than"},
      {"n_tensors 2^64-1", counts(~0ull, n), Errc::corrupt, "more than"},
      {"n_tensors 2^32", counts(1ull << 32, n), Errc::corrupt, "more than"},
      {"n_kv for more than the file", counts(3, 100000), Errc::corrupt, "bytes are left"},
      {"n_tensors for more than the file", counts(100000, n), Errc::corrupt, "bytes are left"},
      {"n_kv 2^32-1 in v1", counts(3, ~0u, 1), Errc::corrupt, "more than"},
      {"one tensor too many", counts(4, n), Errc::corrupt, "tensor table entry 3"},
      {"one tensor too few", counts(2, n), Errc::corrupt, ""},
      {"one entry too many", counts(3, n + 1), Errc::corrupt, ""},
      {"one entry too few", counts(3, n - 1), Errc::corrupt, "tensor table entry 0"},
      {"no tensors though there are", counts(0, n), Errc::corrupt, "longer than its 0 entries"},
  };
}

std::vector<Hostile> hostile_metadata() {
  auto file = [](const std::function<void(TestGguf&)>& spoil) {
    TestGguf g = sample();
    spoil(g);
    return g.build();
  };
  auto entry = [&](std::uint32_t type, const std::string& payload) {
    return file([&](TestGguf& g) { g.entry("x.y", type, payload); });
  };
  auto key = [&](std::uint64_t length, const std::string& bytes) {
    return file([&](TestGguf& g) { g.entries.push_back(raw(length) + bytes + raw(4u) + raw(1u)); });
  };
  auto alignment = [&](std::uint32_t a) { return file([&](TestGguf& g) { g.u32("general.alignment", a); }); };
  std::string deep;  // five levels
  for (int i = 0; i < 4; ++i) deep += raw(9u) + raw(std::uint64_t{1});
  deep += raw(0u) + raw(std::uint64_t{1}) + "\1";
  std::string bottomless;
  for (int i = 0; i < 100000; ++i) bottomless += raw(9u) + raw(std::uint64_t{1});
  return {
      {"value type 13", entry(13, ""), Errc::corrupt, "'x.y': the value's type is 13"},
      {"value type 2^32-1", entry(~0u, ""), Errc::corrupt, "4294967295"},
      {"bool 2", entry(7, "\2"), Errc::corrupt, "neither 0 nor 1"},
      {"bool 255 in an array", entry(9, raw(7u) + raw(std::uint64_t{2}) + "\1\xff"), Errc::corrupt,
       "element 1: a bool is 255"},
      {"string of 2^64-1", entry(8, raw(~0ull)), Errc::corrupt, "the file ends"},
      {"string of 2^63", entry(8, raw(1ull << 63)), Errc::corrupt, "the file ends"},
      {"string longer than the file", entry(8, raw(100000ull)), Errc::corrupt, "takes 100000 bytes"},
      {"string not UTF-8", entry(8, raw(2ull) + "\xc0\xaf"), Errc::corrupt, "UTF-8"},
      {"token not UTF-8", entry(9, raw(8u) + raw(1ull) + raw(1ull) + "\x80"), Errc::corrupt, "element 0"},
      {"surrogate in a string", entry(8, raw(3ull) + "\xed\xa0\x80"), Errc::corrupt, "UTF-8"},
      {"array of 2^64-1 u8", entry(9, raw(0u) + raw(~0ull)), Errc::corrupt, "longer than"},
      {"array of 2^61 u64 (x8 overflows)", entry(9, raw(10u) + raw(1ull << 61)), Errc::corrupt, "longer than"},
      {"array of 2^21 u64", entry(9, raw(10u) + raw(1ull << 21)), Errc::corrupt, "bytes are left"},
      {"array of 2^21 strings", entry(9, raw(8u) + raw(1ull << 21)), Errc::corrupt, "bytes are left"},
      {"array of 2^21 arrays", entry(9, raw(9u) + raw(1ull << 21)), Errc::corrupt, "bytes are left"},
      {"array of type 13", entry(9, raw(13u) + raw(0ull)), Errc::corrupt, "array's type is 13"},
      {"array of arrays of type 99", entry(9, raw(9u) + raw(1ull) + raw(99u) + raw(0ull)), Errc::corrupt, "99"},
      {"five levels", entry(9, deep), Errc::corrupt, "nested deeper than 4"},
      {"100,000 levels", entry(9, bottomless), Errc::corrupt, "nested deeper"},
      {"key of 2^64-1", key(~0ull, ""), Errc::corrupt, "more than the 65535"},
      {"key of 65536", key(65536, std::string(65536, 'k')), Errc::corrupt, "65536 bytes"},
      {"empty key", key(0, ""), Errc::corrupt, "the key is empty"},
      {"NUL in a key", key(3, std::string("a\0b", 3)), Errc::corrupt, "NUL"},
      {"key not UTF-8", key(2, "\xff\xfe"), Errc::corrupt, "UTF-8"},
      {"key twice", file([](TestGguf& g) { g.u32("a.b", 1).u32("a.b", 1); }), Errc::corrupt, "'a.b' occurs twice"},
      {"escapes in a key twice", file([](TestGguf& g) { g.u32("\x1b[2J", 1).u32("\x1b[2J", 1); }), Errc::corrupt,
       "\\x1b[2J"},
      {"alignment 0", alignment(0), Errc::corrupt, "0 is not a power of two"},
      {"alignment 1", alignment(1), Errc::corrupt, "power of two"},
      {"alignment 4", alignment(4), Errc::corrupt, "power of two"},
      {"alignment 24", alignment(24), Errc::corrupt, "power of two"},
      {"alignment 33", alignment(33), Errc::corrupt, "power of two"},
      {"alignment 2^31", alignment(1u << 31), Errc::corrupt, "power of two"},
      {"alignment a string", file([](TestGguf& g) { g.string("general.alignment", "32"); }), Errc::corrupt,
       "found string '32'"},
      {"alignment a u64", file([](TestGguf& g) { g.entry("general.alignment", 10, raw(32ull)); }), Errc::corrupt,
       "expected a u32"},
      {"alignment an i32", file([](TestGguf& g) { g.entry("general.alignment", 5, raw(-32)); }), Errc::corrupt,
       "expected a u32"},
      {"alignment an array", file([](TestGguf& g) { g.array("general.alignment", 4, 1, raw(32u)); }), Errc::corrupt,
       "array of 1"},
      {"another alignment than the layout's", alignment(64), Errc::corrupt, ""},
  };
}

std::vector<Hostile> hostile_tensors() {
  auto data = [](std::size_t n) { return std::string(n, '\1'); };
  auto t = [&](std::vector<std::uint64_t> dims, std::uint32_t type, std::size_t bytes) {
    return one({"x", std::move(dims), type, data(bytes), {}, {}, {}}).build();
  };
  auto named = [&](const std::string& name) { return one({name, {8}, 0, data(32), {}, {}, {}}).build(); };
  auto at = [&](std::uint64_t offset) { return one({"x", {8}, 0, data(32), offset, {}, {}}).build(); };
  auto n_dims = [&](std::uint32_t n) { return one({"x", {8}, 0, data(32), {}, n, {}}).build(); };
  auto two = [&](std::uint64_t first, std::uint64_t second) {
    TestGguf g;
    g.tensor({"a", {8}, 0, data(32), first, {}, {}})
        .tensor({"b", {8}, 0, data(32), second, {}, {}})
        .tensor({"c", {8}, 0, data(32), {}, {}, {}});
    return g.build();
  };
  TestGguf twice;
  twice.f32("x", {8}).f32("x", {8});
  TestGguf short_name = one({"x", {8}, 0, data(32), {}, {}, {}});
  short_name.tensors[0].name_len = ~0ull;
  TestGguf tail = sample();
  tail.tail = std::string(100, '\7');
  TestGguf zeros = sample();
  zeros.tail = std::string(1 << 20, '\0');
  constexpr std::uint64_t k2p32 = 1ull << 32;
  constexpr std::uint64_t k2p40 = 1ull << 40;
  return {
      {"0 dimensions", n_dims(0), Errc::corrupt, "tensor table entry 0 'x': 0 dimensions"},
      {"5 dimensions", n_dims(5), Errc::corrupt, "5 dimensions"},
      {"2^32-1 dimensions", n_dims(~0u), Errc::corrupt, "4294967295 dimensions"},
      {"dimension 0", t({8, 0}, 0, 32), Errc::corrupt, "dimension 1 is 0"},
      {"dimension 2^40+1", t({k2p40 + 1}, 0, 32), Errc::corrupt, "dimension 0 is"},
      {"dimension 2^63", t({1ull << 63}, 0, 32), Errc::corrupt, "dimension 0 is"},
      {"dimension -1", t({~0ull}, 0, 32), Errc::corrupt, "dimension 0 is"},
      {"product 2^64", t({k2p32, k2p32}, 0, 32), Errc::corrupt, "overflows"},
      {"product 2^64 + 8", t({k2p32, k2p32, 1, 8}, 0, 32), Errc::corrupt, "overflows"},
      {"product 2^62: bytes overflow", t({1ull << 31, 1ull << 31}, 0, 32), Errc::corrupt, "overflows"},
      {"product 2^160", t({k2p40, k2p40, k2p40, k2p40}, 0, 32), Errc::corrupt, "overflows"},
      {"more elements than the file", t({1ull << 20}, 0, 32), Errc::corrupt, "+ 4194304 bytes lies outside the file"},
      {"F16 though the data is half", t({32}, 1, 32), Errc::corrupt, "lies outside the file"},
      {"type F16 of an F32 tensor", t({64}, 1, 256), Errc::corrupt, "belong to nothing"},
      {"Q8_0 row of 31", t({31, 2}, 8, 68), Errc::corrupt, "whole blocks of 32"},
      {"Q4_K row of 128, 2 rows", t({128, 2}, 12, 144), Errc::corrupt, "whole blocks of 256"},
      {"type IQ2_XXS", t({256}, 16, 66), Errc::unsupported, "type IQ2_XXS is unsupported"},
      {"type Q4_2, removed", t({256}, 4, 66), Errc::unsupported, "type Q4_2 is unsupported"},
      {"type I32", t({8}, 26, 32), Errc::unsupported, "type I32 is unsupported"},
      {"type F64", t({4}, 28, 32), Errc::unsupported, "type F64 is unsupported"},
      {"type 1000", t({8}, 1000, 32), Errc::corrupt, "type 1000 does not exist"},
      {"type -1", t({8}, ~0u, 32), Errc::corrupt, "type 4294967295 does not exist"},
      {"offset 4", at(4), Errc::corrupt, "not a multiple of the alignment"},
      {"offset 32: a hole", at(32), Errc::corrupt, "lies outside the file"},
      {"offset 2^64-32", at(~0ull - 31), Errc::corrupt, "offset 0xffffffffffffffe0 + 32 bytes lies outside"},
      {"offset 2^63", at(1ull << 63), Errc::corrupt, "lies outside"},
      {"offset 1 GiB", at(1ull << 30), Errc::corrupt, "lies outside"},
      {"two at one place", two(0, 0), Errc::corrupt, "tensor table entry 1 'b': offset 0x0 lies inside 'a'"},
      {"a hole between", two(0, 64), Errc::corrupt, ""},
      {"the first at 32", two(32, 32), Errc::corrupt, ""},
      {"name twice", twice.build(), Errc::corrupt, "tensor table entry 1 'x': the same name as entry 0"},
      {"name of 64 bytes", named(std::string(64, 'n')), Errc::corrupt, "64 bytes, more than the 63"},
      {"name of 2^64-1 bytes", short_name.build(), Errc::corrupt, "more than the 63"},
      {"empty name", named(""), Errc::corrupt, "the name is empty"},
      {"NUL in a name", named(std::string("a\0b", 3)), Errc::corrupt, "NUL"},
      {"name not UTF-8", named("\xe2\x28\xa1"), Errc::corrupt, "UTF-8"},
      {"bytes after the last tensor", tail.build(), Errc::corrupt, "belong to nothing"},
      {"1 MiB of zeros after the last tensor", zeros.build(), Errc::corrupt, "belong to nothing"},
  };
}

void expect_refused(const std::vector<Hostile>& cases) {
  std::vector<char> keep;
  for (const Hostile& h : cases) {
    const auto begin = thread_time();
    auto g = parse(h.file, keep);
    const double took = thread_seconds_since(begin);
    ASSERT_FALSE(g) << h.what;
    EXPECT_EQ(g.error().code, h.code) << h.what << ": " << g.error().what;
    EXPECT_NE(g.error().what.find(h.says), std::string::npos) << h.what << ": " << g.error().what;
    EXPECT_EQ(g.error().what, printable(g.error().what, 1000)) << h.what;
    EXPECT_LT(g.error().what.size(), 600u) << h.what;
    EXPECT_LT(took, 1.0) << h.what;
  }
}

TEST(GgufHostile, Headers) {
  expect_refused(hostile_headers());
}
TEST(GgufHostile, Metadata) {
  expect_refused(hostile_metadata());
}
TEST(GgufHostile, Tensors) {
  expect_refused(hostile_tensors());
}

TEST(GgufHostile, TruncatedAtEveryByte) {
  for (std::uint32_t version : {1u, 2u, 3u}) {
    TestGguf g = sample(version);
    g.pad_last = false;
    std::string file = g.build();
    std::vector<char> keep;
    ASSERT_TRUE(parse(file, keep));
    for (std::size_t n = 0; n < file.size(); ++n) {
      auto cut = parse(file.substr(0, n), keep);
      ASSERT_FALSE(cut) << "version " << version << " cut to " << n << " of " << file.size();
      EXPECT_EQ(cut.error().code, Errc::corrupt);
    }
  }
}

// Ten megabytes of the smallest things of each kind take time and memory in proportion.
TEST(GgufHostile, ManySmallThingsStayFast) {
  std::vector<char> keep;
  TestGguf strings;
  strings.array("x", 8, 1u << 20, std::string(8u << 20, '\0'));
  TestGguf arrays;
  std::string inner;
  for (int i = 0; i < (1 << 19); ++i) inner += raw(0u) + raw(0ull);
  arrays.array("x", 9, 1u << 19, inner);
  TestGguf keys;
  for (int i = 0; i < 100000; ++i) keys.entry(std::to_string(i), 0, "\1");
  TestGguf tensors;
  for (int i = 0; i < 100000; ++i) tensors.tensor({std::to_string(i), {1}, 0, std::string(4, '\1'), {}, {}, {}});
  for (TestGguf* g : {&strings, &arrays, &keys, &tensors}) {
    std::string file = g->build();
    const auto begin = thread_time();
    auto parsed = parse(file, keep);
    const double took = thread_seconds_since(begin);
    EXPECT_TRUE(parsed) << parsed.error().what;
    EXPECT_LT(took, kSanitized ? 20.0 : 1.0);  // 0.1 without sanitizers
  }
}

// The interesting numbers that mutation writes over a file's own.
constexpr std::uint64_t kNumbers[] = {0,
                                      1,
                                      2,
                                      7,
                                      8,
                                      9,
                                      12,
                                      13,
                                      16,
                                      31,
                                      32,
                                      33,
                                      63,
                                      64,
                                      127,
                                      128,
                                      255,
                                      256,
                                      65535,
                                      65536,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0x100000000,
                                      1ull << 40,
                                      (1ull << 40) + 1,
                                      1ull << 61,
                                      0x7fffffffffffffff,
                                      0x8000000000000000,
                                      0xffffffffffffffe0,
                                      0xffffffffffffffff};

std::string mutate(std::string file, std::uint64_t seed) {
  std::uint64_t draws = 0;
  auto below = [&](std::uint64_t n) {
    return static_cast<std::uint64_t>(uniform_draw(seed, 1, draws++) * static_cast<double>(n));
  };
  std::uint64_t changes = 1 + below(3);
  for (std::uint64_t c = 0; c < changes && !file.empty(); ++c) {
    std::size_t at = below(below(4) == 0 ? std::min<std::size_t>(file.size(), 64) : file.size());
    std::uint64_t number = kNumbers[below(std::size(kNumbers))];
    std::size_t other = below(file.size());
    switch (below(8)) {
      case 0:
        file[at] = static_cast<char>(below(256));
        break;
      case 1:
        file[at] = static_cast<char>(file[at] ^ (1 << below(8)));
        break;
      case 2:
        std::memcpy(file.data() + at, &number, std::min<std::size_t>(4, file.size() - at));
        break;
      case 3:
        std::memcpy(file.data() + at, &number, std::min<std::size_t>(8, file.size() - at));
        break;
      case 4:
        file.resize(at);
        break;
      case 5:
        file.insert(at, file.substr(other, below(64)));
        break;
      case 6:
        file.erase(at, 1 + below(16));
        break;
      default:
        file[at] = static_cast<char>(file[at] + (below(2) == 0 ? 1 : -1));
        break;
    }
  }
  return file;
}

// Whatever is accepted can be used: every byte of every tensor and every value is touched.
void use(const Gguf& g) {
  std::uint64_t sum = 0;
  for (const auto& t : g.tensors) {
    for (std::byte b : t.bytes) sum += std::to_integer<unsigned>(b);
    sum += t.elems() + t.rows();
  }
  for (const Member& m : g.metadata.entries()) {
    sum += m.value.describe().size() + m.value.items().size();
    if (auto s = m.value.as_strings()) sum += s->size();
    if (auto n = m.value.as_i64s()) sum += n->size();
    if (auto x = m.value.as_f32s()) sum += x->size();
    for (const Value& inner : m.value.items()) sum += inner.items().size();
  }
  EXPECT_GT(sum + 1, 0u);
}

TEST(GgufHostile, SixThousandMutantsNeitherCrashNorLinger) {
  std::vector<std::string> files = {sample(1).build(), sample(2).build(), sample(3).build()};
  std::vector<char> keep;
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    auto g = parse(mutate(files[seed % files.size()], seed), keep);
    if (g) {
      ++accepted;
      use(*g);
    } else {
      EXPECT_EQ(g.error().what, printable(g.error().what, 1000));
    }
  }
  EXPECT_LT(accepted, 3000u);  // most changes of bytes that are not data or text must be noticed
}

}  // namespace
}  // namespace freehold::format
