// Names for objects that are given to clients.
#pragma once

#include <string>
#include <string_view>

namespace freehold::app {

// Letters and digits that nobody can guess.
std::string random_id();
// An answer is called by its request, so that what a client keeps of it is its receipt, too: chatcmpl-X, msg_X, resp_X
// of req_X.
std::string answer_id(std::string_view request_id);

}  // namespace freehold::app
