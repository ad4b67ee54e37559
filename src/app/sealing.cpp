#include "app/sealing.h"

#include <fmt/format.h>

#include <cstdlib>

#include "app/json_writer.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/utf8.h"
#include "seal/denials.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystem[] = {
    "/proc/self/cgroup",
    "/proc/self/statm",
    "/proc/self/status",
    "/proc/meminfo",
    "/proc/cpuinfo",  // what there is
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/sys/kernel/mm/transparent_hugepage",  // of memory and CPUs
    "/sys/class/powercap",
    "/sys/devices/virtual/powercap",  // energy
    "/dev/urandom",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl/openssl.cnf",  // OpenSSL
    "/etc/localtime",
    "/usr/share/zoneinfo",  // the time here
    "/usr/lib/locale",
    "/etc/terminfo",
    "/lib/terminfo",
    "/usr/share/terminfo",  // the terminal
};

Result<> make_private_folder(const fs::path& folder) {
  std::error_code ec;
  if (fs::exists(folder, ec)) return {};
  FH_TRY_VOID(make_directories(folder));
  set_mode(folder, 0700);
  return {};
}

// "model-00001-of-00003.gguf": the others lie beside it.
bool is_part(std::string_view name) {
  return name.ends_with(".gguf") && name.size() > 20 && name.substr(name.size() - 20, 1) == "-" &&
         name.substr(name.size() - 14, 4) == "-of-";
}

std::string stem_of_parts(const std::string& name) {
  return name.substr(0, name.size() - 20);
}

}  // namespace

Option sealed_option() {
  return {.name = "sealed",
          .help =
              "Have the kernel keep this process from the network, from other programs and processes, and from all "
              "files but the named ones and the store's (freehold guard seal-test tries it)."};
}

Result<seal::Policy> sealed_policy(seal::Network network) {
  FH_TRY(const fs::path home, store::default_home());
  const fs::path temporary = home / "tmp";
  FH_TRY_VOID(make_private_folder(home));
  FH_TRY_VOID(make_private_folder(temporary));
  seal::Policy policy;
  policy.network = network;
  policy.read.assign(std::begin(kSystem), std::end(kSystem));
  policy.write.push_back(home);
  // Parts of the store that were moved to another disk.
  std::error_code ec;
  for (fs::directory_iterator it(home, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_symlink(ec) && it->is_directory(ec)) policy.write.push_back(it->path());
  }
  return policy;
}

Result<Sealing> Sealing::begin(const Arguments& arguments, seal::Network network) {
  Sealing sealing;
  if (!arguments.flag("sealed")) return sealing;
  if (!seal::kernel().filter) return fail(Errc::unsupported, seal::missing(seal::kernel()));
  seal::close_inherited();
  FH_TRY(sealing.policy_, sealed_policy(network));
  FH_TRY(const fs::path home, store::default_home());
  // Libraries and we ask for it by this name; the usual folder is everybody's.
  ::setenv("TMPDIR", (home / "tmp").c_str(), 1);
  return sealing;
}

void Sealing::reads(const fs::path& path) {
  if (policy_) policy_->read.push_back(path);
}

void Sealing::reads(const Arguments& arguments, std::string_view name) {
  if (!policy_ || !arguments.given(name)) return;
  for (const std::string& path : arguments.list(name)) reads(path);
}

void Sealing::reads_model(std::string_view reference) {
  if (!policy_) return;
  const fs::path path(reference);
  std::error_code ec;
  if (!fs::exists(path, ec)) return;
  reads(path);
  const std::string name = path.filename().string();
  const bool folder = fs::is_directory(path, ec);
  if (!folder && !is_part(name)) return;
  const fs::path where = folder ? path : path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator it(where, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string other = it->path().filename().string();
    if (folder ? it->is_symlink(ec) : is_part(other) && stem_of_parts(other) == stem_of_parts(name)) reads(it->path());
  }
}

void Sealing::reads_model(const Arguments& arguments, std::string_view name) {
  if (!policy_ || !arguments.given(name)) return;
  for (const std::string& reference : arguments.list(name)) reads_model(reference);
}

void Sealing::writes(const fs::path& folder) {
  if (!policy_) return;
  std::error_code ec;
  fs::create_directories(folder, ec);  // whoever writes there says why it cannot be made
  policy_->write.push_back(folder);
}

void Sealing::writes_file(const fs::path& file) {
  if (!policy_) return;
  std::error_code ec;
  // Of a symbolic link the file that it leads to is written.
  const fs::path target = fs::is_symlink(file, ec) ? fs::weakly_canonical(file, ec) : file;
  policy_->deposit.push_back(target.has_parent_path() ? target.parent_path() : fs::path("."));
  policy_->read.push_back(target);
}

Result<> Sealing::enter(Console& console) {
  if (!policy_) return {};
  FH_TRY_VOID(seal::enter(*policy_));
  if (const std::string missing = seal::missing(seal::status().by); !missing.empty())
    console.note("sealed, but: " + missing);
  return {};
}

Result<> refuse_if_sealed(const Sealing& sealing, std::string_view what) {
  if (!sealing.wanted()) return {};
  return fail(Errc::invalid, fmt::format("{} needs the network, and --sealed lets nothing leave this process", what));
}

void note_denials(Console& console) {
  for (const seal::Denial& denial : seal::take_denials())
    console.note(fmt::format("sealed: {} was refused {}", denial.call,
                             denial.times == 1 ? "once" : fmt::format("{} times", denial.times)));
}

std::string seal_layers() {
  const seal::Status status = seal::status();
  if (!status.sealed) return {};
  return status.files() ? fmt::format("seccomp landlock-{}", status.by.landlock) : "seccomp";
}

std::string seal_json() {
  const seal::Status status = seal::status();
  JsonWriter w;
  w.begin_object().member("on", status.sealed);
  if (status.sealed) {
    w.member("system_calls", true).member("files", status.files()).member("landlock", status.by.landlock);
    w.member("network", status.network == seal::Network::accept ? "accept" : "none");
    w.member("refused", seal::denials());
  }
  w.end_object();
  return w.take();
}

}  // namespace freehold::app
