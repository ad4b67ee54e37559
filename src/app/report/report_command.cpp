// `audit report`: what an auditor gets.
#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/audit/audit_commands.h"
#include "app/console.h"
#include "app/moment.h"
#include "app/output.h"
#include "app/report/audit_report.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "store/store.h"

namespace freehold::app {
namespace {

enum class Form : std::uint8_t { html, pdf, json };

Result<Form> form_of(std::string_view path) {
  const std::string end = std::filesystem::path(path).extension().string();
  if (end == ".html" || end == ".htm") return Form::html;
  if (end == ".pdf") return Form::pdf;
  if (end == ".json") return Form::json;
  return fail(Errc::invalid, fmt::format("--out '{}': a report is a .html, .pdf or .json file", printable(path, 100)));
}

Result<> run_report(const Arguments& arguments, Console& console) {
  ReportOptions options;
  options.framework = framework_of(arguments.text("framework"));
  options.now = guard::wall_seconds();
  FH_TRY(options.from, parse_moment("--from", arguments.text("from"), options.now, Direction::past));
  options.to = options.now + 1;
  if (arguments.given("to")) {
    FH_TRY(options.to, parse_moment("--to", arguments.text("to"), options.now, Direction::past));
  }
  if (options.from >= options.to) return fail(Errc::invalid, "--from is not before --to");
  const std::vector<std::string> paths = arguments.given("out") ? arguments.list("out") : std::vector<std::string>{};
  std::vector<Form> forms;
  for (const std::string& path : paths) {
    FH_TRY(const Form form, form_of(path));
    forms.push_back(form);
  }
  FH_TRY(options.home, store::default_home());
  FH_TRY(options.log, audit_folder_of(arguments));
  options.own_log = !arguments.given("folder");
  const auto report = make_report(options);
  if (!report) {
    if (report.error().code == Errc::corrupt)
      console.hint("there is no report of a log that does not verify: freehold audit verify says more");
    return Unexpected(report.error());
  }
  const Document document = report_document(*report);
  audit::Object details;
  details.add("framework", options.framework->name).add("from", show_moment(options.from));
  details.add("to", show_moment(options.to)).add("claims", sha256(document.claims).name());
  if (paths.empty()) console.write(as_html(document));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string text = forms[i] == Form::pdf    ? as_pdf(document)
                             : forms[i] == Form::html ? as_html(document)
                                                      : document.claims;
    FH_TRY_VOID(write_private(paths[i], text));
    details.add(forms[i] == Form::pdf ? "pdf" : forms[i] == Form::html ? "html" : "json", sha256(text).name());
    console.note(fmt::format("wrote {}: {} claims about {} entries", printable(paths[i]), report->claims.size(),
                             report->facts[2].value));
  }
  // By its digests anybody can show later that this is the report that was made.
  if (options.own_log) FH_TRY_VOID(record_act("audit.report", options.framework->name, details));
  return {};
}

}  // namespace

Command audit_report_command() {
  return {
      .name = "audit report",
      .summary = "Write a report for an auditor, whose every figure can be computed again.",
      .details =
          "Verifies the log, then maps each duty of a framework to what shows it: settings in force, counts, checks "
          "that "
          "were made, proofs, what somebody should look at; and says plainly what software cannot show. An entry "
          "belongs to "
          "the period if the checkpoint that covers it was signed in it.\n\n"
          "The HTML is one file without scripts, which loads nothing; the PDF has its text as text. In both are the "
          "claims "
          "as JSON, with the checkpoints of the beginning and the end of the period, the consistency proof between "
          "them "
          "and inclusion proofs of the notable acts. tools/verify/report.py, which shares nothing with this program, "
          "counts each figure again from the log or an export of it and compares what the file shows. That the report "
          "was "
          "made, with the digests of its files, is an entry of the log.",
      .options = {{.name = "framework",
                   .type = OptionType::choice,
                   .value = "hipaa|gdpr|ai-act",
                   .help = "Whose duties.",
                   .required = true},
                  {.name = "from",
                   .type = OptionType::text,
                   .value = "WHEN",
                   .help = "The beginning: a date (2027-01-31, UTC) or a span back from now (90d).",
                   .required = true},
                  {.name = "to", .type = OptionType::text, .value = "WHEN", .help = "The end; now unless given."},
                  {.name = "out",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "A .html, .pdf or .json file (the claims alone); by default HTML to standard output.",
                   .letter = 'o',
                   .repeatable = true},
                  audit_folder_option()},
      .examples = {{"freehold audit report --framework hipaa --from 2027-01-01 --to 2027-04-01 -o q1.pdf -o q1.html",
                    "A quarter:"}},
      .run = run_report,
  };
}

}  // namespace freehold::app
