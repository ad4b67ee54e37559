// Memory that is given back is overwritten first, so that what people said is not found later in a dump of a process
// that lives long, or in what it writes into a swap.
#pragma once

namespace freehold {

// From here on operator delete overwrites with zeros, in the whole process. Costs what a memset of each freed block
// costs. Does nothing in a build with a sanitizer, which brings an allocator of its own.
void scrub_freed_memory();

}  // namespace freehold
