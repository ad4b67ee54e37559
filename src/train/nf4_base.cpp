#include "train/nf4_base.h"

#include <fmt/format.h>

#include <cstring>
#include <deque>
#include <new>
#include <vector>

#include "base/aligned.h"
#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/nf4.h"
#include "model/weights.h"

namespace freehold::train {
namespace {

using tensor::View;

// Matrices as NF4, and the memory that they lie in.
class Quantised {
 public:
  // `view` itself if it is NF4 already; otherwise a view of its quantised twin, which this owns.
  Result<const View*> take(const View& view) {
    if (view.type == tensor::DType::nf4) return &view;
    if (tensor::info(view.type).block_elems != 1) {
      return fail(Errc::unsupported,
                  fmt::format("load_in_4bit: tensor '{}' is {} already; without load_in_4bit it is trained on as it is",
                              printable(view.name), tensor::name_of(view.type)));
    }
    if (view.row_elems() % kernel::kNf4Block != 0) {
      return fail(Errc::unsupported,
                  fmt::format("load_in_4bit: tensor '{}' has rows of {}, which are no whole blocks of {}",
                              printable(view.name), view.row_elems(), kernel::kNf4Block));
    }
    std::vector<float> values(view.elems());
    kernel::dequantise(view.type, view.bytes.data(), values.data(), values.size());
    auto q = kernel::quantise_nf4(values);
    if (!q) return in_context(std::move(q).error(), printable(view.name));
    AlignedBuffer<std::byte> memory(q->absmax.size() * sizeof(kernel::BlockNf4));
    for (std::size_t b = 0; b < q->absmax.size(); ++b) {
      kernel::BlockNf4 block;
      block.absmax = kernel::nf4_absmax(q->absmax[b], q->nested_absmax[b / kernel::kNf4NestedBlock], q->offset, q->map);
      std::memcpy(block.codes, q->codes.data() + b * sizeof block.codes, sizeof block.codes);
      std::memcpy(memory.data() + b * sizeof block, &block, sizeof block);
    }
    views_.push_back({view.name, tensor::DType::nf4, view.shape, memory.span()});
    memory_.push_back(std::move(memory));
    return &views_.back();
  }

 private:
  std::deque<View> views_;  // their addresses stay
  std::vector<AlignedBuffer<std::byte>> memory_;
};

}  // namespace

Result<std::shared_ptr<const model::Model>> load_as_nf4(std::shared_ptr<const format::Checkpoint> checkpoint,
                                                        ThreadPool& pool, const model::Progress& progress) {
  FH_TRY(model::Plan plan, model::plan(*checkpoint));
  try {
    Quantised quantised;
    for (model::Layout::Block& b : plan.layout.blocks) {
      for (const View** view : {&b.q, &b.k, &b.v, &b.o}) {
        FH_TRY(*view, quantised.take(**view));
      }
      for (auto* views : {&b.gate, &b.up, &b.down}) {
        for (View& view : *views) {
          FH_TRY(const View* taken, quantised.take(view));
          view = View(*taken);
        }
      }
    }
    plan.spec.quantised = true;
    FH_TRY(auto weights, model::prepare_weights(std::move(checkpoint), plan, nullptr, pool, progress));
    return model::Model::over(std::move(plan.spec), std::move(weights));
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, "load_in_4bit: no memory for the quantised weights");
  }
}

}  // namespace freehold::train
