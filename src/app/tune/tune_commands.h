// The commands of `freehold tune`, each in its file.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command tune_group();             // plan_command.cpp
Command tune_plan_command();      // plan_command.cpp
Command tune_start_command();     // start_command.cpp
Command tune_resume_command();    // start_command.cpp
Command tune_status_command();    // status_command.cpp
Command tune_stop_command();      // stop_command.cpp
Command tune_snapshot_command();  // snapshot_command.cpp

Option training_threads();  // --threads

}  // namespace freehold::app
