// Keys of vendors in $FREEHOLD_HOME/keys/vendors, sealed under the master key (audit/master_key.h): whoever has the
// file alone reads nothing. Each belongs to one vendor at one host and port, so that a key is never sent to another
// address than the one that it was kept for; without TLS it goes to this machine alone, at a port that was named.
//
//     freehold-vendor-keys 1
//     BASE64
//
// What is in base64 is sealed, bound to the first line. Opened it is a row of "VENDOR HOST KEY\n"; HOST has its port
// unless that is 443.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "app/command.h"
#include "app/secret.h"
#include "audit/master_key.h"
#include "base/result.h"
#include "upstream/gateway.h"

namespace freehold::app {

class VendorKeys {
 public:
  using Place = std::pair<std::string, std::string>;  // "openai", "api.openai.com"; "10.0.0.7:8000"

  // Where a key for this address is kept: the scheme says nothing, "host:443" is "host".
  static Place place_of(std::string_view vendor, const http::Url& url);

  // Errors: not_found (there is a file, but not its master key), corrupt (another master key, or changed), invalid
  // (others may read it), io. No file is no keys.
  static Result<VendorKeys> open(const std::filesystem::path& home, const std::filesystem::path& master_key);

  const std::map<Place, SecretText>& all() const { return keys_; }
  // The one that may be sent to this address; null if there is none. Nothing goes out in clear text but to loopback, at
  // a port that the key was kept with.
  const SecretText* find(std::string_view vendor, const http::Url& url) const;
  // Reads the file again, changes one key and writes it, all under a lock; without a `key`: takes it away. Makes the
  // master key if there is none, and nothing sealed by one. Errors: as of open; not_found (nothing to take away);
  // exhausted (somebody else writes).
  static Result<> change(const std::filesystem::path& home, const std::filesystem::path& master_key, const Place& place,
                         const SecretText* key);

 private:
  std::map<Place, SecretText> keys_;
};

// Where a vendor's key was found, and it.
struct VendorKey {
  SecretText key;    // empty: there is none
  std::string from;  // for people: "$OPENAI_API_KEY"
};
// The environment's first, then the one kept for this vendor at this host. Errors: as of VendorKeys::open.
Result<VendorKey> vendor_key(const upstream::Place& place, const Arguments& arguments,
                             const std::filesystem::path& home);
// --master-key, as the commands have it that look for vendors' keys.
Option vendor_master_key_option();

}  // namespace freehold::app
