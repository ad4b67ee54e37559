#include "app/serve/audit_trail.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <future>
#include <vector>

#include "app/sealing.h"
#include "app/serve/methods.h"
#include "app/serve/reply.h"
#include "base/random_id.h"
#include "format/json.h"
#include "http/target.h"

namespace freehold::app {
namespace {

// Refusals of people who are not let in that are written a second; a flood of them must not fill the disk.
constexpr std::uint64_t kStrangersASecond = 100;
constexpr std::size_t kMostRemembered = 10'000;
constexpr std::size_t kLongestBody = 65'536;  // of one that is looked into for what it concerns
constexpr std::size_t kLongestPath = 300;

// Addresses at which something is changed; DELETE always changes something.
bool changes(const http::Request& request) {
  if (request.method == "DELETE" || request.method == "PUT" || request.method == "PATCH") return true;
  if (request.method != "POST") return false;
  const auto& path = request.target.segments;
  const auto at = [&](std::size_t i) { return i < path.size() ? std::string_view(path[i]) : std::string_view(); };
  if (at(0) == "api")
    return at(1) == "create" || at(1) == "copy" || at(1) == "pull" || at(1) == "push" || at(1) == "blobs";
  if (at(0) == "freehold") return at(2) == "adapters";
  static constexpr std::array<std::string_view, 6> kChanged = {
      "files", "uploads", "batches", "fine_tuning", "load_lora_adapter", "unload_lora_adapter"};
  return at(0) == "v1" && std::find(kChanged.begin(), kChanged.end(), at(1)) != kChanged.end();
}

// The names in a body, which say what a change is about.
audit::Object named_in(const std::string& body) {
  audit::Object out;
  if (body.empty() || body.size() > kLongestBody || body[0] != '{') return out;
  const auto value = format::parse_json(body);
  if (!value || !value->is_object()) return out;
  for (const char* name : {"model", "name", "source", "destination", "from", "training_file", "input_file_id",
                           "lora_name", "lora_path", "base_model_name"}) {
    const format::Value* member = value->member(name);
    if (member == nullptr) continue;
    if (const auto text = member->as_string()) out.add(name, text->substr(0, kLongestPath));
  }
  return out;
}

}  // namespace

void fill(audit::RequestEntry& entry, const ledger::Event& event) {
  entry.id = event.request_id;
  entry.time = event.time;
  entry.dialect = event.dialect;
  entry.endpoint = event.endpoint;
  entry.model = event.model;
  entry.model_digest = event.model_digest;
  entry.adapter = event.adapter;
  entry.sampling = event.sampling;
  entry.seed = event.seed;
  entry.prompt_tokens = event.prompt_tokens;
  entry.cached_tokens = event.cached_tokens;
  entry.completion_tokens = event.completion_tokens;
  entry.outcome = name_of(event.outcome);
  entry.finish = event.finish_reason;
  entry.status = static_cast<std::uint64_t>(event.http_status);
}

audit::Who who_of(const guard::Principal& principal) {
  return {principal.key_id, principal.name, std::string(guard::name_of(principal.role))};
}

audit::Who who_of(const guard::Known& known) {
  return {known.id, known.name, known.role ? std::string(guard::name_of(*known.role)) : std::string()};
}

std::string digest_of(std::span<const std::int32_t> tokens) {
  return sha256(std::as_bytes(tokens)).name();  // little-endian, as the machines are that this runs on
}

std::string digest_of(std::string_view text) {
  return sha256(text).name();
}

std::string digest_of(const std::vector<Digest>& parts) {
  if (parts.size() == 1) return parts[0].name();
  Sha256 hash;
  for (const Digest& part : parts) hash.update(part.bytes);
  return hash.finish().name();
}

AuditTrail::AuditTrail(audit::Log log, Keep keep)
    : AuditTrail(std::make_shared<audit::Log>(std::move(log)), std::move(keep)) {}

AuditTrail::AuditTrail(std::shared_ptr<audit::Log> log, Keep keep)
    : AuditTrail([log](std::string entry, Stored stored) { log->append(std::move(entry), std::move(stored)); },
                 std::move(keep), [log] { return log->failure(); }) {}

void AuditTrail::request(audit::RequestEntry entry, Said said, Stored stored) {
  entry.seal = seal_layers();
  if (entry.status >= 400) {
    const std::lock_guard lock(mutex_);
    if (failed_.size() >= kMostRemembered) failed_.clear();  // whose clients have left
    failed_.insert(entry.id);
  }
  if (!keep_) return append_(audit::entry_of(entry), std::move(stored));
  keep_(std::move(entry), std::move(said),
        [this, stored = std::move(stored)](const audit::RequestEntry& of, bool kept) {
          if (!kept) {  // what is answered instead has an entry of its own
            {
              const std::lock_guard lock(mutex_);
              failed_.erase(of.id);
            }
            return stored(false);
          }
          append_(audit::entry_of(of), stored);
        });
}

AuditTrail::~AuditTrail() {
  if (!newest_left_out_) return;
  newest_left_out_->more = left_out_ - 1;
  append_(audit::entry_of(*newest_left_out_), [](bool) {});
}

void AuditTrail::refuse(audit::RefusalEntry entry, bool inside, const std::function<void()>& then) {
  if (!inside) {
    std::unique_lock lock(mutex_);
    const std::int64_t second = entry.time / 1'000'000;
    if (second != std::exchange(second_, second)) strangers_ = 0;
    if (++strangers_ > kStrangersASecond) {
      ++left_out_;
      newest_left_out_ = std::move(entry);
      lock.unlock();
      return then();
    }
    entry.more = std::exchange(left_out_, 0);
    newest_left_out_.reset();
  }
  append_(audit::entry_of(entry), [then](bool) { then(); });
}

void AuditTrail::remember(const std::string& request, Denied denied) {
  const std::lock_guard lock(mutex_);
  if (denied_.size() >= kMostRemembered) denied_.clear();
  denied_.try_emplace(request, std::move(denied));  // the first is why it is refused
}

void AuditTrail::not_let_in(const std::string& request, const guard::Entrance& in) {
  guard::Decision why;
  why.rule = in.rule;
  why.message = in.message;
  remember(request, {std::move(why), in.known ? who_of(*in.known) : audit::Who{}});
}

void AuditTrail::denied(const guard::Principal& who, const guard::Decision& decision) {
  if (!who.background) return remember(who.request, {decision, {}});
  audit::RefusalEntry entry{who.request, audit::now_us(), who_of(who), {}, "background", {}, {}, decision.message, 403};
  entry.rule = decision.rule;
  entry.label = decision.label;
  entry.ceiling = decision.ceiling;
  entry.kinds = decision.kinds;
  refuse(std::move(entry), true, [] {});
}

bool AuditTrail::concerns(const http::Request& request, int status) {
  return status >= 400 || changes(request);
}

void AuditTrail::answered(const http::Request& request, int status, const std::optional<guard::Principal>& who,
                          const std::function<void()>& then) {
  if (!who && status == 429) return then();  // an address that has to wait: its act says how many there were
  audit::Who person = who ? who_of(*who) : audit::Who{};
  guard::Decision decision;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = denied_.find(request.id); found != denied_.end()) {
      decision = std::move(found->second.decision);
      if (!who) person = std::move(found->second.who);
      denied_.erase(found);
    }
  }
  if (status < 400) {
    if (!concerns(request, status)) return then();
    // What was changed is there, by the name that its owner has given it.
    return act(person, request.method + " " + http::canonical_path(request.target).substr(0, kLongestPath), {},
               named_in(request.body), [then](bool) { then(); });
  }
  bool written = false;
  {
    const std::lock_guard lock(mutex_);
    written = failed_.erase(request.id) > 0;
  }
  if (written) return then();
  audit::RefusalEntry entry{request.id,
                            audit::now_us(),
                            person,
                            std::string(logged_method(request.method)),
                            logged_path(request),
                            std::string(name_of(dialect_of(request))),
                            request.remote_address,
                            std::string(http::reason_phrase(status)),
                            static_cast<std::uint64_t>(status)};
  entry.rule = decision.rule;
  entry.label = decision.rule.empty() ? std::string() : decision.label;
  entry.ceiling = decision.ceiling;
  entry.kinds = decision.kinds;
  refuse(std::move(entry), who.has_value(), then);
}

void AuditTrail::act(const audit::Who& who, std::string act, std::string subject, audit::Object details) {
  this->act(who, std::move(act), std::move(subject), std::move(details), [](bool) {});
}

Result<> AuditTrail::act_kept(const audit::Who& who, std::string act, std::string subject, audit::Object details) {
  std::promise<bool> stored;
  std::string failed = fmt::format("{} could not be written to the audit log", act);
  this->act(who, std::move(act), std::move(subject), std::move(details), [&](bool kept) { stored.set_value(kept); });
  if (stored.get_future().get()) return {};
  return fail(Errc::io, std::move(failed));
}

void AuditTrail::act(const audit::Who& who, std::string act, std::string subject, audit::Object details,
                     Stored stored) {
  append_(audit::entry_of(audit::AdminEntry{"adm_" + random_id(), audit::now_us(), who, std::move(act),
                                            std::move(subject), std::move(details)}),
          std::move(stored));
}

}  // namespace freehold::app
