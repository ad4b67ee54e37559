// Safetensors from hostile bytes: whatever is accepted covers the file exactly and is read to its last byte.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "format/safetensors.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  auto s = format::parse_safetensors({reinterpret_cast<const std::byte*>(bytes.data()), size});
  if (!s) return 0;
  volatile unsigned sink = 0;
  std::uint64_t covered = 0;
  for (const auto& t : s->tensors) {
    unsigned sum = 0;
    for (std::byte b : t.bytes) sum += std::to_integer<unsigned>(b);
    sink = sum;
    if (tensor::byte_size(t.type, t.elems()) != t.bytes.size()) std::abort();
    covered += t.bytes.size();
  }
  for (const auto& t : s->others) covered += t.bytes.size();
  std::uint64_t header = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | bytes[static_cast<std::size_t>(i)];
  if (8 + header + covered != size) std::abort();
  for (const auto& entry : s->metadata.entries()) sink = static_cast<unsigned>(entry.value.describe().size());
  return 0;
}
