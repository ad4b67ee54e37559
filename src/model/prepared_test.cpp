#include "model/prepared.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "kernel/kernels.h"
#include "model/kv_cache.h"
#include "model/model.h"
#include "model/weights.h"
#include "store/synth/tiny_model_testing.h"

namespace freehold::model {
namespace {

struct Prepared : store::TinyModelTest {
  std::filesystem::path write(const Plan& plan) {
    const auto path = folder / "prepared.panels";
    std::ofstream file(path, std::ios::binary);
    std::uint64_t written = 0;
    auto done = write_prepared(plan, pool, [&](Bytes bytes) -> Result<> {
      file << as_text(bytes);
      written += bytes.size();
      return {};
    });
    EXPECT_TRUE(done) << done.error().what;
    EXPECT_EQ(written, prepared_file_bytes(plan));
    return path;
  }
  std::vector<float> logits(const std::shared_ptr<const Model>& model) {
    const std::vector<std::int32_t> ids = {1, 5, 9, 3, 7};
    std::vector<float> out(ids.size() * model->spec().vocab);
    auto cache = KvCache::create(KvLayout(model->spec()), 64, 1, 16, 64);
    EXPECT_TRUE(cache);
    Executor executor(model, pool, kernel::table_up_to(kernel::Level::scalar), 16, 64, 16);
    auto sequence = (*cache)->new_sequence();
    EXPECT_TRUE(sequence.reserve(5));
    BatchItem item{&sequence, ids, LogitsWanted::all};
    EXPECT_TRUE(executor.forward({&item, 1}, out));
    return out;
  }
};

TEST_F(Prepared, GivesTheSameBitsAsPreparingInMemory) {
  for (const char* shape : {"tiny-llama", "tiny-mixtral", "tiny-gemma2"}) {
    if (!store::shape_from_name(shape)) continue;
    for (const char* type : {"q4_0", "q4_k_m", "q8_0", "f16", "bf16", "f32"}) {
      auto base = checkpoint(shape, type);
      auto p = plan(*base);
      ASSERT_TRUE(p) << p.error().what;
      auto file = PreparedFile::open(write(*p));
      ASSERT_TRUE(file) << file.error().what;
      auto plain = Model::load(base, pool), mapped = Model::load(base, pool, {}, *file);
      ASSERT_TRUE(plain);
      ASSERT_TRUE(mapped) << mapped.error().what;
      const auto a = logits(*plain), b = logits(*mapped);
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << shape << ' ' << type;
      EXPECT_EQ((*plain)->prepared_bytes(), (*mapped)->prepared_bytes());
    }
  }
}

TEST_F(Prepared, RefusesAnotherModelsFile) {
  auto one = checkpoint("tiny-llama", "q4_0"), other = checkpoint("tiny-llama", "q8_0");
  auto file = PreparedFile::open(write(*plan(*one)));
  ASSERT_TRUE(file);
  auto model = Model::load(other, pool, {}, *file);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Errc::corrupt);
}

// Every cut and every changed byte of header and table is refused or harmless; nothing outside the file is touched.
TEST_F(Prepared, SurvivesDamage) {
  auto base = checkpoint("tiny-llama", "q4_0");
  auto p = plan(*base);
  const auto path = write(*p);
  const std::string good = read_file(path).value();
  const std::size_t table = 64 + linear_views(*p).size() * 40;
  auto put = [&](std::string_view bytes) { std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes; };
  std::size_t refused = 0;
  for (std::size_t i = 0; i < table; ++i) {
    for (int bit : {0, 3, 7}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      put(bad);
      auto file = PreparedFile::open(path);
      refused += !file || !(*file)->matches(*p);
    }
  }
  // All but the reserved fields decide something.
  EXPECT_GE(refused, 3 * (table - 40 - 4 * linear_views(*p).size()));
  for (std::size_t size = 0; size < good.size(); size += size < table + 64 ? 1 : 997) {
    put(std::string_view(good).substr(0, size));
    EXPECT_FALSE(PreparedFile::open(path)) << size;
  }
  put(good + "x");
  EXPECT_FALSE(PreparedFile::open(path));
}

}  // namespace
}  // namespace freehold::model
