// From the words of the command line to the exit code: what main() does, without main(), so that tests can do it too.
#pragma once

#include <string>
#include <vector>

#include "app/command.h"
#include "app/console.h"

namespace freehold::app {

ExitCode run_program(const std::vector<std::string>& words, Console& console);

}  // namespace freehold::app
