#include "store/synth/synth.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/synth/plan.h"
#include "store/synth/random_blocks.h"
#include "store/synth/vocabulary.h"

namespace freehold::store {
namespace {

constexpr std::size_t kSlabBytes = std::size_t{8} << 20;

// One tensor as it will lie in the file.
struct Layout {
  std::uint64_t row_elems = 0;
  std::uint64_t rows = 0;
  std::uint64_t row_bytes = 0;
};

Result<Layout> layout_of(const format::GgufTensor& t) {
  Layout layout;
  layout.row_elems = t.shape.back();
  layout.rows = 1;
  for (std::size_t i = 0; i + 1 < t.shape.size(); ++i) layout.rows *= t.shape[i];
  auto bytes = tensor::byte_size(t.type, layout.row_elems);
  if (!bytes) return fail(Errc::internal, t.name + ": a row is not whole blocks");
  layout.row_bytes = *bytes;
  return layout;
}

Written choose_types(const SynthOptions& options, const std::vector<PlannedTensor>& plan) {
  const Shape& s = options.shape;
  Written out;
  for (const PlannedTensor& t : plan) {
    const std::vector<std::uint64_t> dims(t.shape.rbegin(), t.shape.rend());
    kernel::MixChoice choice = kernel::choose_type(
        options.type, {.layers = s.layers, .experts = s.extra.experts, .tied_output = s.extra.tied}, t.name, dims);
    if (!choice.note.empty()) out.notes.push_back({t.name, choice.note});
    out.tensors.push_back({t.name, choice.type, t.shape});
  }
  return out;
}

}  // namespace

Result<Written> synthesise(const SynthOptions& options, ThreadPool& pool, const format::Sink& sink,
                           const Progress& progress, const Expect& expect) {
  std::vector<PlannedTensor> plan = plan_tensors(options.shape);
  if (options.fresh) begin_fresh(options.shape, plan);
  Written out = choose_types(options, plan);
  for (const format::GgufTensor& t : out.tensors) {
    FH_TRY(Layout layout, layout_of(t));
    out.tensor_bytes += layout.rows * layout.row_bytes;
  }
  if (expect) FH_TRY_VOID(expect(out.tensor_bytes));
  auto start = [&]() -> Result<format::GgufWriter> {
    format::Metadata metadata;
    describe_shape(options.shape, metadata);
    if (auto number = file_type_number(options.type)) metadata.set("general.file_type", format::Value::u32(*number));
    metadata.set("general.quantization_version", format::Value::u32(2));
    if (options.fresh) {
      metadata.set("general.name", format::Value::string(options.fresh->name));
      metadata.set("general.description", format::Value::string(options.fresh->description));
      FH_TRY_VOID(options.fresh->add_tokenizer(metadata));
    } else {
      add_vocabulary(options.shape, metadata);
    }
    return format::GgufWriter::start(sink, metadata, out.tensors);
  };
  FH_TRY(format::GgufWriter writer, start());
  std::vector<std::byte> slab;
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const PlannedTensor& planned = plan[i];
    const tensor::DType type = out.tensors[i].type;
    if (planned.draw == Draw::rope_factors) {
      const std::vector<float> factors = llama3_rope_factors(options.shape);
      FH_TRY_VOID(writer.append(std::as_bytes(std::span(factors))));
      continue;
    }
    FH_TRY(Layout layout, layout_of(out.tensors[i]));
    const std::uint64_t key = stream_key(options.seed, planned.name);
    const double mean = planned.draw == Draw::around_one ? 1 : 0;
    const std::uint64_t rows_per_slab = std::max<std::uint64_t>(1, kSlabBytes / layout.row_bytes);
    for (std::uint64_t row = 0; row < layout.rows; row += rows_per_slab) {
      const std::uint64_t rows = std::min(rows_per_slab, layout.rows - row);
      slab.resize(rows * layout.row_bytes);
      pool.parallel_for(rows, 16, [&](std::size_t begin, std::size_t end, int) {
        for (std::size_t r = begin; r < end; ++r) {
          draw_row(type, key, row + r, mean, planned.scale,
                   std::span(slab).subspan(r * layout.row_bytes, layout.row_bytes));
        }
      });
      FH_TRY_VOID(writer.append(slab));
      done += slab.size();
      FH_TRY_VOID(report(progress, "generate", done, out.tensor_bytes));
    }
  }
  FH_TRY_VOID(writer.finish());
  return out;
}

}  // namespace freehold::store
