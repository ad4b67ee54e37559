// GGUF from hostile bytes: whatever is accepted is then read to its last byte and written again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "format/gguf_writer.h"

using namespace freehold;

namespace {

void use(const format::Gguf& g) {
  volatile unsigned sink = 0;
  for (const auto& t : g.tensors) {
    unsigned sum = 0;
    for (std::byte b : t.bytes) sum += std::to_integer<unsigned>(b);
    if (g.find(t.name) != &t || t.rows() * t.row_elems() != t.elems()) std::abort();
    sink = sum;
  }
  for (const auto& entry : g.metadata.entries()) {
    if (g.metadata.find(entry.key) != &entry.value) std::abort();
    std::size_t sum = entry.value.describe().size() + entry.value.items().size();
    if (auto s = entry.value.as_strings()) sum += s->size();
    if (auto n = entry.value.as_i64s()) sum += n->size();
    if (auto x = entry.value.as_f64s()) sum += x->size();
    sink = static_cast<unsigned>(sum);
  }
}

// Our writer refuses nothing that our reader accepts, and our reader accepts what our writer writes.
void rewrite(const format::Gguf& g) {
  std::string out;
  std::vector<format::GgufTensor> tensors;
  for (const auto& t : g.tensors) tensors.push_back({t.name, t.type, t.shape});
  auto sink = [&](Bytes b) -> Result<> {
    out += as_text(b);
    return {};
  };
  auto writer = format::GgufWriter::start(sink, g.metadata, tensors);
  if (!writer) std::abort();
  for (const auto& t : g.tensors) {
    if (!writer->append(t.bytes)) std::abort();
  }
  if (!writer->finish()) std::abort();
  auto again = format::parse_gguf(as_bytes(out));
  if (!again || again->metadata.size() != g.metadata.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);  // aligned, as a map is
  auto g = format::parse_gguf({reinterpret_cast<const std::byte*>(bytes.data()), size});
  if (!g) return 0;
  use(*g);
  rewrite(*g);
  return 0;
}
