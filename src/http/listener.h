// A server on a socket that listens already: for a process that may not open one any more.
#pragma once

#include <memory>

#include "base/result.h"
#include "http/server.h"

namespace freehold::http {

// A socket that listens on the options' address and port; nothing is accepted. Errors: as of Server::create.
Result<int> open_listener(const ServerOptions& options);

// Server::create on such a socket, which the server closes. `options` are those that it was opened with.
Result<std::unique_ptr<Server>> create_on(int listener, ServerOptions options, Hooks hooks);

}  // namespace freehold::http
