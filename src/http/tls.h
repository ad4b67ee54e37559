// TLS for the server: certificates from files.
#pragma once

#include <memory>

#include "base/result.h"
#include "http/server.h"

namespace boost::asio::ssl {
class context;
}

namespace freehold::http {

// TLS 1.2 and 1.3 only. Errors: io naming the file, invalid (the key does not belong to the certificate).
Result<std::shared_ptr<boost::asio::ssl::context>> tls_context(const TlsFiles& files);

}  // namespace freehold::http
