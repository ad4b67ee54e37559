#include "store/nf4_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "format/safetensors_writer.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/nf4.h"
#include "store/finite.h"

namespace freehold::store {
namespace {

using tensor::View;

// torch's name of a float type.
std::string_view torch_name(tensor::DType type) {
  return type == tensor::DType::f16 ? "float16" : type == tensor::DType::bf16 ? "bfloat16" : "float32";
}

// bitsandbytes functional.py, QuantState.as_dict: the same length whatever the offset, which is not known when the
// file's head is written, and a multiple of 8, so that what follows is aligned. Ten digits give the same float32 back.
std::string quant_state(const View& view, float offset) {
  std::string json = fmt::format(R"({{"quant_type": "nf4", "blocksize": {}, "dtype": "{}", "shape": [{}, {}], )"
                                 R"("nested_blocksize": {}, "nested_dtype": "float32", "nested_offset": {:.9e}}})",
                                 kernel::kNf4Block, torch_name(view.type), view.shape[0], view.row_elems(),
                                 kernel::kNf4NestedBlock, offset);
  json.append((8 - json.size() % 8) % 8, ' ');
  return json;
}

// The rows of a matrix's parts, in the order in which write_parts gives their bytes: numbers first, where they are
// aligned.
void add_rows(const View& view, std::vector<format::SafetensorsRow>& rows) {
  const std::uint64_t blocks = view.elems() / kernel::kNf4Block;
  const std::uint64_t nested = (blocks + kernel::kNf4NestedBlock - 1) / kernel::kNf4NestedBlock;
  const std::uint64_t state = quant_state(view, 0).size();
  const std::uint64_t levels = std::size(kernel::kNf4Levels);
  rows.push_back({view.name + ".quant_map", "F32", {levels}, levels * sizeof(float)});
  rows.push_back({view.name + ".nested_quant_map", "F32", {kernel::kNf4MapSize}, kernel::kNf4MapSize * sizeof(float)});
  rows.push_back({view.name + ".nested_absmax", "F32", {nested}, nested * sizeof(float)});
  rows.push_back({view.name + ".quant_state.bitsandbytes__nf4", "U8", {state}, state});
  rows.push_back({view.name, "U8", {view.elems() / 2, 1}, view.elems() / 2});
  rows.push_back({view.name + ".absmax", "U8", {blocks}, blocks});
}

Result<> write_parts(const View& view, const kernel::Nf4Tensor& q, const format::Sink& sink) {
  FH_TRY_VOID(sink(std::as_bytes(std::span(kernel::kNf4Levels))));
  FH_TRY_VOID(sink(std::as_bytes(std::span(q.map))));
  FH_TRY_VOID(sink(std::as_bytes(std::span(q.nested_absmax))));
  FH_TRY_VOID(sink(as_bytes(quant_state(view, q.offset))));
  FH_TRY_VOID(sink(std::as_bytes(std::span(q.codes))));
  return sink(std::as_bytes(std::span(q.absmax)));
}

Result<kernel::Nf4Tensor> quantised(const View& view) {
  std::vector<float> values(view.elems());
  kernel::dequantise(view.type, view.bytes.data(), values.data(), values.size());
  auto q = kernel::quantise_nf4(values);
  if (!q) return in_context(std::move(q).error(), fmt::format("tensor '{}'", printable(view.name)));
  return q;
}

// The file's tensors in its order, and its table.
struct Nf4Plan {
  std::vector<const View*> floats, matrices;  // of the source: those that stay come first, where they are aligned
  std::vector<format::SafetensorsRow> rows;
  Written written;
};

Result<Nf4Plan> plan_nf4(const format::HfFolder& source, const std::set<std::string, std::less<>>& matrices) {
  Nf4Plan plan;
  for (const View& view : source.tensors) {
    bool nf4 = matrices.contains(view.name);
    if (nf4 && tensor::info(view.type).block_elems != 1) {
      return fail(Errc::invalid,
                  fmt::format("tensor '{}' is {} already", printable(view.name), tensor::name_of(view.type)));
    }
    if (nf4 && view.row_elems() % kernel::kNf4Block != 0) {
      plan.written.notes.push_back(
          {view.name, fmt::format("rows of {} are no multiple of {}: {} instead", view.row_elems(), kernel::kNf4Block,
                                  tensor::name_of(view.type))});
      nf4 = false;
    }
    (nf4 ? plan.matrices : plan.floats).push_back(&view);
  }
  for (const View* view : plan.floats) {
    plan.rows.push_back({view->name, std::string(tensor::name_of(view->type)), view->shape, view->bytes.size()});
    plan.written.tensors.push_back({view->name, view->type, view->shape});
  }
  for (const View* view : plan.matrices) {
    add_rows(*view, plan.rows);
    plan.written.tensors.push_back({view->name, tensor::DType::nf4, view->shape});
  }
  for (const auto& row : plan.rows) plan.written.tensor_bytes += row.bytes;
  return plan;
}

}  // namespace

Result<Written> write_nf4(const format::HfFolder& source, const std::set<std::string, std::less<>>& matrices,
                          ThreadPool& pool, const format::Sink& sink, const Progress& progress, const Expect& expect) {
  FH_TRY(Nf4Plan plan, plan_nf4(source, matrices));
  if (expect) FH_TRY_VOID(expect(plan.written.tensor_bytes));
  FH_TRY(const std::string head, format::safetensors_head(plan.rows));
  FH_TRY_VOID(sink(as_bytes(head)));
  std::uint64_t total = 0, done = 0;
  for (const View& view : source.tensors) total += view.bytes.size();
  for (const View* view : plan.floats) {
    FH_TRY_VOID(check_finite(*view, 0, view->elems()));
    FH_TRY_VOID(sink(view->bytes));
    done += view->bytes.size();
    FH_TRY_VOID(report(progress, "quantize", done, total));
  }
  const auto at_once = static_cast<std::size_t>(pool.threads());
  for (std::size_t begin = 0; begin < plan.matrices.size(); begin += at_once) {
    const std::size_t count = std::min(at_once, plan.matrices.size() - begin);
    std::vector<std::optional<Result<kernel::Nf4Tensor>>> made(count);
    pool.parallel_for(count, 1, [&](std::size_t from, std::size_t to, int) {
      for (std::size_t i = from; i < to; ++i) made[i] = quantised(*plan.matrices[begin + i]);
    });
    for (std::size_t i = 0; i < count; ++i) {
      const View& view = *plan.matrices[begin + i];
      FH_TRY(const kernel::Nf4Tensor q, std::move(*made[i]));
      FH_TRY_VOID(write_parts(view, q, sink));
      done += view.bytes.size();
      FH_TRY_VOID(report(progress, "quantize", done, total));
    }
  }
  return std::move(plan.written);
}

Result<std::string> nf4_config(std::string_view config, std::span<const format::GgufTensor> tensors) {
  auto json = nlohmann::ordered_json::parse(config, nullptr, false);
  if (!json.is_object()) return fail(Errc::corrupt, "config.json is no JSON object");
  // Modules that transformers must not look for 4-bit tensors of: the output matrix, which it always leaves out.
  auto skipped = nlohmann::ordered_json::array({"lm_head"});
  for (const format::GgufTensor& tensor : tensors) {
    std::string_view module = tensor.name;
    constexpr std::string_view kWeight = ".weight";
    if (tensor.type == tensor::DType::nf4 || tensor.shape.size() != 2 || !module.ends_with(kWeight)) continue;
    module.remove_suffix(kWeight.size());
    if (module != "lm_head") skipped.push_back(module);
  }
  std::string type = "bfloat16";
  for (const char* key : {"torch_dtype", "dtype"}) {
    if (const auto found = json.find(key); found != json.end() && found->is_string()) type = found->get<std::string>();
  }
  json["quantization_config"] = {{"quant_method", "bitsandbytes"},
                                 {"load_in_4bit", true},
                                 {"load_in_8bit", false},
                                 {"bnb_4bit_quant_type", "nf4"},
                                 {"bnb_4bit_use_double_quant", true},
                                 {"bnb_4bit_compute_dtype", type},
                                 {"bnb_4bit_quant_storage", "uint8"},
                                 {"llm_int8_skip_modules", skipped}};
  return json.dump(2) + "\n";
}

}  // namespace freehold::store
