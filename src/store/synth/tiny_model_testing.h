// For tests: tiny random models as files in a folder that goes with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "format/checkpoint.h"
#include "store/synth/synth.h"

namespace freehold::store {

struct TinyModelTest : ::testing::Test {
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/freehold-tiny-XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  // A model of that shape and type, opened.
  std::shared_ptr<const format::Checkpoint> checkpoint(std::string_view shape, std::string_view type) {
    return checkpoint(*shape_from_name(shape), type);
  }
  std::shared_ptr<const format::Checkpoint> checkpoint(const Shape& shape, std::string_view type) {
    const auto path = folder / (std::string(shape.name) + std::string(type) + ".gguf");
    std::ofstream file(path, std::ios::binary);
    auto done = synthesise({shape, weight_type_from_name(type).value(), 5}, pool, [&](Bytes bytes) -> Result<> {
      file << as_text(bytes);
      return {};
    });
    EXPECT_TRUE(done);
    file.close();
    auto opened = format::open_checkpoint(path);
    EXPECT_TRUE(opened) << opened.error().what;
    return std::make_shared<const format::Checkpoint>(std::move(*opened));
  }

  ThreadPool pool{2};
  std::filesystem::path folder;
};

}  // namespace freehold::store
