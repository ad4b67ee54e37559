// What is asked of vendors, accounted for: budgets are asked before a request goes out, and each one that did is an
// event on disk before its answer is used. A program that is killed in between loses the answer, not the bill.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/veil/vendor_veil.h"
#include "base/result.h"
#include "ledger/budget_book.h"
#include "ledger/usage_log.h"
#include "ledger/vendor_cost.h"
#include "upstream/gateway.h"

namespace freehold::app {

// Tokens that one request of a call cannot pass: one has at least a byte of what is sent.
upstream::Tokens at_most(const upstream::Call& call);

// What a request is settled as: the vendor's counts; and where it gave none, or none that can be, the most that it can
// have taken, so that no budget is passed by what nobody counted.
struct Settled {
  ledger::Tokens tokens;
  bool counted = true;  // by the vendor, all of them
};
Settled settled(const upstream::Attempt& attempt, const upstream::Call& call);

// What the record and the policy call a vendor's model: "openai/gpt-4o" at the vendor itself, "10.0.0.7:8000/gpt-4o"
// elsewhere, whose prices the name does not tell.
std::string vendor_name(const upstream::Place& place);

// Thread-safe.
class VendorAccount {
 public:
  struct Options {
    std::string reference;  // the name that was asked for: "gateway:openai/gpt-4o"
    std::string tag;        // what it was for: "eval"
    std::function<bool()> stopped;
    std::shared_ptr<VendorVeil> veil = {};  // what may leave and come back; null: all
  };
  // Of $FREEHOLD_HOME. Errors: sql/database.h.
  static Result<VendorAccount> open(const upstream::Place& place, Options options);

  // Of one attempt, and what it cost by today's prices; nothing: the vendor has no known price. Its error ends ask():
  // of an attempt that another one follows, it can keep that one from going out.
  using Told = std::function<Result<>(const upstream::Attempt&, const Settled&, std::optional<ledger::Money>)>;
  // Gateway::ask, with `told` after each of its attempts is on disk; `told` may be empty. Errors: its own; invalid (the
  // policy keeps personal data in it from this vendor); exhausted (a budget does not hold what it could take; nothing
  // went out); io (the record cannot be written: no more is asked).
  Result<upstream::Reply> ask(const upstream::Gateway& gateway, const upstream::Call& call, const Told& told) const;
  // What tokens cost today.
  std::optional<ledger::Money> price(const ledger::Tokens& tokens) const;

  const std::string& vendor() const { return vendor_; }

 private:
  VendorAccount() = default;
  Result<upstream::Reply> ask_as_it_is(const upstream::Gateway& gateway, const upstream::Call& call,
                                       const Told& told) const;
  Result<ledger::Reservation> reserve(const upstream::Call& call, std::int64_t now) const;
  Result<> record(const upstream::Attempt& attempt, const upstream::Call& call, const Settled& settled,
                  std::int64_t begun) const;

  Options options_;
  std::string vendor_, dialect_;
  std::unique_ptr<ledger::UsageLog> log_;
  std::unique_ptr<ledger::BudgetBook> budgets_;
  std::unique_ptr<ledger::PriceBook> book_;  // for what follows
  std::optional<ledger::VendorPrices> prices_;
};

}  // namespace freehold::app
