// Reference counting for the values of templates.
//
// 1. Counts are atomic: literals of a parsed template and the values of a request may be shared between threads.
// 2. Destruction is iterative: an object whose count reaches zero is put on a list of the thread and the outermost
// release
//    empties it, so that a list nested a million deep does not overflow the stack.
// 3. An object made during a render charges its size to that render's Budget and gives it back when it dies.
// 4. Cycles need an object that changes after its creation (namespace, scope, loop). Those register themselves with the
//    render's Heap (heap.h), which empties what is left at the end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace freehold::text::jinja {

// Bytes that the values of one render may hold at the same time.
struct Budget {
  std::size_t limit = 0;
  std::size_t used = 0;
  bool has(std::size_t bytes) const { return used <= limit && bytes <= limit - used; }
};

struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() {
    if (budget != nullptr) budget->used -= charged;
  }

  std::atomic<std::uint32_t> references{0};
  Budget* budget = nullptr;  // outlives the object: the render destroys its values before its budget
  std::size_t charged = 0;
  Object* next_dead = nullptr;
};

// Called when the count of `object` has reached zero.
void destroy(Object* object) noexcept;

inline void retain(Object* object) noexcept {
  if (object != nullptr) object->references.fetch_add(1, std::memory_order_relaxed);
}
inline void release(Object* object) noexcept {
  if (object != nullptr && object->references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(object);
}

// A counted pointer to a known kind of object.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) { retain(object_); }
  Ref(const Ref& other) : object_(other.object_) { retain(object_); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { release(object_); }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace freehold::text::jinja
