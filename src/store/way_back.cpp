#include "store/way_back.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "store/blob.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

// One word for a shell.
std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+:@%,=";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// As `models pull` reads it: one file of a repository (its version is a commit, no digest) has an address of its own.
std::string reference_of(const Pulled& pulled) {
  const std::string_view all = pulled.reference;
  const std::size_t first = all.find('/');
  const std::size_t end = first == std::string_view::npos ? first : all.find('/', first + 1);
  if (pulled.version.starts_with("sha256:") || end == std::string_view::npos) return pulled.reference;
  const std::string_view repository = all.substr(0, end);
  const std::size_t at = repository.find('@');
  const std::string_view revision = at == std::string_view::npos ? "main" : repository.substr(at + 1);
  return fmt::format("{}/resolve/{}/{}", repository.substr(0, at), revision, all.substr(end + 1));
}

}  // namespace

std::string missing_file(const fs::path& home, const ModelTuple& model) {
  std::error_code ec;
  for (const StoredFile& file : model.files) {
    if (!fs::exists(blob_path(home, file.digest), ec)) return file.name;
  }
  return model.adapter ? missing_file(home, model.adapter_alone()) : std::string();
}

std::string way_back(const ModelName& name, const Manifest& manifest) {
  const Provenance& from = manifest.from;
  // Only the very model is the one that the name leads to; another one would be refused, or move the name.
  const bool itself = !manifest.model.adapter && (from.pulled || manifest.model.defaults == Defaults{});
  const std::string called = itself ? fmt::format(" --name {}", name.text()) : std::string();
  if (from.pulled) {
    return fmt::format("freehold models pull {} --from {}{}", shell_word(reference_of(*from.pulled)),
                       shell_word(from.pulled->address), called);
  }
  if (from.source == kBuiltInSource) return fmt::format("freehold models import {}{}", kBuiltInName, called);
  if (fs::path(from.source).is_absolute() && from.source.find(" quantized to ") == std::string::npos) {
    return fmt::format("freehold models import {}{}", shell_word(printable(from.source, 1000)), called);
  }
  return fmt::format("make it again ({}), under this name", printable(from.source, 300));
}

}  // namespace freehold::store
