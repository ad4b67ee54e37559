// `freehold serve`: models behind the wire formats of several vendors.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "api/duration.h"
#include "app/audit/act.h"
#include "app/audit/kept.h"
#include "app/commands.h"
#include "app/interrupt.h"
#include "app/machine.h"
#include "app/quantity.h"
#include "app/sealing.h"
#include "app/serve/batches.h"
#include "app/serve/content_keeper.h"
#include "app/serve/entrance.h"
#include "app/serve/erasure_keeper.h"
#include "app/serve/own_folder.h"
#include "app/serve/pulls.h"
#include "app/serve/reply.h"
#include "app/serve/retention_keeper.h"
#include "app/serve/routes.h"
#include "app/serve/tuning_jobs.h"
#include "app/starter.h"
#include "app/version.h"
#include "audit/folder.h"
#include "base/scrub.h"
#include "base/utf8.h"
#include "http/listener.h"
#include "http/server.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// What models may take when nobody says: what there is now, less a part for everything else of this program and others.
std::uint64_t usual_limit() {
  const std::uint64_t available = available_memory();
  const std::uint64_t reserve =
      std::clamp<std::uint64_t>(available / 10, std::uint64_t{512} << 20, std::uint64_t{4} << 30);
  return available - std::min(reserve, available / 4);
}

Result<std::uint64_t> memory_limit(const Arguments& arguments) {
  if (!arguments.given("memory-limit")) return usual_limit();
  const auto bytes = parse_bytes(arguments.text("memory-limit"));
  if (!bytes || *bytes == 0) {
    return fail(Errc::invalid, "--memory-limit: an amount of memory, for example 24GiB, 800M or a number of bytes");
  }
  return *bytes;
}

// Models that were given stay, if nobody says otherwise.
Result<std::chrono::nanoseconds> keep_alive(const Arguments& arguments, bool given) {
  if (!arguments.given("keep-alive")) return given ? api::kForever : std::chrono::nanoseconds(std::chrono::minutes(5));
  const std::string text(arguments.text("keep-alive"));
  double seconds = 0;
  const auto number = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (number.ec == std::errc() && number.ptr == text.data() + text.size()) return api::keep_alive_of_seconds(seconds);
  if (const auto time = api::parse_keep_alive_text(text)) return *time;
  return fail(Errc::invalid, "--keep-alive: a duration, for example 5m, 1h30m, 0, or -1 for ever");
}

// Checked as far as can be done without loading.
Result<std::vector<Models::Given>> given_models(const Arguments& arguments, Console& console) {
  std::vector<Models::Given> given;
  const std::vector<std::string> references =
      arguments.given("MODEL") ? arguments.list("MODEL") : std::vector<std::string>{};
  const std::vector<std::string> aliases =
      arguments.given("alias") ? arguments.list("alias") : std::vector<std::string>{};
  if (aliases.size() > references.size()) return fail(Errc::invalid, "there are more --alias than models");
  for (std::size_t i = 0; i < references.size(); ++i) {
    FH_TRY(const OpenModel opened, open_model(references[i], console));
    std::string name = i < aliases.size() ? aliases[i]
                       : opened.manifest  ? references[i]
                                          : fs::path(references[i]).lexically_normal().stem().string();
    for (const Models::Given& other : given) {
      if (other.name == name)
        return fail(Errc::invalid, fmt::format("two models are called '{}': give --alias", printable(name)));
    }
    given.push_back({std::move(name), references[i]});
  }
  return given;
}

Result<std::unique_ptr<Models>> make_models(const Arguments& arguments, const fs::path& home,
                                            const std::vector<http::Url>& pull_from, Console& console) {
  Models::Options options;
  FH_TRY(options.given, given_models(arguments, console));
  options.home = home;
  for (const http::Url& server : pull_from) options.pulled_from.push_back(server.origin());
  options.context = static_cast<std::uint32_t>(arguments.integer("context"));
  options.sequences = static_cast<std::uint32_t>(arguments.integer("sequences"));
  options.guessing = guessing_from(arguments);
  options.cache = kv_choice(arguments);
  options.threads = threads_of(arguments);
  FH_TRY(options.limit, memory_limit(arguments));
  FH_TRY(options.keep_alive, keep_alive(arguments, !options.given.empty()));
  options.report = [&console](const std::string& line) { console.note(line); };
  return Models::create(std::move(options));
}

std::string names_of(const Site& site) {
  std::string names;
  for (const FactsPtr& m : site.pool().list()) names += (names.empty() ? "" : ", ") + printable(m->name());
  if (!names.empty()) return names;
  return starter_bytes().empty() ? "no model yet (freehold models import)"
                                 : "no model yet (freehold models import; freehold serve starter has one built in)";
}

// Files and batches below $FREEHOLD_HOME. A batch takes at most half of the places, so that others find one.
void keep_batches(Site& site, const fs::path& home, Quota quota, const Arguments& arguments, Console& console) {
  Batches::Options options;
  options.quota = quota;
  options.home = home;
  options.parallel = static_cast<std::size_t>(std::max<std::int64_t>(1, arguments.integer("sequences") / 2));
  options.report = [&console](const std::string& line) { console.note(line); };
  options.erasures = &site.erasures();
  options.holds = [&site]() -> Result<FileStore::Standing> {
    FH_TRY(auto now, site.permissions().standing());
    return FileStore::Standing{std::move(now), site.permissions().policy().lowest()};
  };
  site.batches = std::make_unique<Batches>(std::move(options),
                                           [&site](const ExchangePtr& exchange) { handle_own(site, exchange); });
}

// Fine-tuning jobs below $FREEHOLD_HOME, behind everything else.
void keep_jobs(Site& site, const fs::path& home, Quota quota, const Arguments& arguments, Console& console) {
  TuningJobs::Options options;
  options.home = home;
  options.threads = threads_of(arguments);
  options.quota = quota;
  options.report = [&console](const std::string& line) { console.note(line); };
  site.jobs = std::make_unique<TuningJobs>(std::move(options), site);
}

// The folder of --mirror-checkpoints from the root on: whoever reads it in the log works somewhere else. Empty: none.
fs::path mirror_folder(const Arguments& arguments) {
  if (!arguments.given("mirror-checkpoints")) return {};
  const fs::path given(arguments.text("mirror-checkpoints"));
  std::error_code ec;
  const fs::path absolute = fs::absolute(given, ec);
  return ec ? given : absolute.lexically_normal();
}

// A sealed server keeps the right to write to the folder as it is there now: one that is mounted later is another.
Result<> allow_mirror(Sealing& sealing, const Arguments& arguments) {
  const fs::path folder = mirror_folder(arguments);
  std::error_code ec;
  if (!sealing.wanted()) return {};
  if (!fs::is_directory(folder, ec)) {
    return fail(Errc::not_found,
                fmt::format("--mirror-checkpoints: {} is not there, and a sealed server could not write to it later",
                            printable(folder.string())));
  }
  sealing.writes(folder);
  return {};
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
  if (tick % 10 == 0) site.pool().forget_moved();
  if (tick % 10 == 0) site.forget_the_gone();
  if (tick % 100 == 0) site.blobs().drop_broken();
  if (tick % 100 == 0 && site.batches) site.batches->uploads().drop_broken();
  if (tick % 36'000 == 0) site.blobs().tidy();
}

// Closes the seal behind a socket that listens already, since later there could be none. -1 without --sealed.
Result<int> seal_server(Sealing& sealing, const Arguments& arguments, const http::ServerOptions& options,
                        const guard::Policy& policy, Console& console) {
  if (!sealing.wanted()) return -1;
  sealing.reads_model(arguments, "MODEL");
  if (options.tls.enabled()) {
    sealing.reads(options.tls.certificate_chain);
    sealing.reads(options.tls.private_key);
    if (!options.tls.client_authorities.empty()) sealing.reads(options.tls.client_authorities);
  }
  // The folder, because a file that takes another's place is not the one that was there when the seal closed.
  for (const guard::IssuerRule& rule : policy.sign_in)
    sealing.reads(rule.keys.has_parent_path() ? rule.keys.parent_path() : fs::path("."));
  FH_TRY(const int listener, http::open_listener(options));
  FH_TRY_VOID(sealing.enter(console));
  return listener;
}

Result<> run(const Arguments& arguments, Console& console) {
  catch_interrupts();
  scrub_freed_memory();
  local_user();
  FH_TRY(Sealing sealing, Sealing::begin(arguments, seal::Network::accept));
  if (arguments.given("pull-from")) FH_TRY_VOID(refuse_if_sealed(sealing, "--pull-from"));
  http::ServerOptions options;
  options.address = arguments.text("listen");
  options.port = static_cast<std::uint16_t>(arguments.integer("port"));
  FH_TRY(options.tls, tls_files(arguments, options.address, console));
  if (!guard::is_loopback(options.address) && !options.tls.enabled()) {
    console.hint("--tls self makes a certificate");
    return fail(Errc::invalid,
                fmt::format("listening on {} needs --tls: others could read what is said", printable(options.address)));
  }
  FH_TRY(const fs::path home, store::default_home());
  if (arguments.given("host")) options.origins.hosts = arguments.list("host");
  if (!guard::is_loopback(options.address)) options.origins.hosts.push_back(options.address);
  if (arguments.given("origin")) options.origins.origins = arguments.list("origin");
  Pulls::Options pulls{
      .home = home, .servers = {}, .ca_file = std::string(arguments.text("pull-ca-file")), .arrived = {}};
  if (arguments.given("pull-from")) {
    FH_TRY(pulls.servers, Pulls::parse_servers(arguments.list("pull-from")));
  }
  FH_TRY(auto may, permissions(arguments, home));
  const std::string policy = policy_digest(arguments, home);
  if (arguments.given("mirror-checkpoints")) FH_TRY_VOID(allow_mirror(sealing, arguments));
  FH_TRY_VOID(try_address(options, console));
  FH_TRY(auto subjects, kept_subjects(arguments, home));
  FH_TRY(auto vault, vault_of(arguments, home, may->policy()));
  if (const auto note = note_on_what_is_kept(may->policy()); subjects && note) console.note(*note);
  FH_TRY(const int listener, seal_server(sealing, arguments, options, may->policy(), console));
  FH_TRY(const FolderLock serving, serve_from(home));
  FH_TRY(ServerSign sign, ServerSign::put_up(home));
  FH_TRY(auto models, make_models(arguments, home, pulls.servers, console));
  FH_TRY(auto budgets, ledger::BudgetBook::open(home, ledger::PriceBook::built_in()));
  // A first key is shown once, so nothing that may fail comes after it.
  FH_TRY(auto keys, authenticator(arguments, home, options, may->policy(), console));
  FH_TRY(auto log, ledger::UsageLog::open(home));
  const auto erasures = std::make_shared<Erasures>();
  FH_TRY(auto trail, open_trail(home, std::move(subjects), erasures));
  Site site(std::move(models),
            Accounts(home, std::move(keys), std::move(log), std::move(budgets), std::move(trail), std::move(may),
                     lockout_options(arguments)),
            erasures);
  site.vault = std::move(vault);
  site.warn = [&console](const std::string& line) { console.note(line); };
  FH_TRY_VOID(site.made().open(home));
  const Quota quota{static_cast<std::uint64_t>(arguments.integer("key-storage")) << 30,
                    static_cast<std::uint64_t>(arguments.integer("key-files"))};
  site.blobs().open(home, quota);
  keep_batches(site, home, quota, arguments, console);
  keep_jobs(site, home, quota, arguments, console);
  pulls.arrived = [&site](const store::ModelName& name) { site.pool().offer(name); };
  site.pulls = std::make_unique<Pulls>(std::move(pulls));
  http::Hooks hooks;
  hooks.at_once = [&site](const http::Request& request) { return answer_at_once(site, request); };
  hooks.handle = [&site](const ExchangePtr& exchange) { handle(site, exchange); };
  hooks.plan_body = [&site, usual = options.limits.body_bytes](const http::Request& request) {
    return plan_body(site, request, usual);
  };
  hooks.error = [](const http::Request& request, int status, const std::string& message) {
    const api::Problem problem = api::problem_of(status);
    const bool own = api::status_of(problem) == status;  // which the dialect may have another number for
    return error_response(request, {problem, message, {}, {}, {}, own ? 0 : status});
  };
  hooks.answered = [&site](const http::Request& request, int status, const std::function<void()>& then) {
    site.statuses().add(name_of(dialect_of(request)), status);
    site.answered(request, status, then);
  };
  const std::string address =
      options.address.find(':') == std::string::npos ? options.address : "[" + options.address + "]";
  const bool tls = options.tls.enabled();
  FH_TRY(auto server, http::create_on(listener, std::move(options), std::move(hooks)));
  // Whoever looks after the server sees that it is there and loads; requests wait.
  site.starting = true;
  if (arguments.given("mirror-checkpoints")) {  // before anybody can ask for its state
    site.mirror = std::make_unique<CheckpointMirror>(audit::audit_folder(home), mirror_folder(arguments), site.warn);
  }
  server->start();
  if (auto loaded = site.pool().load_given(); !loaded) {
    server->stop(std::chrono::seconds(0));
    return loaded;
  }
  site.starting = false;
  // In the log before anything goes by it: the retention judges the clock by the newest entry.
  if (auto begun = site.trail()->act_kept(local_user(), "serve.start", names_of(site),
                                          audit::Object()
                                              .add("address", address)
                                              .add("port", std::uint64_t{server->port()})
                                              .add("tls", tls)
                                              .add("keys", !arguments.flag("no-keys"))
                                              .add("keeps_content", arguments.flag("keep-content"))
                                              .add("sealed", sealing.wanted())
                                              .add("policy", policy)
                                              .add("mirror", mirror_folder(arguments).string())
                                              .add("version", version()));
      !begun) {
    server->stop(std::chrono::seconds(0));
    return begun;
  }
  site.batches->resume();
  site.jobs->resume();
  scrub_stack();  // what they have read
  std::optional<RetentionKeeper> retention(std::in_place, site, home);
  std::optional<ErasureKeeper> erasing(std::in_place, site, home, std::move(sign));
  console.write(
      fmt::format("serving {} at {}://{}:{}/v1\n", names_of(site), tls ? "https" : "http", address, server->port()));
  FH_TRY_VOID(console.flush());
  // Whoever closes a terminal means to end what runs in it.
  if (!console.err_is_terminal()) catch_hangups();
  for (int tick = 1; !interrupted(); ++tick) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (take_hangup()) site.pool().reload();
    tend(site, tick);
    if (tick % 10 == 0) note_denials(console);
  }
  console.note("stopping: what runs may finish (Ctrl-C again ends it)");
  site.stopping = true;
  retention.reset();
  erasing.reset();  // who asks from here on waits until this process has ended
  site.pulls->stop();
  site.jobs->stop();                       // what runs writes a checkpoint
  if (site.batches) site.batches->stop();  // what they have not written down is asked again at the next start
  server->stop(std::chrono::seconds(arguments.integer("grace")));
  site.trail()->act(local_user(), "serve.stop", {});
  return {};
}

}  // namespace

Command serve_command() {
  Positional models = model_positional();
  models.repeatable = true;
  models.required = false;
  return {
      .name = "serve",
      .summary = "Answer over HTTP in the wire formats of OpenAI, Anthropic, Gemini and Ollama.",
      .details =
          "Chat completions, completions, embeddings, responses, files, batches and fine-tuning jobs (OpenAI), "
          "messages and the counting "
          "of tokens (Anthropic), generateContent, countTokens and embedContent (Gemini, v1 and v1beta), generate, "
          "chat "
          "and what clients ask about models (Ollama, under /api); streamed or not, with tools and output formats. A "
          "vendor's client works with another base URL and key. Many requests run in one batch; what each gets does "
          "not "
          "depend on the others. A field that is not supported is refused by name; one that is not known is named in "
          "the header Freehold-Ignored, and so is what of the schema of a tool that the model may choose is not "
          "enforced.\n\n"
          "Without --api-key and --no-keys the keys are those of `freehold keys`; a start without any that is valid "
          "makes one of an admin and shows it once. What every answer cost is recorded before the answer is given: see "
          "`freehold usage`.\n\n"
          "Files, batches, blobs and models made by Ollama's create and copy are kept below $FREEHOLD_HOME, each for "
          "the "
          "key that brought them and for no other, within --key-storage and --key-files. A batch runs in the "
          "background, on at most half of the --sequences, and goes on when the server is started again. So does a "
          "fine-tuning job, one at a time, in the pauses of the requests; the model that comes of it is for its key. "
          "Blobs go "
          "after a day. Pull fetches from the servers of --pull-from and from nowhere without it, for keys of "
          "operators "
          "and admins, or for the only key there is; push sends nothing. "
          "Beside these: /metrics for Prometheus, and llama-server's and vLLM's /tokenize, /detokenize, "
          "/apply-template, /props, /slots and /completion.\n\n"
          "Without MODEL, every model of the store can be asked for by its name, and what is imported while the server "
          "runs as well; with one or several, these and what came from the servers of --pull-from. A model is loaded "
          "when it is asked for, while the requests "
          "for it wait, and stays for --keep-alive after its last use, or as long as a client of Ollama's says "
          "(keep_alive). When --memory-limit leaves no room for another, the one that was unused for longest goes; one "
          "in use never does. All models share --threads. SIGHUP reads the store again.\n\n"
          "Decoding is speculative (--speculative): what an answer may say next is looked up in its own prompt and "
          "text, "
          "and in OpenAI's prediction, and checked in the same pass. That changes the time, never the answer.\n\n"
          "Of what is asked and answered the server keeps digests only, in the audit log (freehold audit), unless it "
          "is "
          "started with --keep-content. Then all of it is kept as well, encrypted under a key of its own for each "
          "user that clients name (OpenAI's user, Anthropic's metadata.user_id, the header Freehold-User where the "
          "body names nobody, as in Ollama's and Gemini's words; otherwise for the API key), these keys under the one "
          "of --master-key: see audit show --content, audit replay, guard export, guard erase.\n\n"
          "The server listens on this machine alone unless --listen says otherwise, which needs --tls and a key. It "
          "sends nothing by itself. With --sealed the kernel holds it to that: once it listens, it can only answer "
          "those who connect; /readyz says so.",
      .positionals = {models},
      .options =
          join({{.name = "alias",
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
                {.name = "policy",
                 .type = OptionType::file,
                 .value = "FILE",
                 .help = "Who may do what with which data; policy.yaml in $FREEHOLD_HOME unless given."},
                {.name = "mirror-checkpoints",
                 .type = OptionType::file,
                 .value = "FOLDER",
                 .help = "Also write the audit log's checkpoints to this folder (a stick, a network mount), within a "
                         "second or two; it is not made if it is not there."},
                {.name = "no-keys", .help = "Ask for no key (loopback addresses only)."},
                {.name = "tls",
                 .type = OptionType::text,
                 .value = "self|CERTIFICATE,KEY",
                 .help = "Encrypt: with a certificate made here, or with your own PEM files."},
                client_ca_option(),
                client_cert_option(),
                lockout_option(),
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
                {.name = "pull-from",
                 .type = OptionType::text,
                 .value = "ADDRESS",
                 .help = "A server from which clients may have models fetched (https://HOST, or http://HOST:PORT "
                         "without encryption).",
                 .repeatable = true},
                {.name = "pull-ca-file",
                 .type = OptionType::file,
                 .value = "FILE",
                 .help = "Certificate authorities to trust for these instead of the system's (PEM)."},
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
                {.name = "memory-limit",
                 .type = OptionType::text,
                 .value = "SIZE",
                 .help = "Memory that models may take together, for example 24GiB: weights, caches and "
                         "workspaces. By default what is free at the start, less a tenth."},
                {.name = "keep-alive",
                 .type = OptionType::text,
                 .value = "TIME",
                 .help = "How long a model stays in memory after its last use, for example 30m; 0: not at all; "
                         "-1: until another needs the room. By default 5m, and -1 for models that are given."},
                {.name = "grace",
                 .type = OptionType::integer,
                 .value = "SECONDS",
                 .fallback = "30",
                 .least = 0,
                 .most = 3600,
                 .help = "How long running answers may go on when the server is stopped."},
                {.name = "keep-content",
                 .help = "Keep what is asked and answered, encrypted under a key for each person it is about, so that "
                         "it can be replayed, handed out and erased."},
                master_key_option(),
                sealed_option()},
               join(guessing_options(), run_options_with_context())),
      .examples = {{"freehold serve", "Whatever is in the store, loaded when it is asked for:"},
                   {"freehold serve llama:8b qwen:1.5b --memory-limit 16GiB --keep-alive 30m",
                    "Two models that share a limit of memory:"},
                   {"freehold serve llama:8b --api-key \"$KEY\"", "One model, on this machine:"},
                   {"freehold serve llama:8b --sealed", "Nothing leaves but answers, and the kernel sees to it:"},
                   {"freehold serve model.gguf --alias gpt-4o --no-keys --port 8080", "Under another name:"}},
      .run = run,
  };
}

}  // namespace freehold::app
