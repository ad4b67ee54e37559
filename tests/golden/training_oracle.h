// The oracle's training runs as data: batches, hyper-parameters, what was logged, tensors by name.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "format/json.h"
#include "format/safetensors.h"
#include "kernel/blocks/dequantise.h"
#include "oracle.h"
#include "train/step.h"

namespace freehold::golden {

// Suggested in the oracle's README for a float32 engine.
inline constexpr double kLossGate = 1e-4;
inline constexpr double kNormGate = 1e-4;  // relative
inline constexpr double kAdapterGate = 1e-4;
inline constexpr double kLogitGate = 2e-3;

inline format::Value json(const std::filesystem::path& path) {
  auto value = format::parse_json(slurp(path));
  EXPECT_TRUE(value.has_value()) << path << ": " << value.error().what;
  return value ? std::move(*value) : format::Value();
}

inline double number(const format::Value& object, std::string_view key, double otherwise = NAN) {
  const format::Value* v = object.member(key);
  return v != nullptr && v->as_f64() ? *v->as_f64() : otherwise;
}
inline std::string text(const format::Value& object, std::string_view key) {
  const format::Value* v = object.member(key);
  return v != nullptr && v->as_string() ? std::string(*v->as_string()) : "";
}
inline std::vector<format::Value> list(const format::Value& object, std::string_view key) {
  const format::Value* v = object.member(key);
  return v != nullptr ? v->items() : std::vector<format::Value>{};
}
inline std::vector<std::int32_t> ids(const format::Value& array) {
  std::vector<std::int32_t> out;
  for (std::int64_t i : array.as_i64s().value_or(std::vector<std::int64_t>{}))
    out.push_back(static_cast<std::int32_t>(i));
  return out;
}

// Sequences of one micro-batch without their padding.
inline train::MicroBatch micro_batch(const format::Value& v) {
  train::MicroBatch out;
  const auto tokens = list(v, "input_ids"), masks = list(v, "attention_mask"), labels = list(v, "labels");
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    train::Example e{ids(tokens[i]), ids(labels[i])};
    const auto mask = ids(masks[i]);
    const auto n = static_cast<std::size_t>(std::count(mask.begin(), mask.end(), 1));
    e.tokens.resize(n);
    e.labels.resize(n);
    out.push_back(std::move(e));
  }
  return out;
}

// steps[s][micro]
inline std::vector<std::vector<train::MicroBatch>> training_data(const std::filesystem::path& path) {
  std::vector<std::vector<train::MicroBatch>> out;
  for (const auto& step : list(json(path), "steps")) {
    auto& micros = out.emplace_back();
    for (const auto& m : step.items()) micros.push_back(micro_batch(m));
  }
  return out;
}

// The tensors of a safetensors file as float32.
inline std::map<std::string, std::vector<float>> tensors(const std::filesystem::path& path) {
  std::map<std::string, std::vector<float>> out;
  auto file = format::open_safetensors(path);
  EXPECT_TRUE(file.has_value()) << path << ": " << file.error().what;
  if (!file) return out;
  for (const auto& t : file->tensors) {
    auto& values = out[t.name];
    values.resize(t.elems());
    kernel::dequantise(t.type, t.bytes.data(), values.data(), values.size());
  }
  return out;
}

inline double max_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = d > worst || std::isnan(d) ? d : worst;
  }
  return worst;
}

// Largest difference over all tensors; every name must be on both sides.
inline double max_difference(const std::map<std::string, std::vector<float>>& expected,
                             const std::map<std::string, std::vector<float>>& got) {
  double worst = 0;
  for (const auto& [name, values] : expected) {
    const auto it = got.find(name);
    if (it == got.end()) {
      ADD_FAILURE() << "no tensor " << name;
      return INFINITY;
    }
    worst = std::max(worst, max_difference(values, it->second));
  }
  EXPECT_EQ(expected.size(), got.size());
  return worst;
}

}  // namespace freehold::golden
