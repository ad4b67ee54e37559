// What the policy says of people, models and what they have left here: the server's way to the one function that
// decides (guard/policy.h), with what is labelled in the store.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "app/serve/model_facts.h"
#include "guard/hold_book.h"
#include "guard/label_book.h"
#include "guard/policy.h"
#include "http/message.h"

namespace freehold::app {

// Thread-safe.
class Permissions {
 public:
  // `home`: of the labels and the holds; empty: nothing is labelled or held (tests).
  explicit Permissions(guard::Policy policy = guard::default_policy(), std::filesystem::path home = {});

  const guard::Policy& policy() const { return policy_; }
  guard::Decision decide(const guard::Principal& who, guard::Action action, const guard::Resource& resource = {},
                         std::string_view label = {}) const {
    return guard::decide(policy_, who, action, resource, label);
  }
  bool may(const guard::Principal& who, guard::Action action) const { return decide(who, action).allowed; }
  // Work that goes on after the request that began it: not for a role whose reason is for the one request.
  guard::Decision to_go_on(const guard::Principal& who) const;
  // Whether a model of this name is there for them at all.
  bool sees(const guard::Principal& who, std::string_view model) const;
  // Asking a model, with its own ceilings and labels, those of its adapter, and of the model that it was tuned from.
  // Where labels cannot be read, nobody is allowed.
  guard::Decision to_ask(const guard::Principal& who, const ModelFacts& model, std::string_view label = {}) const;
  // What is learned from labelled data carries the label from now on. `content`: the adapter's digest.
  Result<> mark(const std::string& content, const std::string& label);

  // What is held, by the home's legal holds.
  const guard::HoldBook* holds() const { return holds_ ? &*holds_ : nullptr; }
  // Leave to let something go, to be kept until it has gone: meanwhile no hold is added (guard/hold_book.h).
  using Leave = std::shared_ptr<const FolderLock>;
  // For what this key has left here, with this label (empty: the lowest). Waits a second at most for a hold that is
  // being added. Errors: conflict (it is held; `held` says for the log by what, if it is given), unavailable.
  api::Parsed<Leave> may_go(const std::string& tenant, const std::string& label, guard::Decision* held = nullptr) const;
  // The same for a model of the store, which is nobody's, by the labels that it carries.
  // `beside`: a leave for what goes with it, which is then the leave for both.
  api::Parsed<Leave> may_go(const ModelFacts& model, guard::Decision* held = nullptr, const Leave& beside = {}) const;
  // The holds, which stand still by `beside` or by a lock of their own. Errors: of reading them; io after that second.
  Result<guard::StandingHolds> standing(const Leave& beside = {}) const;

  // The holds as they are, for who knows that somebody else has them stand still. Errors: of reading them.
  Result<std::vector<guard::Hold>> holds_now() const;

  // What a request says of itself: Freehold-Label, Freehold-Reason, Freehold-User. Errors: invalid.
  api::Parsed<void> check_headers(const http::Request& request) const;
  static void add_headers(const http::Request& request, guard::Principal& who);

 private:
  Result<guard::Bounds> bounds(const ModelFacts& model) const;
  using HoldOn = std::function<const guard::Hold*(const std::vector<guard::Hold>&)>;
  api::Parsed<Leave> may_go(const Leave& beside, const HoldOn& hold_on, guard::Decision* held) const;

  const guard::Policy policy_;
  std::optional<guard::LabelBook> book_;
  std::optional<guard::HoldBook> holds_;
};

// 403 with the decision's message.
api::Failure refusal_of(const guard::Decision& decision);

}  // namespace freehold::app
