// What parsing and rendering one template may cost.
#pragma once

#include <chrono>
#include <cstddef>

namespace freehold::text::jinja {

struct Limits {
  std::size_t source_bytes = std::size_t{256} << 10;  // of the template; the longest published ones have 30 KiB
  std::size_t parse_depth = 100;                      // nested statements and expressions
  std::size_t call_depth = 100;                       // macros calling macros, recursive loops
  std::size_t steps = 1'000'000;                      // expressions, statements, elements walked
  std::size_t output_bytes = std::size_t{4} << 20;
  // Held by the values a render makes, at any one time, and by the text it is making (Interpreter::extend). A copy of
  // a value's text that an operation works on is not counted: it is no larger, so that twice as much is the most.
  std::size_t memory_bytes = std::size_t{24} << 20;
  // Of the processor, on the rendering thread. An ordinary render takes a few milliseconds; with parsing and the start
  // of a process around it this ends within a second.
  std::chrono::milliseconds time{400};
};

}  // namespace freehold::text::jinja
