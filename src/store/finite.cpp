#include "store/finite.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "format/gguf.h"
#include "format/hf_folder.h"
#include "kernel/finite.h"

namespace freehold::store {
namespace {

constexpr std::uint64_t kStep = std::uint64_t{1} << 20;  // elements; whole blocks of every type

void forget(const format::Checkpoint& checkpoint, Bytes bytes) {
  if (const format::Gguf* gguf = checkpoint.gguf()) {
    for (const MappedFile& file : gguf->files) file.forget(bytes);
  } else {
    for (const format::Safetensors& shard : checkpoint.hf()->shards) shard.file.forget(bytes);
  }
}

}  // namespace

Result<> check_finite(const tensor::View& view, std::uint64_t begin, std::uint64_t elems) {
  const tensor::DTypeInfo& info = tensor::info(view.type);
  const std::byte* at = view.bytes.data() + begin / info.block_elems * info.block_bytes;
  if (kernel::all_finite(view.type, at, elems)) return {};
  std::uint64_t bad = 0;  // the first block that is not
  while (kernel::all_finite(view.type, at + bad * info.block_bytes, info.block_elems)) ++bad;
  return fail(Errc::corrupt, fmt::format("tensor '{}', element {}: an infinity or NaN", printable(view.name),
                                         begin + bad * info.block_elems));
}

Result<> check_finite(const format::Checkpoint& checkpoint, const Progress& progress) {
  std::uint64_t total = 0, done = 0;
  for (const tensor::View& view : checkpoint.tensors()) total += view.bytes.size();
  for (const tensor::View& view : checkpoint.tensors()) {
    const tensor::DTypeInfo& info = tensor::info(view.type);
    for (std::uint64_t begin = 0; begin < view.elems(); begin += kStep) {
      const std::uint64_t elems = std::min(kStep, view.elems() - begin);
      FH_TRY_VOID(check_finite(view, begin, elems));
      const Bytes bytes =
          view.bytes.subspan(begin / info.block_elems * info.block_bytes, elems / info.block_elems * info.block_bytes);
      forget(checkpoint, bytes);
      done += bytes.size();
      FH_TRY_VOID(report(progress, "check", done, total));
    }
  }
  return {};
}

}  // namespace freehold::store
