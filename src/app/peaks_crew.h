// Threads that measure something at the same time, each pinned to a CPU: how peaks.cpp gets its windows.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "app/peaks.h"

namespace freehold::app {

double thread_cpu_seconds();
double wall_seconds();

// Starts `threads` threads; in each of `windows` windows all of them wait for each other and then run work(thread,
// window), which returns an amount. Ctrl-C ends it after the window under way. Returns windows x threads.
std::vector<std::vector<Window>> measure_together(int threads, int windows,
                                                  const std::function<double(int thread, int window)>& work);

using RateOf = double (*)(std::span<const Window> threads);
// Range and lost time of all windows; `value` is the median.
Peak summarise(const std::vector<std::vector<Window>>& windows, RateOf rate);
// Only undisturbed windows count, if there are any; `value` is what the fastest tenth of them reached at least: the
// very fastest of many short ones owes something to chance.
Peak summarise_undisturbed(const std::vector<std::vector<Window>>& windows, RateOf rate);

}  // namespace freehold::app
