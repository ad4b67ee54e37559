// The input of a call that the limit has cut.
#pragma once

#include <string>
#include <string_view>

namespace freehold::api::anthropic {

// The longest JSON text that the beginning of one promises: what is complete stays, a string, number or key that was
// cut goes, and open brackets are closed. `{"a":1,"b":[2,"x` is `{"a":1,"b":[2]}`. Clients make the same of a stream's
// fragments, so that an answer in one piece and a streamed one agree. Text that is no beginning of JSON gives anything.
std::string completed_json(std::string_view beginning);

}  // namespace freehold::api::anthropic
