// The number of times that operator new was called, in a test program that counts (count_allocations.h).
#pragma once

#include <atomic>
#include <cstddef>

namespace freehold::engine::testing {
inline std::atomic<std::size_t> allocations{0};
}
