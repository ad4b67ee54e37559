// `guard scan` and `guard mask`: personal data in texts, found and taken out.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "app/commands.h"
#include "app/console.h"
#include "app/guard/file_masker.h"
#include "app/guard/finder.h"
#include "app/guard/text_form.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/output.h"
#include "app/table.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/personal_data.h"
#include "pii/masker.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 256 << 10;
constexpr int kFound = static_cast<int>(ExitCode::found);

// The pieces of a file or of standard input ("-"); a piece is valid until the next call, an empty one is the end.
class Pieces {
 public:
  static Result<Pieces> open(const std::string& path) {
    Pieces out;
    if (path != "-") {
      FH_TRY(out.file_, InputFile::open(path));
      out.standard_ = false;
    }
    return out;
  }
  Result<std::string_view> next() {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    buffer_.resize(kPiece);
    if (!standard_) {
      FH_TRY(const std::size_t n, file_.read(std::as_writable_bytes(std::span(buffer_.data(), buffer_.size()))));
      return std::string_view(buffer_).substr(0, n);
    }
    for (;;) {
      const ssize_t n = ::read(0, buffer_.data(), buffer_.size());
      if (n >= 0) return std::string_view(buffer_).substr(0, static_cast<std::size_t>(n));
      if (errno != EINTR) return fail(Errc::io, fmt::format("standard input: {}", std::strerror(errno)));
      if (interrupted()) return fail(Errc::cancelled, "interrupted");
    }
  }

 private:
  InputFile file_;
  bool standard_ = true;
  std::string buffer_;
};

struct ScanOptions {
  pii::Profile profile = pii::Profile::gdpr;
  bool show = false;
};

struct Scanned {
  std::string path;
  std::uint64_t bytes = 0, foreign = 0;
  std::vector<Found> rows;  // the value as it may be shown
};

// What is no text in a folder (its first piece holds a zero byte, or it is packed) is skipped; named alone it is an
// error if it is packed. `why`: what it is instead of text.
Result<std::optional<Scanned>> scan_one(const std::string& path, const ScanOptions& options, bool in_folder,
                                        std::string& why) {
  FH_TRY(Pieces pieces, Pieces::open(path));
  Finder finder(options.profile, pii::is_table(path));
  Scanned out{path, 0, 0, {}};
  const auto take = [&](std::vector<Found> found) {
    for (Found& row : found) {
      if (!options.show) row.value = pii::hint_of(row.finding.kind, row.value);
      out.rows.push_back(std::move(row));
    }
  };
  for (bool first = true;; first = false) {
    FH_TRY(const std::string_view piece, pieces.next());
    if (piece.empty()) break;
    why = first ? packed_form(piece) : "";
    if (!why.empty() && !in_folder)
      return fail(Errc::unsupported, fmt::format("{} is {}, which is not read", printable(path), why));
    take(finder.feed(piece));
    if (first && why.empty() && in_folder && !is_wide(piece) &&
        piece.substr(0, 8192).find('\0') != std::string_view::npos)
      why = "no text";
    if (!why.empty()) return std::optional<Scanned>();
    out.bytes += piece.size();
  }
  take(finder.finish());
  out.foreign = finder.decoder().foreign();
  return std::optional(std::move(out));
}

struct Below {
  std::vector<std::string> files, links;
};

// Regular files below `folder`, by name, and symbolic links, which are not followed.
Result<Below> files_below(const std::string& folder) {
  Below out;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error), end;
  for (; !error && it != end; it.increment(error)) {
    if (it->is_symlink(error)) {
      out.links.push_back(it->path().string());
    } else if (it->is_regular_file(error)) {
      out.files.push_back(it->path().string());
    }
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
  }
  if (error) return fail(Errc::io, fmt::format("read folder {}: {}", printable(folder), error.message()));
  for (auto* paths : {&out.files, &out.links}) std::sort(paths->begin(), paths->end());
  return out;
}

using Counts = std::array<std::uint64_t, pii::kKinds>;

void write_counts(JsonWriter& w, const Counts& counts) {
  w.key("counts").begin_object();
  for (const pii::KindInfo& row : pii::all_kinds()) {
    if (counts[static_cast<std::size_t>(row.kind)] != 0) w.member(row.name, counts[static_cast<std::size_t>(row.kind)]);
  }
  w.end_object();
}

std::string as_json(const std::vector<Scanned>& all, const std::vector<std::string>& skipped, const Counts& counts,
                    std::string_view profile) {
  JsonWriter w(true);
  w.begin_object().member("profile", profile).key("files").begin_array();
  for (const Scanned& file : all) {
    w.begin_object().member("path", file.path).member("bytes", file.bytes).key("findings").begin_array();
    for (const Found& row : file.rows) {
      const pii::KindInfo& kind = pii::info(row.finding.kind);
      w.begin_object()
          .member("kind", kind.name)
          .member("begin", row.finding.begin)
          .member("end", row.finding.end)
          .member("line", row.line);
      w.member("column", row.column).member("score", row.finding.score);
      if (kind.safe_harbor != '-') w.member("safe_harbor", std::string(1, kind.safe_harbor));
      w.member("value", row.value).end_object();
    }
    w.end_array().end_object();
  }
  w.end_array().key("skipped").begin_array();
  for (const std::string& path : skipped) w.value(path);
  w.end_array();
  write_counts(w, counts);
  w.end_object();
  return w.take() + "\n";
}

// "notes.txt:1:7: email: j***@*******.**m", a line a finding.
void write_lines(const Scanned& file, Console& console) {
  const std::string path = printable(file.path);
  std::string line;
  auto number = [&](std::uint64_t n) {
    line += ':';
    const fmt::format_int digits(n);
    line.append(digits.data(), digits.size());
  };
  for (const Found& row : file.rows) {
    line = path;
    number(row.line);
    number(row.column);
    line += ": ";
    line += pii::info(row.finding.kind).name;
    line += ": ";
    line += printable(row.value, 120);
    line += '\n';
    console.write(line);
  }
}

void note_encoding(std::string_view path, std::uint64_t foreign, Console& console) {
  if (foreign == 0) return;
  console.note(fmt::format("{} is not UTF-8: {} byte{} of it {} read as windows-1252", printable(path), foreign,
                           foreign == 1 ? "" : "s", foreign == 1 ? "was" : "were"));
}

std::string kinds_table(pii::Profile profile) {
  std::vector<std::vector<std::string>> rows = {{"KIND", "GROUP", "WHAT"}};
  for (const pii::KindInfo& row : pii::all_kinds()) {
    if (pii::takes(profile, row.kind))
      rows.push_back({std::string(row.name), std::string(guard::name_of(row.group)), std::string(row.what)});
  }
  return as_table(rows, {Align::left, Align::left, Align::left});
}

Result<> run_scan(const Arguments& arguments, Console& console) {
  if (arguments.flag("kinds")) {
    console.write(kinds_table(pii::profile_from_name(arguments.text("profile")).value_or(pii::Profile::gdpr)));
    return {};
  }
  if (!arguments.given("PATH")) return fail(Errc::invalid, "'guard scan' needs PATH (files or folders), or --kinds");
  catch_interrupts();
  const ScanOptions options{.profile = pii::profile_from_name(arguments.text("profile")).value_or(pii::Profile::gdpr),
                            .show = arguments.flag("show")};
  std::vector<Scanned> all;
  std::vector<std::string> skipped, reasons;
  std::optional<Error> failed;
  Counts counts{};
  std::uint64_t found = 0, bytes = 0;
  for (const std::string& path : arguments.list("PATH")) {
    std::error_code error;
    const bool folder = path != "-" && fs::is_directory(path, error);
    std::vector<std::string> files = {path};
    if (folder) {
      FH_TRY(Below below, files_below(path));
      files = std::move(below.files);
      for (std::string& link : below.links) {
        skipped.push_back(std::move(link));
        reasons.emplace_back("a symbolic link");
      }
    }
    for (const std::string& file : files) {
      std::string why;
      auto scanned = scan_one(file, options, folder, why);
      if (!scanned) {
        // One file of a folder that cannot be read is said, and ends the command with an error when the rest is done.
        if (!folder || scanned.error().code == Errc::cancelled) return Unexpected(std::move(scanned).error());
        console.note(fmt::format("{}: {}", printable(file), scanned.error().what));
        if (!failed) failed = scanned.error();
        continue;
      }
      if (!*scanned) {
        skipped.push_back(file);
        reasons.push_back(why);
        continue;
      }
      bytes += (*scanned)->bytes;
      note_encoding(file, (*scanned)->foreign, console);
      for (const Found& row : (*scanned)->rows) ++counts[static_cast<std::size_t>(row.finding.kind)], ++found;
      all.push_back(std::move(**scanned));
    }
  }
  if (arguments.text("format") == "json") {
    console.write(as_json(all, skipped, counts, arguments.text("profile")));
  } else {
    for (const Scanned& file : all) {
      write_lines(file, console);
    }
    std::string sums;
    for (const pii::KindInfo& row : pii::all_kinds()) {
      if (const std::uint64_t n = counts[static_cast<std::size_t>(row.kind)]; n != 0)
        sums += fmt::format("{}{} {}", sums.empty() ? ": " : ", ", n, row.name);
    }
    console.write(fmt::format("{} finding{} in {} file{}, {} bytes{}{}\n", found, found == 1 ? "" : "s", all.size(),
                              all.size() == 1 ? "" : "s", bytes,
                              skipped.empty() ? std::string() : fmt::format(", {} skipped", skipped.size()), sums));
    for (std::size_t i = 0; i < skipped.size(); ++i)
      console.note(fmt::format("skipped {}: {}", printable(skipped[i]), reasons[i]));
  }
  if (failed) return Unexpected(*failed);
  // What was not read is not known to be clean.
  if (arguments.flag("fail") && (found > 0 || (all.empty() && !skipped.empty()))) console.end_with(kFound);
  return {};
}

Result<> run_mask(const Arguments& arguments, Console& console) {
  catch_interrupts();
  const pii::Profile profile = pii::profile_from_name(arguments.text("profile")).value_or(pii::Profile::gdpr);
  const pii::MaskStyle style =
      arguments.text("style") == "safe-harbor" ? pii::MaskStyle::safe_harbor : pii::MaskStyle::kind;
  std::error_code ec;
  if (arguments.given("out") &&
      std::filesystem::equivalent(std::string(arguments.text("FILE")), std::string(arguments.text("out")), ec)) {
    return fail(Errc::invalid, fmt::format("{} is the text itself, which would be lost: choose another file",
                                           printable(arguments.text("out"))));
  }
  const std::string path(arguments.text("FILE"));
  FH_TRY(Pieces pieces, Pieces::open(path));
  FH_TRY(std::string_view piece, pieces.next());
  if (const std::string_view form = packed_form(piece); !form.empty()) {
    return fail(Errc::unsupported, fmt::format("{} is {}, which is not masked", printable(path), form));
  }
  FH_TRY(Output out, Output::create(arguments.given("out") ? arguments.text("out") : "-", console));
  FileMasker masker(profile, style, pii::is_table(path));
  while (!piece.empty()) {
    FH_TRY_VOID(out.write(as_bytes(masker.feed(piece))));
    FH_TRY(piece, pieces.next());
  }
  FH_TRY_VOID(out.write(as_bytes(masker.finish())));
  FH_TRY_VOID(out.commit());
  note_encoding(path, masker.foreign(), console);
  if (arguments.given("out"))
    console.note(fmt::format("masked {} finding{}", masker.masked(), masker.masked() == 1 ? "" : "s"));
  return {};
}

Option profile_option() {
  return {.name = "profile",
          .type = OptionType::choice,
          .value = "hipaa|gdpr|secrets",
          .fallback = "gdpr",
          .help =
              "What to look for: hipaa, all that Safe Harbor lists, rather too much; gdpr, what tells of a person, "
              "rather sure; secrets, keys, tokens and passwords."};
}

}  // namespace

Command guard_group() {
  return {
      .name = "guard",
      .summary =
          "Keep data in: find and mask what is personal or secret, hand out and erase what is kept of somebody, try "
          "whether a seal holds.",
      .details =
          "Nothing leaves this machine, and no model is needed: `scan` and `mask` read texts, `seal-test` tries to "
          "break out of "
          "--sealed. `export` and `erase` are about what `serve --keep-content` has kept.",
  };
}

Command guard_scan_command() {
  return {
      .name = "guard scan",
      .summary = "Find personal data and secrets in files.",
      .details =
          "Looks for names, places, addresses, dates, telephones, e-mail, cards, IBANs, numbers of 37 states with "
          "their check digits, medical and other "
          "record numbers, keys and passwords. Values are shown masked unless --show is given.\n\nThe exit status is 0 "
          "whether or not something was found; with --fail it "
          "is 8 if something was, or if nothing of it could be read. A folder is gone through with what is below it; "
          "files that are no text, and symbolic links, are skipped, counted "
          "and named. Tables (.csv, .tsv, .tab) are read cell by cell: what the first row calls a column is known of "
          "each cell below it. UTF-16 and UTF-32 are known with a byte order mark or without; what is not UTF-8 "
          "otherwise is read as windows-1252 "
          "(ISO-8859-1), which is said. PDFs and archives are not read: in a folder they are skipped, by themselves an "
          "error.",
      .positionals =
          {{.name = "PATH", .help = "Files or folders; - is standard input.", .required = false, .repeatable = true}},
      .options = {profile_option(),
                  {.name = "format",
                   .type = OptionType::choice,
                   .value = "text|json",
                   .fallback = "text",
                   .help = "A line a finding, or JSON with places in bytes."},
                  {.name = "kinds", .help = "List the kinds that --profile looks for, and nothing else."},
                  {.name = "show", .help = "Show the values as they are."},
                  {.name = "fail", .help = "End with exit status 8 if anything was found."}},
      .examples = {{"freehold guard scan notes.txt", "What a file tells of people:"},
                   {"freehold guard scan --profile hipaa --format json records/",
                    "All that Safe Harbor lists, for programs:"},
                   {"freehold guard scan --kinds --profile secrets", "What is looked for:"},
                   {"git diff --cached | freehold guard scan --profile secrets --fail -", "Before a commit:"}},
      .run = run_scan,
  };
}

Command guard_mask_command() {
  return {
      .name = "guard mask",
      .summary = "Write a text without its personal data.",
      .details =
          "Each finding of guard scan is replaced by its kind, such as [email]. The text is read and written as it "
          "comes, in its own encoding; PDFs and archives are refused.",
      .positionals = {{.name = "FILE", .help = "The text; - is standard input."}},
      .options = {profile_option(),
                  {.name = "style",
                   .type = OptionType::choice,
                   .value = "kind|safe-harbor",
                   .fallback = "kind",
                   .help = "safe-harbor keeps what 45 CFR 164.514(b)(2) lets stand: years of dates, three digits of "
                           "large ZIP areas, 90+ for ages."},
                  {.name = "out",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Where to write; standard output unless given.",
                   .letter = 'o'}},
      .examples = {{"freehold guard mask letter.txt -o letter.masked.txt", "To a file:"},
                   {"freehold guard mask --profile hipaa --style safe-harbor notes.txt", "As Safe Harbor asks for:"}},
      .run = run_mask,
  };
}

}  // namespace freehold::app
