// JSON from hostile bytes, as a tree and flattened.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/json.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto tree = format::parse_json(text);
  auto flat = format::parse_json_flattened(text);
  if (flat && !tree) std::abort();
  if (!flat) return 0;
  volatile std::size_t sink = 0;
  for (const auto& entry : flat->entries()) {
    if (flat->find(entry.key) != &entry.value) std::abort();
    sink = sink + entry.value.describe().size();
  }
  return 0;
}
