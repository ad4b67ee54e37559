// One request and its answer while it is under way: what a handler holds. Any thread may call anything here.
//
// Either respond() once, or start(), send() any number of times and finish(). What is sent goes into a queue of bounded
// size; a client that reads too slowly for it counts as gone, so that it can neither stall its producer nor grow
// memory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

namespace freehold::http {

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const Request& request() const = 0;

  // The whole answer. Ignored if the answer has begun.
  virtual void respond(Response response) = 0;

  // The head of an answer whose body follows in pieces (chunked; closed by end of connection for HTTP/1.0).
  virtual void start(Response head) = 0;
  // One piece of the body. False if nobody will read it: the producer may stop.
  virtual bool send(std::string piece) = 0;
  virtual void finish() = 0;
  // Ends a started answer as broken: the connection closes without the end mark, so that the client notices.
  virtual void abort() = 0;

  // Calls `callback` once, from the I/O thread, if the client leaves before the answer is complete; at once if it has
  // left already. One callback; a later one replaces it.
  virtual void on_gone(std::function<void()> callback) = 0;
};

}  // namespace freehold::http
