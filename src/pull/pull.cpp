#include "pull/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/disk_space.h"
#include "base/utf8.h"
#include "pull/plan.h"
#include "store/blob.h"

namespace freehold::pull {
namespace {

namespace fs = std::filesystem;

constexpr int kForgetDays = 30;

// A pull under way.
class Pull {
 public:
  Pull(const store::Store& store, const Options& options, const http::Client& client)
      : store_(store), options_(options), client_(client), folder_(store.home() / "pulls") {}

  Result<store::Imported> run(const Reference& reference, const std::optional<store::ModelName>& wanted_name) {
    FH_TRY_VOID(tell({Event::Kind::manifest, {}, {}, 0, 0, 0, 0}));
    FH_TRY(plan_, make_plan(client_, reference));
    auto name = wanted_name ? Result<store::ModelName>(*wanted_name) : default_name(plan_.reference);
    if (!name) return Unexpected(std::move(name).error());
    for (const std::string& note : plan_.notes) FH_TRY_VOID(this->note(note));
    if (options_.check_defaults) FH_TRY_VOID(options_.check_defaults(plan_.defaults));
    FH_TRY(auto already, here_already(*name));
    if (already) return std::move(*already);
    FH_TRY_VOID(expect_space());
    forget_old_parts(folder_, kForgetDays);
    for (const PlannedFile& file : plan_.files) all_total_ += file.wanted.size;
    for (const PlannedFile& file : plan_.files) FH_TRY_VOID(get(file));
    FH_TRY_VOID(tell({Event::Kind::verifying, {}, {}, 0, 0, all_total_, all_total_}));
    FH_TRY(store::Imported done,
           store_.adopt(*name, plan_.kind, arrived_, plan_.defaults, plan_.receipt, write_options()));
    for (PartFile& part : parts_) part.remove();
    return done;
  }

 private:
  Result<> tell(const Event& event) const {
    if (options_.event && !options_.event(event)) return fail(Errc::cancelled, "cancelled");
    return {};
  }
  Result<> note(const std::string& text) const { return tell({Event::Kind::note, text, {}, 0, 0, 0, 0}); }

  // Whether the name leads to this very model; refuses one that leads to another before a long transfer begins.
  Result<std::optional<store::Imported>> here_already(const store::ModelName& name) const {
    auto found = store_.resolve(name.text());
    if (!found || !found->manifest) return std::optional<store::Imported>();
    const store::ModelTuple& model = found->manifest->model;
    const auto is_there = [&](const PlannedFile& planned) {
      return std::any_of(model.files.begin(), model.files.end(), [&](const store::StoredFile& file) {
        return file.name == planned.stored && file.digest == planned.wanted.digest && file.size == planned.wanted.size;
      });
    };
    const bool equal = model.kind == plan_.kind && model.defaults == plan_.defaults &&
                       model.files.size() == plan_.files.size() &&
                       std::all_of(plan_.files.begin(), plan_.files.end(), is_there);
    if (equal && !options_.write.replace) {
      store::Imported out;
      out.name = name;
      out.manifest = std::move(*found->manifest);
      out.already = true;
      return std::optional(std::move(out));
    }
    if (!equal && !options_.write.replace) {
      return fail(Errc::invalid, fmt::format("{} leads to another model already", name.text()));
    }
    return std::optional<store::Imported>();
  }

  Result<> expect_space() const {
    std::uint64_t missing = 0;
    for (const PlannedFile& file : plan_.files) {
      std::error_code ec;
      const std::uint64_t part = fs::file_size(folder_ / (file.wanted.digest.hex() + ".part"), ec);
      const std::uint64_t have = ec ? 0 : std::min<std::uint64_t>(part, file.wanted.size);
      FH_TRY(auto known, store_.find_file(file.wanted.digest));
      if (!known) missing += file.wanted.size - have;
    }
    return freehold::expect_space(store_.home(), missing, "still to be fetched are");
  }

  Result<> get(const PlannedFile& file) {
    const std::uint64_t before = all_done_;
    const auto at = [&](std::uint64_t done) {
      return tell(
          {Event::Kind::file, file.wanted.name, file.wanted.digest, done, file.wanted.size, before + done, all_total_});
    };
    all_done_ += file.wanted.size;
    // Two files of one model may be the same.
    const auto twin = std::find_if(arrived_.begin(), arrived_.end(), [&](const store::Arrived& other) {
      return !other.path.empty() && other.file.digest == file.wanted.digest;
    });
    if (twin != arrived_.end()) {
      store::Arrived again = *twin;
      again.file.name = file.stored;
      again.file.weights = file.weights;
      arrived_.push_back(std::move(again));
      return {};
    }
    FH_TRY(auto known, store_.find_file(file.wanted.digest));
    bool waited = false;
    if (!known) {
      FH_TRY(PartFile part, PartFile::open(folder_, file.wanted.digest, [&] {
               if (!std::exchange(waited, true) && !note("waiting for another pull of the same file")) return false;
               return at(0).has_value();
             }));
      if (waited) {  // the other one may have brought it in
        FH_TRY(known, store_.find_file(file.wanted.digest));
      }
      if (!known) {
        parts_.push_back(std::move(part));
        return fill(file, parts_.back(), at);
      }
      part.remove();
    }
    FH_TRY_VOID(at(file.wanted.size));
    known->name = file.stored;
    known->weights = file.weights;
    arrived_.push_back({std::move(*known), {}, {}});
    return {};
  }

  template <typename At>
  Result<> fill(const PlannedFile& file, PartFile& part, const At& at) {
    const nlohmann::ordered_json about = {{"name", printable(file.wanted.name, 500)},
                                          {"from", file.wanted.url.text()},
                                          {"size", file.wanted.size},
                                          {"digest", file.wanted.digest.name()}};
    FH_TRY_VOID(part.describe(about.dump() + "\n"));
    PartFile::Whole whole;
    if (file.content) {
      FH_TRY_VOID(part.restart());
      FH_TRY_VOID(part.append(as_bytes(*file.content)));
      FH_TRY(whole, part.finish());
    } else {
      FetchOptions options;
      options.retry = options_.retry;
      options.progress = [&](std::uint64_t done) { return at(done).has_value(); };
      options.note = [&](const std::string& text) { (void)note(text); };
      FH_TRY(whole, fetch(client_, file.wanted, part, options));
    }
    FH_TRY_VOID(at(file.wanted.size));
    const store::StoredFile stored{file.stored, file.wanted.size, whole.digest, sha256(whole.checks), file.weights};
    arrived_.push_back({stored, part.path(), std::move(whole.checks)});
    return {};
  }

  store::WriteOptions write_options() {
    store::WriteOptions write = options_.write;
    write.progress = [this](std::string_view step, std::uint64_t done, std::uint64_t total) {
      if (options_.write.progress && !options_.write.progress(step, done, total)) return false;
      return tell({Event::Kind::step, std::string(step), {}, done, total, 0, 0}).has_value();
    };
    return write;
  }

  const store::Store& store_;
  const Options& options_;
  const http::Client& client_;
  fs::path folder_;
  Plan plan_;
  std::vector<PartFile> parts_;  // locked until all is in the store
  std::vector<store::Arrived> arrived_;
  std::uint64_t all_done_ = 0, all_total_ = 0;
};

}  // namespace

Result<store::Imported> pull(const store::Store& store, const Reference& reference,
                             const std::optional<store::ModelName>& name, const Options& options) {
  FH_TRY(http::Client client, http::Client::create(options.client));
  FH_TRY(store::Imported done, Pull(store, options, client).run(reference, name));
  if (options.event) {
    (void)options.event({Event::Kind::writing, done.name.text(), {}, 0, 0, 0, 0});
  }
  return done;
}

}  // namespace freehold::pull
