// A fixed-size array of trivial values whose storage starts on a 64-byte boundary (one cache line, one AVX-512
// register).
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace freehold {

inline constexpr std::size_t kAlignment = 64;

// Zeroed memory on a 64-byte boundary. From a mebibyte on it comes straight from the system, in huge pages where it
// gives them: untouched pages cost nothing, and whoever writes a page first places it. Throws std::bad_alloc.
void* allocate_zeroed(std::size_t bytes);
void release(void* memory, std::size_t bytes);

template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;
  // Zero-filled. Throws std::bad_alloc; callers that take sizes from a file check them first.
  explicit AlignedBuffer(std::size_t count) : size_(count) {
    if (count == 0) return;
    data_ = static_cast<T*>(allocate_zeroed(count * sizeof(T)));
  }
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { release(static_cast<void*>(data_), size_ * sizeof(T)); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace freehold
