// What the server has done and is doing, as Prometheus reads it (text format 0.0.4). No word of what anybody asked.
#pragma once

#include <string>

#include "app/serve/site.h"

namespace freehold::app {

std::string metrics_text(const Site& site);

}  // namespace freehold::app
