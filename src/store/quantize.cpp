#include "store/quantize.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "base/aligned.h"
#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/quantise.h"

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
void forget(const format::Gguf& gguf, Bytes bytes) {
  const bool mapped = std::any_of(gguf.files.begin(), gguf.files.end(), [&](const MappedFile& f) {
    return bytes.data() >= f.bytes().data() && bytes.data() + bytes.size() <= f.bytes().data() + f.size();
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

Result<kernel::MixModel> mix_model(const format::Checkpoint& source) {
  const Metadata& m = source.metadata();
  FH_TRY(std::string_view architecture, m.string("general.architecture"));
  kernel::MixModel out;
  FH_TRY(std::uint64_t layers, m.u64(fmt::format("{}.block_count", architecture)));
  FH_TRY(std::uint64_t experts, m.get_or<std::uint64_t>(fmt::format("{}.expert_count", architecture), 0));
  if (layers > 100'000 || experts > 100'000) return fail(Errc::corrupt, "block_count or expert_count is absurd");
  out.layers = static_cast<std::uint32_t>(layers);
  out.experts = static_cast<std::uint32_t>(experts);
  out.tied_output = source.find("output.weight") == nullptr;
  return out;
}

Result<Written> choose_types(const format::Checkpoint& source, const QuantizeOptions& options) {
  FH_TRY(kernel::MixModel model, mix_model(source));
  Written out;
  for (const View& t : source.tensors()) {
    const std::vector<std::uint64_t> dims(t.shape.rbegin(), t.shape.rend());
    kernel::MixChoice choice = kernel::choose_type(options.type, model, t.name, dims);
    if (tensor::info(t.type).quantised && t.type != choice.type && !options.requantize) {
      return fail(Errc::invalid,
                  fmt::format("tensor '{}' is quantised to {} already; making {} of it loses quality twice: start from "
                              "F16 or BF16 weights, or insist on it",
                              printable(t.name), tensor::name_of(t.type), tensor::name_of(choice.type)));
    }
    if (!choice.note.empty()) out.notes.push_back({t.name, std::move(choice.note)});
    out.tensors.push_back({t.name, choice.type, t.shape});
    out.tensor_bytes += bytes_of(choice.type, t.elems());
  }
  return out;
}

class Converter {
 public:
  explicit Converter(ThreadPool& pool) : pool_(pool), slab_(kSlabElems * sizeof(float)) {
    for (int i = 0; i < pool.threads(); ++i) scratch_.emplace_back(kPieceElems);
  }

  // Elements [begin, begin + elems) of a tensor in another type; valid until the next call.
  Result<Bytes> convert(const View& t, tensor::DType type, std::uint64_t begin, std::uint64_t elems) {
    std::mutex mutex;
    std::optional<std::pair<std::uint64_t, Error>> first;  // the error of the smallest piece, whoever finds it
    const std::uint64_t pieces = (elems + kPieceElems - 1) / kPieceElems;
    pool_.parallel_for(pieces, 1, [&](std::size_t from, std::size_t to, int thread) {
      for (std::uint64_t piece = from; piece < to; ++piece) {
        const std::uint64_t at = piece * kPieceElems, n = std::min(kPieceElems, elems - at);
        std::span<float> x = scratch_[static_cast<std::size_t>(thread)].span().first(n);
        kernel::dequantise(t.type, t.bytes.data() + bytes_of(t.type, begin + at), x.data(), n);
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

Result<Written> quantize(const format::Checkpoint& source, const QuantizeOptions& options, ThreadPool& pool,
                         const format::Sink& sink, const Progress& progress) {
  const format::Gguf* gguf = source.gguf();
  if (gguf == nullptr) {
    return fail(Errc::unsupported,
                "quantizing a Hugging Face folder is not supported yet, only GGUF files are: convert it to GGUF first");
  }
  FH_TRY(Written out, choose_types(source, options));
  FH_TRY(format::GgufWriter writer,
         format::GgufWriter::start(sink, new_metadata(source.metadata(), options.type), out.tensors));
  Converter converter(pool);
  std::uint64_t total = 0, done = 0;
  for (const View& t : source.tensors()) total += t.bytes.size();
  for (std::size_t i = 0; i < out.tensors.size(); ++i) {
    const View& t = source.tensors()[i];
    const tensor::DType type = out.tensors[i].type;
    for (std::uint64_t begin = 0; begin < t.elems(); begin += kSlabElems) {
      const std::uint64_t elems = std::min(kSlabElems, t.elems() - begin);
      const Bytes old = t.bytes.subspan(bytes_of(t.type, begin), bytes_of(t.type, elems));
      if (type == t.type) {
        FH_TRY_VOID(writer.append(old));
      } else {
        FH_TRY(Bytes converted, converter.convert(t, type, begin, elems));
        FH_TRY_VOID(writer.append(converted));
      }
      forget(*gguf, old);
      done += old.size();
      FH_TRY_VOID(report(progress, "quantize", done, total));
    }
  }
  FH_TRY_VOID(writer.finish());
  return out;
}

}  // namespace freehold::store
