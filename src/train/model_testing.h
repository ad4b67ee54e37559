// Tiny random models for the trainer's tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "store/synth/tiny_model_testing.h"
#include "train/lora.h"

namespace freehold::train {

struct TrainTest : store::TinyModelTest {
  std::shared_ptr<const model::Model> served(std::string_view shape, std::string_view type) {
    return served(*store::shape_from_name(shape), type);
  }
  std::shared_ptr<const model::Model> served(const store::Shape& shape, std::string_view type) {
    auto model = model::Model::load(checkpoint(shape, type), pool);
    EXPECT_TRUE(model.has_value()) << model.error().what;
    return *model;
  }
  // A shape all of whose experts, two if it has any, take every token.
  static store::Shape every_expert(std::string_view name) {
    store::Shape shape = *store::shape_from_name(name);
    if (shape.extra.experts > 2) shape.extra.experts = 2;
    shape.extra.experts_used = shape.extra.experts;
    return shape;
  }
  // An adapter whose B is not zero.
  std::unique_ptr<LoraModel> adapted(std::shared_ptr<const model::Model> base, ThreadPool& threads,
                                     model::AdapterConfig config, std::uint64_t seed = 1) {
    auto lora = LoraModel::fresh(std::move(base), threads, kernel::table_up_to(kernel::detect_level()), config, seed);
    EXPECT_TRUE(lora.has_value()) << lora.error().what;
    std::uint64_t stream = 100 * seed;
    for (Parameter& p : (*lora)->parameters()) {
      ++stream;
      for (std::size_t i = 0; i < p.value.size(); ++i) {
        p.value[i] += static_cast<float>(0.2 * (uniform_draw(seed, stream, i) - 0.5));
      }
    }
    EXPECT_TRUE((*lora)->refresh().has_value());
    return std::move(*lora);
  }
  static model::AdapterConfig all_sites(std::uint32_t r, bool dora = false, std::uint32_t experts = 0) {
    model::AdapterConfig c;
    c.r = r;
    c.alpha = 2.0 * r;
    c.dora = dora;
    const auto sites = model::sites_of(experts);
    c.targets.assign(sites.begin(), sites.end());
    return c;
  }
  // The blocks' layers and what can be adapted at the ends: DoRA is not for the embedding.
  static model::AdapterConfig everywhere(std::uint32_t r, bool dora = false, std::uint32_t experts = 0) {
    model::AdapterConfig c = all_sites(r, dora, experts);
    c.targets.push_back(model::Site::head);
    if (!dora) c.targets.push_back(model::Site::embedding);
    return c;
  }
  static std::vector<std::int32_t> tokens(std::size_t n, std::uint64_t stream, std::uint32_t vocab) {
    std::vector<std::int32_t> out(n);
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = static_cast<std::int32_t>(uniform_draw(3, stream, i) * static_cast<double>(vocab));
    }
    return out;
  }
};

}  // namespace freehold::train
