// A model file or folder, loaded and run for the golden tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "format/checkpoint.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "oracle.h"

namespace freehold::golden {

class Runner {
 public:
  static std::unique_ptr<Runner> open(const std::filesystem::path& path, std::uint32_t longest = 2048,
                                      kernel::Level level = kernel::detect_level(), int threads = 2,
                                      model::KvChoice kept = model::KvChoice::automatic) {
    auto checkpoint = format::open_checkpoint(path);
    if (!checkpoint) {
      ADD_FAILURE() << path << ": " << checkpoint.error().what;
      return nullptr;
    }
    std::unique_ptr<Runner> r(new Runner(threads));
    for (const auto& t : checkpoint->tensors()) {
      r->has_bf16_ = r->has_bf16_ || (t.type == tensor::DType::bf16 && t.shape.size() > 1);
      r->has_quantised_ = r->has_quantised_ || tensor::info(t.type).quantised;
    }
    auto model = model::Model::load(std::make_shared<format::Checkpoint>(std::move(*checkpoint)), r->pool_);
    if (!model) {
      ADD_FAILURE() << path << ": " << model.error().what;
      return nullptr;
    }
    r->model_ = *model;
    r->executor_ =
        std::make_unique<model::Executor>(*model, r->pool_, kernel::table_up_to(level), kChunk, longest, kChunk);
    auto cache = model::KvCache::create(model::KvLayout(r->model_->spec(), kept), longest, 1, kChunk, longest);
    if (!cache) {
      ADD_FAILURE() << cache.error().what;
      return nullptr;
    }
    r->cache_ = std::move(*cache);
    return r;
  }

  const model::Spec& spec() const { return model_->spec(); }
  std::size_t vocab() const { return spec().vocab; }
  bool has_bf16() const { return has_bf16_; }
  bool has_quantised() const { return has_quantised_; }

  // (ids, vocab)
  std::vector<float> logits(std::span<const std::int32_t> ids) {
    std::vector<float> out(ids.size() * vocab());
    model::KvSequence sequence = cache_->new_sequence();
    for (std::size_t done = 0; done < ids.size();) {
      const std::size_t n = std::min<std::size_t>(kChunk, ids.size() - done);
      auto reserved = sequence.reserve(static_cast<std::uint32_t>(n));
      EXPECT_TRUE(reserved.has_value()) << reserved.error().what;
      const model::BatchItem item{&sequence, ids.subspan(done, n), model::LogitsWanted::all};
      auto ran = executor_->forward({&item, 1}, std::span(out).subspan(done * vocab()));
      EXPECT_TRUE(ran.has_value()) << ran.error().what;
      done += n;
    }
    return out;
  }

  std::vector<std::int32_t> greedy(std::vector<std::int32_t> ids, std::size_t more) {
    std::vector<std::int32_t> out;
    out.reserve(more);  // `next` points into it
    std::vector<float> last(vocab());
    model::KvSequence sequence = cache_->new_sequence();
    std::span<const std::int32_t> next = ids;
    while (out.size() < more) {
      EXPECT_TRUE(sequence.reserve(static_cast<std::uint32_t>(next.size())).has_value());
      const model::BatchItem item{&sequence, next, model::LogitsWanted::last};
      EXPECT_TRUE(executor_->forward({&item, 1}, last).has_value());
      out.push_back(static_cast<std::int32_t>(std::max_element(last.begin(), last.end()) - last.begin()));
      next = std::span(&out.back(), 1);
    }
    return out;
  }

 private:
  static constexpr std::uint32_t kChunk = 128;
  explicit Runner(int threads) : pool_(threads) {}
  ThreadPool pool_;
  std::shared_ptr<const model::Model> model_;
  std::unique_ptr<model::Executor> executor_;
  std::unique_ptr<model::KvCache> cache_;
  bool has_bf16_ = false;
  bool has_quantised_ = false;
};

inline double log_sum_exp(std::span<const float> logits) {
  double max = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float l : logits) sum += std::exp(l - max);
  return max + std::log(sum);
}

// KL(reference || ours) of two rows of logits, in nats.
inline double kl(std::span<const float> reference, std::span<const float> ours) {
  const double a = log_sum_exp(reference), b = log_sum_exp(ours);
  double sum = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    double lp = reference[i] - a;
    sum += std::exp(lp) * (lp - (ours[i] - b));
  }
  return sum;
}

inline std::size_t argmax(std::span<const float> row) {
  return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

}  // namespace freehold::golden
