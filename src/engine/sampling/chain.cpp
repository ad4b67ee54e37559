#include "engine/sampling/chain.h"

namespace freehold::engine {

DefaultChain::DefaultChain(const Sampling& s) {
  if (!s.logit_bias.empty()) add(SamplerKind::logit_bias, 0);
  if (s.repetition_penalty != 1) add(SamplerKind::repetition, s.repetition_penalty);
  if (s.frequency_penalty != 0 || s.presence_penalty != 0) {
    add(SamplerKind::freq_presence, s.frequency_penalty, s.presence_penalty);
  }
  if (s.temperature != 1) add(SamplerKind::temperature, s.temperature);
  if (s.temperature == 0) return;  // one candidate is left
  if (s.top_k != 0) add(SamplerKind::top_k, s.top_k);
  if (s.typical_p < 1) add(SamplerKind::typical, s.typical_p);
  if (s.top_p < 1) add(SamplerKind::top_p, s.top_p);
  if (s.min_p > 0) add(SamplerKind::min_p, s.min_p);
}

}  // namespace freehold::engine
