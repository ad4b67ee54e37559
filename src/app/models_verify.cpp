// `models verify`: is what is stored still what was imported?
#include <fmt/format.h>

#include "app/json_writer.h"
#include "app/models_commands.h"
#include "app/open_model.h"
#include "app/starter.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

std::string names_of(const store::Damage& damage) {
  std::string out;
  for (const store::ModelName& name : damage.names) out += (out.empty() ? "" : ", ") + name.text();
  return out;
}

void print_text(const store::Verification& found, Console& console) {
  for (const store::Damage& d : found.damages) {
    console.write(fmt::format("DAMAGED  {}{}: {}\n         {}\n", names_of(d), d.file.empty() ? "" : " " + d.file,
                              printable(d.what, 500), printable(d.blob.string(), 500)));
    for (const auto& place : d.places) {
      console.write(
          fmt::format("         bytes {} to {} hold {}\n", place.bytes.begin, place.bytes.end - 1, place.holds));
    }
  }
  console.write(fmt::format(
      "{} models, {} files, {} read: {}\n", found.models, found.blobs, human_bytes(found.bytes),
      found.damages.empty() ? "all as they were imported" : fmt::format("{} damaged", found.damages.size())));
}

void print_json(const store::Verification& found, Console& console) {
  JsonWriter w(true);
  w.begin_object().member("models", found.models).member("files", found.blobs).member("bytes", found.bytes);
  w.key("damages").begin_array();
  for (const store::Damage& d : found.damages) {
    w.begin_object().key("names").begin_array();
    for (const store::ModelName& name : d.names) w.value(name.text());
    w.end_array().member("file", d.file).member("blob", d.blob.string()).member("what", d.what);
    w.key("places").begin_array();
    for (const auto& place : d.places) {
      w.begin_object().member("begin", place.bytes.begin).member("end", place.bytes.end).member("holds", place.holds);
      w.end_object();
    }
    w.end_array().end_object();
  }
  w.end_array().end_object();
  console.write(w.take() + "\n");
}

// A path has no recorded digest: what can be said is that it is sound in itself.
Result<> check_path(std::string_view reference, bool json, Console& console) {
  FH_TRY(OpenModel opened, open_model(reference, console));
  auto checked = check_runnable(*opened.checkpoint);
  if (!checked) return in_context(std::move(checked).error(), printable(reference));
  FH_TRY(std::vector<std::string> digests, weight_digests(opened, console));
  if (json) {
    JsonWriter w(true);
    w.begin_object().member("path", reference).key("weights").begin_array();
    for (const std::string& d : digests) w.value(d);
    w.end_array().key("recorded").null().end_object();
    console.write(w.take() + "\n");
    return {};
  }
  for (const std::string& d : digests) console.write(d + "\n");
  console.note(fmt::format("{} is sound, but not in the store: there is no recorded digest to compare with",
                           printable(reference)));
  return {};
}

Result<> run(const Arguments& arguments, Console& console) {
  FH_TRY(store::Store store, open_store());
  StoreProgress progress(console);
  const auto waiting = progress.options(false).waiting;
  store::Verification all;
  if (arguments.list("MODEL").empty()) {
    FH_TRY(all, store.verify_all(progress.progress(), waiting));
  }
  for (const std::string& reference : arguments.list("MODEL")) {
    auto resolved = store.resolve(reference);
    const bool starter = !resolved && resolved.error().code == Errc::not_found && means_starter(reference);
    if (starter || (resolved && !resolved->manifest)) {
      FH_TRY_VOID(check_path(reference, arguments.flag("json"), console));
      continue;
    }
    FH_TRY(store::Verification one, store.verify(reference, progress.progress(), waiting));
    all.models += one.models;
    all.blobs += one.blobs;
    all.bytes += one.bytes;
    for (store::Damage& d : one.damages) all.damages.push_back(std::move(d));
  }
  progress.clear();
  if (all.models > 0 || arguments.list("MODEL").empty()) {
    arguments.flag("json") ? print_json(all, console) : print_text(all, console);
  }
  if (all.damages.empty()) return {};
  console.hint("import the model again from its source: that replaces the damaged file");
  const store::Damage& first = all.damages.front();
  return fail(Errc::corrupt, fmt::format("{}: {}{}", names_of(first), first.what,
                                         first.places.empty() ? "" : ", in " + first.places.front().holds));
}

}  // namespace

Command models_verify_command() {
  return {
      .name = "models verify",
      .summary = "Hash models again, and say where a damaged one is damaged.",
      .details =
          "Without MODEL, everything in the store. A damaged place is reported with the bytes and the tensor it lies "
          "in; the exit code is then 4.",
      .positionals = {{.name = "MODEL", .help = "Names, digests or paths.", .required = false, .repeatable = true}},
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models verify", "Read everything once:"},
                   {"freehold models verify mistral:q4", "Only one model:"}},
      .run = run,
  };
}

}  // namespace freehold::app
