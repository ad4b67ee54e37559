#include "model/tape.h"

namespace freehold::model {
namespace {

// Calls part(rows or span of the tape, columns) for everything the tape holds.
template <typename Tape, typename Matrix, typename Vector>
void each_part(const Spec& spec, Tape& t, Matrix matrix, Vector vector) {
  const std::size_t C = spec.width, F = spec.ffn, Q = std::size_t{spec.heads} * spec.head_size,
                    KV = std::size_t{spec.kv_heads} * spec.head_size;
  matrix(t.attention_in, C);
  matrix(t.q_raw, spec.qk_norm ? Q : 0);
  matrix(t.k_raw, spec.qk_norm ? KV : 0);
  matrix(t.q, Q);
  matrix(t.attention, Q);
  matrix(t.attention_out, spec.post_norms ? C : 0);
  matrix(t.middle, C);
  matrix(t.ffn_in, C);
  matrix(t.gate, F);
  matrix(t.up, F);
  matrix(t.act, F);
  matrix(t.ffn_out, spec.post_norms ? C : 0);
  for (auto* rstd : {&t.attention_rstd, &t.ffn_rstd, &t.post_attention_rstd, &t.post_ffn_rstd}) vector(*rstd, 1);
  vector(t.q_rstd, spec.heads);
  vector(t.k_rstd, spec.kv_heads);
  vector(t.logsumexp, spec.heads);
}

struct Parts {
  tensor::Rows attention_in, q_raw, k_raw, q, attention, attention_out, middle, ffn_in, gate, up, act, ffn_out;
  std::span<float> attention_rstd, ffn_rstd, post_attention_rstd, post_ffn_rstd, q_rstd, k_rstd, logsumexp;
};

std::size_t floats(const Spec& spec, std::size_t T) {
  std::size_t n = 0;
  Parts none;
  each_part(
      spec, none, [&](tensor::Rows&, std::size_t columns) { n += T * nn::row_stride(columns); },
      [&](std::span<float>&, std::size_t columns) { n += nn::row_stride(T * columns); });
  return n;
}

}  // namespace

BlockTape::BlockTape(const Spec& spec, std::size_t T) : memory_(floats(spec, T)) {
  float* next = memory_.data();
  each_part(
      spec, *this,
      [&](tensor::Rows& rows, std::size_t columns) {
        if (columns == 0) return;
        rows = {next, T, columns, nn::row_stride(columns)};
        next += T * rows.stride;
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
       {&attention_in, &q_raw, &k_raw, &q, &attention, &attention_out, &middle, &ffn_in, &gate, &up, &act, &ffn_out}) {
    rows->rows = T;
  }
}

}  // namespace freehold::model
