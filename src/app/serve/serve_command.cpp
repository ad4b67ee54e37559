// `freehold serve`: models behind the wire formats of several vendors.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "app/commands.h"
#include "app/interrupt.h"
#include "app/serve/batches.h"
#include "app/serve/reply.h"
#include "app/serve/routes.h"
#include "base/utf8.h"
#include "http/self_signed.h"
#include "http/server.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

// Certificate and key of our own making, kept below $FREEHOLD_HOME/tls so that clients see the same one every time.
Result<http::TlsFiles> self_signed(const std::string& address, Console& console) {
  FH_TRY(fs::path home, store::default_home());
  const fs::path folder = home / "tls";
  const http::TlsFiles files{(folder / "self.crt").string(), (folder / "self.key").string()};
  std::error_code ec;
  if (fs::exists(files.certificate_chain, ec) && fs::exists(files.private_key, ec)) return files;
  FH_TRY(http::SelfSigned made,
         http::make_self_signed(is_loopback(address) ? std::vector<std::string>{} : std::vector{address}));
  FH_TRY_VOID(make_directories(folder));
  ::chmod(folder.c_str(), 0700);
  FH_TRY_VOID(write_file_atomically(files.private_key, made.private_key_pem));
  ::chmod(files.private_key.c_str(), 0600);
  FH_TRY_VOID(write_file_atomically(files.certificate_chain, made.certificate_pem));
  console.note(fmt::format("made a certificate: {} (SHA-256 {})", files.certificate_chain, made.sha256_fingerprint));
  return files;
}

Result<http::TlsFiles> tls_files(const Arguments& arguments, const std::string& address, Console& console) {
  if (!arguments.given("tls")) return http::TlsFiles{};
  if (arguments.text("tls") == "self") return self_signed(address, console);
  const std::string both(arguments.text("tls"));
  const std::size_t comma = both.find(',');
  if (comma == std::string::npos) {
    return fail(Errc::invalid, "--tls is 'self', or two PEM files: CERTIFICATE,KEY");
  }
  return http::TlsFiles{both.substr(0, comma), both.substr(comma + 1)};
}

// Keys by hand, those of the database, or none.
Result<std::optional<guard::Authenticator>> authenticator(const Arguments& arguments, const fs::path& home,
                                                          const std::string& address, Console& console) {
  guard::AuthenticatorOptions options;
  if (arguments.given("api-key")) options.given = arguments.list("api-key");
  for (const std::string& key : options.given) {
    if (key.size() < 8) return fail(Errc::invalid, "--api-key: a key has at least 8 characters");
  }
  if (arguments.flag("no-keys")) {
    if (!options.given.empty()) return fail(Errc::invalid, "--no-keys and --api-key contradict each other");
    if (!is_loopback(address)) return fail(Errc::invalid, "--no-keys is for loopback addresses only");
    return std::optional<guard::Authenticator>();
  }
  if (options.given.empty()) {
    FH_TRY(const auto first, guard::ensure_first_key(home));
    if (first) {
      // All of it in one place: standard output says where the server is, and nothing else.
      console.write(fmt::format(
          "made the first key, of an admin. It is shown this once, and kept in {} for this command line:\n{}\n",
          printable(guard::own_key_path(home).string()), *first));
      FH_TRY_VOID(console.flush());
    }
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

Result<std::vector<std::unique_ptr<ServedModel>>> start_models(const Arguments& arguments, Console& console) {
  std::vector<std::unique_ptr<ServedModel>> models;
  const auto& references = arguments.list("MODEL");
  const std::vector<std::string> aliases =
      arguments.given("alias") ? arguments.list("alias") : std::vector<std::string>{};
  if (aliases.size() > references.size()) return fail(Errc::invalid, "there are more --alias than models");
  const auto sequences = static_cast<std::uint32_t>(arguments.integer("sequences"));
  for (std::size_t i = 0; i < references.size(); ++i) {
    FH_TRY(CheckedModel checked, open_and_check(references[i], console));
    std::string name = i < aliases.size()        ? aliases[i]
                       : checked.opened.manifest ? references[i]
                                                 : fs::path(references[i]).lexically_normal().stem().string();
    for (const auto& other : models) {
      if (other->name() == name)
        return fail(Errc::invalid, fmt::format("two models are called '{}': give --alias", printable(name)));
    }
    FH_TRY(Loaded loaded,
           load(std::move(checked), arguments, console, static_cast<std::uint32_t>(arguments.integer("context"))));
    ServedModel::Size size{.sequences = sequences, .context = loaded.memory.context};
    // Every sequence of full length at once would often not fit; as much as four of them, at least.
    size.cache_tokens =
        std::uint64_t{std::min<std::uint32_t>(sequences, 4)} * size.context + sequences * std::uint64_t{kChunk};
    FH_TRY(auto model, ServedModel::start(std::move(name), std::move(loaded), size));
    models.push_back(std::move(model));
  }
  return models;
}

// Files and batches below $FREEHOLD_HOME. A batch takes at most half of the places, so that others find one.
void keep_batches(Site& site, const fs::path& home, Quota quota, const Arguments& arguments, Console& console) {
  Batches::Options options;
  options.quota = quota;
  options.home = home;
  options.parallel = static_cast<std::size_t>(std::max<std::int64_t>(1, arguments.integer("sequences") / 2));
  options.report = [&console](const std::string& line) { console.note(line); };
  site.batches = std::make_unique<Batches>(std::move(options), [&site](const ExchangePtr& exchange) {
    const auto who = site.principal_of(exchange->request());
    if (!who) {
      return respond(*exchange,
                     api::Failure{api::Problem::unauthorised, "the batch's key is not valid any more", {}, {}});
    }
    if (handle_openai(site, exchange, *who) || handle_responses(site, exchange, *who)) return;
    respond(*exchange, api::Failure{api::Problem::not_found, "this server has no such endpoint", {}, {}});
  });
  site.batches->resume();
}

// Whether the address is free and the certificate good: told before minutes of loading, not after.
Result<> try_address(const http::ServerOptions& options, Console& console) {
  auto server = http::Server::create(options, {});
  if (server) return {};
  if (server.error().code == Errc::io && server.error().what.starts_with("listen on")) {
    console.hint(
        "another program may have the port, perhaps another freehold serve: end it, or take another with --port N "
        "(0: any that is free)");
  }
  return tl::unexpected(std::move(server).error());
}

// What is to be done now and then while the server runs; called every tenth of a second.
void tend(Site& site, int tick) {
  if (tick % 10 == 0) site.forget_the_gone();
  if (tick % 100 == 0) site.blobs().drop_broken();
  if (tick % 100 == 0 && site.batches) site.batches->uploads().drop_broken();
  if (tick % 36'000 == 0) site.blobs().tidy();
}

Result<> run(const Arguments& arguments, Console& console) {
  catch_interrupts();
  http::ServerOptions options;
  options.address = arguments.text("listen");
  options.port = static_cast<std::uint16_t>(arguments.integer("port"));
  FH_TRY(options.tls, tls_files(arguments, options.address, console));
  if (!is_loopback(options.address) && !options.tls.enabled()) {
    console.hint("--tls self makes a certificate");
    return fail(Errc::invalid,
                fmt::format("listening on {} needs --tls: others could read what is said", printable(options.address)));
  }
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(auto keys, authenticator(arguments, home, options.address, console));
  FH_TRY(auto log, ledger::UsageLog::open(home));
  if (arguments.given("host")) options.origins.hosts = arguments.list("host");
  if (!is_loopback(options.address)) options.origins.hosts.push_back(options.address);
  if (arguments.given("origin")) options.origins.origins = arguments.list("origin");
  FH_TRY_VOID(try_address(options, console));
  FH_TRY(auto models, start_models(arguments, console));
  std::string names;
  for (const auto& m : models) names += (names.empty() ? "" : ", ") + printable(m->name());

  Site site(std::move(models), Accounts(home, std::move(keys), std::move(log)));
  FH_TRY_VOID(site.made().open(home));
  const Quota quota{static_cast<std::uint64_t>(arguments.integer("key-storage")) << 30,
                    static_cast<std::uint64_t>(arguments.integer("key-files"))};
  site.blobs().open(home, quota);
  keep_batches(site, home, quota, arguments, console);
  http::Hooks hooks;
  hooks.at_once = [&site](const http::Request& request) { return answer_at_once(site, request); };
  hooks.handle = [&site](const ExchangePtr& exchange) { handle(site, exchange); };
  hooks.plan_body = [&site, usual = options.limits.body_bytes](const http::Request& request) {
    return plan_body(site, request, usual);
  };
  hooks.error = [](const http::Request& request, int status, const std::string& message) {
    http::Response response = error_response(request, {api::problem_of(status), message, {}, {}});
    response.status = status;
    return response;
  };
  const std::string address =
      options.address.find(':') == std::string::npos ? options.address : "[" + options.address + "]";
  const bool tls = options.tls.enabled();
  FH_TRY(auto server, http::Server::create(std::move(options), std::move(hooks)));
  server->start();
  console.write(fmt::format("serving {} at {}://{}:{}/v1\n", names, tls ? "https" : "http", address, server->port()));
  FH_TRY_VOID(console.flush());
  for (int tick = 0; !interrupted(); ++tick) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    tend(site, tick);
  }
  console.note("stopping: what runs may finish (Ctrl-C again ends it)");
  site.stopping = true;
  if (site.batches) site.batches->stop();  // what they have not written down is asked again at the next start
  server->stop(std::chrono::seconds(arguments.integer("grace")));
  return {};
}

}  // namespace

Command serve_command() {
  Positional models = model_positional();
  models.repeatable = true;
  return {
      .name = "serve",
      .summary = "Answer over HTTP in the wire formats of OpenAI, Anthropic, Gemini and Ollama.",
      .details =
          "Chat completions, completions, embeddings, responses, files and batches (OpenAI), messages and the counting "
          "of tokens (Anthropic), generateContent, countTokens and embedContent (Gemini, v1 and v1beta), generate, "
          "chat "
          "and what clients ask about models (Ollama, under /api); streamed or not, with tools and output formats. A "
          "vendor's client works with another base URL and key. Many requests run in one batch; what each gets does "
          "not "
          "depend on the others. A field that is not supported is refused by name; one that is not known is named in "
          "the header Freehold-Ignored.\n\n"
          "Without --api-key and --no-keys the keys are those of `freehold keys`; the first start makes one and shows "
          "it "
          "once. What every answer cost is recorded before the answer is given: see `freehold usage`.\n\n"
          "Files, batches, blobs and models made by Ollama's create and copy are kept below $FREEHOLD_HOME, each for "
          "the "
          "key that brought them and for no other, within --key-storage and --key-files. A batch runs in the "
          "background, on at most half of the --sequences, and goes on when the server is started again. Blobs go "
          "after a day; pull fetches nothing and push sends nothing. "
          "Beside these: /metrics for Prometheus, and llama-server's and vLLM's /tokenize, /detokenize, "
          "/apply-template, /props, /slots and /completion.\n\n"
          "The server listens on this machine alone unless --listen says otherwise, which needs --tls and a key.",
      .positionals = {models},
      .options = join({{.name = "alias",
                        .type = OptionType::text,
                        .value = "NAME",
                        .help = "What clients call the model; in the order of the models.",
                        .repeatable = true},
                       {.name = "listen",
                        .type = OptionType::text,
                        .value = "ADDRESS",
                        .fallback = "127.0.0.1",
                        .help = "The address to listen on."},
                       {.name = "port",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "11435",
                        .least = 0,
                        .most = 65535,
                        .help = "The port; 0 takes any that is free."},
                       {.name = "api-key",
                        .type = OptionType::text,
                        .value = "KEY",
                        .help = "A key that clients must send.",
                        .repeatable = true},
                       {.name = "no-keys", .help = "Ask for no key (loopback addresses only)."},
                       {.name = "tls",
                        .type = OptionType::text,
                        .value = "self|CERTIFICATE,KEY",
                        .help = "Encrypt: with a certificate made here, or with your own PEM files."},
                       {.name = "host",
                        .type = OptionType::text,
                        .value = "NAME",
                        .help = "Another name under which clients reach this server.",
                        .repeatable = true},
                       {.name = "origin",
                        .type = OptionType::text,
                        .value = "ORIGIN",
                        .help = "Web pages of this origin may use the server, for example https://app.example.",
                        .repeatable = true},
                       {.name = "sequences",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "8",
                        .least = 1,
                        .most = 256,
                        .help = "Answers that run at the same time; others wait."},
                       {.name = "key-storage",
                        .type = OptionType::integer,
                        .value = "GIB",
                        .fallback = "10",
                        .least = 1,
                        .most = 1'000'000,
                        .help = "GiB that one key may keep in files, and as much in Ollama's blobs."},
                       {.name = "key-files",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "1000",
                        .least = 1,
                        .most = 1'000'000,
                        .help = "Files that one key may keep, and as many of Ollama's blobs."},
                       {.name = "grace",
                        .type = OptionType::integer,
                        .value = "SECONDS",
                        .fallback = "30",
                        .least = 0,
                        .most = 3600,
                        .help = "How long running answers may go on when the server is stopped."}},
                      run_options_with_context()),
      .examples = {{"freehold serve llama:8b --api-key \"$KEY\"", "One model, on this machine:"},
                   {"freehold serve model.gguf --alias gpt-4o --no-keys --port 8080", "Under another name:"}},
      .run = run,
  };
}

}  // namespace freehold::app
