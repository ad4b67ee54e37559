// `models list`.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/json_writer.h"
#include "app/models_commands.h"
#include "app/starter.h"
#include "base/utf8.h"
#include "store/way_back.h"

namespace freehold::app {
namespace {

using Row = std::array<std::string, 7>;

constexpr std::string_view kNoFiles = "files missing";

bool lacks_files(const std::filesystem::path& home, const store::Listed& listed) {
  return listed.manifest && !store::missing_file(home, listed.manifest->model).empty();
}

Row row_of(const std::filesystem::path& home, const store::Listed& listed) {
  if (!listed.manifest) return {listed.name.text(), "damaged", "", "", "", "", ""};
  const store::Manifest& m = *listed.manifest;
  return {listed.name.text(),
          printable(m.from.architecture, 20),
          human_parameters(m.from.parameters),
          printable(m.from.weight_type, 10),
          human_bytes(m.model.total_bytes()),
          short_digest(m.model.id()),
          lacks_files(home, listed) ? std::string(kNoFiles) : printable(m.from.imported.substr(0, 10))};
}

std::string as_table(const std::filesystem::path& home, const std::vector<store::Listed>& all) {
  std::vector<Row> rows = {{"NAME", "FAMILY", "WEIGHTS", "TYPE", "SIZE", "DIGEST", "IMPORTED"}};
  for (const store::Listed& l : all) rows.push_back(row_of(home, l));
  std::array<std::size_t, 7> width{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool number = i == 2 || i == 4;
      line += number ? fmt::format("{:>{}}  ", row[i], width[i]) : fmt::format("{:<{}}  ", row[i], width[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string as_json(const std::filesystem::path& home, const std::vector<store::Listed>& all) {
  JsonWriter w(true);
  w.begin_object().key("models").begin_array();
  for (const store::Listed& l : all) {
    w.begin_object().member("name", l.name.text());
    if (l.manifest) {
      const store::Manifest& m = *l.manifest;
      w.member("digest", m.model.id().name()).member("weights", m.model.weights().name());
      w.member("kind", store::name_of(m.model.kind)).member("bytes", m.model.total_bytes());
      w.member("architecture", m.from.architecture).member("title", m.from.title);
      w.member("parameters", m.from.parameters).member("weight_type", m.from.weight_type);
      w.member("licence", m.from.licence).member("source", m.from.source).member("imported", m.from.imported);
      w.member("files_missing", lacks_files(home, l));
    } else {
      w.member("error", l.manifest.error().what);
    }
    w.end_object();
  }
  w.end_array().key("built_in").begin_array();
  if (!starter_bytes().empty()) w.value(kStarterName);
  w.end_array().end_object();
  return w.take() + "\n";
}

Result<> run(const Arguments& arguments, Console& console) {
  FH_TRY(store::Store store, open_store());
  FH_TRY(std::vector<store::Listed> all, store.list());
  if (arguments.flag("json")) {
    console.write(as_json(store.home(), all));
    return {};
  }
  if (!starter_bytes().empty()) {
    console.note(fmt::format("built in: {}, {}", kStarterName, human_bytes(starter_bytes().size())));
  }
  if (all.empty()) {
    console.note(fmt::format("no models in {}; bring one in with: freehold models import FILE",
                             printable(store.home().string())));
    return {};
  }
  console.write(as_table(store.home(), all));
  for (const store::Listed& l : all) {
    if (!l.manifest) console.note(fmt::format("{}: {}", l.name.text(), l.manifest.error().what));
    if (lacks_files(store.home(), l)) {
      console.note(fmt::format("{}: {}: {}", l.name.text(), kNoFiles, store::way_back(l.name, *l.manifest)));
    }
  }
  return {};
}

}  // namespace

Command models_list_command() {
  return {
      .name = "models list",
      .summary = "List the models in the store.",
      .details =
          "The store is $FREEHOLD_HOME, by default ~/.freehold. A model may also be run straight from a path. Of a "
          "name "
          "whose files are not in the store, as after a restored backup without them, it is said how they come "
          "back.",
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models list", "Names, sizes and digests:"}},
      .run = run,
  };
}

}  // namespace freehold::app
