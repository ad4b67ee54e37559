#include "base/random_id.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>

#include "base/check.h"

namespace freehold {

std::string random_id() {
  std::array<unsigned char, 12> random{};
  const int drawn = RAND_bytes(random.data(), random.size());
  FH_CHECK(drawn == 1, "the system has randomness");
  std::string out;
  for (const unsigned char byte : random) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace freehold
