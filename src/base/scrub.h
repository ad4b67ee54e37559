// Memory that is given back is overwritten first, so that what people said is not found later in a dump of a process
// that lives long, or in what it writes into a swap.
#pragma once

namespace freehold {

// From here on scrub_and_free and scrub_stack overwrite with zeros, in the whole process. Costs what a memset of each
// freed block costs.
void scrub_freed_memory();
// What operator delete is in the program (app/new_and_delete.cpp). `memory`: of malloc or aligned_alloc; may be null.
void scrub_and_free(void* memory) noexcept;
// Overwrites what functions that have returned left on this thread's stack, 128 KiB below its caller: called by who has
// done with one request, before the next.
void scrub_stack();

}  // namespace freehold
