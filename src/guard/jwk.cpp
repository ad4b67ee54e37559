#include "guard/jwk.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "format/json.h"

namespace freehold::guard {
namespace {

constexpr std::size_t kMostKeys = 64, kLongestKid = 256;
constexpr int kLeastRsaBits = 2048, kMostRsaBits = 8192;
constexpr std::size_t kLongestExponent = 8, kCoordinate = 32;  // bytes
constexpr format::JsonLimits kJsonLimits{.depth = 8, .memory = std::uint64_t{4} << 20, .token = std::size_t{64} << 10};

using KeyPtr = std::shared_ptr<evp_pkey_st>;
struct Free {
  void operator()(BIGNUM* n) const { BN_free(n); }
  void operator()(OSSL_PARAM_BLD* b) const { OSSL_PARAM_BLD_free(b); }
  void operator()(OSSL_PARAM* p) const { OSSL_PARAM_free(p); }
  void operator()(EVP_PKEY_CTX* c) const { EVP_PKEY_CTX_free(c); }
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  void operator()(ECDSA_SIG* s) const { ECDSA_SIG_free(s); }
};
template <typename T>
using Ptr = std::unique_ptr<T, Free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

BIGNUM* number_of(std::string_view bytes) {
  return BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr);
}

// A public key of these parameters, checked; null if it is none.
KeyPtr made_of(const char* kind, OSSL_PARAM_BLD* parts) {
  const Ptr<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(parts));
  const Ptr<EVP_PKEY_CTX> making(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !making || EVP_PKEY_fromdata_init(making.get()) != 1 ||
      EVP_PKEY_fromdata(making.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  KeyPtr key(made, EVP_PKEY_free);
  const Ptr<EVP_PKEY_CTX> checking(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  return checking && EVP_PKEY_public_check(checking.get()) == 1 ? key : nullptr;
}

// ECDSA's r and s, 32 bytes each, as OpenSSL wants them. Empty: they are none.
std::string der_of(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return {};
  const Ptr<ECDSA_SIG> parts(ECDSA_SIG_new());
  BIGNUM* r = number_of(signature.substr(0, kCoordinate));
  BIGNUM* s = number_of(signature.substr(kCoordinate));
  if (!parts || r == nullptr || s == nullptr || ECDSA_SIG_set0(parts.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  std::array<unsigned char, 80> der{};  // two numbers of at most 33 bytes, and three headers
  unsigned char* at = der.data();
  const int size = i2d_ECDSA_SIG(parts.get(), nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > der.size()) return {};
  i2d_ECDSA_SIG(parts.get(), &at);
  return {reinterpret_cast<const char*>(der.data()), static_cast<std::size_t>(size)};
}

struct AlgorithmName {
  SignatureAlgorithm algorithm;
  std::string_view name;
};
constexpr AlgorithmName kAlgorithms[] = {{SignatureAlgorithm::rs256, "RS256"},
                                         {SignatureAlgorithm::ps256, "PS256"},
                                         {SignatureAlgorithm::es256, "ES256"},
                                         {SignatureAlgorithm::eddsa, "EdDSA"},
                                         {SignatureAlgorithm::eddsa, "Ed25519"}};  // RFC 9864

// A member that is a string; empty if it is not there. An error if it is something else.
Result<std::string> text_of(const format::Value& key, std::string_view name) {
  const format::Value* member = key.member(name);
  if (member == nullptr) return std::string();
  if (const auto text = member->as_string()) return std::string(*text);
  return fail(Errc::invalid, fmt::format("'{}' must be a string", name));
}

Result<std::string> number_in(const format::Value& key, std::string_view name) {
  FH_TRY(const std::string text, text_of(key, name));
  auto bytes = from_base64url(text);
  if (bytes && !bytes->empty()) return std::move(*bytes);
  return fail(Errc::invalid, fmt::format("'{}' must be a number in base64url", name));
}

// Whether a key that says what it is for is for signatures.
bool signs(const format::Value& key) {
  const format::Value* use = key.member("use");
  if (use != nullptr && use->as_string() != "sig") return false;
  const format::Value* operations = key.member("key_ops");
  if (operations == nullptr) return true;
  const auto words = operations->as_strings();
  return words && std::find(words->begin(), words->end(), "verify") != words->end();
}

// What kind of key this is and what it is used for; nothing: no kind that is known.
std::optional<SignatureAlgorithm> algorithm_of(std::string_view kind, std::string_view curve, std::string_view alg) {
  using enum SignatureAlgorithm;
  if (kind == "RSA" && (alg.empty() || alg == "RS256")) return rs256;  // OpenID Connect's usual one
  if (kind == "RSA" && alg == "PS256") return ps256;
  if (kind == "EC" && curve == "P-256" && (alg.empty() || alg == "ES256")) return es256;
  if (kind == "OKP" && curve == "Ed25519" && (alg.empty() || alg == "EdDSA" || alg == "Ed25519")) return eddsa;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(SignatureAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)].name;
}

std::optional<std::string> from_base64url(std::string_view text) {
  // libsodium 1.0.18 takes some bytes of 0x80 and more for letters.
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!ascii) return std::nullopt;
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  // libsodium refuses bits that are left over, and stops at what is not of the alphabet.
  const bool good = sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                                      text.size(), nullptr, &size, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
  if (!good || end != text.data() + text.size()) return std::nullopt;
  out.resize(size);
  return out;
}

bool PublicKey::is_for(std::string_view alg) const {
  return std::any_of(std::begin(kAlgorithms), std::end(kAlgorithms),
                     [&](const AlgorithmName& known) { return known.algorithm == algorithm_ && known.name == alg; });
}

bool PublicKey::verify(std::string_view content, std::string_view signature) const {
  std::string der;
  if (algorithm_ == SignatureAlgorithm::es256) {
    der = der_of(signature);
    if (der.empty()) return false;
    signature = der;
  }
  const Ptr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // the context's
  const EVP_MD* hash = algorithm_ == SignatureAlgorithm::eddsa ? nullptr : EVP_sha256();
  if (!context || EVP_DigestVerifyInit(context.get(), &options, hash, nullptr, key_.get()) != 1) return false;
  if (algorithm_ == SignatureAlgorithm::ps256 &&
      (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_sha256()) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(content), content.size()) == 1;
}

Result<KeyPtr> KeySet::rsa(std::string_view n, std::string_view e) {
  if (e.size() > kLongestExponent) return fail(Errc::invalid, "the exponent 'e' has more than 64 bits");
  const Ptr<BIGNUM> modulus(number_of(n)), exponent(number_of(e));
  const Ptr<OSSL_PARAM_BLD> parts(OSSL_PARAM_BLD_new());
  const int bits = modulus ? BN_num_bits(modulus.get()) : 0;
  if (bits < kLeastRsaBits || bits > kMostRsaBits) {
    return fail(Errc::invalid,
                fmt::format("an RSA key of {} bits: it must have {} to {}", bits, kLeastRsaBits, kMostRsaBits));
  }
  if (!exponent || !parts || BN_is_odd(exponent.get()) != 1 || BN_is_one(exponent.get()) == 1 ||
      OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return fail(Errc::invalid, "no RSA key");
  }
  KeyPtr key = made_of("RSA", parts.get());
  if (!key) return fail(Errc::invalid, "no RSA key");
  return key;
}

Result<KeyPtr> KeySet::p256(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate) {
    return fail(Errc::invalid, "the coordinates of a point of P-256 have 32 bytes");
  }
  const std::string point = "\x04" + std::string(x) + std::string(y);  // SEC 1, section 2.3.3: uncompressed
  const Ptr<OSSL_PARAM_BLD> parts(OSSL_PARAM_BLD_new());
  if (!parts || OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return fail(Errc::internal, "OpenSSL cannot make a key");
  }
  KeyPtr key = made_of("EC", parts.get());
  if (!key) return fail(Errc::invalid, "the point is not on P-256");
  return key;
}

Result<KeyPtr> KeySet::ed25519(std::string_view x) {
  KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()), EVP_PKEY_free);
  if (x.size() != kCoordinate || !key) return fail(Errc::invalid, "a public key of Ed25519 has 32 bytes");
  // Of small order, or not canonical: signatures by such a key say nothing.
  if (crypto_core_ed25519_is_valid_point(bytes_of(x)) != 1)
    return fail(Errc::invalid, "this is no public key of Ed25519");
  return key;
}

Result<KeySet> KeySet::parse(std::string_view json) {
  const auto root = format::parse_json(json, kJsonLimits);
  if (!root) return fail(Errc::invalid, root.error().what);
  const format::Value* list = root->is_object() ? root->member("keys") : nullptr;
  if (list == nullptr || !list->is_array()) return fail(Errc::invalid, R"(a key set is an object with a list "keys")");
  const std::vector<format::Value> all = list->items();
  if (all.size() > kMostKeys) return fail(Errc::invalid, fmt::format("more than {} keys", kMostKeys));
  KeySet set;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string where = fmt::format("key {}", i + 1);
    const format::Value& one = all[i];
    if (!one.is_object()) return fail(Errc::invalid, where + ": a key is an object");
    for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "k"}) {
      if (one.member(secret) == nullptr) continue;
      return fail(Errc::invalid, where + ": this is a secret key: only the issuer may have it; leave the public part");
    }
    std::array<std::string, 4> texts;
    constexpr std::array<std::string_view, 4> kNames = {"kty", "crv", "alg", "kid"};
    for (std::size_t t = 0; t < texts.size(); ++t) {
      auto text = text_of(one, kNames[t]);
      if (!text) return in_context(std::move(text).error(), where);
      texts[t] = std::move(*text);
    }
    const std::string &kind = texts[0], &curve = texts[1], &alg = texts[2], &id = texts[3];
    const auto algorithm = algorithm_of(kind, curve, alg);
    if (!algorithm || !signs(one)) continue;
    PublicKey key;
    key.algorithm_ = *algorithm;
    key.id_ = id;
    if (id.size() > kLongestKid) return fail(Errc::invalid, where + ": 'kid' is too long");
    const auto same = [&](const PublicKey& other) { return other.id() == id; };
    if (std::any_of(set.keys_.begin(), set.keys_.end(), same)) {
      return fail(Errc::invalid, fmt::format("{}: the kid '{}' is there twice", where, printable(id, 60)));
    }
    const auto build = [&]() -> Result<KeyPtr> {
      if (kind == "OKP") {
        FH_TRY(const std::string x, number_in(one, "x"));
        return ed25519(x);
      }
      FH_TRY(const std::string first, number_in(one, kind == "EC" ? "x" : "n"));
      FH_TRY(const std::string second, number_in(one, kind == "EC" ? "y" : "e"));
      return kind == "EC" ? p256(first, second) : rsa(first, second);
    };
    auto built = build();
    if (!built) return in_context(std::move(built).error(), where);
    key.key_ = std::move(*built);
    set.keys_.push_back(std::move(key));
  }
  if (set.keys_.empty()) {
    return fail(Errc::invalid, "there is no key for signatures by RS256, PS256, ES256 or EdDSA");
  }
  return set;
}

const PublicKey* KeySet::find(const std::optional<std::string>& kid) const {
  if (!kid) return keys_.size() == 1 ? keys_.data() : nullptr;
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const PublicKey& key) { return key.id() == *kid; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace freehold::guard
