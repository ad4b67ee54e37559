// Authorities and certificates for tests, made with OpenSSL.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/testing.h"

namespace freehold::http::testing {

// A name as it is put into subjectAltName: as bytes, whatever they are.
struct AltName {
  int type;  // GEN_DNS, GEN_EMAIL, GEN_URI
  std::string bytes;
};

struct Wanted {
  std::string name = "somebody";
  std::vector<AltName> names = {};
  const char* use = "clientAuth";  // extendedKeyUsage
  int from_days = -1, until_days = 30;
  bool authority = false;
};

class TestCertificate {
 public:
  // Signed by `by`, or by itself.
  explicit TestCertificate(const Wanted& wanted, const TestCertificate* by = nullptr)
      : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free), x509_(X509_new(), X509_free) {
    X509* const c = x509_.get();
    X509_set_version(c, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial());
    X509_gmtime_adj(X509_getm_notBefore(c), 86400L * wanted.from_days);
    X509_gmtime_adj(X509_getm_notAfter(c), 86400L * wanted.until_days);
    X509_set_pubkey(c, key_.get());
    X509_NAME_add_entry_by_NID(X509_get_subject_name(c), NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wanted.name.data()),
                               static_cast<int>(wanted.name.size()), -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(by != nullptr ? by->x509() : c));
    X509* const issuer = by != nullptr ? by->x509() : c;
    add(c, issuer, NID_basic_constraints, wanted.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!wanted.authority) add(c, issuer, NID_ext_key_usage, wanted.use);
    add_names(c, wanted.names);
    X509_sign(c, by != nullptr ? by->key_.get() : key_.get(), EVP_sha256());
  }

  X509* x509() const { return x509_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> to(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(to.get(), x509_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(to.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

 private:
  static long& serial() {
    static long last = 0;
    return last;
  }
  static void add(X509* to, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(to, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void add_names(X509* to, const std::vector<AltName>& names) {
    if (names.empty()) return;
    GENERAL_NAMES* const all = sk_GENERAL_NAME_new_null();
    for (const AltName& name : names) {
      GENERAL_NAME* const one = GENERAL_NAME_new();
      ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.bytes.data(), static_cast<int>(name.bytes.size()));
      GENERAL_NAME_set0_value(one, name.type, text);
      sk_GENERAL_NAME_push(all, one);
    }
    X509_add1_ext_i2d(to, NID_subject_alt_name, all, 0, 0);
    GENERAL_NAMES_free(all);
  }

  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> x509_;
};

// tls_exchange() of a client that shows a certificate.
inline std::string tls_exchange_as(std::uint16_t port, std::string_view text, const TestCertificate& shown,
                                   int version = TLS1_3_VERSION) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_use_certificate(context, shown.x509());
  SSL_CTX_use_PrivateKey(context, shown.key());
  std::string answer = tls_exchange(port, text, context);
  SSL_CTX_free(context);
  return answer;
}

}  // namespace freehold::http::testing
