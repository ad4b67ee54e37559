#include "app/vendor_keys.h"

#include <fmt/format.h>

#include "app/audit/kept.h"
#include "app/eval/evaluation.h"
#include "audit/note.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/folder_lock.h"
#include "base/utf8.h"
#include "http/network_address.h"
#include "upstream/wire.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVendorKeysHead = "freehold-vendor-keys 1\n";
constexpr std::uint64_t kMostVendorKeys = 1 << 20;
constexpr double kVendorKeysWait = 10;  // seconds

fs::path vendor_keys_path(const fs::path& home) {
  return home / "keys" / "vendors";
}

bool is_loopback(const http::Url& url) {
  return url.host == "localhost" || http::is_loopback_address(url.host);
}

}  // namespace

VendorKeys::Place VendorKeys::place_of(std::string_view vendor, const http::Url& url) {
  http::Url secure = url;
  secure.tls = true;
  return {std::string(vendor), secure.authority()};
}

const SecretText* VendorKeys::find(std::string_view vendor, const http::Url& url) const {
  constexpr std::uint16_t kNotNamed = 443;  // kept without a port
  if (!url.tls && (!is_loopback(url) || url.port == kNotNamed)) return nullptr;
  const auto found = keys_.find(place_of(vendor, url));
  return found == keys_.end() ? nullptr : &found->second;
}

Result<VendorKeys> VendorKeys::open(const fs::path& home, const fs::path& master_key) {
  VendorKeys out;
  const fs::path path = vendor_keys_path(home);
  const std::string shown = printable(path.string());
  auto text = read_file(path, kMostVendorKeys);
  if (!text && text.error().code == Errc::not_found) return out;
  if (!text) return tl::unexpected(std::move(text).error());
  std::string_view rest = *text;
  const Unexpected damaged = fail(Errc::corrupt, fmt::format("{} is no file of vendors' keys, or was changed", shown));
  if (!rest.starts_with(kVendorKeysHead) || !rest.ends_with('\n')) return damaged;
  rest.remove_prefix(kVendorKeysHead.size());
  rest.remove_suffix(1);
  const auto sealed = audit::from_base64(rest);
  if (!sealed) return damaged;
  auto master = audit::MasterKey::open(master_key, audit::MasterKey::Make::never);
  if (!master) return in_context(std::move(master).error(), shown);
  auto opened = audit::unseal(master->wrapping(), *sealed, kVendorKeysHead);
  if (!opened) return in_context(std::move(opened).error(), fmt::format("{} (--master-key names its key)", shown));
  const SecretText plain(std::move(*opened));
  for (std::string_view lines = plain.text(); !lines.empty();) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (line.size() == lines.size()) return damaged;
    lines.remove_prefix(line.size() + 1);
    const std::size_t first = line.find(' '), second = line.find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return damaged;
    out.keys_.insert_or_assign(
        {std::string(line.substr(0, first)), std::string(line.substr(first + 1, second - first - 1))},
        SecretText(std::string(line.substr(second + 1))));
  }
  return out;
}

Result<> VendorKeys::change(const fs::path& home, const fs::path& master_key, const Place& place,
                            const SecretText* key) {
  const fs::path path = vendor_keys_path(home);
  const Unexpected none =
      fail(Errc::not_found, fmt::format("no key is kept for {} at {}", place.first, printable(place.second)));
  std::error_code ec;
  if (!fs::exists(path.parent_path(), ec)) {
    if (key == nullptr) return none;
    FH_TRY_VOID(make_directories(path.parent_path()));
    set_mode(path.parent_path(), 0700);
  }
  FH_TRY(FolderLock lock, FolderLock::open(path.parent_path(), FolderLock::Mode::exclusive));
  FH_TRY(const bool mine, lock.take(kVendorKeysWait));
  if (!mine) return fail(Errc::exhausted, fmt::format("another process holds {}", printable(lock.path().string())));
  FH_TRY(VendorKeys now, open(home, master_key));
  if (key == nullptr && now.keys_.erase(place) == 0) return none;
  // What is there already is sealed by a key; another one, made now, would open nothing.
  const bool sealed = fs::exists(path, ec) || ec;
  FH_TRY(
      const audit::MasterKey master,
      audit::MasterKey::open(master_key, sealed ? audit::MasterKey::Make::never : audit::MasterKey::Make::if_missing));
  if (key != nullptr) now.keys_.insert_or_assign(place, SecretText(std::string(key->text())));
  std::size_t size = 0;
  for (const auto& [where, kept] : now.keys_) size += where.first.size() + where.second.size() + kept.text().size() + 3;
  std::string plain;
  plain.reserve(size);  // so that it does not move, and leave copies behind
  for (const auto& [where, kept] : now.keys_) {
    plain.append(where.first).append(" ").append(where.second).append(" ").append(kept.text()).append("\n");
  }
  const SecretText wiped(std::move(plain));
  return write_file_atomically(
      path, std::string(kVendorKeysHead) + base64(audit::seal(master.wrapping(), wiped.text(), kVendorKeysHead)) + "\n",
      FileAccess::owner);
}

Result<VendorKey> vendor_key(const upstream::Place& place, const Arguments& arguments, const fs::path& home) {
  std::string own = from_environment(place.wire->key_variable);
  if (!own.empty()) return VendorKey{SecretText(std::move(own)), fmt::format("${}", place.wire->key_variable)};
  FH_TRY(const VendorKeys kept, VendorKeys::open(home, master_key_of(arguments, home)));
  const SecretText* found = kept.find(place.wire->name, place.base);
  if (found == nullptr) return VendorKey{};
  return VendorKey{SecretText(std::string(found->text())), "freehold keys vendor"};
}

Option vendor_master_key_option() {
  Option option = master_key_option();
  option.help = "The key that vendors' keys are sealed under; by default $FREEHOLD_HOME/keys/master.key.";
  return option;
}

}  // namespace freehold::app
