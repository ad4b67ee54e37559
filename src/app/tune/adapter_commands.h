// `freehold tune merge` and `tune export`: adapters out of here.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command tune_merge_command();   // merge_command.cpp
Command tune_export_command();  // export_command.cpp

}  // namespace freehold::app
