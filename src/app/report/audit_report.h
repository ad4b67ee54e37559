// What `audit report` says, before it is laid out: claims that can be computed again from the log, settings that are in
// force, entries worth showing with their proofs, what is not as it should be; and which of these speak to which duty
// of a framework.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/report/document.h"
#include "audit/claim.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/reader.h"
#include "base/result.h"

namespace freehold::app {

// A duty: where it is written, what it asks for, and what of the report speaks to it.
struct Duty {
  std::string_view ref;     // "45 CFR 164.312(b)"
  std::string_view kind;    // "required", "addressable", "standard"; empty where there are no such kinds
  std::string_view duty;    // in short
  std::string_view how;     // what the program does about it
  std::string_view claims;  // keys of the claims and settings below, between blanks
  std::string_view cannot;  // what of this duty software cannot show
};
struct Framework {
  std::string_view name;   // "hipaa"
  std::string_view title;  // "HIPAA Security Rule"
  std::string_view source;
  std::span<const Duty> duties;
  std::span<const std::string_view> cannot;  // what it asks for beside these, which no software shows
};
std::span<const Framework> frameworks();
const Framework* framework_of(std::string_view name);

// A claim as the report asks it. `key`: how duties name it.
struct Question {
  std::string_view key, says;
  audit::Claim::Op op = audit::Claim::Op::count;
  std::string_view member = {};
  // Conditions, between commas: "kind=request, outcome=completed|cancelled". "member=" is: not there.
  std::string_view where = {};
};
std::span<const Question> questions();

// Something that is configured, and where that is known from.
struct Setting {
  std::string id;   // "S3"
  std::string key;  // how duties name it: "tls"
  std::string says, value;
  std::string source;                  // in words
  std::optional<std::uint64_t> entry;  // the entry of the log whose member says so
  std::string member;
};

// About the log itself: "L1" …
struct Fact {
  std::string id, says, value;
};

// An entry with its proof.
struct NotedEntry {
  std::uint64_t number = 0;
  std::string text;  // the leaf
  audit::EntryMembers members;
  std::vector<audit::Hash> path;  // in the log of `end`
  bool proven = false;            // beyond kMostProofs there is none; `audit prove NUMBER` makes it
};
inline constexpr std::size_t kMostProofs = 200;

struct SignedCheckpoint {
  std::string note;
  audit::Checkpoint checkpoint;
};

struct AuditReport {
  const Framework* framework = nullptr;
  std::int64_t from = 0, to = 0, made = 0;  // seconds since 1970, UTC
  std::string program;
  std::string public_key;                 // of the log, as signed notes write it
  std::optional<SignedCheckpoint> begin;  // the last before the period; none: the log began later
  SignedCheckpoint end;                   // the last of the period
  std::vector<audit::Hash> consistency;   // from begin to end
  std::vector<Fact> facts;
  std::vector<audit::Claim> claims;  // in the order of questions(), then those about time
  std::vector<Setting> settings;
  std::vector<NotedEntry> noted;                            // of the lists, by number
  std::vector<std::string> exceptions;                      // what somebody must look at
  std::vector<std::pair<std::string, std::string>> policy;  // every line of policy.yaml: "retention.health", "…"

  const audit::Claim* claim(std::string_view key) const;
  const Setting* setting(std::string_view key) const;
};

struct ReportOptions {
  const Framework* framework = nullptr;
  std::int64_t from = 0, to = 0, now = 0;
  std::filesystem::path home;
  std::filesystem::path log;  // its folder
  bool own_log = true;        // the log is that of `home`: settings are of it, too
};
// Reads the whole log and verifies it first. An entry belongs to the period if the checkpoint that covers it was signed
// in it. Errors: those of audit::verify_log; not_found (nothing was signed before `to`).
Result<AuditReport> make_report(const ReportOptions& options);

std::string claims_json(const AuditReport& report);  // docs/formats/audit-report.md
Document report_document(const AuditReport& report);

// What the last start of the server before entry `until` has said of itself; and as an exception where the starts from
// entry `first` on, and the last one before it, have said something else: those servers may have run beside it.
Result<> add_server_settings(const audit::Reader& reader, std::uint64_t first, std::uint64_t until, AuditReport& to);
// The settings of a home, as far as they can be read; and what of them somebody should look at.
void add_home_settings(const std::filesystem::path& home, std::int64_t now, AuditReport& to);
// Every scalar of a YAML file: its path with dots, its text.
Result<std::vector<std::pair<std::string, std::string>>> flattened_yaml(std::string_view yaml);

}  // namespace freehold::app
