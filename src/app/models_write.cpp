#include "app/models_write.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "app/audit/act.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/models_commands.h"
#include "app/open_model.h"
#include "base/disk_space.h"
#include "base/file.h"
#include "base/utf8.h"
#include "store/store.h"

namespace freehold::app {
namespace {

void print_written(const store::Written& written, bool notes_all, Console& console) {
  std::map<tensor::DType, std::pair<std::size_t, std::uint64_t>> types;
  for (const format::GgufTensor& t : written.tensors) {
    std::uint64_t elems = 1;
    for (std::uint64_t n : t.shape) elems *= n;
    auto& [count, bytes] = types[t.type];
    ++count;
    bytes += tensor::byte_size(t.type, elems).value_or(0);
  }
  std::string line = fmt::format("{} tensors, {}:", written.tensors.size(), human_bytes(written.tensor_bytes));
  for (const auto& [type, sum] : types) {
    line += fmt::format(" {} {} ({})", sum.first, tensor::name_of(type), human_bytes(sum.second));
  }
  console.note(line);
  print_notes(written.notes, notes_all, console);
}

// That the disk has room for it, before anything is computed.
store::Expect room_at(const std::filesystem::path& place) {
  return [place](std::uint64_t bytes) { return expect_space(place, bytes, "the model has"); };
}

}  // namespace

void print_notes(const std::vector<store::TensorNote>& notes, bool all, Console& console) {
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (i == kShown && !all) {
      console.note(
          fmt::format("… and {} more tensors with another type (--verbose lists them)", notes.size() - kShown));
      break;
    }
    const store::TensorNote& n = notes[i];
    console.note(fmt::format("note: {}{}{}", printable(n.tensor), n.tensor.empty() ? "" : ": ", n.note));
  }
}

void print_made(const std::filesystem::path& out, std::uint64_t bytes, const store::Written& written, bool json,
                Console& console) {
  if (!json) {
    console.write(fmt::format("{}  {}\n", printable(out.string(), 4096), human_bytes(bytes)));
    return;
  }
  JsonWriter w(true);
  w.begin_object().member("path", out.string()).member("bytes", bytes).member("tensors", written.tensors.size());
  w.key("notes").begin_array();
  for (const store::TensorNote& n : written.notes) {
    w.begin_object().member("tensor", n.tensor).member("note", n.note).end_object();
  }
  w.end_array().end_object();
  console.write(w.take() + "\n");
}

Result<> write_model(const Arguments& arguments, Console& console, const std::string& source,
                     const ProduceModel& produce, const guard::Bounds& bounds,
                     std::vector<store::LearnedFrom> learned_from) {
  if (arguments.given("OUT") == arguments.given("name")) {
    return fail(Errc::invalid, "say either OUT, a file to write, or --name, to put the model into the store");
  }
  StoreProgress progress(console);
  store::Written written;
  if (arguments.given("name")) {
    FH_TRY_VOID(check_acts_are_recorded());
    FH_TRY(store::Store store, open_store());
    FH_TRY(store::ModelName name, store::ModelName::parse_given(arguments.text("name")));
    store::WriteOptions options = progress.options(arguments.flag("force"), !arguments.flag("no-prepare"));
    options.learned_from = std::move(learned_from);
    auto make = [&](const format::Sink& sink) -> Result<> {
      FH_TRY(written, produce(sink, options.progress, room_at(store.home())));
      return {};
    };
    FH_TRY(store::Imported imported, store.add(name, source, make, options));
    progress.clear();
    print_written(written, arguments.flag("verbose"), console);
    FH_TRY_VOID(carry_labels(bounds, content_of(imported.manifest)));
    FH_TRY_VOID(record_import("models.make", imported));
    print_imported(imported, arguments.flag("json"), console);
    return {};
  }
  const std::filesystem::path out(std::string(arguments.text("OUT")));
  std::error_code ec;
  if (std::filesystem::exists(out, ec) && !arguments.flag("force")) {
    console.hint("choose another file, or replace this one with --force");
    return fail(Errc::invalid, fmt::format("{} exists already", printable(out.string())));
  }
  FH_TRY(AtomicFile file, AtomicFile::create(out));
  FH_TRY(written, produce([&](Bytes bytes) { return file.write(bytes); }, progress.progress(), room_at(out)));
  const std::uint64_t bytes = file.position();
  FH_TRY_VOID(file.commit());
  FH_TRY_VOID(carry_labels_to_files(bounds, out));
  progress.clear();
  print_written(written, arguments.flag("verbose"), console);
  print_made(out, bytes, written, arguments.flag("json"), console);
  return {};
}

std::vector<Option> write_options() {
  return {
      {.name = "name",
       .type = OptionType::text,
       .value = "NAME:TAG",
       .help = "Put it into the store under this name, instead of writing OUT."},
      {.name = "force", .help = "Replace OUT if it exists, or move the name."},
      no_prepare_option(),
      {.name = "threads",
       .type = OptionType::integer,
       .value = "N",
       .least = 1,
       .most = 1024,
       .help = "Threads; by default as many as there are CPUs. The bytes do not depend on it."},
      {.name = "verbose", .help = "List every tensor that got another type.", .letter = 'v'},
      {.name = "json", .help = "Print JSON."},
  };
}

}  // namespace freehold::app
