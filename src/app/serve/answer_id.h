// What an answer is called.
#pragma once

#include <string>
#include <string_view>

namespace freehold::app {

// An answer is called by its request, so that what a client keeps of it is its receipt, too: chatcmpl-X, msg_X, resp_X
// of req_X.
std::string answer_id(std::string_view request_id);
// The way back: req_X of any of them, of req_X and of X.
std::string request_of_answer(std::string_view id);

}  // namespace freehold::app
