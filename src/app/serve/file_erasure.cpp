// The part of FileStore for who erases somebody: the lines of batches that are about him.
//
// A line is overwritten where it is, by kErasedLine and blanks: files stay as long as they are, what reads or writes
// them meanwhile stays where it was, and the number of lines does not change. What is to be overwritten is written down
// first, so that it is finished when the store is next opened, whatever ended it.
#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <span>

#include "api/peek.h"
#include "app/serve/file_rows.h"
#include "audit/disk.h"
#include "base/file.h"
#include "base/line_reader.h"
#include "base/random_id.h"

namespace freehold::app {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kJournal = "erasing-";

struct Span {
  std::string file;
  std::uint64_t offset = 0, length = 0;
  std::string tenant = {};
  bool answer = false;
  std::string text = {};  // where it is wanted
};

// A file of requests.
struct Requests {
  std::string tenant;
  std::vector<std::string> labels;   // its own, and those of the batches that read it
  std::vector<std::string> written;  // files of these batches
};

// A line of a batch's file: its `custom_id`, and whom it is about, if it says so. Also one that no batch would take.
struct Naming {
  std::string id;
  std::vector<std::string> users;  // not empty: one, for nobody in particular, is ""
};
Naming naming_of(std::string_view line) {
  std::vector<std::string> found = api::strings_in(line, {"custom_id", "body.user", "body.safety_identifier"});
  Naming out{std::move(found[0]), {std::move(found[1])}};
  if (!found[2].empty()) out.users.push_back(std::move(found[2]));
  return out;
}

// `wanted`: of a line, whether it goes. However long it is.
Result<> find_lines(const fs::path& path, const std::string& id, std::vector<Span>& out, bool with_text,
                    const std::function<bool(std::string_view line)>& wanted) {
  auto file = InputFile::open(path);
  if (!file && file.error().code == Errc::not_found) return {};
  if (!file) return tl::unexpected(std::move(file).error());
  LineReader lines(std::move(*file), SIZE_MAX);
  std::uint64_t begin = 0;
  while (true) {
    auto line = lines.next();
    if (!line) return tl::unexpected(std::move(line).error());
    if (!*line) return {};
    const std::uint64_t end = (*line)->end;
    // Without its end, which is counted, and with a byte order mark, which is not part of the text.
    const std::uint64_t length = end - begin - ((*line)->torn ? 0 : 1);
    if (length > kErasedLine.size() && wanted((*line)->text)) {
      out.push_back({id, begin, length});
      if (with_text) out.back().text = (*line)->text;
    }
    begin = end;
  }
}

// Spans of one file; durable when it returns.
Result<> overwrite(const fs::path& path, std::span<const Span> spans) {
  const auto fd = audit::open_file(path, audit::Make::never);
  if (!fd && fd.error().code == Errc::not_found) return {};
  if (!fd) return tl::unexpected(fd.error());
  for (const Span& span : spans) {
    std::string text(kErasedLine);
    text.resize(span.length, ' ');
    FH_TRY_VOID(audit::write_at(*fd, span.offset, text, path));
  }
  return audit::sync_data(*fd, path);
}

std::vector<Span> parse_journal(std::string_view text) {
  std::vector<Span> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find(' '), second = line.rfind(' ');
    if (first == std::string_view::npos || first == second) continue;
    Span span{std::string(line.substr(0, first))};
    std::from_chars(line.data() + first + 1, line.data() + second, span.offset);
    std::from_chars(line.data() + second + 1, line.data() + line.size(), span.length);
    if (span.length >= kErasedLine.size() && span.file.find('/') == std::string::npos) out.push_back(std::move(span));
  }
  return out;
}

}  // namespace

Result<> FileStore::finish_erasures() {
  std::vector<fs::path> journals;
  std::error_code ec;
  for (fs::directory_iterator it(folder_, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().starts_with(kJournal)) journals.push_back(it->path());
  }
  // What stands in the way of one stands in no other's.
  Result<> all;
  for (const fs::path& journal : journals) {
    FH_TRY(const std::string text, read_file(journal, std::uint64_t{1} << 30));
    Result<> whole;
    const std::vector<Span> spans = parse_journal(text);
    for (auto first = spans.begin(); first != spans.end();) {
      const auto end = std::find_if(first, spans.end(), [&](const Span& span) { return span.file != first->file; });
      if (auto done = overwrite(path_of(first->file), {first, end}); !done && whole) whole = std::move(done);
      first = end;
    }
    if (whole) whole = remove_file(journal);
    if (!whole && all) all = std::move(whole);
  }
  return all;
}

struct FileStore::About {
  std::vector<Span> lines;
  std::vector<Left> files;  // in which they are, or may be: tenants and labels
  Result<> all;             // whether all files could be read; the first error
};

Result<FileStore::About> FileStore::find_about(const IsAbout& is_about, bool with_text) {
  std::map<std::string, Requests> inputs;
  {
    const std::lock_guard lock(mutex_);
    FH_TRY_VOID(database_.run([&](soci::session& s) -> Result<> {
      std::string id, tenant, label, text;
      soci::statement files =
          (s.prepare << "SELECT id, tenant, label FROM files WHERE deleted = 0 AND purpose = 'batch'", soci::into(id),
           soci::into(tenant), soci::into(label));
      files.execute();
      while (files.fetch()) inputs[id] = {tenant, {label}, {}};
      soci::statement batches =
          (s.prepare << "SELECT record, tenant FROM batches", soci::into(text), soci::into(tenant));
      batches.execute();
      while (batches.fetch()) {
        FH_TRY(const BatchRecord record, read_record(text));
        Requests& read = inputs[record.batch.input_file_id];
        read.tenant = tenant;
        read.labels.push_back(record.label);
        read.written.push_back(record.output_id);
        read.written.push_back(record.error_id);
      }
      return {};
    }));
  }
  About out;
  std::vector<Span>& spans = out.lines;
  for (const auto& input : inputs) {
    const std::string& id = input.first;
    const Requests& read = input.second;
    const std::size_t before = spans.size();
    std::set<std::string> ids;
    std::size_t asked = 0;  // spans of requests
    auto looked = find_lines(path_of(id), id, spans, with_text, [&](std::string_view line) {
      Naming naming = naming_of(line);
      const auto his = [&](const std::string& user) { return is_about(read.tenant, user); };
      if (std::none_of(naming.users.begin(), naming.users.end(), his)) return false;
      ids.insert(std::move(naming.id));
      return true;
    });
    ids.erase("");
    asked = spans.size();
    if (asked > before || !looked) {
      for (const std::string& label : read.labels) out.files.push_back({id, read.tenant, label});
    }
    for (const std::string& written : read.written) {
      if (ids.empty() || !looked) break;
      looked = find_lines(path_of(written), written, spans, with_text,
                          [&](std::string_view line) { return ids.contains(naming_of(line).id); });
    }
    for (std::size_t i = before; i < spans.size(); ++i) {
      spans[i].tenant = read.tenant;
      spans[i].answer = i >= asked;
    }
    if (!looked && out.all) out.all = std::move(looked);
  }
  return out;
}

Result<std::vector<FileStore::Left>> FileStore::files_about(const IsAbout& is_about) {
  FH_TRY(About about, find_about(is_about));
  return std::move(about.files);
}

Result<> FileStore::erase_lines(const IsAbout& is_about, std::uint64_t& lines) {
  FH_TRY(About about, find_about(is_about));
  const std::vector<Span>& spans = about.lines;
  if (spans.empty()) return std::move(about.all);
  std::string text;
  for (const Span& span : spans) text += fmt::format("{} {} {}\n", span.file, span.offset, span.length);
  FH_TRY_VOID(write_file_atomically(folder_ / fmt::format("{}{}", kJournal, random_id()), text, FileAccess::owner));
  FH_TRY_VOID(finish_erasures());
  lines += spans.size();
  return std::move(about.all);
}

Result<> FileStore::each_line_about(const IsAbout& is_about, const std::function<Result<>(const Line& line)>& visit) {
  FH_TRY(About about, find_about(is_about, true));
  FH_TRY_VOID(std::move(about.all));
  for (Span& span : about.lines) FH_TRY_VOID(visit({span.file, span.tenant, span.answer, std::move(span.text)}));
  return {};
}

}  // namespace freehold::app
