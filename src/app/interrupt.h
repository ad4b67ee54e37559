// Ctrl-C as a flag: the first one asks politely, a second within the same piece of work ends the process as usual.
#pragma once

#include <atomic>

namespace freehold::app {

// From now on SIGINT and SIGTERM set the flag. The second SIGINT before clear_interrupt() has the system's default
// effect.
void catch_interrupts();
bool interrupted();
void clear_interrupt();
// For who wants to look at it between steps.
const std::atomic<bool>& interrupt_flag();

}  // namespace freehold::app
