// A finished request as the command line and the server find and show it.
#pragma once

#include <string_view>

#include "app/console.h"
#include "app/json_writer.h"
#include "base/result.h"
#include "ledger/event.h"
#include "ledger/usage_query.h"

namespace freehold::app {

// By the id of the request or of its answer. Errors: not_found; of reading.
Result<ledger::Event> recorded(ledger::UsageQuery& query, std::string_view id);
// Says of which requests there are no sums, and why; nothing if there are none.
void note_left_out(const ledger::LeftOut& left_out, Console& console);
// The member "left_out": how many there are, and the first.
void write_left_out(JsonWriter& out, const ledger::LeftOut& left_out);
// The members of an object.
void write_event(JsonWriter& out, const ledger::Event& event);

}  // namespace freehold::app
