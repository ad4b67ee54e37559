// A non-owning view of one weight tensor as it lies in a file. Shapes are written outermost first: a linear layer's
// weight is (N, K), N outputs of K inputs, rows contiguous (GGUF lists its dimensions the other way round).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "tensor/dtype.h"

namespace freehold::tensor {

struct View {
  std::string name;
  DType type = DType::f32;
  std::vector<std::uint64_t> shape;  // outermost first; empty = scalar
  Bytes bytes;                       // owner: the opened file; verified to be exactly the tensor's size

  std::uint64_t elems() const {
    std::uint64_t n = 1;
    for (auto d : shape) n *= d;
    return n;
  }
  // Elements of the innermost dimension (a row), and how many rows there are.
  std::uint64_t row_elems() const { return shape.empty() ? 1 : shape.back(); }
  std::uint64_t rows() const { return shape.empty() ? 1 : elems() / shape.back(); }
};

// float buffers of rows: (rows, cols), consecutive rows `stride` floats apart.
struct Rows {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;
  float* operator[](std::size_t r) const { return data + r * stride; }
};

struct ConstRows {
  const float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;
  ConstRows() = default;
  ConstRows(const float* d, std::size_t r, std::size_t c, std::size_t s) : data(d), rows(r), cols(c), stride(s) {}
  // NOLINTNEXTLINE(google-explicit-constructor): what may be written may be read
  ConstRows(const Rows& o) : data(o.data), rows(o.rows), cols(o.cols), stride(o.stride) {}
  const float* operator[](std::size_t r) const { return data + r * stride; }
};

}  // namespace freehold::tensor
