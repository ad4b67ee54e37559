// A fixed set of threads that share loops in small dynamic chunks. Which thread does which chunk is left to chance, so
// a body must give the same result whoever runs it.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace freehold {

// parallel_for may be called from one thread at a time (the pool's owner); bodies must not call it again.
class ThreadPool {
 public:
  // `threads` counts the caller: 1 runs everything inline. 0 means as many as the affinity mask allows.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // body(begin, end, thread) for disjoint ranges that cover [0, count), each at most `grain` long; 0 <= thread <
  // threads() identifies scratch memory that nobody else uses meanwhile. Returns when all are done. Allocates nothing.
  template <typename Body>
  void parallel_for(std::size_t count, std::size_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        count, grain,
        [](void* b, std::size_t begin, std::size_t end, int thread) { (*static_cast<Plain*>(b))(begin, end, thread); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Invoke = void (*)(void* body, std::size_t begin, std::size_t end, int thread);
  void run(std::size_t count, std::size_t grain, Invoke invoke, void* body);
  struct State;
  int threads_ = 1;
  std::unique_ptr<State> state_;
};

// How many CPUs the affinity mask gives this process.
int available_cpus();

}  // namespace freehold
