// Ctrl-C as a flag: the first one asks politely, a second within the same piece of work ends the process as usual.
#pragma once

#include <atomic>

namespace freehold::app {

// From now on SIGINT and SIGTERM set the flag. The second SIGINT before clear_interrupt() has the system's default
// effect.
void catch_interrupts();
bool interrupted();
// Whether somebody asked for the end of the program, not of what it is doing: SIGTERM. clear_interrupt() keeps it.
bool terminated();

// From now on SIGHUP does not end the program: take_hangup says, once, that it came.
void catch_hangups();
bool take_hangup();
void clear_interrupt();
// For who wants to look at it between steps.
const std::atomic<bool>& interrupt_flag();

}  // namespace freehold::app
