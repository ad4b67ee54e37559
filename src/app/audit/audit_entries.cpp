// `audit show`, `query`, `export`: what is in the log.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "app/audit/act.h"
#include "app/audit/audit_commands.h"
#include "app/audit/entry_filter.h"
#include "app/audit/kept.h"
#include "app/console.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/moment.h"
#include "app/output.h"
#include "app/table.h"
#include "audit/entry.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "store/store.h"

namespace freehold::app {
namespace {

// The log for who prints many of its entries: all of it is what was written.
Result<audit::Reader> checked_log(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path folder, audit_folder_of(arguments));
  FH_TRY(audit::Reader reader, audit::Reader::open(folder));
  if (auto checked = reader.check(); !checked) {
    console.hint(kKeepAsItIs);
    return Unexpected(std::move(checked).error());
  }
  return reader;
}

Result<> run_show(const Arguments& arguments, Console& console) {
  if (arguments.given("reason") && !arguments.flag("content")) {
    return fail(Errc::invalid, "--reason is for --content: only who reads what was said is logged");
  }
  FH_TRY(const std::string reason, arguments.given("reason") ? reason_of(arguments) : std::string());
  FH_TRY(const std::filesystem::path folder, audit_folder_of(arguments));
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  FH_TRY(const std::uint64_t number, entry_number(reader, arguments.text("ID")));
  FH_TRY(const std::string entry, reader.entry(number));
  FH_TRY(const Members members, audit::members_of(entry));
  audit::Parts parts;
  if (arguments.flag("content")) {
    FH_TRY(const std::filesystem::path home, store::default_home());
    FH_TRY(KeptContent kept, KeptContent::open(home, master_key_of(arguments, home)));
    FH_TRY(parts, kept.of(members));
    // Who looks at what somebody said is part of the log. Before it is shown.
    FH_TRY_VOID(record_act("audit.show", member_of(members, "id"), audit::Object().add("reason", reason)));
  }
  if (arguments.flag("json")) {
    console.write(arguments.flag("content")
                      ? fmt::format("{{\"entry\":{},\"content\":{}}}\n", entry, content_json(parts))
                      : entry + "\n");
    return {};
  }
  std::vector<std::vector<std::string>> rows = {{"entry", std::to_string(number)}};
  for (const auto& [name, value] : members) rows.push_back({printable(name), printable(value)});
  console.write(as_table(rows, {Align::left, Align::left}));
  for (const auto& [name, value] : parts) {
    console.write(fmt::format("\n{}:\n", printable(name)));
    console.write_untrusted(value);
    console.write("\n");
  }
  return {};
}

// One line an entry: what most want to know first.
std::vector<std::string> row_of(std::uint64_t number, const Members& m) {
  const auto get = [&](const char* name, std::size_t most = 40) {
    const auto it = m.find(name);
    return it == m.end() ? std::string("-") : printable(it->second, most);
  };
  constexpr std::size_t kLongestWhy = 120;
  constexpr std::size_t kWhole = 2000;  // of what tells people apart, and what --key and audit show take
  const std::string kind = get("kind");
  std::string what = kind == "request" ? fmt::format("{} {}", get("outcome"), get("model"))
                     : kind == "admin" ? fmt::format("{} {}", get("act"), get("subject", kWhole))
                                       : fmt::format("{} {}", get("status"), get("reason", kLongestWhy));
  // Why somebody did it; what was refused, and by which rule of the policy.
  const auto also = [&](std::string_view word, const char* name) {
    if (m.contains(name)) what += fmt::format(", {}{}", word, get(name, kLongestWhy));
  };
  if (kind == "refusal") {
    const std::string method = m.contains("method") ? get("method") + " " : "";
    if (m.contains("endpoint")) what += fmt::format(": {}{}", method, get("endpoint", kLongestWhy));
    also("rule ", "rule");
    also("label ", "label");
    also("ceiling ", "ceiling");
    also("personal data: ", "kinds");
  }
  also("reason: ", kind == "admin" ? "details.reason" : "break_glass");
  return {std::to_string(number),
          get("time").substr(0, 19),
          kind,
          get("key", kWhole),
          get("name"),
          get("id", kWhole),
          what};
}

Result<> run_query(const Arguments& arguments, Console& console) {
  FH_TRY(EntryFilter filter, EntryFilter::of(arguments));
  FH_TRY(const audit::Reader reader, checked_log(arguments, console));
  const auto most = static_cast<std::size_t>(arguments.integer("limit"));
  // The newest of them, in the order of the log.
  std::deque<std::pair<std::uint64_t, std::string>> found;
  bool more = false;
  FH_TRY_VOID(filter.each(reader, [&](std::uint64_t number, std::string_view entry) {
    found.emplace_back(number, entry);
    if (found.size() > most) {
      found.pop_front();
      more = true;
    }
    return true;
  }));
  if (arguments.flag("newest-first")) std::reverse(found.begin(), found.end());
  std::vector<std::vector<std::string>> rows = {{"ENTRY", "TIME", "KIND", "KEY", "NAME", "ID", "WHAT"}};
  for (const auto& [number, entry] : found) {
    if (arguments.flag("json")) {
      console.write(fmt::format("{}\n", entry));
      continue;
    }
    auto members = audit::members_of(entry);
    if (!members) return in_context(std::move(members).error(), fmt::format("entry {}", number));
    rows.push_back(row_of(number, *members));
  }
  if (rows.size() > 1) console.write(as_table(rows, std::vector<Align>(7, Align::left)));
  if (filter.found() == 0) console.note(filter.nothing());
  if (more) console.note(fmt::format("the newest {} are shown: --limit shows more", most));
  return {};
}

std::string as_csv(std::string_view text) {
  // What a spreadsheet would take for a formula is made text.
  std::string out(!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos ? "'" : "");
  out += text;
  if (out.find_first_of(",\"\r\n") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

// The columns are the members that occur, by name, behind the number: two passes.
Result<> export_csv(const audit::Reader& reader, EntryFilter& filter,
                    const std::function<Result<>(std::string_view)>& write) {
  std::set<std::string> columns;
  Result<> bad;
  const auto look = [&](std::string_view entry) -> Result<Members> { return audit::members_of(entry); };
  FH_TRY_VOID(filter.each(reader, [&](std::uint64_t, std::string_view entry) {
    const auto members = look(entry);
    if (members) {
      for (const auto& [name, value] : *members) columns.insert(name);
    }
    return true;
  }));
  std::string head = "number";
  for (const std::string& name : columns) head += ',' + as_csv(name);
  FH_TRY_VOID(write(head + "\r\n"));
  FH_TRY_VOID(filter.each(reader, [&](std::uint64_t number, std::string_view entry) {
    auto members = look(entry);
    if (!members) return true;
    std::string line = std::to_string(number);
    for (const std::string& name : columns) {
      const auto it = members->find(name);
      line += ',';
      if (it != members->end()) line += as_csv(it->second);
    }
    bad = write(line + "\r\n");
    return bad.has_value();
  }));
  return bad;
}

// Whether all of it may leave: every entry has the label of its request. Nothing is left out silently.
Result<> check_export(const audit::Reader& reader, EntryFilter& filter) {
  FH_TRY(const guard::Policy policy, own_policy());
  if (policy.exports.find("audit") == policy.exports.end()) return {};
  std::map<std::string, std::uint64_t, std::less<>> labels;
  FH_TRY_VOID(filter.each(reader, [&](std::uint64_t, std::string_view entry) {
    if (const auto members = audit::members_of(entry)) {
      if (const auto label = members->find("label"); label != members->end()) ++labels[label->second];
    }
    return true;
  }));
  for (const auto& [label, count] : labels) {
    const guard::Decision may = guard::decide(policy, owner(policy), guard::Action::records,
                                              {guard::Resource::Kind::export_, "audit", {}, {}}, label);
    if (may.allowed) continue;
    FH_TRY_VOID(record_refusal("audit", "export", may));
    return fail(Errc::invalid, fmt::format("{} of the entries: {}", count, may.message));
  }
  return {};
}

Result<> run_export(const Arguments& arguments, Console& console) {
  FH_TRY(EntryFilter filter, EntryFilter::of(arguments));
  FH_TRY(const audit::Reader reader, checked_log(arguments, console));
  FH_TRY_VOID(check_export(reader, filter));
  std::optional<AtomicFile> file;
  if (arguments.given("output")) {
    FH_TRY(file, create_private(std::string(arguments.text("output"))));
  }
  const auto write = [&](std::string_view text) -> Result<> {
    if (file) return file->write(text);
    console.write(text);
    return {};
  };
  if (arguments.text("format") == "csv") {
    FH_TRY_VOID(export_csv(reader, filter, write));
  } else {
    Result<> bad;
    FH_TRY_VOID(filter.each(reader, [&](std::uint64_t, std::string_view entry) {
      bad = write(fmt::format("{}\n", entry));
      return bad.has_value();
    }));
    FH_TRY_VOID(bad);
  }
  if (filter.found() == 0) console.note(filter.nothing());
  return file ? file->commit() : Result<>();
}

std::vector<Option> with(std::vector<Option> options, std::initializer_list<Option> more) {
  options.insert(options.end(), more);
  return options;
}

}  // namespace

Command audit_show_command() {
  Option why = reason_option();
  why.required = false;
  why.help = "With --content: why; it is logged.";
  return {
      .name = "audit show",
      .summary = "Show one entry of the log.",
      .positionals = {{.name = "ID",
                       .help = "A receipt (the header Freehold-Receipt, or the id of an answer), or an entry's number.",
                       .is_file = false}},
      .options = {audit_folder_option(),
                  {.name = "content", .help = "Also what was asked and answered, where the server has kept it."},
                  why,
                  master_key_option(),
                  {.name = "json", .help = "Print the entry as it is in the log."}},
      .examples = {{"freehold audit show req_5f0c9a3e7b1d2468aabbccdd", "What is known of an answer:"},
                   {"freehold audit show req_5f0c9a3e7b1d2468aabbccdd --content --reason complaint-17",
                    "What was said; that it was read, and why, is logged:"},
                   {"freehold audit show 0", "How it began:"}},
      .run = run_show,
  };
}

Command audit_query_command() {
  return {
      .name = "audit query",
      .summary = "List entries of the log.",
      .details =
          "In the order of the log, the newest last; of more than --limit the newest. All of the log is checked first "
          "(freehold audit verify): nothing is listed of one that was changed.",
      .options =
          with(entry_filter_options(), {{.name = "limit",
                                         .type = OptionType::integer,
                                         .value = "N",
                                         .fallback = "1000",
                                         .least = 1,
                                         .most = 1e9,
                                         .help = "At most so many: the newest.",
                                         .letter = 'n'},
                                        {.name = "newest-first", .help = "The other way round.", .letter = 'r'},
                                        {.name = "json", .help = "Print each entry as it is in the log, one a line."}}),
      .examples = {{"freehold audit query -n 20", "What happened last:"},
                   {"freehold audit query --since 7d --act keys", "Which keys were made or ended last week:"},
                   {"freehold audit query --subject patient-4711 --label health", "What was asked for somebody:"},
                   {"freehold audit query --key k7m2xw9q --since 2027-01-01 --until 2027-02-01",
                    "What somebody asked in January:"}},
      .run = run_query,
  };
}

Command audit_export_command() {
  return {
      .name = "audit export",
      .summary = "Write entries of the log for other programs.",
      .details =
          "As JSON lines, byte for byte the leaves of the tree; or as CSV, a column for each member that occurs, "
          "nested ones with dots. All of the log is checked first (freehold audit verify): nothing is written of one "
          "that was changed.",
      .options = with(entry_filter_options(), {{.name = "format",
                                                .type = OptionType::choice,
                                                .value = "jsonl|csv",
                                                .fallback = "jsonl",
                                                .help = "What is written."},
                                               {.name = "output",
                                                .type = OptionType::file,
                                                .value = "FILE",
                                                .help = "Where to; by default to standard output.",
                                                .letter = 'o'}}),
      .examples = {{"freehold audit export --since 30d --format csv -o log.csv", "For a spreadsheet:"},
                   {"freehold audit export | jq 'select(.outcome == \"failed\")'", "For a pipe:"}},
      .run = run_export,
  };
}

}  // namespace freehold::app
