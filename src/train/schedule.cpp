#include "train/schedule.h"

#include <algorithm>
#include <numbers>

#include "base/mathd.h"

namespace freehold::train {

double Schedule::at(std::uint64_t step) const {
  if (step < warmup) return peak * static_cast<double>(step) / static_cast<double>(warmup);
  const double left = steps > warmup ? static_cast<double>(steps - warmup) : 1.0;
  const double x = std::min(1.0, static_cast<double>(step - warmup) / left);
  switch (decay) {
    case Decay::constant:
      return peak;
    case Decay::linear:
      return peak * (1.0 - x);
    case Decay::cosine:
      return peak * (floor + (1.0 - floor) * (0.5 * (1.0 + mathd::cos(std::numbers::pi * x))));
  }
  return peak;
}

}  // namespace freehold::train
