// The policy's rules for personal data where a command asks a model here: its user owns the home and is held to its
// rules as an admin is, without a label.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/veil/call_veil.h"
#include "app/veil/exchange_veil.h"
#include "base/result.h"

namespace freehold::app {

class OwnerVeil {
 public:
  // `model`: as it was named. Errors: those of the policy, and of the vault, where pseudonyms are made.
  static Result<OwnerVeil> open(const std::filesystem::path& home, const std::string& model);

  bool active() const { return asked_.any() || given_.any(); }
  // The same for the same rules: answers hang on them. Empty if there are none.
  std::string identity() const;
  // Takes out of a request what may not be asked; what its pseudonyms stand for is durable by then. Errors: forbidden,
  // invalid, unavailable (the vault).
  api::Parsed<ExchangeVeil> use(api::Call& call, const SpellTokens& spell) const;
  api::Parsed<void> use(api::EmbedCall& call, const SpellTokens& spell) const;

 private:
  Veil fresh() const;
  api::Parsed<void> keep(const Veil& used) const;
  guard::Treatments asked_, given_;
  std::unique_ptr<audit::Vault> vault_;
};

// Rules as a text that is the same for the same ones.
std::string identity_of(const guard::Treatments& treatments);

}  // namespace freehold::app
