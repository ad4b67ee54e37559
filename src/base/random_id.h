// Names that nobody can guess and that do not come twice.
#pragma once

#include <string>

namespace freehold {

// 24 hexadecimal digits: 96 bits of the system's randomness.
std::string random_id();

}  // namespace freehold
