#include "http/tls.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <boost/asio/ssl/context.hpp>

namespace freehold::http {

namespace {

// OpenSSL keeps the numbers of private keys in memory that is locked and left out of dumps, if there is such an arena
// when the first is read. Without (a limit on locked memory): as usual.
void lock_private_keys() {
  constexpr std::size_t kArena = std::size_t{64} << 10, kLeast = 32;
  if (CRYPTO_secure_malloc_initialized() == 0) CRYPTO_secure_malloc_init(kArena, kLeast);
}

}  // namespace

Result<std::shared_ptr<boost::asio::ssl::context>> tls_context(const TlsFiles& files) {
  namespace ssl = boost::asio::ssl;
  lock_private_keys();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1, error);
  context->use_certificate_chain_file(files.certificate_chain, error);
  if (error)
    return fail(Errc::io, fmt::format("read the certificate '{}': {}", files.certificate_chain, error.message()));
  context->use_private_key_file(files.private_key, ssl::context::pem, error);
  if (error) return fail(Errc::io, fmt::format("read the private key '{}': {}", files.private_key, error.message()));
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return fail(Errc::invalid, fmt::format("the private key '{}' does not belong to the certificate '{}'",
                                           files.private_key, files.certificate_chain));
  }
  return context;
}

}  // namespace freehold::http
