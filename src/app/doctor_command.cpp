// `freehold doctor`: what this machine offers, and what will be slow and why.
#include <fmt/format.h>
#include <histedit.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <vector>

#include "app/commands.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/machine.h"
#include "app/progress.h"
#include "app/serve/own_folder.h"
#include "app/version.h"
#include "audit/claim.h"
#include "audit/entry.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/policy.h"
#include "guard/sign_in.h"
#include "kernel/level.h"
#include "seal/seal.h"
#include "store/store.h"

namespace freehold::app {
namespace {

struct Finding {
  std::string level;  // "ok", "note", "slow", "problem"
  std::string text;
};

struct Report {
  Machine machine;
  kernel::Level detected = kernel::Level::scalar;
  kernel::Level used = kernel::Level::scalar;
  std::filesystem::path home;
  bool home_exists = false;
  bool home_writable = false;
  std::optional<DiskSpace> disk;
  std::vector<std::pair<std::string, std::string>> libraries;
  seal::Kernel seal;
  std::vector<std::string> issuers;  // whose tokens a server here would accept
  std::vector<Finding> findings;
};

std::string pcre2_version() {
  char text[64] = {};
  if (pcre2_config(PCRE2_CONFIG_VERSION, text) < 0) return "unknown";
  std::string version = text;
  return version.substr(0, version.find(' '));
}

std::string library_version(std::string text) {
  std::size_t digit = text.find_first_of("0123456789");
  if (digit == std::string::npos) return text;
  text = text.substr(digit);
  return text.substr(0, text.find(' '));
}

void add_cpu_findings(Report& r) {
  const Machine& m = r.machine;
  if (r.used < r.detected) {
    r.findings.push_back(
        {"slow", fmt::format("FREEHOLD_ISA caps the kernels at {}; this CPU has {}: unset it for full speed",
                             name_of(r.used), name_of(r.detected))});
  } else if (r.used == kernel::Level::scalar) {
    r.findings.push_back({"slow", "this CPU has no AVX2: only the portable kernels run, ten or more times slower"});
  } else if (r.used == kernel::Level::avx2) {
    r.findings.push_back(
        {"note",
         "no AVX-512 with VNNI: reading prompts takes about twice as long as with it; answering hardly longer"});
  }
  if (m.cpus_available < m.cpus_online) {
    r.findings.push_back(
        {"slow", fmt::format("the affinity mask gives {} of {} CPUs: see taskset, or the container's cpuset",
                             m.cpus_available, m.cpus_online)});
  }
  if (m.cpu_quota > 0 && m.cpu_quota < m.cpus_available) {
    r.findings.push_back(
        {"slow", fmt::format("the control group allows {:.1f} CPUs, but {} threads would run: use --threads {}",
                             m.cpu_quota, m.cpus_available, std::max(1, static_cast<int>(m.cpu_quota)))});
  }
}

void add_memory_findings(Report& r) {
  const Machine& m = r.machine;
  if (m.memory_limited) {
    r.findings.push_back(
        {"note", fmt::format("a control group or ulimit leaves {} of memory", human_bytes(m.memory_available))});
  }
  if (m.memory_available < std::uint64_t{2} << 30) {
    r.findings.push_back({"slow", fmt::format("only {} of memory are free: models over 1B parameters will not fit",
                                              human_bytes(m.memory_available))});
  }
  if (m.huge_pages == "never") {
    r.findings.push_back({"slow",
                          "transparent huge pages are off: some per cent slower; echo madvise > "
                          "/sys/kernel/mm/transparent_hugepage/enabled (as root) turns them on"});
  }
}

void add_disk_findings(Report& r) {
  if (r.home_exists && !r.home_writable) {
    r.findings.push_back(
        {"problem", fmt::format("{} cannot be written: models cannot be imported", printable(r.home.string()))});
  }
  if (!r.disk) {
    r.findings.push_back({"problem", fmt::format("the free space of {} cannot be read", printable(r.home.string()))});
  } else if (r.disk->available < std::uint64_t{5} << 30) {
    r.findings.push_back({"note", fmt::format("only {} are free where models are stored; a 7B model needs about 4 GiB",
                                              human_bytes(r.disk->available))});
  }
}

// A policy or keys of an issuer that cannot be read would start no server.
void add_people(Report& r) {
  const auto policy = guard::load_policy(r.home);
  if (!policy) return r.findings.push_back({"problem", policy.error().what});
  for (const guard::IssuerRule& rule : policy->sign_in) {
    r.issuers.push_back(rule.issuer);
    const auto keys = guard::read_keys(rule);
    if (!keys) r.findings.push_back({"problem", fmt::format("tokens of {}: {}", rule.issuer, keys.error().what)});
  }
}

// What the log says of the last start of a server; empty: nothing that can be read.
audit::EntryMembers last_start(const audit::Reader& reader) {
  audit::EntryMembers out;
  // From the last segment alone: it holds days of an ordinary server.
  (void)reader.each(reader.size() - 1, [&](std::uint64_t, std::string_view text) {
    if (text.find("\"serve.start\"") == std::string_view::npos) return true;
    auto entry = audit::members_of(text);
    if (entry && (*entry)["act"] == "serve.start") out = std::move(*entry);
    return true;
  });
  return out;
}

// A server that runs goes by the policy that it was started with.
void add_policy_findings(Report& r, audit::EntryMembers& start) {
  const auto runs = is_served(r.home);
  const std::string began = start["details.policy"];
  if (!runs || !*runs || began.empty() || began == guard::policy_digest(guard::policy_path(r.home))) return;
  r.findings.push_back({"note",
                        "the server that runs was started with another policy than policy.yaml is now: what stands "
                        "there holds from its next start on, unless --policy gave it another file"});
}

// Whether what the last start of the server was told to mirror is where it should be.
void add_mirror_findings(Report& r, const audit::Reader& log, audit::EntryMembers& start) {
  const std::string folder = start["details.mirror"];
  if (folder.empty()) return;
  const std::string shown = printable(folder);
  const auto note = read_file(std::filesystem::path(folder) / "checkpoint", 65'536);
  const auto checkpoint = note ? log.key().open(*note) : tl::unexpected(note.error());
  if (!checkpoint) {
    r.findings.push_back(
        {"problem", fmt::format("checkpoints are to be mirrored to {}: {}", shown, checkpoint.error().what)});
  } else if (checkpoint->size > log.size()) {
    r.findings.push_back(
        {"problem", fmt::format("the checkpoint in {} has {} entries, the log {}: it was cut or rolled "
                                "back (freehold audit verify)",
                                shown, checkpoint->size, log.size())});
  } else if (checkpoint->size < log.size()) {
    r.findings.push_back(
        {"note", fmt::format("the checkpoint in {} has {} entries, the log {}", shown, checkpoint->size, log.size())});
  }
}

void add_log_findings(Report& r) {
  const auto reader = audit::Reader::open(audit::audit_folder(r.home));
  if (!reader || reader->size() == 0) return;
  audit::EntryMembers start = last_start(*reader);
  add_policy_findings(r, start);
  add_mirror_findings(r, *reader, start);
}

std::string seal_line(const seal::Kernel& k) {
  std::string out = k.filter ? "system-call filter" : "not possible";
  if (!k.files()) return out;
  out += fmt::format(", files (Landlock {})", k.landlock);
  if (k.tcp()) out += ", ports";
  if (k.devices()) out += ", devices";
  if (k.scopes()) out += ", abstract sockets and signals";
  return out;
}

Result<Report> examine() {
  Report r;
  r.seal = seal::kernel();
  if (const std::string missing = seal::missing(r.seal); !missing.empty())
    r.findings.push_back({"note", "--sealed: " + missing});
  r.machine = read_machine();
  r.detected = kernel::detect_level();
  FH_TRY(r.used, kernel::chosen_level());
  FH_TRY(r.home, store::default_home());
  struct stat info = {};
  r.home_exists = ::stat(r.home.c_str(), &info) == 0;
  r.home_writable = ::access(r.home.c_str(), W_OK) == 0;
  r.disk = disk_space(std::filesystem::absolute(r.home));
  r.libraries = {
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"openssl", library_version(OpenSSL_version(OPENSSL_VERSION))},
      {"pcre2", pcre2_version()},
      {"libedit", fmt::format("{}.{}", LIBEDIT_MAJOR, LIBEDIT_MINOR)},
  };
  add_cpu_findings(r);
  add_memory_findings(r);
  add_disk_findings(r);
  add_people(r);
  add_log_findings(r);
  if (build_type() != "Release") {
    r.findings.push_back({"slow", fmt::format("this is a {} build", build_type())});
  }
  return r;
}

std::string as_json(const Report& r) {
  JsonWriter w(true);
  w.begin_object();
  w.member("version", version())
      .member("commit", commit())
      .member("build", build_type())
      .member("compiler", compiler());
  w.member("numerics", kNumericsVersion);
  w.key("cpu").begin_object();
  w.member("model", r.machine.cpu)
      .member("online", r.machine.cpus_online)
      .member("available", r.machine.cpus_available);
  w.member("quota", r.machine.cpu_quota).member("l2_bytes", r.machine.l2_bytes).member("l3_bytes", r.machine.l3_bytes);
  w.member("isa_detected", name_of(r.detected)).member("isa", name_of(r.used)).end_object();
  w.key("memory").begin_object();
  w.member("total_bytes", r.machine.memory_total).member("available_bytes", r.machine.memory_available);
  w.member("swap_bytes", r.machine.swap_total).member("limited", r.machine.memory_limited);
  w.member("huge_pages", r.machine.huge_pages).end_object();
  w.key("disk").begin_object().member("home", r.home.string()).member("exists", r.home_exists);
  w.member("writable", r.home_writable);
  if (r.disk) w.member("total_bytes", r.disk->total).member("available_bytes", r.disk->available);
  w.end_object();
  w.member("system", r.machine.system).member("distribution", r.machine.distribution);
  w.key("libraries").begin_object();
  for (const auto& [name, text] : r.libraries) w.member(name, text);
  w.end_object();
  w.key("sealed_mode").begin_object().member("system_calls", r.seal.filter).member("landlock", r.seal.landlock);
  w.member("files", r.seal.files()).member("ports", r.seal.tcp()).member("devices", r.seal.devices());
  w.member("scopes", r.seal.scopes()).member("missing", seal::missing(r.seal)).end_object();
  w.key("issuers").begin_array();
  for (const std::string& issuer : r.issuers) w.value(issuer);
  w.end_array();
  w.key("findings").begin_array();
  for (const auto& f : r.findings) w.begin_object().member("level", f.level).member("text", f.text).end_object();
  w.end_array().end_object();
  return w.take() + "\n";
}

std::string as_text(const Report& r) {
  const Machine& m = r.machine;
  std::string out = version_line() + "\n\n";
  auto line = [&](std::string_view name, std::string text) {
    out += fmt::format("{:<12}{}\n", name, printable(text, 400));
  };
  line("CPU", m.cpu);
  line("cores", fmt::format("{} online, {} available to this process", m.cpus_online, m.cpus_available));
  line("kernels",
       fmt::format("{}{}", name_of(r.used), r.used < r.detected ? fmt::format(" (CPU: {})", name_of(r.detected)) : ""));
  line("caches", fmt::format("L2 {} a core, L3 {}", human_bytes(m.l2_bytes), human_bytes(m.l3_bytes)));
  line("memory", fmt::format("{} of {} available, swap {}", human_bytes(m.memory_available),
                             human_bytes(m.memory_total), human_bytes(m.swap_total)));
  line("huge pages", m.huge_pages);
  line("home", fmt::format("{}{}", r.home.string(), r.home_exists ? "" : " (does not exist yet)"));
  if (r.disk) line("disk", fmt::format("{} of {} free", human_bytes(r.disk->available), human_bytes(r.disk->total)));
  line("system", fmt::format("{}, {}", m.distribution, m.system));
  line("sealed mode", seal_line(r.seal));
  if (!r.issuers.empty()) line("sign-in", fmt::format("{}", fmt::join(r.issuers, ", ")));
  line("build", fmt::format("{}, {}", build_type(), compiler()));
  std::string libraries;
  for (const auto& [name, text] : r.libraries)
    libraries += fmt::format("{}{} {}", libraries.empty() ? "" : ", ", name, text);
  line("libraries", libraries);
  out += "\n";
  if (r.findings.empty()) out += "Nothing stands in the way of full speed.\n";
  for (const auto& f : r.findings) out += fmt::format("{}: {}\n", f.level, printable(f.text, 600));
  out += "freehold bench measures what this machine can do.\n";
  return out;
}

Result<> run(const Arguments& arguments, Console& console) {
  FH_TRY(Report report, examine());
  console.write(arguments.flag("json") ? as_json(report) : as_text(report));
  const auto is_problem = [](const Finding& finding) { return finding.level == "problem"; };
  if (std::any_of(report.findings.begin(), report.findings.end(), is_problem)) {
    console.end_with(static_cast<int>(ExitCode::found));
  }
  return {};
}

}  // namespace

Command doctor_command() {
  return {
      .name = "doctor",
      .summary = "Examine this machine: what will be slow, and why.",
      .details =
          "Reads only; nothing is measured (that is freehold bench) and nothing leaves the machine. The exit status is "
          "8 if anything is a problem, 0 if there are remarks alone.\n\n"
          "Also examined: whether the policy and the keys of issuers can be read, whether a server that runs was "
          "started with the policy as it is now, and whether checkpoints are where it was told to mirror them.",
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold doctor", "CPU, memory, disk, library versions, and remarks:"}},
      .run = run,
  };
}

}  // namespace freehold::app
