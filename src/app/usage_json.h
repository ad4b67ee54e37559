// A finished request as the command line and the server show it.
#pragma once

#include "app/json_writer.h"
#include "ledger/event.h"

namespace freehold::app {

// The members of an object.
void write_event(JsonWriter& out, const ledger::Event& event);

}  // namespace freehold::app
