// What is planned for a server against what it sets aside.
#include "app/memory_plan.h"

#include <gtest/gtest.h>

#include <fstream>

#include "app/session.h"
#include "base/temporary_folder_testing.h"
#include "engine/engine.h"
#include "engine/sampling/candidates.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "store/synth/synth.h"

namespace freehold::app {
namespace {

class MemoryPlans : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = folder.path() / "m.gguf";
    std::ofstream file(path, std::ios::binary);
    auto done =
        store::synthesise({*store::shape_from_name("tiny-llama"), store::weight_type_from_name("q4_0").value(), 5},
                          *pool, [&](Bytes bytes) -> Result<> {
                            file << as_text(bytes);
                            return {};
                          });
    ASSERT_TRUE(done);
    file.close();
    auto opened = format::open_checkpoint(path);
    ASSERT_TRUE(opened);
    checkpoint = std::make_shared<const format::Checkpoint>(std::move(*opened));
    auto made = model::plan(*checkpoint);
    ASSERT_TRUE(made);
    plan.emplace(std::move(*made));
  }
  // As a server runs it.
  RunShape shape(std::uint32_t sequences, std::uint32_t whole) const {
    return {.chunk = kChunk, .threads = 2, .sequences = sequences, .whole = whole};
  }

  TemporaryFolder folder;
  std::shared_ptr<ThreadPool> pool = std::make_shared<ThreadPool>(2);
  std::shared_ptr<const format::Checkpoint> checkpoint;
  std::optional<model::Plan> plan;
};

TEST_F(MemoryPlans, CoverWhatAServerSetsAside) {
  const auto memory = plan_memory(*plan, 1024, shape(8, 4));
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->cache_tokens, 4u * 1024 + 4 * kChunk);
  auto loaded = model::Model::load(checkpoint, *pool);
  ASSERT_TRUE(loaded);
  EXPECT_LE((*loaded)->prepared_bytes(), memory->weights);
  const engine::DecoderSize size{
      .context = 1024, .sequences = 8, .chunk = kChunk, .cache_tokens = memory->cache_tokens};
  const auto decoder = engine::ModelDecoder::create(*loaded, *pool, kernel::table_up_to(kernel::Level::scalar), size);
  ASSERT_TRUE(decoder);
  const model::KvCache& cache = (*decoder)->cache();
  std::uint64_t blocks = 0;
  for (std::size_t g = 0; g < cache.layout().groups.size(); ++g) {
    blocks += cache.total_blocks(g) * cache.layout().groups[g].layers * cache.layout().bytes_per_layer();
  }
  const model::Spec& spec = plan->spec;
  const std::uint64_t workspace = model::Executor::workspace_bytes(spec, 2, kChunk + 8, 1024, 8);
  // Logits of every sequence and of 8 rows of a prompt that is scored, hidden states of a chunk, the sampler's.
  const std::uint64_t rows = spec.vocab * (8 + 8) * sizeof(float) + std::uint64_t{kChunk} * spec.width * sizeof(float) +
                             spec.vocab * (sizeof(engine::Candidate) + sizeof(std::uint32_t));
  EXPECT_EQ(memory->runtime, blocks + workspace + rows);
  EXPECT_GT(blocks, 4 * 1024 * spec.kv_heads * spec.head_size * 2u * spec.blocks.size() * 2);  // f16
}

TEST_F(MemoryPlans, OneSequenceNeedsNoBlockMoreThanItsContext) {
  const auto memory = plan_memory(*plan, 512, shape(1, 1)), longer = plan_memory(*plan, 512 + 32, shape(1, 1));
  ASSERT_TRUE(memory && longer);
  const model::KvLayout layout(plan->spec);
  EXPECT_EQ(layout.bytes_needed(512, 1, kChunk), 512 / 32 * plan->spec.blocks.size() * layout.bytes_per_layer());
  EXPECT_LT(memory->total(), longer->total());
}

TEST_F(MemoryPlans, MoreWholeSequencesAreAComfort) {
  const auto least = plan_memory(*plan, 2048, shape(8, 1)), most = plan_memory(*plan, 2048, shape(8, 4));
  ASSERT_TRUE(least && most);
  EXPECT_GT(most->total(), least->total());
  const auto chosen = [&](std::uint64_t available, std::uint64_t comfortable) {
    return choose_context(*plan, 0, shape(8, 4), available, comfortable);
  };
  EXPECT_EQ(chosen(most->total(), UINT64_MAX)->memory.total(), most->total());
  EXPECT_EQ(chosen(most->total(), UINT64_MAX)->memory.context, 2048u);
  // As many as fit, and the context stays.
  const auto fewer = chosen(most->total() - 1, UINT64_MAX);
  ASSERT_TRUE(fewer);
  EXPECT_EQ(fewer->memory.context, 2048u);
  EXPECT_LT(fewer->memory.total(), most->total());
  EXPECT_GT(fewer->memory.total(), least->total());
  EXPECT_EQ(chosen(UINT64_MAX, least->total())->memory.total(), least->total());
  EXPECT_EQ(chosen(UINT64_MAX, 1)->memory.total(), least->total());
  // What does not fit at all says how much would.
  const auto none = choose_context(*plan, 2048, shape(8, 4), least->total() - 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::exhausted);
  EXPECT_NE(none.error().what.find("--context"), std::string::npos) << none.error().what;
  EXPECT_NE(least->parts().find("8 sequences"), std::string::npos) << least->parts();
}

}  // namespace
}  // namespace freehold::app
