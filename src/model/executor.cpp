#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "model/decoder_block.h"
#include "model/decoder_input.h"
#include "model/model.h"
#include "model/weights.h"
#include "nn/elementwise.h"
#include "nn/rmsnorm.h"

namespace freehold::model {

Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::load(std::shared_ptr<const format::Checkpoint> checkpoint, ThreadPool& pool,
                                                 const Progress& progress,
                                                 std::shared_ptr<const PreparedFile> prepared) {
  FH_TRY(Plan p, plan(*checkpoint));
  std::shared_ptr<Model> model(new Model());
  if (prepared != nullptr) FH_TRY_VOID(prepared->matches(p));
  FH_TRY(model->weights_, prepare_weights(std::move(checkpoint), p, std::move(prepared), pool, progress));
  model->spec_ = std::move(p.spec);
  return std::shared_ptr<const Model>(std::move(model));
}

std::shared_ptr<const Model> Model::over(Spec spec, std::unique_ptr<Weights> weights) {
  std::shared_ptr<Model> model(new Model());
  model->spec_ = std::move(spec);
  model->weights_ = std::move(weights);
  return model;
}

namespace {

struct Sizes {
  std::uint64_t bytes = 0;
  std::uint64_t macs = 0;
};

// Adds up the layers one token goes through; of the experts, those that are used.
Sizes per_token(const Spec& spec, const Weights& w, bool all_experts) {
  Sizes s;
  auto add = [&](const nn::Linear& l, double share = 1.0) {
    s.bytes += static_cast<std::uint64_t>(static_cast<double>(l.bytes()) * share);
    s.macs += static_cast<std::uint64_t>(static_cast<double>(l.outputs() * l.inputs()) * share);
  };
  add(w.output);
  const double share = spec.experts == 0 || all_experts ? 1.0 : static_cast<double>(spec.experts_used) / spec.experts;
  for (const BlockWeights& b : w.blocks) {
    for (const nn::Linear* l : {&b.q, &b.k, &b.v, &b.o, &b.router, &b.ffn.gate, &b.ffn.up, &b.ffn.down}) add(*l);
    for (const Expert& e : b.experts) add(e.gate, share), add(e.up, share), add(e.down, share);
  }
  return s;
}

}  // namespace

std::uint64_t Model::bytes_per_token() const {
  return per_token(spec_, *weights_, false).bytes;
}
std::uint64_t Model::macs_per_token() const {
  return per_token(spec_, *weights_, false).macs;
}
std::uint64_t Model::prepared_bytes() const {
  return per_token(spec_, *weights_, true).bytes;
}

namespace {

std::size_t thread_bytes_of(const Spec& spec) {
  const std::size_t widest =
      std::max({std::size_t{spec.width}, std::size_t{spec.heads} * spec.head_size, std::size_t{spec.ffn}});
  return (nn::linear_thread_memory(widest) + 4095) / 4096 * 4096;
}

std::size_t scratch_bytes(const Spec& spec, int threads, std::uint32_t max_tokens, std::uint32_t longest_sequence,
                          std::uint32_t max_logit_rows, std::uint32_t max_rank) {
  const std::size_t stride = (std::size_t{spec.width} + 15) / 16 * 16;
  return nn::Workspace::cost<float>(max_tokens * stride) + nn::Workspace::cost<float>(max_logit_rows * stride) +
         angles_cost(spec, max_tokens) + block_workspace(spec, max_tokens, max_rank) +
         nn::attention_workspace(threads, max_tokens, longest_sequence, spec.heads, spec.kv_heads, spec.head_size) +
         nn::linear_workspace(max_logit_rows, spec.width) +
         (max_rank == 0 ? 0 : nn::low_rank_workspace(max_logit_rows, spec.vocab, spec.width, max_rank));
}

}  // namespace

struct Executor::State {
  ThreadPool& pool;  // owner: the caller of the constructor
  const kernel::Table& kernels;
  std::uint32_t max_tokens;
  std::uint32_t max_logit_rows;
  KvLayout layout;
  nn::Workspace workspace;
  std::size_t thread_bytes;
  AlignedBuffer<std::byte> thread_memory;           // (threads, thread_bytes)
  std::vector<std::uint32_t> positions;             // (T)
  std::vector<std::vector<nn::AttentionRow>> rows;  // by cache group, (T)
  std::vector<AdaptedRows> adapted;                 // of the batch's tokens
  std::vector<AdaptedRows> adapted_logits;          // of the rows that logits are wanted of

  nn::Context context() { return {pool, kernels, workspace, {thread_memory.data(), thread_bytes}}; }
  // The output matrix over normed hidden states, with the adapters of those that have one.
  static void project(nn::Context& context, const Spec& spec, const Weights& weights, tensor::Rows hidden,
                      std::span<const AdaptedRows> adapted, std::span<float> logits) {
    tensor::Rows out{logits.data(), hidden.rows, spec.vocab, spec.vocab};
    nn::linear_forward(context, out, hidden, weights.output);
    for (const AdaptedRows& r : adapted) {
      if (r.adapter->head.empty()) continue;
      const std::size_t n = r.end - r.begin;
      nn::low_rank_forward(context, {out[r.begin], n, out.cols, out.stride},
                           {hidden[r.begin], n, hidden.cols, hidden.stride}, weights.output, r.adapter->head);
    }
    if (spec.final_softcap != 0) nn::softcap_forward(context, out, spec.final_softcap);
  }

  State(const Model& model, ThreadPool& p, const kernel::Table& k, std::uint32_t tokens, std::uint32_t longest,
        std::uint32_t logit_rows, std::uint32_t rank)
      : pool(p),
        kernels(k),
        max_tokens(tokens),
        max_logit_rows(logit_rows),
        layout(model.spec()),
        workspace(scratch_bytes(model.spec(), p.threads(), tokens, longest, logit_rows, rank)),
        thread_bytes(thread_bytes_of(model.spec())),
        thread_memory(thread_bytes * static_cast<std::size_t>(p.threads())) {
    positions.reserve(tokens);
    rows.resize(layout.groups.size());
    for (auto& r : rows) r.reserve(tokens);
    adapted.reserve(tokens);
    adapted_logits.reserve(logit_rows);
  }
};

std::uint64_t Executor::workspace_bytes(const Spec& spec, int threads, std::uint32_t max_tokens,
                                        std::uint32_t longest_sequence, std::uint32_t max_logit_rows,
                                        std::uint32_t max_rank) {
  return scratch_bytes(spec, threads, max_tokens, longest_sequence, max_logit_rows, max_rank) +
         thread_bytes_of(spec) * static_cast<std::size_t>(threads);
}

Executor::Executor(std::shared_ptr<const Model> model, ThreadPool& pool, const kernel::Table& kernels,
                   std::uint32_t max_tokens, std::uint32_t longest_sequence, std::uint32_t max_logit_rows,
                   std::uint32_t max_rank)
    : model_(std::move(model)),
      state_(std::make_unique<State>(*model_, pool, kernels, max_tokens, longest_sequence, max_logit_rows, max_rank)) {}

Executor::~Executor() {
  // They read the weights and write thread_memory.
  state_->pool.wait_for_late_threads();
}

namespace {

// Neighbours with the same adapter share its products. Null: none.
void add_rows(std::vector<AdaptedRows>& all, const Adapter* adapter, std::size_t begin, std::size_t end) {
  if (adapter == nullptr || begin == end) return;
  if (!all.empty() && all.back().adapter == adapter && all.back().end == begin) {
    all.back().end = end;
  } else {
    all.push_back({adapter, begin, end});
  }
}

}  // namespace

Result<> Executor::forward(std::span<const BatchItem> items, std::span<float> logits) {
  State& s = *state_;
  const Spec& spec = model_->spec();
  const Weights& weights = model_->weights();
  const std::size_t groups = s.layout.groups.size();

  // What is asked for, checked before anything is touched.
  std::size_t T = 0, R = 0;
  for (const BatchItem& item : items) {
    for (std::int32_t id : item.tokens) {
      if (id < 0 || static_cast<std::uint32_t>(id) >= spec.vocab) {
        return fail(Errc::invalid, fmt::format("token id {} is outside the vocabulary of {}", id, spec.vocab));
      }
    }
    FH_CHECK(item.hidden.size() % spec.width == 0 && item.hidden.size() / spec.width <= item.tokens.size(),
             "the caller has one row for each hidden state it wants, and wants no more than it runs");
    T += item.tokens.size();
    if (!item.tokens.empty())
      R += item.logits == LogitsWanted::all ? item.tokens.size() : item.logits == LogitsWanted::last ? 1 : 0;
  }
  FH_CHECK(T <= s.max_tokens && R <= s.max_logit_rows, "the caller keeps to the sizes it gave the constructor");
  FH_CHECK(logits.size() >= R * spec.vocab, "the caller has room for the logits it wants");
  if (T == 0) return {};
  const KvLayout& layout = items.front().sequence->layout();
  for (const BatchItem& item : items)
    FH_CHECK(item.sequence->layout().type == layout.type, "a batch's sequences keep their keys in one type");

  nn::Context context = s.context();
  const nn::WorkspaceScope scope(s.workspace);
  const std::size_t stride = (std::size_t{spec.width} + 15) / 16 * 16;
  tensor::Rows x{s.workspace.take<float>(T * stride), T, spec.width, stride};

  s.positions.clear();
  for (auto& r : s.rows) r.clear();
  s.adapted.clear();
  std::size_t t = 0;
  for (const BatchItem& item : items) {
    const std::size_t begin = t;
    embed(context, spec, weights, item.tokens, {x[t], item.tokens.size(), x.cols, x.stride}, item.adapter);
    for (std::size_t i = 0; i < item.tokens.size(); ++i, ++t) {
      const auto position = static_cast<std::uint32_t>(item.sequence->length() + i);
      s.positions.push_back(position);
      for (std::size_t g = 0; g < groups; ++g) {
        FH_CHECK(position / kKvBlock < item.sequence->blocks(g).size(), "room for the tokens was reserved");
        s.rows[g].push_back({item.sequence->blocks(g), position});
      }
    }
    add_rows(s.adapted, item.adapter, begin, t);
  }
  const Angles angles(context, spec, s.positions);

  for (std::size_t l = 0; l < spec.blocks.size(); ++l) {
    const std::uint32_t g = s.layout.group_of_layer[l];
    const std::size_t place = s.layout.index_in_group[l] * layout.bytes_per_layer();
    const Angles::Table& a = angles[spec.blocks[l].rope];
    const PassInputs in{s.rows[g], {place, place + layout.key_bytes_per_layer()}, layout.type, a.cos, a.sin, l,
                        s.adapted};
    block_forward(context, spec, spec.blocks[l], weights.blocks[l], in, x);
  }

  if (R > 0) {
    tensor::Rows wanted{s.workspace.take<float>(R * stride), R, spec.width, stride};
    std::size_t r = 0;
    t = 0;
    s.adapted_logits.clear();
    for (const BatchItem& item : items) {
      const std::size_t begin = r;
      for (std::size_t i = 0; i < item.tokens.size(); ++i, ++t) {
        const bool last = i + 1 == item.tokens.size();
        if (item.logits == LogitsWanted::all || (item.logits == LogitsWanted::last && last)) {
          std::copy_n(x[t], spec.width, wanted[r++]);
        }
      }
      add_rows(s.adapted_logits, item.adapter, begin, r);
    }
    nn::rmsnorm_forward(context, wanted, wanted, weights.final_norm, spec.norm_eps);
    State::project(context, spec, weights, wanted, s.adapted_logits, logits);
  }
  t = 0;
  for (const BatchItem& item : items) {
    t += item.tokens.size();
    const std::size_t n = item.hidden.size() / spec.width;
    if (n == 0) continue;
    const tensor::Rows out{item.hidden.data(), n, spec.width, spec.width};
    nn::rmsnorm_forward(context, out, {x[t - n], n, spec.width, stride}, weights.final_norm, spec.norm_eps);
  }
  for (const BatchItem& item : items) item.sequence->advance(static_cast<std::uint32_t>(item.tokens.size()));
  return {};
}

void Executor::logits_of(std::span<const float> hidden, const Adapter* adapter, std::span<float> logits) {
  State& s = *state_;
  const Spec& spec = model_->spec();
  const std::size_t R = hidden.size() / spec.width;
  FH_CHECK(R <= s.max_logit_rows && R * spec.width == hidden.size(),
           "the caller asks for no more than the rows it has");
  FH_CHECK(logits.size() == R * spec.vocab, "the caller has room for the logits it wants");
  if (R == 0) return;
  nn::Context context = s.context();
  const nn::WorkspaceScope scope(s.workspace);
  const std::size_t stride = (std::size_t{spec.width} + 15) / 16 * 16;
  const tensor::Rows rows{s.workspace.take<float>(R * stride), R, spec.width, stride};
  for (std::size_t r = 0; r < R; ++r) std::copy_n(hidden.data() + r * spec.width, spec.width, rows[r]);
  const AdaptedRows all{adapter, 0, R};
  State::project(context, spec, model_->weights(), rows, {&all, adapter == nullptr ? 0u : 1u}, logits);
}

}  // namespace freehold::model
