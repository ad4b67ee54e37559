// The claims of a report for programs: docs/formats/audit-report.md.
#include "app/json_writer.h"
#include "app/report/audit_report.h"
#include "base/base64.h"

namespace freehold::app {
namespace {

using audit::Claim;

void write_claim(JsonWriter& w, const Claim& claim) {
  w.begin_object().member("id", claim.id).member("says", claim.says).member("op", audit::name_of(claim.op));
  if (!claim.member.empty()) w.member("member", claim.member);
  w.key("where").begin_object();
  for (const audit::Condition& condition : claim.where) {
    w.key(condition.member).begin_array();
    for (const std::string& one : condition.any) w.value(one);
    w.end_array();
  }
  w.end_object();
  if (!claim.before.empty()) w.member("before", claim.before);
  if (!claim.after.empty()) w.member("after", claim.after);
  w.key("value");
  if (claim.op == Claim::Op::by) {
    w.begin_object();
    for (const auto& [name, n] : claim.values) w.member(name, n);
    w.end_object();
  } else if (claim.op == Claim::Op::list) {
    w.begin_array();
    for (const std::uint64_t number : claim.entries) w.value(number);
    w.end_array();
  } else {
    w.value(claim.value);
  }
  w.end_object();
}

void write_hashes(JsonWriter& w, const std::vector<audit::Hash>& hashes) {
  w.begin_array();
  for (const audit::Hash& hash : hashes) w.value(audit::base64_of(hash));
  w.end_array();
}

}  // namespace

std::string claims_json(const AuditReport& report) {
  JsonWriter w(true);
  w.begin_object().member("format", "freehold-audit-report 1").member("framework", report.framework->name);
  w.member("from", audit::utc_text(report.from)).member("to", audit::utc_text(report.to));
  w.member("made", audit::utc_text(report.made)).member("program", report.program).member("key", report.public_key);
  w.key("begin");
  report.begin ? w.value(report.begin->note) : w.null();
  w.member("end", report.end.note);
  w.key("consistency");
  write_hashes(w, report.consistency);
  w.key("facts").begin_array();
  for (const Fact& fact : report.facts) {
    w.begin_object().member("id", fact.id).member("says", fact.says).member("value", fact.value).end_object();
  }
  w.end_array().key("claims").begin_array();
  for (const Claim& claim : report.claims) write_claim(w, claim);
  w.end_array().key("settings").begin_array();
  for (const Setting& s : report.settings) {
    w.begin_object().member("id", s.id).member("says", s.says).member("value", s.value).member("source", s.source);
    if (s.entry) w.member("entry", *s.entry).member("member", s.member);
    w.end_object();
  }
  w.end_array().key("exceptions").begin_array();
  for (const std::string& exception : report.exceptions) w.value(exception);
  w.end_array().key("entries").begin_array();
  for (const NotedEntry& entry : report.noted) {
    if (!entry.proven) continue;
    w.begin_object().member("number", entry.number).member("entry", base64(entry.text)).key("path");
    write_hashes(w, entry.path);
    w.end_object();
  }
  w.end_array().end_object();
  return w.take() + "\n";
}

}  // namespace freehold::app
