#include "app/serve/accounts.h"

#include <fmt/format.h>

#include <atomic>

#include "app/serve/reply.h"
#include "audit/claim.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "guard/keys.h"
#include "ledger/usage_query.h"

namespace freehold::app {
namespace {

constexpr const char* kLocal = "local";  // who asks a server without keys

api::Failure at_limit(const guard::Admission& admission) {
  api::Failure failure{api::Problem::too_many,
                       fmt::format("the limit of this key is reached ({}); try again in {} s",
                                   guard::name_of(admission.limit), admission.retry_after.count()),
                       {},
                       {}};
  failure.headers = guard::rate_limit_headers(admission);
  return failure;
}

// What stands in a request's key where a client must send one, and the certificate shall count.
constexpr std::string_view kByCertificate = "certificate";

guard::CertificateFacts facts_of(const http::PeerCertificate& c) {
  return {c.sha256, c.common_name, c.dns, c.email, c.uri, c.not_after};
}

// Clients of the vendors' libraries try a 429 again unless they are told not to: a wrong key stays wrong.
api::Failure to_wait(std::chrono::seconds time) {
  api::Failure failure{api::Problem::too_many,
                       fmt::format("too many wrong keys came from this address; try again in {} s", time.count()),
                       {},
                       {}};
  failure.headers = {{"retry-after", std::to_string(time.count())}, {"x-should-retry", "false"}};
  return failure;
}

// Too many keys are being looked at to say whether this one is right: a right one shall come again.
api::Failure not_looked_at_yet() {
  api::Failure failure{api::Problem::too_many, "too many keys are being verified; try again in 1 s", {}, {}};
  failure.headers = {{"retry-after", "1"}};
  return failure;
}

// RFC 6750, section 3.
api::Failure not_let_in(const guard::Entrance& in) {
  api::Failure failure{api::Problem::unauthorised, in.message, {}, {}};
  if (in.rule.starts_with("sign_in.")) {
    failure.headers.emplace_back("www-authenticate",
                                 fmt::format(R"(Bearer error="invalid_token", error_description="{}")", in.message));
  }
  return failure;
}

}  // namespace

// A key's id names its tenant (guard/authenticator.h).
std::optional<guard::Principal> Accounts::principal_of_tenant(const std::string& tenant) const {
  guard::Principal principal;
  principal.key_id = principal.name = principal.tenant = tenant;
  if (!authenticator_) return principal;  // nobody is asked for a key
  if (tenant == kLocal) return std::nullopt;
  if (tenant.starts_with("given-")) {
    return authenticator_->is_given(tenant) ? std::optional(std::move(principal)) : std::nullopt;
  }
  if (guard::is_person(tenant)) return authenticator_->as_before(tenant);
  auto keys = guard::Keys::open(home_, guard::OpenKeys::existing);
  if (!keys) return std::nullopt;
  const auto all = keys->list();
  if (!all) return std::nullopt;
  for (const guard::KeyInfo& key : *all) {
    if (key.id != tenant || !key.usable(guard::wall_seconds())) continue;
    principal.name = key.name;
    principal.role = key.role;
    principal.limits = key.limits;
    principal.models = key.models;
    principal.label = key.label;
    principal.ceiling = key.ceiling;
    return principal;
  }
  return std::nullopt;
}

std::optional<guard::Principal> Accounts::principal_of(const http::Request& request) const {
  std::optional<guard::Principal> out;
  if (request.on_behalf_of) {
    out = principal_of_tenant(*request.on_behalf_of);
  } else if (authenticator_) {
    out = judge(request, {.again = true}).principal;
  } else {
    out.emplace();
    out->key_id = out->name = out->tenant = kLocal;
    out->role = guard::Role::admin;
  }
  // Whoever asks a server without keys owns the machine.
  if (out && !authenticator_) out->ceiling = permissions_->policy().highest();
  if (out) Permissions::add_headers(request, *out);
  return out;
}

guard::Entrance Accounts::judge(const http::Request& request, const guard::Origin& origin) const {
  const std::string_view key = key_of(request);
  // A browser shows its certificate for any page. A page has to say that it is meant, in a field that it may not set
  // without asking first.
  const bool said = key == kByCertificate && request.target.query_value("key") != kByCertificate;
  if (request.certificate && (request.headers.has("origin") ? said : key.empty() || key == kByCertificate))
    return authenticator_->judge(facts_of(*request.certificate), origin.again);
  return authenticator_->judge(key, origin);
}

void Accounts::tell(const std::optional<guard::LockoutReport>& report) const {
  if (!trail_ || !report) return;
  audit::Object details;
  details.add("attempts", report->attempts).add("refused", report->refused);
  details.add("wait_seconds", static_cast<std::uint64_t>(report->wait.count()));
  details.add("keys", fmt::format("{}", fmt::join(report->keys, ",")));
  trail_->act({}, "lock-out", report->address, details);
}

api::Parsed<guard::Principal> Accounts::enter(const http::Request& request) const {
  if (request.on_behalf_of || !authenticator_) {
    auto who = principal_of(request);
    if (who) return std::move(*who);
    return api::refuse(api::Problem::unauthorised, "the API key is missing or wrong");
  }
  const std::string& address = request.remote_address;
  const std::chrono::seconds wait = lockout_.wait(address);
  const std::string place = guard::place_of(address);
  // What could be guessed has to wait, but not where all addresses are one: whoever asks from this machine, or from
  // behind a proxy on it, would lock out everybody else there.
  const bool waits = wait > std::chrono::seconds(0);
  guard::Entrance in = judge(request, {.address = place, .waits = waits && !guard::is_loopback(address)});
  if (in.principal) {
    Permissions::add_headers(request, *in.principal);
    return std::move(*in.principal);
  }
  if (in.attempt) {
    const auto parts = guard::parse_key(key_of(request));
    tell(lockout_.wrong(address, parts ? parts->id : std::string_view(), in.mark));
  }
  if (waits && (in.attempt || in.busy)) {
    tell(lockout_.refused(address));
    return tl::unexpected(to_wait(wait));
  }
  if (in.busy) return tl::unexpected(not_looked_at_yet());
  if (trail_ && !in.rule.empty()) trail_->not_let_in(request.id, in);
  return tl::unexpected(not_let_in(in));
}

api::Parsed<void> Accounts::permit(const guard::Principal& principal, const guard::Decision& decision) const {
  if (decision.allowed) return {};
  if (trail_) trail_->denied(principal, decision);
  return tl::unexpected(refusal_of(decision));
}

api::Parsed<void> Accounts::check(const guard::Principal& principal) {
  const guard::Admission admission = limiter_.look(principal, 1);
  return admission.ok ? api::Parsed<void>() : tl::unexpected(at_limit(admission));
}

api::Parsed<void> Accounts::count_request(const guard::Principal& principal) {
  guard::Principal counted = principal;
  counted.limits.tokens_per_minute.reset();
  counted.limits.concurrency.reset();  // a client may count tokens while its answer streams
  const guard::Admission admission = limiter_.admit(counted, 0);
  return admission.ok ? api::Parsed<void>() : tl::unexpected(at_limit(admission));
}

namespace {

// Clients of the vendors' libraries try a 429 again unless they are told not to.
api::Failure over_budget(const ledger::BudgetDecision& decision) {
  api::Failure failure{decision.later ? api::Problem::too_many : api::Problem::budget, decision.message, {}, {}};
  if (!decision.later) failure.headers.emplace_back("x-should-retry", "false");
  return failure;
}

}  // namespace

api::Parsed<Accounts::Admitted> Accounts::admit(const guard::Principal& principal, const ledger::BudgetAsk& at_most) {
  guard::Admission admission = limiter_.admit(principal, at_most.tokens());
  if (!admission.ok) return tl::unexpected(at_limit(admission));
  Admitted out;
  if (budgets_) {
    auto decision = budgets_->reserve(at_most);
    if (!decision || !decision->ok) {
      admission.lease.settle(0);
      if (decision) return tl::unexpected(over_budget(*decision));
      return api::refuse(api::Problem::unavailable, "the budgets cannot be read, so nothing may be used");
    }
    out.reservation = std::move(decision->reservation);
    if (!decision->warnings.empty())
      out.headers.emplace_back("freehold-budget", fmt::format("{}", fmt::join(decision->warnings, "; ")));
  }
  const auto limits = guard::rate_limit_headers(admission);
  out.headers.insert(out.headers.end(), limits.begin(), limits.end());
  out.lease = std::move(admission.lease);
  return out;
}

Result<std::optional<ledger::Event>> Accounts::recorded(std::string_view request_id) const {
  if (!log_) return std::optional<ledger::Event>();
  auto query = ledger::UsageQuery::open(home_);
  if (!query && query.error().code == Errc::not_found) return std::optional<ledger::Event>();
  if (!query) return tl::unexpected(std::move(query).error());
  return query->find(request_id);
}

std::optional<Error> Accounts::failure() const {
  if (auto trail = trail_ ? trail_->failure() : std::nullopt) return trail;
  return log_ ? log_->failure() : std::nullopt;
}

Result<std::optional<std::map<std::string, std::string>>> Accounts::logged(std::string_view request_id) const {
  if (!trail_) return std::optional<audit::EntryMembers>();
  const std::filesystem::path folder = audit::audit_folder(home_);
  const auto reader = audit::Reader::open(folder);
  if (!reader && reader.error().code == Errc::not_found) return std::optional<audit::EntryMembers>();
  if (!reader) return tl::unexpected(reader.error());
  FH_TRY(const auto number, reader->find(request_id));
  if (!number) return std::optional<audit::EntryMembers>();
  FH_TRY(const std::string entry, reader->entry(*number));
  FH_TRY(audit::EntryMembers members, audit::members_of(entry));
  return std::optional(std::move(members));
}

void Accounts::record(ledger::Event event, audit::RequestEntry entry, Said said, ledger::Reservation reservation,
                      std::function<void(bool)> stored) {
  struct Waiting {
    std::atomic<int> open;
    std::atomic<bool> durable{true};
    ledger::Reservation reservation;
    std::function<void(bool)> then;
  };
  const int records = (log_ ? 1 : 0) + (trail_ ? 1 : 0);
  if (records == 0) return stored(true);
  auto waiting = std::make_shared<Waiting>();
  waiting->open = records;
  waiting->reservation = std::move(reservation);
  waiting->then = std::move(stored);
  const auto done = [waiting](bool durable) {
    if (!durable) waiting->durable = false;
    if (--waiting->open > 0) return;
    waiting->reservation = {};
    waiting->then(waiting->durable);
  };
  if (trail_) {
    entry.usage = log_.has_value();
    fill(entry, event);
    trail_->request(std::move(entry), std::move(said), done);
  }
  if (log_) log_->append(std::move(event), done);
}

void Accounts::answered(const http::Request& request, int status, const std::function<void()>& then) const {
  if (!trail_ || !AuditTrail::concerns(request, status)) return then();
  std::optional<guard::Principal> who;
  if (status == 429 && authenticator_ && !request.on_behalf_of) {
    // What had to wait is not looked at now either.
    const std::string& address = request.remote_address;
    const bool waits = lockout_.wait(address) > std::chrono::seconds(0) && !guard::is_loopback(address);
    who = judge(request, {.waits = waits, .again = true}).principal;
  } else if (status != 401) {
    who = principal_of(request);
  }
  trail_->answered(request, status, who, then);
}

}  // namespace freehold::app
