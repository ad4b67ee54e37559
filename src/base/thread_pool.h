// A fixed set of threads that share loops in small dynamic chunks. Which thread does which chunk is left to chance, so
// a body must give the same result whoever runs it.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

namespace freehold {

// Loops may be started from one thread at a time (the pool's owner); bodies must not start another.
class ThreadPool {
 public:
  // `threads` counts the caller: 1 runs everything inline. 0 means as many as the affinity mask allows. Whatever the
  // number, never more take part than the mask allows at the time.
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
    Loop loop;
    loop.count = count;
    loop.grain = grain;
    loop.compute = [](void* b, std::size_t begin, std::size_t end, int thread) {
      (*static_cast<Plain*>(b))(begin, end, thread);
    };
    loop.body = const_cast<void*>(static_cast<const void*>(&body));
    run(loop);
  }

  // The same without waiting for a thread that lost its processor in the middle of a chunk: the owner does that chunk
  // again, and what the late thread computes is dropped. That needs a job in three parts, and a copyable one:
  //   job.enter(thread)                 once for each thread: copies the inputs to memory of the thread's own
  //   job.compute(begin, end, thread)   reads and writes memory of the thread's own, and what outlives
  //   wait_for_late_threads() job.publish(begin, end, thread)   copies what the thread has just computed to the output;
  //   once for each chunk
  // enter and publish finish before the loop returns; a late compute may go on for long after.
  template <typename Job>
  void parallel_for_detached(std::size_t count, std::size_t grain, const Job& job) {
    static_assert(std::is_trivially_copyable_v<Job> && std::is_trivially_destructible_v<Job>);
    static_assert(sizeof(Job) <= kJobBytes && alignof(Job) <= 64);
    Loop loop;
    loop.count = count;
    loop.grain = grain;
    loop.body = const_cast<Job*>(&job);
    loop.copy = [](void* to, const void* from) { new (to) Job(*static_cast<const Job*>(from)); };
    loop.enter = [](void* j, int thread) { static_cast<Job*>(j)->enter(thread); };
    loop.compute = [](void* j, std::size_t b, std::size_t e, int thread) {
      static_cast<Job*>(j)->compute(b, e, thread);
    };
    loop.publish = [](void* j, std::size_t b, std::size_t e, int thread) {
      static_cast<Job*>(j)->publish(b, e, thread);
    };
    run(loop);
  }

  // Returns when no late thread is left over from a detached loop. Before what such a loop read is freed.
  void wait_for_late_threads();

 private:
  static constexpr std::size_t kJobBytes = 448;
  using Range = void (*)(void* body, std::size_t begin, std::size_t end, int thread);
  struct Loop {
    std::size_t count = 0;
    std::size_t grain = 1;
    std::size_t chunks = 0;
    std::size_t threads = 1;  // that take part
    void* body = nullptr;
    Range compute = nullptr;
    Range publish = nullptr;  // null, as the next two: not a detached loop
    void (*enter)(void* body, int thread) = nullptr;
    void (*copy)(void* to, const void* from) = nullptr;
  };
  void run(Loop& loop);
  struct State;
  int threads_ = 1;
  std::unique_ptr<State> state_;
};

// How many CPUs the affinity mask gives this process.
int available_cpus();

}  // namespace freehold
