// A loss curve in the terminal.
#pragma once

#include <string>

#include "train/metrics.h"

namespace freehold::app {

// Training loss as '·' (the mean of the steps that share a column) and evaluations as '◆', over the steps from 1 to
// `steps`; `width` by `height` characters beside the axes. Empty if nothing finite has been measured.
std::string loss_curve(const train::Metrics& metrics, std::uint64_t steps, int width, int height);

}  // namespace freehold::app
