// What every operation needs beside its operands: the threads, the kernels and scratch memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/aligned.h"
#include "base/check.h"
#include "base/thread_pool.h"
#include "kernel/table.h"
#include "tensor/view.h"

namespace freehold::nn {

// A stack of scratch memory of fixed size: the steady state allocates nothing. Owned and used by one thread.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) : memory_(bytes) {}

  template <typename T>
  T* take(std::size_t count) {
    std::size_t bytes = (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    FH_CHECK(bytes <= memory_.size() - used_, "the model sizes the workspace for its largest batch");
    T* p = reinterpret_cast<T*>(memory_.data() + used_);
    used_ += bytes;
    return p;
  }
  // Bytes that taking `count` of T costs.
  template <typename T>
  static std::size_t cost(std::size_t count) {
    return (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  }
  // Where the next thing taken will lie.
  std::byte* top() { return memory_.data() + used_; }
  std::size_t mark() const { return used_; }
  void release(std::size_t mark) { used_ = mark; }
  std::size_t size() const { return memory_.size(); }

 private:
  AlignedBuffer<std::byte> memory_;
  std::size_t used_ = 0;
};

// Gives back on destruction what was taken since construction.
class WorkspaceScope {
 public:
  explicit WorkspaceScope(Workspace& w) : workspace_(w), mark_(w.mark()) {}
  ~WorkspaceScope() { workspace_.release(mark_); }
  WorkspaceScope(const WorkspaceScope&) = delete;
  WorkspaceScope& operator=(const WorkspaceScope&) = delete;

 private:
  Workspace& workspace_;  // owner: the executor
  std::size_t mark_;
};

// Memory that one thread alone uses, kept apart from the workspace because a thread that lost its processor may still
// read and write it when the others are long past (ThreadPool::parallel_for_detached). Its owner waits for late threads
// before it frees it.
struct ThreadMemory {
  std::byte* data = nullptr;  // (threads, bytes)
  std::size_t bytes = 0;      // of each thread
  std::byte* of(int thread) const { return data + static_cast<std::size_t>(thread) * bytes; }
};

// In what precision backward multiplies with frozen or learning weights (docs/adr/0029).
enum class BackwardProducts : std::uint8_t {
  f32,   // float32 operands, one FMA a term
  bf16,  // operands rounded to BF16, float32 sums in TDPBF16PS's order (kernel/table.h): for machines with AMX
};

struct Context {
  ThreadPool& pool;
  const kernel::Table& kernels;
  Workspace& workspace;
  ThreadMemory thread_memory = {};  // empty: every loop waits for all its threads
  BackwardProducts products = BackwardProducts::f32;
};

// Rows of activations begin at multiples of 16 floats.
inline std::size_t row_stride(std::size_t columns) {
  return (columns + 15) / 16 * 16;
}
// (rows, columns), not initialised.
inline tensor::Rows take_rows(Context& context, std::size_t rows, std::size_t columns) {
  const std::size_t stride = row_stride(columns);
  return {context.workspace.take<float>(rows * stride), rows, columns, stride};
}
inline std::size_t rows_cost(std::size_t rows, std::size_t columns) {
  return Workspace::cost<float>(rows * row_stride(columns));
}

}  // namespace freehold::nn
