// The other side of a measurement over loopback: many answers asked for at once as streams, by one thread that only
// reads and looks at the clock.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::app {

struct StreamTimes {
  // Of wall_seconds(): when it was asked, when the first text was there, and when the last byte was.
  double asked = 0, first = 0, end = 0;
  std::uint64_t tokens = 0;  // of the answer, as its usage says
};

// Posts every body to `path` of 127.0.0.1, all of them before it reads, and reads until each stream of server-sent
// events of OpenAI's kind has ended. The bodies ask for a stream with its usage. Errors: io (a connection that breaks),
// internal naming the answer (a status other than 200, a stream without an end), cancelled.
Result<std::vector<StreamTimes>> ask_streams(std::uint16_t port, std::string_view path,
                                             std::span<const std::string> bodies);

}  // namespace freehold::app
