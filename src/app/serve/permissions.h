// What the policy says of people, models and what they have left here: the server's way to the one function that
// decides (guard/policy.h), with what is labelled in the store.
#pragma once

#include <filesystem>
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
  // Whether a model of this name is there for them at all.
  bool sees(const guard::Principal& who, std::string_view model) const;
  // Asking a model, with its own ceilings and labels, those of its adapter, and of the model that it was tuned from.
  // Where labels cannot be read, nobody is allowed.
  guard::Decision to_ask(const guard::Principal& who, const ModelFacts& model, std::string_view label = {}) const;
  // What is learned from labelled data carries the label from now on. `content`: the adapter's digest.
  Result<> mark(const std::string& content, const std::string& label);

  // What is held, by the home's legal holds.
  const guard::HoldBook* holds() const { return holds_ ? &*holds_ : nullptr; }
  // Whether a hold is on what this key has left here, with this label (empty: the lowest). What cannot be told is held.
  bool is_held(const std::string& tenant, const std::string& label) const;
  // Whether it may be deleted by whom it belongs to. Errors: conflict (it is held), unavailable.
  api::Parsed<void> may_go(const std::string& tenant, const std::string& label) const;

  // What a request says of itself: Freehold-Label, Freehold-Reason. Errors: invalid.
  api::Parsed<void> check_headers(const http::Request& request) const;
  static void add_headers(const http::Request& request, guard::Principal& who);

 private:
  const guard::Policy policy_;
  std::optional<guard::LabelBook> book_;
  std::optional<guard::HoldBook> holds_;
};

// 403 with the decision's message.
api::Failure refusal_of(const guard::Decision& decision);

}  // namespace freehold::app
