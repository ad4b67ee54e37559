// Issuers for tests: key pairs of every kind, their public halves as JSON Web Keys, and tokens signed by them or by
// what an attacker would sign with.
#pragma once

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <memory>
#include <string>
#include <string_view>

#include "guard/jwk.h"

namespace freehold::guard::testing {

inline std::string base64url(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();
  return text;
}

class TestKey {
 public:
  // `alg`: as in a key set; `bits`: of RSA.
  explicit TestKey(std::string alg, std::string kid = "k1", unsigned bits = 2048)
      : alg_(std::move(alg)), kid_(std::move(kid)), key_(make(alg_, bits), EVP_PKEY_free) {}

  const std::string& kid() const { return kid_; }

  // The public key, as an object of a key set.
  std::string jwk(const std::string& more = {}) const {
    std::string out = fmt::format(R"({{"kid":"{}","alg":"{}","use":"sig")", kid_, alg_);
    if (is_rsa()) {
      out += fmt::format(R"(,"kty":"RSA","n":"{}","e":"{}")", base64url(number(OSSL_PKEY_PARAM_RSA_N)),
                         base64url(number(OSSL_PKEY_PARAM_RSA_E)));
    } else if (alg_ == "ES256") {
      const auto padded = [](const std::string& n) { return std::string(32 - n.size(), '\0') + n; };
      out += fmt::format(R"(,"kty":"EC","crv":"P-256","x":"{}","y":"{}")",
                         base64url(padded(number(OSSL_PKEY_PARAM_EC_PUB_X))),
                         base64url(padded(number(OSSL_PKEY_PARAM_EC_PUB_Y))));
    } else {
      out += fmt::format(R"(,"kty":"OKP","crv":"Ed25519","x":"{}")", base64url(raw_public()));
    }
    return out + more + "}";
  }

  // The public key as people know it, which an attacker uses for a secret.
  std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> to(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PUBKEY(to.get(), key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(to.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }

  // A signature by this key in the way of `alg`, which may be another than the key's.
  std::string sign(std::string_view content, const std::string& alg) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    EVP_DigestSignInit(context.get(), &options, alg == "EdDSA" ? nullptr : EVP_sha256(), nullptr, key_.get());
    if (alg == "PS256") {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(content.data());
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, bytes, content.size());
    std::string out(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes, content.size());
    out.resize(size);
    return alg == "ES256" ? r_and_s(out) : out;
  }

  // A token with this header and these claims, both JSON.
  std::string token(const std::string& header, const std::string& claims) const {
    const std::string content = base64url(header) + "." + base64url(claims);
    return content + "." + base64url(sign(content, alg_));
  }
  std::string header() const { return fmt::format(R"({{"alg":"{}","typ":"JWT","kid":"{}"}})", alg_, kid_); }
  std::string token(const std::string& claims) const { return token(header(), claims); }

 private:
  static EVP_PKEY* make(const std::string& alg, unsigned bits) {
    if (alg == "ES256") return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    if (alg == "EdDSA") return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits));
  }
  bool is_rsa() const { return alg_ == "RS256" || alg_ == "PS256"; }
  std::string number(const char* name) const {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &n);
    std::string out(static_cast<std::size_t>(BN_num_bytes(n)), '\0');
    BN_bn2bin(n, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(n);
    return out;
  }
  std::string raw_public() const {
    std::string out(32, '\0');
    std::size_t size = out.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
    return out;
  }
  static std::string r_and_s(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
    std::string out(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), reinterpret_cast<unsigned char*>(out.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), reinterpret_cast<unsigned char*>(out.data()) + 32, 32);
    return out;
  }

  std::string alg_, kid_;
  std::shared_ptr<EVP_PKEY> key_;
};

inline std::string hmac_sha256(std::string_view key, std::string_view content) {
  std::string out(32, '\0');
  unsigned size = 32;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
       content.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

inline std::string key_set(const std::vector<std::string>& jwks) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(jwks, ","));
}

}  // namespace freehold::guard::testing
