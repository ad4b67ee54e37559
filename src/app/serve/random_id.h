// Names for objects that are given to clients.
#pragma once

#include <string>

namespace freehold::app {

// Letters and digits that nobody can guess.
std::string random_id();

}  // namespace freehold::app
