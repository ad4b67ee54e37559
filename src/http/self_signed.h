// A certificate that this machine signs itself: clients must be told to trust it, but what they send is encrypted.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::http {

struct SelfSigned {
  std::string certificate_pem;
  std::string private_key_pem;
  std::string sha256_fingerprint;  // "AB:CD:…", to compare by eye
};

// ECDSA P-256, valid from an hour ago for `days`, for these host names and addresses (localhost, 127.0.0.1 and ::1 are
// added). Error: internal (OpenSSL).
Result<SelfSigned> make_self_signed(const std::vector<std::string>& names, int days = 825);

}  // namespace freehold::http
