// `guard record`: the record of processing activities (GDPR, Article 30) from the configuration. What only people know
// is what policy.yaml says, or said to be missing; nothing is made up.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/moment.h"
#include "app/output.h"
#include "app/report/audit_report.h"
#include "app/version.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "guard/policy.h"
#include "guard/processing.h"
#include "store/store.h"

namespace freehold::app {
namespace {

struct RecordLine {
  std::string letter;  // of Article 30(1): "a"
  std::string what, value;
  bool known = true;  // false: nobody has said it
  std::string from;
};

RecordLine said(std::string letter, std::string what, const std::string& value, std::string_view key) {
  if (!value.empty())
    return {std::move(letter), std::move(what), value, true, fmt::format("policy.yaml, processing.{}", key)};
  return {std::move(letter), std::move(what), fmt::format("not stated (processing.{} in policy.yaml)", key), false, {}};
}

std::string policy_lines(const AuditReport& settings, std::string_view key) {
  const Setting* found = settings.setting(key);
  return found == nullptr ? "not known" : found->value;
}

// Who gets in without a key of this program: by tokens of others, and by certificates.
void add_people(const guard::Policy& policy, std::vector<RecordLine>& out) {
  for (const guard::IssuerRule& rule : policy.sign_in) {
    std::string roles;
    for (const auto& [claim, role] : rule.roles)
      roles += fmt::format("{}{} as {}", roles.empty() ? "" : ", ", printable(claim), guard::name_of(role));
    out.push_back({"g", "sign-in: tokens of " + printable(rule.issuer),
                   fmt::format("{}; signatures are verified", roles), true, "policy.yaml, sign_in"});
  }
  for (const guard::CertificateRule& rule : policy.certificates) {
    out.push_back(
        {"g", "client certificates",
         fmt::format("{} {} as {}", guard::name_of(rule.by), printable(rule.value), guard::name_of(rule.role)), true,
         "policy.yaml, certificates"});
  }
}

Result<std::vector<RecordLine>> lines_of(const std::filesystem::path& home, AuditReport& settings) {
  FH_TRY(const guard::Policy policy, guard::load_policy(home));
  FH_TRY(const guard::Processing p, guard::load_processing(home));
  add_home_settings(home, settings.made, settings);
  std::vector<RecordLine> out;
  out.push_back(said("a", "controller", p.controller, "controller"));
  out.push_back(said("a", "contact", p.contact, "contact"));
  out.push_back(said("a", "joint controllers", p.joint_controllers, "joint_controllers"));
  out.push_back(said("a", "representative", p.representative, "representative"));
  out.push_back(said("a", "data protection officer", p.officer, "data_protection_officer"));
  if (p.purposes.empty()) out.push_back(said("b, c", "purposes", "", "purposes"));
  for (std::size_t i = 0; i < p.purposes.size(); ++i) {
    const guard::Purpose& purpose = p.purposes[i];
    const std::string at = fmt::format("purposes, {}", i + 1);
    out.push_back(said("b", fmt::format("purpose {}", i + 1), purpose.name, at));
    out.push_back(said("c", fmt::format("purpose {}: people", i + 1), purpose.subjects, at + ", people"));
    out.push_back(said("c", fmt::format("purpose {}: data", i + 1), purpose.data, at + ", data"));
    out.push_back(said("", fmt::format("purpose {}: legal basis", i + 1), purpose.basis, at + ", basis"));
    if (!purpose.label.empty())
      out.push_back({"c", fmt::format("purpose {}: label", i + 1), purpose.label, true, "policy.yaml"});
  }
  out.push_back({"c", "labels of data, lowest first", policy.names(), true, "policy"});
  out.push_back({"d", "recipients: vendors that may be given more than the lowest label",
                 policy_lines(settings, "vendor-ceilings"), true, "policy"});
  out.push_back(
      {"d", "recipients: all other vendors",
       fmt::format("only what carries the label {}, and only where a model of theirs is named", policy.lowest()), true,
       "policy"});
  out.push_back(said("d", "other recipients", p.recipients, "recipients"));
  out.push_back(said("e", "transfers to third countries, and their guarantees", p.transfers, "transfers"));
  out.push_back({"f", "retention", policy_lines(settings, "retention-policy"), true, "policy"});
  out.push_back(
      {"f", "the audit log",
       "no text of a prompt or an answer: digests, ids and names of keys, addresses, reasons; never shortened", true,
       "the program"});
  out.push_back(said("f", "other time limits of erasure", p.erasure, "erasure"));
  out.push_back({"g", "who may do what", policy_lines(settings, "roles"), true, "policy"});
  out.push_back({"g", "keys", policy_lines(settings, "keys") + "; kept as Argon2id hashes", true, "freehold.db"});
  add_people(policy, out);
  out.push_back({"g", "actions on personal data", policy_lines(settings, "personal-data"), true, "policy"});
  for (const Setting& s : settings.settings) {
    if (s.entry) out.push_back({"g", s.says, s.value, true, s.source});
  }
  out.push_back({"g", "what is kept of prompts and answers, if it is",
                 "XChaCha20-Poly1305 under a key of each subject, wrapped by a master key", true, "the program"});
  out.push_back({"g", "the audit log", "Merkle tree (RFC 9162), checkpoints signed with Ed25519", true, "the program"});
  out.push_back(said("g", "other measures", p.measures, "measures"));
  return out;
}

Document record_document(const std::vector<RecordLine>& lines, std::int64_t made) {
  Document out;
  out.title = "Record of processing activities";
  out.subtitle =
      fmt::format("GDPR, Article 30(1). Made {} by {} from the configuration.", show_moment(made), version_line());
  out.made = made;
  out.footer = "Record of processing activities";
  std::size_t missing = 0;
  for (const RecordLine& line : lines) missing += line.known ? 0 : 1;
  if (missing > 0) {
    out.add(Text::Kind::attention, fmt::format("{} lines are not stated: only people know them. They belong into "
                                               "policy.yaml, under processing:.",
                                               missing));
  }
  Grid grid{{{"30(1)", 0.6}, {"What", 2}, {"", 4}, {"Known from", 1.6}}, {}};
  for (const RecordLine& line : lines) grid.rows.push_back({{line.letter}, {line.what}, {line.value}, {line.from}});
  out.blocks.emplace_back(std::move(grid));
  out.add(Text::Kind::small,
          "This is about what the program does with data. What is around it (applications, paper, other copies) has "
          "lines of its own elsewhere.");
  return out;
}

std::string record_json(const std::vector<RecordLine>& lines, std::int64_t made) {
  JsonWriter w(true);
  w.begin_object().member("record", "GDPR, Article 30(1)").member("made", show_moment(made)).key("lines").begin_array();
  for (const RecordLine& line : lines) {
    w.begin_object().member("letter", line.letter).member("what", line.what).key("value");
    line.known ? w.value(line.value) : w.null();
    w.member("from", line.from).end_object();
  }
  return w.end_array().end_object().take() + "\n";
}

Result<> run_record(const Arguments& arguments, Console& console) {
  const std::string path = arguments.given("out") ? std::string(arguments.text("out")) : ".html";
  const std::string end = path == ".html" ? path : std::filesystem::path(path).extension().string();
  if (end != ".html" && end != ".pdf" && end != ".json") {
    return fail(Errc::invalid,
                fmt::format("--out '{}': a record is a .html, .pdf or .json file", printable(path, 100)));
  }
  FH_TRY(const std::filesystem::path home, store::default_home());
  AuditReport settings;
  settings.made = guard::wall_seconds();
  if (auto reader = audit::Reader::open(audit::audit_folder(home)); reader && reader->size() > 0) {
    FH_TRY_VOID(add_server_settings(*reader, reader->size(), reader->size(), settings));
  }
  FH_TRY(const auto lines, lines_of(home, settings));
  const std::string text = end == ".json"  ? record_json(lines, settings.made)
                           : end == ".pdf" ? as_pdf(record_document(lines, settings.made))
                                           : as_html(record_document(lines, settings.made));
  if (!arguments.given("out")) {
    console.write(text);
    return {};
  }
  return write_private(path, text);
}

}  // namespace

Command guard_record_command() {
  return {
      .name = "guard record",
      .summary = "Write the record of processing activities (GDPR, Article 30).",
      .details =
          "From the configuration: labels, vendors that may be given data, retention, roles, keys, how the server was "
          "last "
          "started. What only people know (controller, purposes, people, transfers) is what policy.yaml says under "
          "`processing:`; what it does not say is a line that says so.",
      .options = {{.name = "out",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "A .html, .pdf or .json file; by default HTML to standard output.",
                   .letter = 'o'}},
      .examples = {{"freehold guard record -o record.html", "For the authority that asks:"}},
      .run = run_record,
  };
}

}  // namespace freehold::app
