// Which vendor's words a request is in, and errors in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "base/result.h"
#include "http/exchange.h"

namespace freehold::app {

enum class Dialect { openai, anthropic, gemini, ollama, native };

// From the address and headers alone, so that even a 401 or a 404 has the right shape.
Dialect dialect_of(const http::Request& request);
std::string_view name_of(Dialect dialect);

// The engine's refusals, as the client's faults that they are. With the call: naming the field, as the client called
// it.
api::Failure failure_of(const Error& error);

// A body of JSON.
http::Response json_response(int status, std::string body);
// Names the fields that were accepted and have no effect, if there are any.
void name_ignored(http::Response& response, const std::vector<std::string>& fields);
http::Response error_response(const http::Request& request, const api::Failure& failure);
void respond(http::Exchange& exchange, const api::Failure& failure);

// The keys that a request carries, and in which field each; empty ones are left out.
struct SentKey {
  std::string_view where, key;
};
std::vector<SentKey> keys_of(const http::Request& request);
// The first of them; empty if there is none.
std::string_view key_of(const http::Request& request);

// Whom the client says it asks for: in the body, as its dialect has it, or else in the header Freehold-User. Empty:
// nobody in particular.
std::string user_of(const http::Request& request);
// What names somebody else than user_of does, and so has no effect: "Freehold-User", "safety_identifier".
std::vector<std::string> unused_users(const http::Request& request);

// The value of Allow for this address, and the refusal that has it.
std::string allow_of(const http::Request& request);
api::Failure wrong_method(const http::Request& request);

// True, or the error has been sent: the request has this method, and with POST a JSON body.
bool wants(http::Exchange& exchange, std::string_view method);

}  // namespace freehold::app
