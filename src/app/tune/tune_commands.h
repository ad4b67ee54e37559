// The commands of `freehold tune`, each in its file.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command tune_group();         // plan_command.cpp
Command tune_plan_command();  // plan_command.cpp

}  // namespace freehold::app
