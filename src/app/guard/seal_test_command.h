// `freehold guard seal-test`.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command guard_seal_test_command();

}  // namespace freehold::app
