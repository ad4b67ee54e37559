#include "store/quantize.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "base/aligned.h"
#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/quantise.h"
#include "store/finite.h"

namespace freehold::store {
namespace {

using format::Metadata;
using format::Value;
using tensor::View;

// A multiple of every block, so a piece is whole blocks of the old and of the new type; rows are too, so no block of
// either crosses from one row into the next and a tensor may be taken as one sequence of blocks.
constexpr std::uint64_t kPieceElems = 32'768;
constexpr std::uint64_t kSlabElems = std::uint64_t{1} << 21;
static_assert(kSlabElems % kPieceElems == 0);

std::uint64_t bytes_of(tensor::DType type, std::uint64_t elems) {
  const tensor::DTypeInfo& info = tensor::info(type);
  return elems / info.block_elems * info.block_bytes;
}

// Pages of the source that are done with leave our resident memory; the file's cache keeps them. Only for mapped files:
// memory of our own would be emptied.
void forget(const format::GgufPlan& source, Bytes bytes) {
  const bool mapped = std::any_of(source.maps.begin(), source.maps.end(), [&](Bytes map) {
    return bytes.data() >= map.data() && bytes.data() + bytes.size() <= map.data() + map.size();
  });
  if (!mapped) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Metadata new_metadata(const Metadata& old, const kernel::Mix& type) {
  Metadata out = old;
  for (const char* key : {"split.no", "split.count", "split.tensors.count"}) out.erase(key);
  // What our writer does not take (a table aligned to 1 or 4 bytes) gets the default.
  auto alignment = out.get_or<std::uint64_t>("general.alignment", format::kGgufDefaultAlignment);
  if (!alignment || *alignment < 8) out.erase("general.alignment");
  if (auto number = file_type_number(type)) {
    out.set("general.file_type", Value::u32(*number));
  } else {
    out.erase("general.file_type");
  }
  out.set("general.quantization_version", Value::u32(2));
  return out;
}

Result<kernel::MixModel> mix_model(const format::GgufPlan& source) {
  const Metadata& m = source.metadata;
  FH_TRY(std::string_view architecture, m.string("general.architecture"));
  kernel::MixModel out;
  FH_TRY(std::uint64_t layers, m.u64(fmt::format("{}.block_count", architecture)));
  FH_TRY(std::uint64_t experts, m.get_or<std::uint64_t>(fmt::format("{}.expert_count", architecture), 0));
  if (layers > 100'000 || experts > 100'000) return fail(Errc::corrupt, "block_count or expert_count is absurd");
  out.layers = static_cast<std::uint32_t>(layers);
  out.experts = static_cast<std::uint32_t>(experts);
  out.tied_output = std::none_of(source.tensors.begin(), source.tensors.end(),
                                 [](const format::PlannedTensor& t) { return t.name == "output.weight"; });
  return out;
}

Result<Written> choose_types(const format::GgufPlan& source, const QuantizeOptions& options) {
  FH_TRY(kernel::MixModel model, mix_model(source));
  Written out;
  for (const format::PlannedTensor& t : source.tensors) {
    const tensor::DType type = t.parts[0].type;
    const std::vector<std::uint64_t> dims(t.shape.rbegin(), t.shape.rend());
    kernel::MixChoice choice = kernel::choose_type(options.type, model, t.name, dims);
    if (tensor::info(type).block_elems > 1 && type != choice.type && !options.requantize) {
      return fail(Errc::invalid,
                  fmt::format("tensor '{}' is quantised to {} already; making {} of it loses quality twice: start from "
                              "F16 or BF16 weights, or insist on it",
                              printable(t.name), tensor::name_of(type), tensor::name_of(choice.type)));
    }
    if (!choice.note.empty()) out.notes.push_back({t.name, std::move(choice.note)});
    out.tensors.push_back({t.name, choice.type, t.shape});
    std::uint64_t elems = 1;
    for (std::uint64_t n : t.shape) elems *= n;
    out.tensor_bytes += bytes_of(choice.type, elems);
  }
  for (const std::string& note : source.notes) out.notes.push_back({"", note});
  return out;
}

// Whole rows of a part, as many as fit a slab, so that rows can be put in another order.
std::uint64_t slab_elems(const format::PlannedTensor& t, const View& part) {
  if (t.interleave == 0) return kSlabElems;
  const std::uint64_t row = t.shape.size() == 1 ? 1 : part.row_elems();
  return std::max<std::uint64_t>(1, kSlabElems / row) * row;
}

// Elements [begin, begin + elems) of a part in the order of the new file: its own bytes, or `buffer`, filled.
Bytes in_order(const format::PlannedTensor& t, const View& part, std::uint64_t begin, std::uint64_t elems,
               std::vector<std::byte>& buffer) {
  if (t.interleave == 0) return part.bytes.subspan(bytes_of(part.type, begin), bytes_of(part.type, elems));
  const std::uint64_t row = t.shape.size() == 1 ? 1 : part.row_elems();  // a bias is a column
  const std::size_t row_bytes = bytes_of(part.type, row);
  const std::uint64_t D = t.interleave;
  buffer.resize(bytes_of(part.type, elems));
  for (std::uint64_t r = 0; r < elems / row; ++r) {
    const std::uint64_t to = begin / row + r, in_head = to % D;
    const std::uint64_t from = to - in_head + in_head % 2 * (D / 2) + in_head / 2;
    std::memcpy(buffer.data() + r * row_bytes, part.bytes.data() + from * row_bytes, row_bytes);
  }
  return buffer;
}

class Converter {
 public:
  explicit Converter(ThreadPool& pool) : pool_(pool), slab_(kSlabElems * sizeof(float)) {
    for (int i = 0; i < pool.threads(); ++i) scratch_.emplace_back(kPieceElems);
  }

  // `elems` elements in another type; valid until the next call. `begin` says where in the tensor they are, for errors.
  Result<Bytes> convert(const format::PlannedTensor& t, Bytes old, tensor::DType type, std::uint64_t begin,
                        std::uint64_t elems) {
    const tensor::DType old_type = t.parts[0].type;
    std::mutex mutex;
    std::optional<std::pair<std::uint64_t, Error>> first;  // the error of the smallest piece, whoever finds it
    const std::uint64_t pieces = (elems + kPieceElems - 1) / kPieceElems;
    pool_.parallel_for(pieces, 1, [&](std::size_t from, std::size_t to, int thread) {
      for (std::uint64_t piece = from; piece < to; ++piece) {
        const std::uint64_t at = piece * kPieceElems, n = std::min(kPieceElems, elems - at);
        std::span<float> x = scratch_[static_cast<std::size_t>(thread)].span().first(n);
        kernel::dequantise(old_type, old.data() + bytes_of(old_type, at), x.data(), n);
        if (t.offset != 0) {
          for (float& value : x) value += t.offset;
        }
        auto done = kernel::quantise_row(type, x, slab_.span().subspan(bytes_of(type, at), bytes_of(type, n)));
        if (done) continue;
        std::lock_guard lock(mutex);
        if (!first || first->first > at) first.emplace(at, std::move(done).error());
      }
    });
    if (!first) return Bytes(slab_.span()).first(bytes_of(type, elems));
    return in_context(std::move(first->second),
                      fmt::format("tensor '{}', from its element {} on", printable(t.name), begin + first->first));
  }

 private:
  ThreadPool& pool_;
  AlignedBuffer<std::byte> slab_;
  std::vector<AlignedBuffer<float>> scratch_;
};

}  // namespace

format::GgufPlan plan_of(const format::Gguf& gguf) {
  format::GgufPlan plan;
  plan.metadata = gguf.metadata;
  for (const View& t : gguf.tensors) plan.tensors.push_back({t.name, t.shape, {t}});
  for (const MappedFile& f : gguf.files) plan.maps.push_back(f.bytes());
  return plan;
}

Result<Written> quantize(const format::GgufPlan& source, const QuantizeOptions& options, ThreadPool& pool,
                         const format::Sink& sink, const Progress& progress, const Expect& expect) {
  FH_TRY(Written out, choose_types(source, options));
  if (expect) FH_TRY_VOID(expect(out.tensor_bytes));
  FH_TRY(format::GgufWriter writer,
         format::GgufWriter::start(sink, new_metadata(source.metadata, options.type), out.tensors));
  Converter converter(pool);
  std::vector<std::byte> ordered;
  std::uint64_t total = 0, done = 0;
  for (const format::PlannedTensor& t : source.tensors) {
    for (const View& part : t.parts) total += part.bytes.size();
  }
  for (std::size_t i = 0; i < out.tensors.size(); ++i) {
    const format::PlannedTensor& t = source.tensors[i];
    const tensor::DType type = out.tensors[i].type;
    for (const View& part : t.parts) {
      const std::uint64_t slab = slab_elems(t, part);
      for (std::uint64_t begin = 0; begin < part.elems(); begin += slab) {
        const std::uint64_t elems = std::min(slab, part.elems() - begin);
        const Bytes old = in_order(t, part, begin, elems, ordered);
        if (type == part.type && t.offset == 0) {
          FH_TRY_VOID(check_finite(part, begin, elems));
          FH_TRY_VOID(writer.append(old));
        } else {
          FH_TRY(Bytes converted, converter.convert(t, old, type, begin, elems));
          FH_TRY_VOID(writer.append(converted));
        }
        // Rows change their order within a head only, so a slab's own bytes may be needed once more by the next.
        if (t.interleave == 0) forget(source, old);
        done += old.size();
        FH_TRY_VOID(report(progress, "quantize", done, total));
      }
      if (t.interleave != 0) forget(source, part.bytes);
    }
  }
  FH_TRY_VOID(writer.finish());
  return out;
}

Result<Written> quantize(const format::Gguf& source, const QuantizeOptions& options, ThreadPool& pool,
                         const format::Sink& sink, const Progress& progress, const Expect& expect) {
  return quantize(plan_of(source), options, pool, sink, progress, expect);
}

}  // namespace freehold::store
