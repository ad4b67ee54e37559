// Memory that is given back is overwritten first, so that what people said is not found later in a dump of a process
// that lives long, or in what it writes into a swap.
#pragma once

namespace freehold {

// From here on operator delete overwrites with zeros, in the whole process. Costs what a memset of each freed block
// costs. Does nothing in a build with a sanitizer, which brings an allocator of its own.
void scrub_freed_memory();
// Overwrites what functions that have returned left on this thread's stack, 128 KiB below its caller: called by who has
// done with one request, before the next. Does nothing unless scrub_freed_memory() was called.
void scrub_stack();

}  // namespace freehold
