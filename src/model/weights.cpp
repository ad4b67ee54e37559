#include "model/weights.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <new>

#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/finite.h"

namespace freehold::model {
namespace {

class Preparer {
 public:
  Preparer(ThreadPool& pool, const format::Checkpoint& checkpoint, const PreparedFile* prepared,
           const PrepareProgress& progress, std::span<std::byte> panels)
      : pool_(pool), checkpoint_(checkpoint), prepared_(prepared), progress_(progress), panels_(panels) {
    for (const tensor::View& view : checkpoint.tensors()) total_ += view.bytes.size();
    if (prepared_ != nullptr) prepared_->settle();
  }

  Result<nn::Linear> linear(const tensor::View& view, const tensor::View* bias = nullptr) {
    nn::Linear layer;
    if (prepared_ != nullptr) {
      layer = nn::Linear::over(view, prepared_->panels(next_));
      prepared_->populate(pool_, next_++);
    } else {
      const std::uint64_t bytes = nn::Linear::prepared_bytes(view);
      FH_TRY(layer, nn::Linear::prepare(pool_, view, panels_.first(bytes)));
      panels_ = panels_.subspan(bytes);
      checkpoint_.forget(view.bytes);  // otherwise file and panels would both be resident in full
    }
    if (bias != nullptr) {
      FH_TRY(layer.bias, vector(*bias));
    }
    done_ += view.bytes.size();
    if (progress_ && !progress_(done_, total_)) return fail(Errc::cancelled, "loading was cancelled");
    return layer;
  }

  // A small tensor as floats, plus `offset`.
  Result<std::vector<float>> vector(const tensor::View& view, float offset = 0) {
    if (view.elems() % tensor::info(view.type).block_elems != 0) {
      return fail(Errc::unsupported,
                  fmt::format("tensor '{}' of type {}", printable(view.name), tensor::name_of(view.type)));
    }
    std::vector<float> out(view.elems());
    kernel::dequantise(view.type, view.bytes.data(), out.data(), out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!std::isfinite(out[i])) {
        return fail(Errc::corrupt, fmt::format("tensor '{}', element {}: an infinity or NaN", printable(view.name), i));
      }
      if (offset != 0) out[i] += offset;
    }
    return out;
  }

  Result<Expert> expert(const tensor::View& gate, const tensor::View& up, const tensor::View& down) {
    Expert e;
    FH_TRY(e.gate, linear(gate));
    FH_TRY(e.up, linear(up));
    FH_TRY(e.down, linear(down));
    return e;
  }

  Result<BlockWeights> block(const Spec& spec, const Layout::Block& b) {
    BlockWeights w;
    FH_TRY(w.attention_norm, vector(*b.attention_norm, spec.norm_offset));
    FH_TRY(w.ffn_norm, vector(*b.ffn_norm, spec.norm_offset));
    if (b.q_norm != nullptr) {
      FH_TRY(w.q_norm, vector(*b.q_norm, spec.norm_offset));
    }
    if (b.k_norm != nullptr) {
      FH_TRY(w.k_norm, vector(*b.k_norm, spec.norm_offset));
    }
    if (b.post_attention_norm != nullptr) {
      FH_TRY(w.post_attention_norm, vector(*b.post_attention_norm, spec.norm_offset));
    }
    if (b.post_ffn_norm != nullptr) {
      FH_TRY(w.post_ffn_norm, vector(*b.post_ffn_norm, spec.norm_offset));
    }
    FH_TRY(w.q, linear(*b.q, b.q_bias));
    FH_TRY(w.k, linear(*b.k, b.k_bias));
    FH_TRY(w.v, linear(*b.v, b.v_bias));
    FH_TRY(w.o, linear(*b.o));
    if (b.router == nullptr) {
      FH_TRY(w.ffn, expert(b.gate[0], b.up[0], b.down[0]));
      return w;
    }
    FH_TRY(w.router, linear(*b.router));
    for (std::size_t e = 0; e < b.gate.size(); ++e) {
      FH_TRY(auto one, expert(b.gate[e], b.up[e], b.down[e]));
      w.experts.push_back(std::move(one));
    }
    return w;
  }

 private:
  ThreadPool& pool_;  // owner: the caller of prepare_weights, as of the next three
  const format::Checkpoint& checkpoint_;
  const PreparedFile* prepared_;  // null: prepare here
  const PrepareProgress& progress_;
  std::span<std::byte> panels_;  // not yet used
  std::size_t next_ = 0;         // matrix in the order of linear_views
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace

// A row of an embedding that holds an infinity or NaN would only show when its token comes up.
Result<> check_embedding(ThreadPool& pool, const tensor::View& view) {
  const std::uint64_t K = view.row_elems();
  const std::size_t row_bytes = view.bytes.size() / view.rows();
  std::atomic<std::size_t> bad{SIZE_MAX};
  pool.parallel_for(view.rows(), 256, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t r = begin; r < end; ++r) {
      if (kernel::all_finite(view.type, view.bytes.data() + r * row_bytes, K)) continue;
      std::size_t seen = bad.load();
      while (r < seen && !bad.compare_exchange_weak(seen, r)) {
      }
    }
  });
  if (bad.load() == SIZE_MAX) return {};
  return fail(Errc::corrupt,
              fmt::format("tensor '{}', row {}: holds an infinity or NaN", printable(view.name), bad.load()));
}

std::vector<const tensor::View*> linear_views(const Plan& plan) {
  std::vector<const tensor::View*> views = {plan.spec.tied ? plan.layout.embedding : plan.layout.output};
  for (const Layout::Block& b : plan.layout.blocks) {
    views.insert(views.end(), {b.q, b.k, b.v, b.o});
    if (b.router != nullptr) views.push_back(b.router);
    for (std::size_t e = 0; e < b.gate.size(); ++e) views.insert(views.end(), {&b.gate[e], &b.up[e], &b.down[e]});
  }
  return views;
}

Result<std::unique_ptr<Weights>> prepare_weights(std::shared_ptr<const format::Checkpoint> checkpoint, const Plan& plan,
                                                 std::shared_ptr<const PreparedFile> prepared, ThreadPool& pool,
                                                 const PrepareProgress& progress) {
  // All panels lie in one mapping. In one of its own, most matrices begin and end in the middle of a huge page: of the
  // 1.1B shape's Q4_0 panels 41 % lay in small pages, and in the small ones' matrices every one did.
  auto weights = std::make_unique<Weights>();
  std::uint64_t bytes = 0;
  if (prepared == nullptr) {
    for (const tensor::View* view : linear_views(plan)) bytes += nn::Linear::prepared_bytes(*view);
  }
  try {
    weights->panels = AlignedBuffer<std::byte>(bytes);
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, fmt::format("prepare the weights: no memory for {} bytes", bytes));
  }
  Preparer prepare(pool, *checkpoint, prepared.get(), progress, weights->panels.span());
  weights->embedding = *plan.layout.embedding;
  // Whoever wrote the panels has checked it, and reading all of it would be most of a start.
  if (prepared == nullptr) FH_TRY_VOID(check_embedding(pool, weights->embedding));
  FH_TRY(weights->output, prepare.linear(plan.spec.tied ? *plan.layout.embedding : *plan.layout.output));
  FH_TRY(weights->final_norm, prepare.vector(*plan.layout.final_norm, plan.spec.norm_offset));
  for (std::size_t i = 0; i < plan.layout.blocks.size(); ++i) {
    FH_TRY(auto block, prepare.block(plan.spec, plan.layout.blocks[i]));
    weights->blocks.push_back(std::move(block));
  }
  weights->checkpoint = std::move(checkpoint);
  weights->prepared = std::move(prepared);
  return weights;
}

}  // namespace freehold::model
