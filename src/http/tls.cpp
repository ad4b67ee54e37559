#include "http/tls.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <ctime>

namespace freehold::http {

namespace {

// OpenSSL keeps the numbers of private keys in memory that is locked and left out of dumps, if there is such an arena
// when the first is read. Without (a limit on locked memory): as usual.
void lock_private_keys() {
  constexpr std::size_t kArena = std::size_t{64} << 10, kLeast = 32;
  if (CRYPTO_secure_malloc_initialized() == 0) CRYPTO_secure_malloc_init(kArena, kLeast);
}

Result<> ask_for_certificates(SSL_CTX* context, const TlsFiles& files) {
  if (files.clients == ClientCertificates::none) return {};
  if (files.client_authorities.empty()) {
    return fail(Errc::invalid, "client certificates need a file of authorities to be verified against");
  }
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_authorities.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, files.client_authorities.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fail(Errc::io, fmt::format("read the authorities of clients '{}': it is no readable PEM file",
                                      files.client_authorities));
  }
  SSL_CTX_set_client_CA_list(context, names);  // takes them
  const bool needed = files.clients == ClientCertificates::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  // A session that is taken up again would be of somebody whose certificate nobody looks at.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  return {};
}

// A string of a certificate in UTF-8; empty if it is none, or has a NUL in it (which reads as two names).
std::string text_of_string(const ASN1_STRING* string) {
  unsigned char* bytes = nullptr;
  const int size = string != nullptr ? ASN1_STRING_to_UTF8(&bytes, string) : -1;
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out.find('\0') == std::string::npos ? out : std::string();
}

std::string in_lower_letters(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

void add_names(const X509* certificate, PeerCertificate& to) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int type = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type));
    if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI) continue;
    std::string text = text_of_string(value);
    if (text.empty()) continue;
    if (type == GEN_DNS) text = in_lower_letters(std::move(text));
    (type == GEN_DNS ? to.dns : type == GEN_EMAIL ? to.email : to.uri).push_back(std::move(text));
  }
  GENERAL_NAMES_free(names);
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
  FH_TRY_VOID(ask_for_certificates(context->native_handle(), files));
  return context;
}

std::shared_ptr<const PeerCertificate> peer_certificate(ssl_st* connection) {
  X509* const shown = SSL_get0_peer_certificate(connection);
  if (shown == nullptr || SSL_get_verify_result(connection) != X509_V_OK) return nullptr;
  auto out = std::make_shared<PeerCertificate>();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(shown, EVP_sha256(), digest.data(), &size);
  for (unsigned i = 0; i < size; ++i) out->sha256 += fmt::format("{:02x}", digest[i]);
  const X509_NAME* subject = X509_get_subject_name(shown);
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) last = at;
  if (last >= 0) out->common_name = text_of_string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  add_names(shown, *out);
  std::tm until = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(shown), &until) == 1) out->not_after = ::timegm(&until);
  return out;
}

}  // namespace freehold::http
