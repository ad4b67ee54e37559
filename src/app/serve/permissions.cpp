#include "app/serve/permissions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "store/name.h"

namespace freehold::app {
namespace {

using guard::Resource;

constexpr std::size_t kLongestReason = 200;  // bytes
constexpr std::size_t kLongestUser = 1024;   // bytes: what subjects are called by
constexpr double kPatience = 1;              // seconds: others wait for the thread that waits

// With its tag, as names are labelled.
std::string labelled_name(const std::string& name) {
  const auto parsed = store::ModelName::parse(name);
  return parsed ? parsed->text() : name;
}

}  // namespace

Permissions::Permissions(guard::Policy policy, std::filesystem::path home) : policy_(std::move(policy)) {
  if (home.empty()) return;
  holds_.emplace(home);
  (void)holds_->stand(0);  // makes its files while there is room on the disk for them
  book_.emplace(std::move(home));
}

bool Permissions::sees(const guard::Principal& who, std::string_view model) const {
  return decide(who, guard::Action::read, {Resource::Kind::model, model, {}, {}}).allowed;
}

guard::Decision Permissions::to_go_on(const guard::Principal& who) const {
  guard::Decision out;
  out.allowed = !policy_.of(who.role).reason;
  if (out.allowed) return out;
  out.rule = fmt::format("roles.{}.reason", guard::name_of(who.role));
  out.message = fmt::format(
      "a key with the role {} gives its reason for one request, so it may not begin what goes on "
      "after it: a response in the background, a batch, a fine-tuning job. Ask without it, and "
      "wait for the answer",
      guard::name_of(who.role));
  return out;
}

Result<guard::Bounds> Permissions::bounds(const ModelFacts& model) const {
  if (!book_) return guard::Bounds();
  std::vector<std::string> contents = {model.key, model.reference, model.digest};
  if (model.adapter) {
    contents.push_back(model.adapter->id.name());
    contents.push_back(model.adapter->weights);
  }
  return book_->bounds(labelled_name((model.base ? *model.base : model).name()), contents);
}

guard::Decision Permissions::to_ask(const guard::Principal& who, const ModelFacts& model,
                                    std::string_view label) const {
  const ModelFacts& judged = model.base ? *model.base : model;
  Resource resource{Resource::Kind::model, judged.name(), {}, {}};
  auto known = bounds(model);
  if (!known) {
    guard::Decision denied;
    denied.rule = "labels";
    denied.message = "the labels cannot be read, so no model may be asked";
    return denied;
  }
  resource.ceilings = std::move(known->ceilings);
  resource.labels = std::move(known->labels);
  return decide(who, guard::Action::ask, resource, label);
}

Result<> Permissions::mark(const std::string& content, const std::string& label) {
  if (!book_ || label.empty() || label == policy_.lowest()) return {};
  return book_->raise(content, label, [&](std::string_view a, std::string_view b) {
    return policy_.rank(a).value_or(SIZE_MAX) > policy_.rank(b).value_or(SIZE_MAX);
  });
}

api::Parsed<void> Permissions::check_headers(const http::Request& request) const {
  const std::string_view label = request.headers.get("freehold-label");
  if (request.headers.has("freehold-label") && !policy_.rank(label)) {
    return api::refuse(api::Problem::invalid,
                       fmt::format("the header Freehold-Label must be one of {}", policy_.names()));
  }
  constexpr std::pair<std::string_view, std::size_t> kTexts[] = {{"Freehold-Reason", kLongestReason},
                                                                 {"Freehold-User", kLongestUser}};
  for (const auto& [name, longest] : kTexts) {
    const std::string_view text = request.headers.get(name);
    const bool good = text.size() <= longest && is_utf8(text) && std::all_of(text.begin(), text.end(), [](char c) {
                        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
                      });
    if (good) continue;
    return api::refuse(api::Problem::invalid,
                       fmt::format("the header {} must be UTF-8 of at most {} bytes", name, longest));
  }
  return {};
}

api::Parsed<Permissions::Leave> Permissions::may_go(const Leave& beside, const HoldOn& hold_on,
                                                    guard::Decision* held) const {
  if (!holds_) return Leave();
  auto now = standing(beside);
  if (!now) return api::refuse(api::Problem::unavailable, "whether it is held cannot be told: " + now.error().what);
  const guard::Hold* hold = hold_on(now->holds);
  if (hold == nullptr) return now->still;
  // Why, clients are not told: a case may be a secret before who it is about.
  const std::string why = fmt::format("It cannot be deleted: it is held ({}); ask whoever runs this server.", hold->id);
  if (held != nullptr) {
    held->rule = hold->id;
    held->message = why;
  }
  return api::refuse(api::Problem::conflict, why);
}

Result<guard::StandingHolds> Permissions::standing(const Leave& beside) const {
  if (!holds_) return guard::StandingHolds();
  if (beside == nullptr) return holds_->standing(kPatience);
  FH_TRY(auto holds, holds_->all());
  return guard::StandingHolds{beside, std::move(holds)};
}

Result<std::vector<guard::Hold>> Permissions::holds_now() const {
  return holds_ ? holds_->all() : std::vector<guard::Hold>();
}

api::Parsed<Permissions::Leave> Permissions::may_go(const std::string& tenant, const std::string& label,
                                                    guard::Decision* held) const {
  const std::string_view carries = label.empty() ? policy_.lowest() : label;
  // Of whom it tells beside its owner, nothing here says.
  return may_go(
      {},
      [&](const auto& holds) {
        return guard::hold_on(holds, {carries, tenant, ""});
      },
      held);
}

api::Parsed<Permissions::Leave> Permissions::may_go(const ModelFacts& model, guard::Decision* held,
                                                    const Leave& beside) const {
  const auto known = bounds(model);
  if (!known) return api::refuse(api::Problem::unavailable, "whether it is held cannot be told: " + known.error().what);
  return may_go(
      beside, [&](const auto& holds) { return guard::hold_on_model(holds, policy_.lowest(), known->labels); }, held);
}

void Permissions::add_headers(const http::Request& request, guard::Principal& who) {
  who.request = request.id;
  who.background = request.on_behalf_of.has_value();
  const std::string_view reason = request.headers.get("freehold-reason");
  if (guard::says_something(reason)) who.reason = reason;
  if (const std::string_view label = request.headers.get("freehold-label"); !label.empty())
    who.carries.emplace_back(label);
}

api::Failure refusal_of(const guard::Decision& decision) {
  return {api::Problem::forbidden, decision.message, {}, {}};
}

}  // namespace freehold::app
