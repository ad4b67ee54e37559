// `models pull`: a model from a server that the user names, into the store.
#include <fmt/format.h>

#include <chrono>

#include "app/audit/act.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/models_commands.h"
#include "app/pulling.h"
#include "base/utf8.h"
#include "pull/pull.h"

namespace freehold::app {
namespace {

// Draws what a pull tells: a bar on a terminal, otherwise one line a file.
class Display {
 public:
  explicit Display(Console& console) : console_(console), bar_(console, "pull") { bar_.show_rate(); }

  bool on(const pull::Event& event) {
    switch (event.kind) {
      case pull::Event::Kind::file:
        if (event.all_total == 0) break;
        bar_.rename("pull");
        bar_.update(event.all_done, event.all_total);
        if (event.done == event.total && event.name != last_ && !console_.err_is_terminal()) {
          last_ = event.name;
          console_.note(fmt::format("{}  {}", printable(event.name, 200), human_bytes(event.total)));
        }
        break;
      case pull::Event::Kind::step:
        bar_.rename(event.name);
        bar_.update(event.done, event.total);
        break;
      case pull::Event::Kind::note:
        bar_.clear();
        console_.note(event.name);
        break;
      default:
        break;
    }
    return !interrupted();
  }
  void clear() { bar_.clear(); }

 private:
  Console& console_;
  ProgressBar bar_;
  std::string last_;  // the file that a line was written about
};

Result<std::string> token_of(const Arguments& arguments) {
  if (!arguments.given("token-file")) return std::string();
  FH_TRY(std::string token, read_file(std::string(arguments.text("token-file")), 64 * 1024));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  const bool good = !token.empty() &&
                    token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
                        std::string::npos;
  if (good) return token;
  return fail(Errc::invalid, fmt::format("{} holds no token on one line", printable(arguments.text("token-file"))));
}

Result<> run_pull(const Arguments& arguments, Console& console) {
  catch_interrupts();
  auto reference = pull::parse_reference(arguments.text("REFERENCE"), arguments.text("from"));
  if (!reference) {
    if (!arguments.given("from") && !pull::names_server(arguments.text("REFERENCE"))) {
      console.hint("write HOST/MODEL, or give the server with --from https://HOST");
    }
    return Unexpected(std::move(reference).error());
  }
  if (arguments.text("as") == "registry") reference->protocol = pull::Protocol::registry;
  if (arguments.text("as") == "hub") reference->protocol = pull::Protocol::hub;
  std::optional<store::ModelName> name;
  if (arguments.given("name")) {
    FH_TRY(name, store::ModelName::parse_given(arguments.text("name")));
  }
  FH_TRY(store::Store store, open_store());
  StoreProgress progress(console);
  Display display(console);
  pull::Options options;
  options.write = progress.options(arguments.flag("force"), !arguments.flag("no-prepare"));
  options.write.progress = {};
  options.event = [&](const pull::Event& event) { return display.on(event); };
  options.check_defaults = check_defaults;
  options.client.ca_file = arguments.text("ca-file");
  FH_TRY(options.client.bearer, token_of(arguments));
  if (arguments.given("allow-host")) options.client.trusted = arguments.list("allow-host");
  options.client.stopped = interrupted;
  const std::chrono::milliseconds patience = std::chrono::seconds(arguments.integer("timeout"));
  options.client.connect = options.client.head = options.client.stall = patience;
  auto pulled = pull::pull(store, *reference, name, options);
  display.clear();
  if (!pulled) {
    if (pulled.error().what.find("leads to another model already") != std::string::npos) {
      console.hint("choose another name with --name, or move this one with --force");
    }
    return Unexpected(std::move(pulled).error());
  }
  FH_TRY_VOID(record_import("models.pull", *pulled));
  print_imported(*pulled, arguments.flag("json"), console);
  return {};
}

}  // namespace

Command models_pull_command() {
  return {
      .name = "models pull",
      .summary = "Fetch a model from a server that you name, into the store.",
      .details =
          "REFERENCE is HOST/MODEL:TAG of an Ollama-style registry, or HOST/ORG/REPO:QUANTISATION (or :safetensors) of "
          "a Hugging Face-style server; an address from a browser (https://HOST/ORG/REPO/blob/main/FILE.gguf) will do "
          "as well. @REVISION, or @sha256:DIGEST of a registry's manifest, pins a version. With --from the server is "
          "that one, whatever the reference begins with. No server is asked that you have not named, and no proxy.\n\n"
          "Every byte is held against the digest that the server has stated, and the model is checked as `models "
          "import` "
          "does before it becomes visible; its system prompt, parameters and messages come with it. Cut off, "
          "interrupted or killed, the same command goes on where it was. What was fetched from where is kept: see "
          "`models inspect`.\n\n"
          "Servers are spoken to by https; on this machine also by http. A redirect is followed to public addresses "
          "alone, never away from https, and the token goes to the named server only.",
      .positionals = {{.name = "REFERENCE", .help = "HOST/MODEL:TAG, or an address.", .is_file = false}},
      .options = {{.name = "from",
                   .type = OptionType::text,
                   .value = "ADDRESS",
                   .help = "The server: https://HOST or http://127.0.0.1:PORT."},
                  {.name = "as",
                   .type = OptionType::choice,
                   .value = "any|registry|hub",
                   .fallback = "any",
                   .help = "What the server speaks; by default both are tried."},
                  {.name = "name",
                   .type = OptionType::text,
                   .value = "NAME:TAG",
                   .help = "What to call it here; by default as it is called there."},
                  {.name = "force", .help = "Move the name if it leads to another model already."},
                  {.name = "token-file",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "A token for the server, on one line."},
                  {.name = "ca-file",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Certificate authorities to trust instead of the system's (PEM)."},
                  {.name = "allow-host",
                   .type = OptionType::text,
                   .value = "HOST[:PORT]",
                   .help = "A host that may be spoken to without TLS, and redirected to on your own network.",
                   .repeatable = true},
                  {.name = "timeout",
                   .type = OptionType::integer,
                   .value = "SECONDS",
                   .fallback = "30",
                   .least = 1,
                   .most = 3600,
                   .help = "How long to wait for a server that says nothing, or next to nothing."},
                  no_prepare_option(),
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models pull registry.example/library/llama3.2:1b", "From a registry:"},
                   {"freehold models pull hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
                    "One quantisation of several:"},
                   {"freehold models pull llama3.2:1b --from https://registry.example", "From a server of your own:"}},
      .run = run_pull,
      .acts = true,
  };
}

}  // namespace freehold::app
