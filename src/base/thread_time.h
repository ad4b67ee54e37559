// The processor time of the calling thread: what work cost, however busy the machine is. For limits that must not make
// an honest input fail because others compute too; not for telling the time.
#pragma once

#include <chrono>
#include <ctime>

namespace freehold {

// Since the thread began. CLOCK_THREAD_CPUTIME_ID of clock_gettime(2), which cannot fail for one's own thread.
inline std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// Seconds since an earlier thread_time() of this thread.
inline double thread_seconds_since(std::chrono::nanoseconds before) {
  return std::chrono::duration<double>(thread_time() - before).count();
}

}  // namespace freehold
