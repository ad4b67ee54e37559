#include "app/eval/promotion.h"

#include <fmt/format.h>

#include "app/json_writer.h"
#include "app/moment.h"
#include "base/append_file.h"
#include "base/file.h"
#include "base/utf8.h"
#include "format/json.h"
#include "guard/keys.h"

namespace freehold::app {
namespace {

constexpr double kPromotionWait = 60;  // seconds

std::filesystem::path promotions_path(const store::Store& store) {
  return store.home() / "promotions.jsonl";
}

Result<std::string> promotions_text(const store::Store& store) {
  auto text = read_file(promotions_path(store), std::uint64_t{1} << 30);
  if (!text && text.error().code == Errc::not_found) return std::string();
  return text;
}

store::WriteOptions replacing(store::WriteOptions options) {
  options.replace = true;
  return options;
}

Result<> lead_to(const store::Store& store, const store::ModelName& name, const Digest& to,
                 const store::WriteOptions& options) {
  FH_TRY_VOID(store.alias(to.name(), name, replacing(options)));
  return {};
}

Result<> forget_name(const store::Store& store, const store::ModelName& name, const store::WriteOptions& options) {
  FH_TRY_VOID(store.remove(name.text(), options));
  return {};
}

std::string evidence_text(const format::Value& value, std::string_view key) {
  const format::Value* member = value.member(key);
  return member != nullptr ? std::string(member->as_string().value_or("")) : std::string();
}

}  // namespace

store::ModelName previous_of(const store::ModelName& name) {
  return {name.name, name.tag + ".previous"};
}

store::ModelName pending_of(const store::ModelName& name) {
  return {name.name, name.tag + ".pending"};
}

Result<std::optional<Digest>> id_of(const store::Store& store, const store::ModelName& name) {
  FH_TRY(const auto all, store.list());
  for (const store::Listed& listed : all) {
    if (listed.name != name) continue;
    if (!listed.manifest) return tl::unexpected(listed.manifest.error());
    return std::optional(listed.manifest->model.id());
  }
  return std::optional<Digest>();
}

Result<FolderLock> lock_promotions(const store::Store& store) {
  const auto folder = store.home() / "promotions";
  FH_TRY_VOID(make_directories(folder));
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY(const bool mine, lock.take(kPromotionWait));
  if (!mine)
    return fail(Errc::exhausted,
                fmt::format("another promotion or rollback holds {}", printable(lock.path().string())));
  return lock;
}

Result<Recovered> recover(const store::Store& store, const store::ModelName& name, const store::WriteOptions& options) {
  FH_TRY(const auto pending, id_of(store, pending_of(name)));
  if (!pending) return Recovered::nothing;
  FH_TRY(const auto now, id_of(store, name));
  const bool undone = now == pending;
  if (!undone) FH_TRY_VOID(lead_to(store, previous_of(name), *pending, options));
  JsonWriter w;
  w.begin_object().member("time", show_moment(guard::wall_seconds())).member("action", "recover");
  w.member("name", name.text()).member("what", undone ? "not moved" : "moved").key("to");
  now ? w.value(now->name()) : w.null();
  w.end_object();
  FH_TRY_VOID(record_promotion(store, w.take()));
  FH_TRY_VOID(forget_name(store, pending_of(name), options));
  return undone ? Recovered::undone : Recovered::finished;
}

Result<> move_name(const store::Store& store, const Moved& moved, const std::string& evidence,
                   const store::WriteOptions& options, const std::function<void(int)>& after) {
  int number = 0;
  const auto written = [&] {
    ++number;
    if (after) after(number);
  };
  if (moved.from) {
    auto kept = lead_to(store, pending_of(moved.name), *moved.from, options);
    if (!kept) return in_context(std::move(kept).error(), "keep what the name led to");
    written();
  }
  FH_TRY_VOID(record_promotion(store, evidence));
  written();
  FH_TRY_VOID(lead_to(store, moved.name, moved.to, options));
  written();
  if (!moved.from) return {};
  FH_TRY_VOID(lead_to(store, previous_of(moved.name), *moved.from, options));
  written();
  FH_TRY_VOID(forget_name(store, pending_of(moved.name), options));
  written();
  return {};
}

Result<> record_promotion(const store::Store& store, const std::string& line) {
  FH_TRY(const std::string text, promotions_text(store));
  const std::size_t end = text.rfind('\n');
  FH_TRY(AppendFile file,
         AppendFile::open(promotions_path(store), end == std::string::npos ? 0 : end + 1, FileAccess::owner));
  FH_TRY_VOID(file.append(line + "\n"));
  return file.sync();
}

Result<std::optional<Judged>> judged_before(const store::Store& store, const store::ModelName& name, const Digest& to) {
  FH_TRY(const std::string text, promotions_text(store));
  std::optional<Judged> last;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // what a kill left of one
    const auto line = format::parse_json(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (!line || evidence_text(*line, "action") != "promote" || evidence_text(*line, "name") != name.text() ||
        evidence_text(*line, "to") != to.name())
      continue;
    const format::Value* passed = line->member("passed");
    if (passed == nullptr || !passed->as_bool().value_or(false)) continue;
    last = {evidence_text(*line, "time"), evidence_text(*line, "method"), evidence_text(*line, "fit"),
            evidence_text(*line, "gate_sha256")};
  }
  return last;
}

}  // namespace freehold::app
