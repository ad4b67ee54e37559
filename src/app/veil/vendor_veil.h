// What leaves for a vendor without what the policy does not let leave, and what comes back with the values that stand
// behind the pseudonyms. For commands, whose user owns the home.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "app/veil/veil.h"
#include "base/result.h"
#include "upstream/call.h"

namespace freehold::app {

// Thread-safe.
class VendorVeil {
 public:
  // Null if the policy has nothing to say of this vendor's model (vendor_name) and label. Errors: those of the vault,
  // where pseudonyms are made.
  static Result<std::unique_ptr<VendorVeil>> open(const std::filesystem::path& home, const guard::Policy& policy,
                                                  const std::string& vendor, const std::string& label);

  // The call as it may leave: texts of messages. What its pseudonyms stand for is durable by then. Errors: invalid
  // (blocked, or for this machine alone), and those of the vault.
  struct Outgoing {
    upstream::Call call;
    audit::Pseudonyms values;
  };
  Result<Outgoing> outgoing(const upstream::Call& call);
  // The answer's text as it may be read. Errors: invalid (blocked).
  Result<std::string> incoming(std::string text, const audit::Pseudonyms& values);

  // The same for the same rules: what is sent, and so what is answered, hangs on them.
  std::string identity() const;
  // All so far: as entries of the audit log have it, and for people. Empty if nothing was found.
  audit::Object entry() const;
  std::string summary() const;

 private:
  VendorVeil() = default;
  Veil asked() const;
  mutable std::mutex mutex_;  // guards all_*
  Veil all_sent_, all_given_;
  guard::Treatments sent_, given_;
  std::unique_ptr<audit::Vault> vault_;
};

}  // namespace freehold::app
