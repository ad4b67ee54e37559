// What the server has done and is doing, as Prometheus reads it (text format 0.0.4). No word of what anybody asked.
#pragma once

#include <string>

#include "app/serve/site.h"

namespace freehold::app {

// Of the models that somebody may use.
std::string metrics_text(const Site& site, const guard::Principal& who);

http::Response metrics_page(const Site& site, const guard::Principal& who);

}  // namespace freehold::app
