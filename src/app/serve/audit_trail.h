// What the server writes to the audit log beside the answers it gives: refusals, what was changed over HTTP, its own
// start and end. Answers wait for their entries (accounts.h), and so do these (docs/adr/0066): who was refused has the
// refusal when its entry is on disk. Strangers' beyond a number a second are counted only, and do not wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "audit/entry.h"
#include "audit/log.h"
#include "base/result.h"
#include "guard/people.h"
#include "guard/policy.h"
#include "guard/principal.h"
#include "http/message.h"
#include "ledger/event.h"

namespace freehold::app {

// Of the members of an entry, those that its usage event has, too.
void fill(audit::RequestEntry& entry, const ledger::Event& event);
audit::Who who_of(const guard::Principal& principal);
audit::Who who_of(const guard::Known& known);
// "sha256:…" of token ids, 4 bytes each, little-endian; of text.
std::string digest_of(std::span<const std::int32_t> tokens);
std::string digest_of(std::string_view text);
// Of several: SHA-256 of their digests, 32 bytes each, in order; of one: its own.
std::string digest_of(const std::vector<Digest>& parts);

// What was asked and answered, for who keeps it.
struct Said {
  std::string address;  // path and query as they came
  std::string body;     // as it came
  std::string subject;  // whom the client says it asks for; empty: nobody in particular
  std::vector<std::pair<std::string, std::string>> earlier;  // what it goes on from, by name: "earlier-…"
  std::vector<std::string> answers;                          // one a choice, as the model wrote it; of embeddings none
  std::chrono::steady_clock::time_point asked{};             // when it came
};

// Thread-safe.
class AuditTrail {
 public:
  // Takes an entry to where it is to be, and calls back as the log does.
  using Append = std::function<void(std::string entry, Stored stored)>;
  // Keeps what was said, before the entry is written, which it may complete; calls `then` once, with false if it could
  // not be kept.
  using Then = std::function<void(audit::RequestEntry entry, bool kept)>;
  using Keep = std::function<void(audit::RequestEntry entry, Said said, Then then)>;

  explicit AuditTrail(audit::Log log, Keep keep = {});
  explicit AuditTrail(Append append, Keep keep = {}, std::function<std::optional<Error>()> failure = {})
      : append_(std::move(append)), failure_(std::move(failure)), keep_(std::move(keep)) {}

  // Writes how many refusals were left out since the last that was not.
  ~AuditTrail();
  AuditTrail(const AuditTrail&) = delete;
  AuditTrail& operator=(const AuditTrail&) = delete;

  // Why nothing can be written any more; nothing as long as all is well.
  std::optional<Error> failure() const { return failure_ ? failure_() : std::nullopt; }
  // Whether `request` wants to be told what was said.
  bool keeps() const { return keep_ != nullptr; }
  // The entry of a request that was let in. `stored` as the log calls it back.
  void request(audit::RequestEntry entry, Said said, Stored stored);
  // The policy has denied something to this request: its entry, which `answered` writes, says which rule. What runs in
  // the background is answered to nobody, so its entry is written at once.
  void denied(const guard::Principal& who, const guard::Decision& decision);
  // The same of who was not let in: their entry names them, where what they showed was genuine.
  void not_let_in(const std::string& request, const guard::Entrance& in);
  // Whether `answered` writes something about such a request.
  static bool concerns(const http::Request& request, int status);
  // A request is to be answered with this status; `who` if it is known. Refusals and changes are written, what
  // `request` has written already is not. `then` is called once, when the answer may go out: when what is written is
  // durable, or cannot be, which is no reason to keep a refusal back; at once if nothing is.
  void answered(const http::Request& request, int status, const std::optional<guard::Principal>& who,
                const std::function<void()>& then);
  void act(const audit::Who& who, std::string act, std::string subject, audit::Object details = {});
  // Waits until the entry is durable. Errors: io if it could not be.
  Result<> act_kept(const audit::Who& who, std::string act, std::string subject, audit::Object details = {});

 private:
  struct Denied {
    guard::Decision decision;
    audit::Who who;  // of somebody who was not let in
  };
  void remember(const std::string& request, Denied denied);
  void act(const audit::Who& who, std::string act, std::string subject, audit::Object details, Stored stored);
  // `inside`: of somebody who was let in, each is written.
  void refuse(audit::RefusalEntry entry, bool inside, const std::function<void()>& then);

  AuditTrail(std::shared_ptr<audit::Log> log, Keep keep);

  const Append append_;
  const std::function<std::optional<Error>()> failure_;
  const Keep keep_;                         // ends before the log does, which it calls
  std::mutex mutex_;                        // guards what follows
  std::unordered_set<std::string> failed_;  // ids of requests with an entry that are still to be answered with an error
  std::unordered_map<std::string, Denied> denied_;  // by request
  std::int64_t second_ = 0;  // of those who were not let in, so many refusals were written in this second,
  std::uint64_t strangers_ = 0, left_out_ = 0;          // and so many not,
  std::optional<audit::RefusalEntry> newest_left_out_;  // of which this was the last
};

}  // namespace freehold::app
