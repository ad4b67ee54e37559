// Which model a request will need in memory, told from its address and body before a dialect has read it.
#pragma once

#include <string>

#include "app/serve/site.h"

namespace freehold::app {

// The name, as the client writes it; empty if it needs none (lists, descriptions, what does not exist) or does not say.
std::string wanted_model(const Site& site, const http::Request& request, const guard::Principal& who);

}  // namespace freehold::app
