// How a server lets people in, from its options and the policy: certificates, keys, tokens, and who has to wait.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/command.h"
#include "app/console.h"
#include "app/serve/permissions.h"
#include "guard/authenticator.h"
#include "guard/lockout.h"
#include "http/server.h"

namespace freehold::app {

Option client_ca_option();
Option client_cert_option();
Option lockout_option();

// --tls, --client-ca, --client-cert. Errors: invalid; of making a certificate.
Result<http::TlsFiles> tls_files(const Arguments& arguments, const std::string& address, Console& console);
// What --policy says, or the home's.
Result<std::unique_ptr<Permissions>> permissions(const Arguments& arguments, const std::filesystem::path& home);
// Of its file, as it is when the server starts (guard::policy_digest).
std::string policy_digest(const Arguments& arguments, const std::filesystem::path& home);
// Keys by hand, those of the database, people of the policy; or nothing, where nobody is asked. A first key is made and
// shown. Errors: invalid (options that contradict each other or the policy), and those of reading keys.
Result<std::optional<guard::Authenticator>> authenticator(const Arguments& arguments, const std::filesystem::path& home,
                                                          const http::ServerOptions& options,
                                                          const guard::Policy& policy, Console& console);
guard::LockoutOptions lockout_options(const Arguments& arguments);

}  // namespace freehold::app
