// `keys vendor set`, `keys vendor list`, `keys vendor remove`: keys that this machine shows to vendors.
#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/audit/kept.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/eval/evaluation.h"
#include "app/json_writer.h"
#include "app/secret.h"
#include "app/table.h"
#include "app/vendor_keys.h"
#include "base/utf8.h"
#include "store/store.h"
#include "upstream/wire.h"

namespace freehold::app {
namespace {

// The vendor's own host, or the one of --at.
Result<VendorKeys::Place> kept_place(const Arguments& arguments) {
  const std::string_view vendor = arguments.text("VENDOR");
  const upstream::Wire* wire = upstream::wire_of(vendor);
  if (wire == nullptr) {
    return fail(Errc::invalid, fmt::format("'{}' is none of the vendors that freehold can ask: {}", printable(vendor),
                                           upstream::wire_names()));
  }
  const std::string base =
      arguments.given("at") ? fmt::format("https://{}", arguments.text("at")) : std::string(wire->base);
  const auto url = http::parse_url(base);
  // Nothing but a host and a port: a path, say, would be lost.
  if (!url || (arguments.given("at") && url->authority() != arguments.text("at") &&
               url->authority() + ":443" != arguments.text("at")))
    return fail(Errc::invalid, fmt::format("--at: a host such as 10.0.0.7:8000 was expected, not '{}'",
                                           printable(arguments.text("at"))));
  return VendorKeys::place_of(wire->name, *url);
}

Result<> run_vendor_set(const Arguments& arguments, Console& console) {
  FH_TRY(const VendorKeys::Place place, kept_place(arguments));
  FH_TRY(const SecretText key, arguments.given("key-file")
                                   ? secret_from_file(arguments.text("key-file"))
                                   : typed_secret(fmt::format("key for {}: ", place.first), "--key-file"));
  if (key.text().empty() || !upstream::can_be_key(key.text())) {
    return fail(Errc::invalid, "a key of letters, digits and -._~+/=: was expected");
  }
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY_VOID(VendorKeys::change(home, master_key_of(arguments, home), place, &key));
  FH_TRY_VOID(record_act("keys.vendor.set", fmt::format("{} at {}", place.first, place.second)));
  console.note(fmt::format("a key for {} at {} is kept", place.first, place.second));
  const std::string_view variable = upstream::wire_of(place.first)->key_variable;
  if (!from_environment(variable).empty()) console.note(fmt::format("note: ${} is set, and comes first", variable));
  return {};
}

Result<> run_vendor_remove(const Arguments& arguments, Console& console) {
  FH_TRY(const VendorKeys::Place place, kept_place(arguments));
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY_VOID(VendorKeys::change(home, master_key_of(arguments, home), place, nullptr));
  FH_TRY_VOID(record_act("keys.vendor.remove", fmt::format("{} at {}", place.first, place.second)));
  console.note(fmt::format("no key is kept for {} at {} any more", place.first, place.second));
  return {};
}

Result<> run_vendor_list(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  FH_TRY(const VendorKeys keys, VendorKeys::open(home, master_key_of(arguments, home)));
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().key("keys").begin_array();
    for (const auto& [place, key] : keys.all())
      w.begin_object().member("vendor", place.first).member("host", place.second).end_object();
    w.end_array().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  if (keys.all().empty()) {
    console.note("no vendor's key is kept: freehold keys vendor set");
    return {};
  }
  std::vector<std::vector<std::string>> rows = {{"VENDOR", "HOST"}};
  for (const auto& [place, key] : keys.all()) rows.push_back({printable(place.first), printable(place.second)});
  console.write(as_table(rows, {Align::left, Align::left}));
  return {};
}

Option at_option() {
  return {
      .name = "at",
      .type = OptionType::text,
      .value = "HOST",
      .help =
          "The host that it is for, with its port unless that is 443; the vendor's own unless given. Without TLS it "
          "goes to loopback alone, at the port given here."};
}

Positional vendor_positional() {
  return {.name = "VENDOR", .help = "openai, anthropic or gemini: whose wire format it is.", .is_file = false};
}

}  // namespace

Command keys_vendor_group() {
  return {
      .name = "keys vendor",
      .summary = "Keep the keys that vendors ask for, sealed.",
      .details =
          "A vendor's key is looked for in the environment first, under the name that the vendor's own client has for "
          "it (OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY), then here: in $FREEHOLD_HOME/keys/vendors, "
          "encrypted under the master key. Each is kept for one host and port, and sent to no other. None is ever "
          "shown, logged or put into a backup; freehold backup keys takes them along. Whoever has "
          "the master key and the file has them all: the key may lie somewhere else (--master-key).",
  };
}

Command keys_vendor_set_command() {
  return {
      .name = "keys vendor set",
      .summary = "Keep a key for a vendor.",
      .details = "The key is typed without being shown, or read from --key-file. The one kept before is replaced.",
      .positionals = {vendor_positional()},
      .options = {at_option(),
                  {.name = "key-file",
                   .type = OptionType::file,
                   .value = "FILE",
                   .help = "Its first line is the key ('-': of standard input); asked for unless given."},
                  vendor_master_key_option()},
      .examples = {{"freehold keys vendor set openai", "Typed:"},
                   {"pass show openai | freehold keys vendor set openai --key-file -", "From a password manager:"}},
      .run = run_vendor_set,
      .acts = true,
  };
}

Command keys_vendor_list_command() {
  return {
      .name = "keys vendor list",
      .summary = "Say for which vendors and hosts a key is kept.",
      .options = {{.name = "json", .help = "Print JSON."}, vendor_master_key_option()},
      .examples = {{"freehold keys vendor list", "Never the keys themselves:"}},
      .run = run_vendor_list,
  };
}

Command keys_vendor_remove_command() {
  return {
      .name = "keys vendor remove",
      .summary = "Forget a vendor's key.",
      .positionals = {vendor_positional()},
      .options = {at_option(), vendor_master_key_option()},
      .examples = {{"freehold keys vendor remove openai", "Forget it:"}},
      .run = run_vendor_remove,
      .acts = true,
  };
}

}  // namespace freehold::app
