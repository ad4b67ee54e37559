#include "app/backup/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/json_writer.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kBackupVersion = 1;
constexpr std::string_view kNoteHead = "freehold-backup 1\n";

std::string note_text(std::string_view manifest) {
  return fmt::format("{}{}\n", kNoteHead, sha256(manifest).name());
}

Unexpected bad_manifest(std::string_view what) {
  return fail(Errc::corrupt, fmt::format("{}: {}", kManifestName, what));
}

// Members of an object, strictly: each is asked for, with its type.
class ManifestFields {
 public:
  explicit ManifestFields(const format::Value& object) : object_(object) {}
  Result<std::string> text(std::string_view name) {
    const auto* value = take(name);
    const auto found = value == nullptr ? std::nullopt : value->as_string();
    if (!found) return bad_manifest(fmt::format("'{}' must be a text", name));
    return std::string(*found);
  }
  Result<std::uint64_t> number(std::string_view name) {
    const auto* value = take(name);
    const auto found = value == nullptr ? std::nullopt : value->as_u64();
    if (!found) return bad_manifest(fmt::format("'{}' must be a whole number", name));
    return *found;
  }
  Result<std::vector<format::Value>> list(std::string_view name) {
    const auto* value = take(name);
    if (value == nullptr || !value->is_array()) return bad_manifest(fmt::format("'{}' must be a list", name));
    return value->items();
  }
  Result<std::vector<std::string>> texts(std::string_view name) {
    FH_TRY(const auto items, list(name));
    std::vector<std::string> out;
    for (const format::Value& item : items) {
      const auto text = item.as_string();
      if (!text) return bad_manifest(fmt::format("'{}' must be a list of texts", name));
      out.emplace_back(*text);
    }
    return out;
  }
  Result<> end() const {
    if (object_.is_object() && object_.size() == taken_) return {};
    return bad_manifest("it has members that this version does not know, or lacks some");
  }

 private:
  const format::Value* take(std::string_view name) {
    const auto* value = object_.member(name);
    taken_ += value != nullptr ? 1 : 0;
    return value;
  }
  const format::Value& object_;
  std::uint64_t taken_ = 0;
};

Result<BackupManifest::File> parse_file(const format::Value& value) {
  ManifestFields asked(value);
  BackupManifest::File out;
  FH_TRY(out.path, asked.text("path"));
  FH_TRY(out.size, asked.number("size"));
  FH_TRY(const std::string digest, asked.text("sha256"));
  FH_TRY_VOID(asked.end());
  const auto parsed = Digest::parse("sha256:" + digest);
  if (!parsed) return bad_manifest(fmt::format("'{}' is no SHA-256", printable(digest, 80)));
  out.digest = *parsed;
  return out;
}

// "trees/HEX/NAME" -> "../../blobs/sha256-HEX" and nothing else: a link is a way out of the home.
bool links_to_blob(const BackupManifest::Link& link) {
  constexpr std::string_view kTarget = "../../blobs/sha256-";
  const std::string_view target = link.target;
  if (!link.path.starts_with("trees/") || std::count(link.path.begin(), link.path.end(), '/') != 2) return false;
  return target.starts_with(kTarget) && Digest::parse("sha256:" + std::string(target.substr(kTarget.size())));
}

Result<BackupManifest::Link> parse_link(const format::Value& value) {
  ManifestFields asked(value);
  BackupManifest::Link out;
  FH_TRY(out.path, asked.text("path"));
  FH_TRY(out.target, asked.text("target"));
  FH_TRY_VOID(asked.end());
  if (!links_to_blob(out)) return bad_manifest(fmt::format("'{}' is no link to a blob", printable(out.path, 200)));
  return out;
}

Result<BackupManifest::Absent> parse_absent(const format::Value& value) {
  ManifestFields asked(value);
  BackupManifest::Absent out;
  FH_TRY(out.name, asked.text("name"));
  FH_TRY(out.bytes, asked.number("bytes"));
  FH_TRY(out.source, asked.text("source"));
  FH_TRY_VOID(asked.end());
  return out;
}

void add_texts(JsonWriter& w, std::string_view name, const std::vector<std::string>& texts) {
  w.key(name).begin_array();
  for (const std::string& text : texts) w.value(text);
  w.end_array();
}

// No path twice, and none that is another one's folder.
Result<> check_paths(const BackupManifest& m) {
  std::set<std::string, std::less<>> files, folders;
  const auto add = [&](const std::string& path) -> Result<> {
    if (!safe_backup_path(path)) return bad_manifest(fmt::format("'{}' is no path in a home", printable(path, 200)));
    if (!files.insert(path).second) return bad_manifest(fmt::format("'{}' is there twice", printable(path, 200)));
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1))
      folders.insert(path.substr(0, at));
    return {};
  };
  for (const auto& file : m.files) FH_TRY_VOID(add(file.path));
  for (const auto& link : m.links) FH_TRY_VOID(add(link.path));
  for (const std::string& folder : folders) {
    if (files.contains(folder)) return bad_manifest(fmt::format("'{}' is a file and a folder", printable(folder, 200)));
  }
  return {};
}

}  // namespace

std::uint64_t BackupManifest::bytes() const {
  std::uint64_t sum = 0;
  for (const File& file : files) sum += file.size;
  return sum;
}

bool safe_backup_path(std::string_view path) {
  if (path.empty() || path.size() > 4096 || path.find('\0') != std::string_view::npos) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part.size() > 255 || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

std::string backup_manifest_json(const BackupManifest& m) {
  JsonWriter w(true);
  w.begin_object().member("freehold_backup", kBackupVersion).member("made", m.made).member("program", m.program);
  w.key("audit").begin_object().member("key", m.log_key).member("checkpoint", m.log_checkpoint).end_object();
  add_texts(w, "secrets", m.secrets);
  w.member("subject_keys", m.subject_keys);
  add_texts(w, "left_out", m.left_out);
  w.key("absent_models").begin_array();
  for (const auto& one : m.absent_models) {
    w.begin_object().member("name", one.name).member("bytes", one.bytes).member("source", one.source).end_object();
  }
  w.end_array().key("links").begin_array();
  for (const auto& link : m.links)
    w.begin_object().member("path", link.path).member("target", link.target).end_object();
  w.end_array().key("files").begin_array();
  for (const auto& file : m.files) {
    w.begin_object().member("path", file.path).member("size", file.size).member("sha256", file.digest.hex());
    w.end_object();
  }
  w.end_array().end_object();
  return w.take() + "\n";
}

Result<BackupManifest> parse_backup_manifest(std::string_view json) {
  auto parsed = format::parse_json(json);
  if (!parsed) return in_context(std::move(parsed).error(), kManifestName);
  ManifestFields asked(*parsed);
  FH_TRY(const std::uint64_t version, asked.number("freehold_backup"));
  if (version != kBackupVersion) {
    return fail(Errc::unsupported, fmt::format("{}: version {} of backups; this program knows {}: use a newer freehold",
                                               kManifestName, version, kBackupVersion));
  }
  BackupManifest out;
  FH_TRY(out.made, asked.text("made"));
  FH_TRY(out.program, asked.text("program"));
  FH_TRY(out.secrets, asked.texts("secrets"));
  FH_TRY(out.subject_keys, asked.number("subject_keys"));
  FH_TRY(out.left_out, asked.texts("left_out"));
  FH_TRY(const auto absent, asked.list("absent_models"));
  for (const auto& value : absent) {
    FH_TRY(auto one, parse_absent(value));
    out.absent_models.push_back(std::move(one));
  }
  FH_TRY(const auto links, asked.list("links"));
  for (const auto& value : links) {
    FH_TRY(auto link, parse_link(value));
    out.links.push_back(std::move(link));
  }
  FH_TRY(const auto files, asked.list("files"));
  for (const auto& value : files) {
    FH_TRY(auto file, parse_file(value));
    out.files.push_back(std::move(file));
  }
  const auto* log = parsed->member("audit");
  if (log == nullptr) return bad_manifest("'audit' is missing");
  ManifestFields of_log(*log);
  FH_TRY(out.log_key, of_log.text("key"));
  FH_TRY(out.log_checkpoint, of_log.text("checkpoint"));
  FH_TRY_VOID(of_log.end());
  if (parsed->size() != 10) return bad_manifest("it has members that this version does not know");
  FH_TRY_VOID(check_paths(out));
  return out;
}

std::string backup_note(std::string_view manifest, const audit::SigningKey* key) {
  const std::string text = note_text(manifest);
  return key == nullptr ? text : key->sign_text(text);
}

Result<> check_backup_note(std::string_view note, std::string_view manifest, const audit::VerifierKey* key) {
  std::string text(note);
  if (key != nullptr) {
    auto opened = key->open_text(note);
    if (!opened) return in_context(std::move(opened).error(), kManifestNoteName);
    text = std::move(*opened);
  }
  if (!text.starts_with(kNoteHead) || text != note_text(manifest)) {
    return fail(Errc::corrupt,
                fmt::format("{} is not what {} says: one of them was changed", kManifestName, kManifestNoteName));
  }
  return {};
}

}  // namespace freehold::app
