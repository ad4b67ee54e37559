// TLS for the server: certificates from files.
#pragma once

#include <memory>

#include "base/result.h"
#include "http/message.h"
#include "http/server.h"

namespace boost::asio::ssl {
class context;
}
struct ssl_st;

namespace freehold::http {

// TLS 1.2 and 1.3 only. Errors: io naming the file, invalid (the key does not belong to the certificate; client
// certificates without authorities).
Result<std::shared_ptr<boost::asio::ssl::context>> tls_context(const TlsFiles& files);
// What the client has shown in the handshake; null: nothing.
std::shared_ptr<const PeerCertificate> peer_certificate(ssl_st* connection);

}  // namespace freehold::http
