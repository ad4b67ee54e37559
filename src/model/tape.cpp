#include "model/tape.h"

namespace freehold::model {
namespace {

// Rows of the feed-forward's parts for one of the batch.
std::size_t taken_of(const Spec& spec) {
  return spec.experts == 0 ? 1 : spec.experts_used;
}

// Calls matrix(rows of the tape, columns, rows for one of the batch) or vector(span, columns) for everything the tape
// holds.
template <typename Tape, typename Matrix, typename Vector>
void each_part(const Spec& spec, Tape& t, Matrix matrix, Vector vector) {
  const std::size_t C = spec.width, F = spec.ffn, taken = taken_of(spec), Q = std::size_t{spec.heads} * spec.head_size,
                    KV = std::size_t{spec.kv_heads} * spec.head_size;
  matrix(t.attention_in, C, 1);
  matrix(t.q_raw, spec.qk_norm ? Q : 0, 1);
  matrix(t.k_raw, spec.qk_norm ? KV : 0, 1);
  matrix(t.q, Q, 1);
  matrix(t.attention, Q, 1);
  matrix(t.attention_out, spec.post_norms ? C : 0, 1);
  matrix(t.middle, C, 1);
  matrix(t.ffn_in, C, 1);
  matrix(t.gate, F, taken);
  matrix(t.up, F, taken);
  matrix(t.act, F, taken);
  matrix(t.share, spec.experts, 1);
  matrix(t.expert_out, spec.experts == 0 ? 0 : C, taken);
  matrix(t.ffn_out, spec.post_norms ? C : 0, 1);
  for (auto* rstd : {&t.attention_rstd, &t.ffn_rstd, &t.post_attention_rstd, &t.post_ffn_rstd}) vector(*rstd, 1);
  vector(t.q_rstd, spec.heads);
  vector(t.k_rstd, spec.kv_heads);
  vector(t.logsumexp, spec.heads);
}

struct Parts {
  tensor::Rows attention_in, q_raw, k_raw, q, attention, attention_out, middle, ffn_in, gate, up, act, share,
      expert_out, ffn_out;
  std::span<float> attention_rstd, ffn_rstd, post_attention_rstd, post_ffn_rstd, q_rstd, k_rstd, logsumexp;
};

std::size_t floats(const Spec& spec, std::size_t T) {
  std::size_t n = 0;
  Parts none;
  each_part(
      spec, none,
      [&](tensor::Rows&, std::size_t columns, std::size_t each) { n += T * each * nn::row_stride(columns); },
      [&](std::span<float>&, std::size_t columns) { n += nn::row_stride(T * columns); });
  return n;
}

}  // namespace

BlockTape::BlockTape(const Spec& spec, std::size_t T) : taken_(taken_of(spec)), memory_(floats(spec, T)) {
  float* next = memory_.data();
  each_part(
      spec, *this,
      [&](tensor::Rows& rows, std::size_t columns, std::size_t each) {
        if (columns == 0) return;
        rows = {next, T * each, columns, nn::row_stride(columns)};
        next += T * each * rows.stride;
      },
      [&](std::span<float>& part, std::size_t columns) {
        part = {next, T * columns};
        next += nn::row_stride(T * columns);
      });
}

std::uint64_t BlockTape::bytes(const Spec& spec, std::size_t T) {
  return floats(spec, T) * sizeof(float);
}

void BlockTape::begin(std::size_t T) {
  for (tensor::Rows* rows :
       {&attention_in, &q_raw, &k_raw, &q, &attention, &attention_out, &middle, &ffn_in, &share, &ffn_out}) {
    rows->rows = T;
  }
  for (tensor::Rows* rows : {&gate, &up, &act, &expert_out}) rows->rows = T * taken_;
}

}  // namespace freehold::model
