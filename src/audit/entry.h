// What the log remembers: requests, acts of those who look after the server, refusals. Each entry is one object of
// canonical JSON (RFC 8785: members by name, no blanks, one way to write everything), so that the same entry is the
// same bytes. No prompt and no answer is in it, only their digests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::audit {

// An object of strings, whole numbers below 2^53, truth values and objects of these. What would be empty is left out.
class Object {
 public:
  Object& add(std::string_view name, std::string_view value);
  Object& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
  Object& add(std::string_view name, std::uint64_t value);
  Object& add(std::string_view name, bool value);
  Object& add(std::string_view name, const Object& value);
  std::string text() const;
  bool empty() const { return members_.empty(); }

 private:
  std::map<std::string, std::string, std::less<>> members_;  // value: as it is written
};

// Somebody: a key of the server, or a user of the operating system at the command line.
struct Who {
  std::string key;   // the key's id
  std::string name;  // what it is called, or the user's name
  std::string role;
};

// A request that was let in. docs/formats/audit.md says what each member is of.
struct RequestEntry {
  std::string id;         // the receipt's, which is the request's, and that of its event in usage.db
  std::int64_t time = 0;  // when it arrived: microseconds since 1970, UTC; so everywhere here
  Who who;
  std::string dialect, endpoint;
  std::string model;                                   // the name that was asked for
  std::string model_digest, adapter, template_digest;  // "sha256:…"
  std::string sampling;                                // as in usage.db
  std::optional<std::uint64_t> seed;
  std::uint64_t context = 0;  // tokens of a sequence, as the model was served
  std::string kv_cache;       // how keys and values were kept: "f16"
  std::string clock;          // the civil time that the chat template has read, if it has: "2027-01-31T12:00:00"
  std::uint64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  std::string request_digest;  // of the body as it came: "sha256:…", so the others
  std::string prompt_digest;   // of the prompt's tokens, 4 bytes each, little-endian; several: of their digests
  std::string answer_digest;   // of the answer's text; several: of their digests
  std::string subject;         // whose it is, if what was said is kept (subjects.h): "sub_…"
  std::string content;         // where that lies, encrypted (content.h: ContentPlace)
  std::string content_digest;  // of the encrypted bytes
  std::string label;           // of the exchange, as the policy has it (guard/policy.h)
  std::string break_glass;     // why somebody broke the glass for it
  // What was done with personal data: "profile", and of "request", "answer" and "log" counts by treatment and kind.
  Object personal_data;
  std::string seal;  // what of the kernel kept the process sealed that answered: "seccomp landlock-4"; or empty
  std::string outcome, finish;
  std::uint64_t status = 0;  // HTTP's
  bool usage = true;         // whether usage.db has an event of it
};
std::string entry_of(const RequestEntry& request);

// Something that changes what the server does or knows.
struct AdminEntry {
  std::string id;
  std::int64_t time = 0;
  Who who;
  std::string act;      // "keys.create"
  std::string subject;  // whom or what it concerns
  Object details;
};
std::string entry_of(const AdminEntry& act);

// A request that was not let in.
struct RefusalEntry {
  std::string id;
  std::int64_t time = 0;
  Who who;  // empty: nobody who is known
  std::string method, endpoint, dialect, address;
  std::string reason;
  std::uint64_t status = 0;
  std::uint64_t more = 0;  // so many like it are not written one by one
  // Of the policy's denial: the rule, the label that the request carried, the ceiling that it met.
  std::string rule = {}, label = {}, ceiling = {};
  std::string kinds = {};  // of personal data that may not be asked: "card (1), email (2)"
};
std::string entry_of(const RefusalEntry& refusal);

// The parts of an entry that questions are asked about. Errors: corrupt.
struct EntryFacts {
  std::string id, kind, key, name, model, label, subject, act;
  std::int64_t time = 0;
};
Result<EntryFacts> facts_of(std::string_view entry);
// All members, nested ones with dots ("details.role"), as they are shown, by name. Errors: corrupt.
Result<std::map<std::string, std::string>> members_of(std::string_view entry);

std::int64_t now_us();

}  // namespace freehold::audit
