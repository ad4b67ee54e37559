// One table a command; commands.cpp lists them, each is defined in the file of its name.
#pragma once

#include "app/command.h"

namespace freehold::app {

Command doctor_command();       // doctor_command.cpp
Command version_command();      // version_command.cpp
Command help_command();         // help_command.cpp
Command completions_command();  // help_command.cpp
Command man_command();          // help_command.cpp (hidden)

}  // namespace freehold::app
