#include "app/serve/entrance.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "app/audit/act.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "http/self_signed.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// Certificate and key of our own making, kept below $FREEHOLD_HOME/tls so that clients see the same one every time.
Result<http::TlsFiles> self_signed(const std::string& address, Console& console) {
  FH_TRY(fs::path home, store::default_home());
  const fs::path folder = home / "tls";
  const http::TlsFiles files{(folder / "self.crt").string(), (folder / "self.key").string()};
  std::error_code ec;
  if (fs::exists(files.certificate_chain, ec) && fs::exists(files.private_key, ec)) return files;
  FH_TRY(http::SelfSigned made,
         http::make_self_signed(guard::is_loopback(address) ? std::vector<std::string>{} : std::vector{address}));
  FH_TRY_VOID(make_directories(folder));
  ::chmod(folder.c_str(), 0700);
  FH_TRY_VOID(write_file_atomically(files.private_key, made.private_key_pem));
  ::chmod(files.private_key.c_str(), 0600);
  FH_TRY_VOID(write_file_atomically(files.certificate_chain, made.certificate_pem));
  console.note(fmt::format("made a certificate: {} (SHA-256 {})", files.certificate_chain, made.sha256_fingerprint));
  return files;
}

Result<http::TlsFiles> own_files(std::string_view both) {
  const std::size_t comma = both.find(',');
  if (comma == std::string::npos) {
    return fail(Errc::invalid, "--tls is 'self', or two PEM files: CERTIFICATE,KEY");
  }
  return http::TlsFiles{std::string(both.substr(0, comma)), std::string(both.substr(comma + 1))};
}

}  // namespace

Option client_ca_option() {
  return {.name = "client-ca",
          .type = OptionType::file,
          .value = "FILE",
          .help =
              "Let clients show a certificate of these authorities (PEM) instead of a key; who of them gets in is "
              "'certificates' of the policy."};
}

Option client_cert_option() {
  return {.name = "client-cert",
          .type = OptionType::choice,
          .value = "optional|required",
          .fallback = "optional",
          .help = "Whether one must be shown, beside a key or instead of it."};
}

Option lockout_option() {
  return {
      .name = "lock-out",
      .type = OptionType::integer,
      .value = "N",
      .fallback = "10",
      .least = 0,
      .most = 1'000'000,
      .help =
          "Wrong keys within five minutes after which their address has to wait, longer each time; 0: never. Unless "
          "given, this machine's own address may send 50."};
}

guard::LockoutOptions lockout_options(const Arguments& arguments) {
  guard::LockoutOptions options{.attempts = static_cast<std::uint64_t>(arguments.integer("lock-out"))};
  if (arguments.given("lock-out")) options.here = options.attempts;
  return options;
}

Result<http::TlsFiles> tls_files(const Arguments& arguments, const std::string& address, Console& console) {
  const bool authorities = arguments.given("client-ca");
  if (authorities && !arguments.given("tls")) return fail(Errc::invalid, "--client-ca needs --tls");
  if (arguments.given("client-cert") && !authorities) return fail(Errc::invalid, "--client-cert needs --client-ca");
  if (!arguments.given("tls")) return http::TlsFiles{};
  http::TlsFiles files;
  if (arguments.text("tls") == "self") {
    FH_TRY(files, self_signed(address, console));
  } else {
    FH_TRY(files, own_files(arguments.text("tls")));
  }
  if (!authorities) return files;
  files.client_authorities = arguments.text("client-ca");
  files.clients = arguments.text("client-cert") == "required" ? http::ClientCertificates::required
                                                              : http::ClientCertificates::optional;
  return files;
}

Result<std::optional<guard::Authenticator>> authenticator(const Arguments& arguments, const fs::path& home,
                                                          const http::ServerOptions& server,
                                                          const guard::Policy& policy, Console& console) {
  guard::AuthenticatorOptions options;
  if (arguments.given("api-key")) options.given = arguments.list("api-key");
  if (server.tls.clients != http::ClientCertificates::none && policy.certificates.empty()) {
    return fail(Errc::invalid, "--client-ca: the policy has no 'certificates', so none would let anybody in");
  }
  for (const std::string& key : options.given) {
    if (key.size() < 8) return fail(Errc::invalid, "--api-key: a key has at least 8 characters");
  }
  if (arguments.flag("no-keys")) {
    if (!options.given.empty()) return fail(Errc::invalid, "--no-keys and --api-key contradict each other");
    if (!guard::is_loopback(server.address)) return fail(Errc::invalid, "--no-keys is for loopback addresses only");
    return std::optional<guard::Authenticator>();
  }
  // Before a first key is shown, which is done once.
  FH_TRY(const auto trial, guard::SignIn::create(policy.sign_in));
  if (options.given.empty()) {
    FH_TRY(const auto first, guard::ensure_first_key(home));
    if (first) {
      FH_TRY_VOID(record_act("keys.create", "the first key", audit::Object().add("role", "admin")));
      // All of it in one place: standard output says where the server is, and nothing else.
      console.write(fmt::format(
          "no key was valid, so here is a first key, of an admin. It is shown this once, and kept in {} for this "
          "command line:\n{}\n",
          printable(guard::own_key_path(home).string()), *first));
      FH_TRY_VOID(console.flush());
    }
  }
  if (!policy.sign_in.empty() || !policy.certificates.empty()) {
    FH_TRY(options.people, guard::PersonBook::open(home));
    options.policy = policy;
  }
  std::optional<guard::Keys> keys;
  auto opened = guard::Keys::open(home, guard::OpenKeys::existing);
  if (opened) {
    keys = std::move(*opened);
  } else if (opened.error().code != Errc::not_found) {
    return tl::unexpected(std::move(opened).error());
  }
  FH_TRY(auto made, guard::Authenticator::create(std::move(keys), std::move(options)));
  return std::optional<guard::Authenticator>(std::move(made));
}

Result<std::unique_ptr<Permissions>> permissions(const Arguments& arguments, const fs::path& home) {
  const bool given = arguments.given("policy");
  FH_TRY(guard::Policy policy,
         given ? guard::read_policy(std::string(arguments.text("policy"))) : guard::load_policy(home));
  return std::make_unique<Permissions>(std::move(policy), home);
}

std::string policy_digest(const Arguments& arguments, const fs::path& home) {
  return guard::policy_digest(arguments.given("policy") ? fs::path(arguments.text("policy"))
                                                        : guard::policy_path(home));
}

}  // namespace freehold::app
