#include "app/erase/mentions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/file.h"
#include "base/hash.h"
#include "base/line_reader.h"
#include "base/utf8.h"

namespace freehold::app {

namespace fs = std::filesystem;

namespace {

// A byte of a letter, of whatever script, or of a number.
bool is_in_a_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// With everything beyond ASCII as \uXXXX, in digits of this case (RFC 8259 section 7).
std::string escaped(std::string_view name, bool upper) {
  std::string out;
  const auto unit = [&](std::uint32_t value) {
    out += upper ? fmt::format("\\u{:04X}", value) : fmt::format("\\u{:04x}", value);
  };
  while (!name.empty()) {
    const CodePoint one = decode_utf8(name);
    if (one.value < 0x80) {
      if (one.value == '"' || one.value == '\\') out += '\\';
      out += static_cast<char>(one.value);
    } else if (one.value < 0x10000) {
      unit(one.value);
    } else {
      unit(0xD800 + ((one.value - 0x10000) >> 10));
      unit(0xDC00 + ((one.value - 0x10000) & 0x3FF));
    }
    name.remove_prefix(std::max<std::size_t>(one.length, 1));
  }
  return out;
}

bool has_as_a_word(std::string_view line, std::string_view form) {
  const bool begins = is_in_a_word(form.front()), ends = is_in_a_word(form.back());
  for (std::size_t at = line.find(form); at != std::string_view::npos; at = line.find(form, at + 1)) {
    const std::size_t end = at + form.size();
    if (begins && at > 0 && is_in_a_word(line[at - 1])) continue;
    if (ends && end < line.size() && is_in_a_word(line[end])) continue;
    return true;
  }
  return false;
}

Result<std::string> digest_of_file(const fs::path& path) {
  FH_TRY(InputFile file, InputFile::open(path));
  std::vector<std::byte> piece(std::size_t{1} << 20);
  Sha256 hash;
  while (true) {
    FH_TRY(const std::size_t n, file.read(piece));
    if (n == 0) return hash.finish().hex();
    hash.update(std::span(piece).first(n));
  }
}

// Where what was imported lay, if it is still there. What learned is the adapter, if a name puts one on a model.
std::string run_folder(const std::vector<store::Listed>& models, const store::Manifest& manifest) {
  const store::Manifest* learned = &manifest;
  if (manifest.model.adapter) {
    const store::ModelTuple adapter = manifest.model.adapter_alone();
    const auto own = std::find_if(models.begin(), models.end(), [&](const store::Listed& one) {
      return one.manifest && one.manifest->model == adapter;
    });
    if (own == models.end()) return {};
    learned = &*own->manifest;
  }
  const fs::path source = learned->from.source;
  std::error_code ec;
  if (!source.is_absolute() || !fs::exists(source, ec)) return {};
  return (fs::is_directory(source, ec) ? source : source.parent_path()).string();
}

}  // namespace

NameFinder::NameFinder(const std::vector<std::string>& names) {
  std::set<std::string> forms;
  for (const std::string& name : names) {
    if (name.empty()) continue;
    forms.insert(name);
    if (!is_utf8(name)) continue;
    forms.insert(escaped(name, false));
    forms.insert(escaped(name, true));
  }
  forms_.assign(forms.begin(), forms.end());
}

bool NameFinder::in(std::string_view line) const {
  return std::any_of(forms_.begin(), forms_.end(), [&](const auto& form) { return has_as_a_word(line, form); });
}

Result<std::uint64_t> NameFinder::lines(const fs::path& file) const {
  FH_TRY(InputFile input, InputFile::open(file));
  LineReader reader(std::move(input), SIZE_MAX);
  std::uint64_t count = 0;
  while (true) {
    FH_TRY(const auto line, reader.next());
    if (!line) return count;
    count += in(line->text) ? 1 : 0;
  }
}

std::vector<Mention> mentions_in_files(const fs::path& home, const NameFinder& names) {
  std::vector<Mention> out;
  if (names.empty()) return out;
  std::error_code ec;
  for (fs::directory_iterator it(home / "files", ec), end; !ec && it != end; it.increment(ec)) {
    const std::string id = it->path().filename().string();
    std::error_code ignored;
    if (!id.starts_with("file-") || !it->is_regular_file(ignored)) continue;
    const auto lines = names.lines(it->path());
    if (!lines && lines.error().code == Errc::not_found) continue;  // it has gone meanwhile
    if (!lines) {
      out.push_back({id, 0, lines.error().what});
    } else if (*lines > 0) {
      out.push_back({id, *lines, {}});
    }
  }
  std::sort(out.begin(), out.end(), [](const Mention& a, const Mention& b) { return a.file < b.file; });
  return out;
}

std::vector<Lesson> lessons_about(const std::vector<store::Listed>& models, const NameFinder& names) {
  struct Looked {
    std::uint64_t lines = 0;
    std::string unknown, digest;
  };
  std::map<std::string, Looked> looked;
  const auto look = [&](const std::string& path) -> const Looked& {
    const auto [at, fresh] = looked.try_emplace(path);
    Looked& found = at->second;
    if (!fresh) return found;
    const auto unknown = [&found](const Error& why) -> const Looked& {
      found.unknown = why.code == Errc::not_found ? std::string(kGone) : why.what;
      return found;
    };
    const auto lines = names.lines(path);
    if (!lines) return unknown(lines.error());
    found.lines = *lines;
    if (*lines > 0) return found;  // whatever else it has become
    auto digest = digest_of_file(path);
    if (!digest) return unknown(digest.error());
    found.digest = std::move(*digest);
    return found;
  };
  std::vector<Lesson> out;
  if (names.empty()) return out;
  for (const store::Listed& model : models) {
    if (!model.manifest) continue;
    const std::string folder = run_folder(models, *model.manifest);
    for (const store::LearnedFrom& file : model.manifest->from.learned_from) {
      const Looked& found = look(file.path);
      Lesson lesson{model.name.text(), file.path, found.lines, found.unknown, folder, false};
      if (lesson.unknown.empty() && lesson.lines == 0 && found.digest != file.sha256) {
        lesson.unknown = "it has been changed since";
      }
      if (lesson.lines > 0 || !lesson.unknown.empty()) out.push_back(std::move(lesson));
    }
  }
  return out;
}

std::vector<fs::path> lesson_files(const std::vector<store::Listed>& models) {
  std::set<fs::path> out;
  for (const store::Listed& model : models) {
    if (!model.manifest) continue;
    for (const store::LearnedFrom& file : model.manifest->from.learned_from) {
      std::error_code ec;
      if (fs::exists(file.path, ec)) out.insert(file.path);
    }
  }
  return {out.begin(), out.end()};
}

}  // namespace freehold::app
