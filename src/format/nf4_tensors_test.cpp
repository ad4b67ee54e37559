// Joining bitsandbytes' parts: what fits becomes one tensor, what does not is refused by name.
#include "format/nf4_tensors.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <map>

#include "kernel/nf4_levels.h"

namespace freehold::format {
namespace {

constexpr auto& kLevels = kernel::kNf4Levels;

template <typename T>
std::string raw_values(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

struct Part {
  std::string dtype;
  std::string shape;
  std::string bytes;
};

// The parts of a (2, 128) matrix called w.
struct Nf4Tensors : ::testing::Test {
  void SetUp() override {
    std::vector<float> map(256);
    for (std::size_t i = 0; i < 256; ++i) map[i] = static_cast<float>(i) / 128.0f;
    parts["w"] = {"U8", "[128,1]", std::string(128, '\x1f')};
    parts["w.absmax"] = {"U8", "[4]", std::string("\x00\x40\x80\xff", 4)};
    parts["w.nested_absmax"] = {"F32", "[1]", raw_values<float>({2.0f})};
    parts["w.nested_quant_map"] = {"F32", "[256]", raw_values(map)};
    parts["w.quant_map"] = {"F32", "[16]", raw_values(std::vector<float>(std::begin(kLevels), std::end(kLevels)))};
    state(
        R"({"quant_type":"nf4","blocksize":64,"dtype":"float32","shape":[2,128],"nested_blocksize":256,"nested_offset":0.5})");
  }
  void state(const std::string& json) {
    parts["w.quant_state.bitsandbytes__nf4"] = {"U8", "[" + std::to_string(json.size()) + "]", json};
  }
  Result<Safetensors> join() {
    std::string header = "{", data;
    for (const auto& [name, p] : parts) {
      header += (header.size() > 1 ? ",\"" : "\"") + name + "\":{\"dtype\":\"" + p.dtype + "\",\"shape\":" + p.shape +
                ",\"data_offsets\":[" + std::to_string(data.size()) + "," +
                std::to_string(data.size() + p.bytes.size()) + "]}";
      data += p.bytes;
    }
    header += "}";
    header.append((8 - header.size() % 8) % 8, ' ');
    const std::uint64_t length = header.size();
    file.assign(reinterpret_cast<const char*>(&length), sizeof length);
    file += header + data;
    FH_TRY(Safetensors out, parse_safetensors(as_bytes(file)));
    FH_TRY_VOID(join_nf4_tensors(out));
    return out;
  }
  std::string error() {
    const auto joined = join();
    return joined ? "accepted" : joined.error().what;
  }

  std::map<std::string, Part> parts;
  std::string file;
};

// A large one lies in a file: its pages may be given back, and are the same when they are read again.
TEST_F(Nf4Tensors, LargeOnesCanBeForgotten) {
  constexpr std::size_t kBlocks = 1024 * 2048 / 64;
  std::string codes(kBlocks * 32, '\0'), absmax(kBlocks, '\0');
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<char>(i * 11 / 7);
  for (std::size_t i = 0; i < absmax.size(); ++i) absmax[i] = static_cast<char>(i * 3);
  parts["w"] = {"U8", "[1048576,1]", codes};
  parts["w.absmax"] = {"U8", "[32768]", absmax};
  parts["w.nested_absmax"] = {"F32", "[128]", raw_values(std::vector<float>(kBlocks / 256, 2.0f))};
  state(
      R"({"quant_type":"nf4","blocksize":64,"dtype":"float32","shape":[1024,2048],"nested_blocksize":256,"nested_offset":0.5})");
  const auto joined = join();
  ASSERT_TRUE(joined.has_value()) << joined.error().what;
  ASSERT_EQ(joined->scratch.size(), 1u);
  EXPECT_TRUE(joined->copies.empty());
  const Bytes w = joined->tensors.front().bytes;
  for (int again = 0; again < 2; ++again) {
    for (std::size_t b = 0; b < kBlocks; ++b) {
      ASSERT_EQ(std::memcmp(w.data() + b * 36 + 4, codes.data() + b * 32, 32), 0) << b;
    }
    joined->forget(w);
  }
  // Without a folder for it, memory.
  ::setenv("TMPDIR", "/nonexistent", 1);
  const auto kept = join();
  ::unsetenv("TMPDIR");
  ASSERT_TRUE(kept.has_value()) << kept.error().what;
  EXPECT_TRUE(kept->scratch.empty());
  EXPECT_EQ(std::memcmp(kept->tensors.front().bytes.data(), w.data(), w.size()), 0);
}

TEST_F(Nf4Tensors, BecomeOne) {
  parts["norm"] = {"F32", "[2]", raw_values<float>({1.0f, 2.0f})};
  const auto joined = join();
  ASSERT_TRUE(joined.has_value()) << joined.error().what;
  EXPECT_TRUE(joined->others.empty());
  EXPECT_EQ(joined->joined.size(), 5u);
  ASSERT_EQ(joined->tensors.size(), 2u);
  EXPECT_EQ(joined->tensors[0].name, "norm");
  const tensor::View& w = joined->tensors[1];
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.type, tensor::DType::nf4);
  EXPECT_EQ(w.shape, (std::vector<std::uint64_t>{2, 128}));
  ASSERT_EQ(w.bytes.size(), 4u * 36);
  const float expected[] = {0.5f, 1.5f, 2.5f, 255.0f / 128.0f * 2.0f + 0.5f};
  for (std::size_t b = 0; b < 4; ++b) {
    float absmax;
    std::memcpy(&absmax, w.bytes.data() + b * 36, sizeof absmax);
    EXPECT_EQ(absmax, expected[b]);
    EXPECT_EQ(w.bytes[b * 36 + 4], std::byte{0x1f});
  }
}

TEST_F(Nf4Tensors, OtherBytesStayWhatTheyAre) {
  parts.clear();
  parts["x"] = {"U8", "[3]", "abc"};
  const auto joined = join();
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(joined->others.size(), 1u);
}

TEST_F(Nf4Tensors, EveryMissingPartIsRefused) {
  const auto all = parts;
  for (const auto& [name, part] : all) {
    if (name.find("quant_state") != std::string::npos) continue;  // without it nothing says that this is NF4
    parts = all;
    parts.erase(name);
    EXPECT_NE(error().find("tensor 'w'"), std::string::npos) << name;
  }
}

TEST_F(Nf4Tensors, PartsThatDoNotFitAreRefused) {
  const auto all = parts;
  parts["w"] = {"U8", "[64,1]", std::string(64, '\0')};
  EXPECT_NE(error().find("do not fit"), std::string::npos);
  parts = all;
  parts["w.absmax"] = {"U8", "[3]", "abc"};
  EXPECT_NE(error().find("do not fit"), std::string::npos);
  parts = all;
  parts["w.nested_quant_map"] = {"F32", "[2]", raw_values<float>({0, 1})};
  EXPECT_NE(error().find("do not fit"), std::string::npos);
  parts = all;
  parts["w.quant_map"].bytes[3] ^= 1;
  EXPECT_NE(error().find("quant_map"), std::string::npos);
}

TEST_F(Nf4Tensors, OtherStatesAreRefused) {
  auto with = [&](const std::string& json) {
    state(json);
    return error();
  };
  EXPECT_NE(with("{").find("quant_state"), std::string::npos);
  EXPECT_NE(with(R"({"quant_type":"fp4"})").find("quant_type"), std::string::npos);
  EXPECT_NE(with(R"({"quant_type":"nf4","blocksize":128,"nested_blocksize":256})").find("blocks"), std::string::npos);
  const std::string head = R"({"quant_type":"nf4","blocksize":64,"nested_blocksize":256,)";
  EXPECT_NE(with(head + R"("shape":[256],"nested_offset":0})").find("shape"), std::string::npos);
  EXPECT_NE(with(head + R"("shape":[-2,128],"nested_offset":0})").find("shape"), std::string::npos);
  EXPECT_NE(with(head + R"("shape":[9000000000,128],"nested_offset":0})").find("shape"), std::string::npos);
  EXPECT_NE(with(head + R"("shape":[8,32],"nested_offset":0})").find("rows"), std::string::npos);
  EXPECT_NE(with(head + R"("shape":[2,128]})").find("nested_offset"), std::string::npos);
  EXPECT_NE(with(head + R"("shape":[2147483648,2147483648],"nested_offset":0})").find("do not fit"), std::string::npos);
}

}  // namespace
}  // namespace freehold::format
