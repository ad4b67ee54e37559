// Time that never goes backwards, as a parameter, so that tests can replace it.
#pragma once

#include <chrono>
#include <functional>

namespace freehold::guard {

// Time since some fixed moment.
using SteadyClock = std::function<std::chrono::nanoseconds()>;
std::chrono::nanoseconds steady_now();  // authenticator.cpp

}  // namespace freehold::guard
