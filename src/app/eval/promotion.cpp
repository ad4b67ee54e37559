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

// Of a name whose model has another as well.
Result<> forget_name(const store::Store& store, const store::ModelName& name, store::WriteOptions options) {
  options.may_go = {};
  FH_TRY_VOID(store.remove(name.text(), options));
  return {};
}

std::string evidence_text(const format::Value& value, std::string_view key) {
  const format::Value* member = value.member(key);
  return member != nullptr ? std::string(member->as_string().value_or("")) : std::string();
}

// The lines about this name, oldest first.
Result<std::vector<format::Value>> evidence_about(const store::Store& store, const store::ModelName& name) {
  FH_TRY(const std::string text, promotions_text(store));
  std::vector<format::Value> out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // what a kill left of one
    auto line = format::parse_json(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (line && evidence_text(*line, "name") == name.text()) out.push_back(std::move(*line));
  }
  return out;
}

// Of a name that was moved; a promotion that the gate refused moved none.
bool is_move(const format::Value& line) {
  const std::string action = evidence_text(line, "action");
  const format::Value* passed = line.member("passed");
  return (action == "promote" || action == "rollback") && passed != nullptr && passed->as_bool().value_or(false);
}

// Whether a move that was killed may have left this: the last that was recorded is one away from it, or that one's
// recovery, itself killed.
Result<bool> is_ours(const store::Store& store, const store::ModelName& name, const Digest& pending) {
  FH_TRY(const std::vector<format::Value> lines, evidence_about(store, name));
  if (lines.empty()) return false;
  const format::Value& last = lines.back();
  return (is_move(last) || evidence_text(last, "action") == "recover") && evidence_text(last, "from") == pending.name();
}

}  // namespace

store::ModelName previous_of(const store::ModelName& name) {
  return {name.name, name.tag + std::string(store::ModelName::kPrevious)};
}

store::ModelName pending_of(const store::ModelName& name) {
  return {name.name, name.tag + std::string(store::ModelName::kPending)};
}

Result<> can_be_moved(const store::ModelName& name) {
  for (const store::ModelName& helper : {previous_of(name), pending_of(name)}) {
    if (const auto parsed = store::ModelName::parse(helper.text()); !parsed) {
      return fail(Errc::invalid, fmt::format("{} cannot be promoted: its tag is too long for {} to be kept beside it",
                                             name.text(), helper.text()));
    }
  }
  return {};
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
  FH_TRY(const bool ours, is_ours(store, name, *pending));
  if (!ours) return Recovered::nothing;
  FH_TRY(const auto now, id_of(store, name));
  const bool undone = now == pending;
  if (!undone) FH_TRY_VOID(lead_to(store, previous_of(name), *pending, options));
  JsonWriter w;
  w.begin_object().member("time", show_moment(guard::wall_seconds())).member("action", "recover");
  w.member("name", name.text()).member("what", undone ? "not moved" : "moved");
  w.member("from", pending->name()).key("to");
  now ? w.value(now->name()) : w.null();
  w.end_object();
  FH_TRY_VOID(record_promotion(store, w.take()));
  FH_TRY_VOID(forget_name(store, pending_of(name), options));
  return undone ? Recovered::undone : Recovered::finished;
}

Result<> move_name(const store::Store& store, const Moved& moved, const std::string& evidence,
                   const store::WriteOptions& options, const std::function<void(int)>& after) {
  FH_TRY(const auto pending, id_of(store, pending_of(moved.name)));
  if (pending && pending != moved.from) {
    return fail(Errc::invalid, fmt::format("{} is in the way, and was not left by a move: give it another name (models "
                                           "alias), and remove it",
                                           pending_of(moved.name).text()));
  }
  // That what is held stands in the way is said before anything moves.
  if (moved.from) {
    FH_TRY(const auto kept, id_of(store, previous_of(moved.name)));
    if (kept != moved.to) FH_TRY_VOID(store.leave_to_move(previous_of(moved.name), options).map([](auto&&) {}));
  }
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

Result<std::optional<Judged>> undone_by(const store::Store& store, const Moved& moved) {
  if (!moved.from) return std::optional<Judged>();
  FH_TRY(const std::vector<format::Value> lines, evidence_about(store, moved.name));
  std::vector<const format::Value*> moves;
  for (const format::Value& line : lines) {
    if (is_move(line)) moves.push_back(&line);
    // One that was killed before it had moved anything.
    if (evidence_text(line, "what") == "not moved" && !moves.empty() &&
        evidence_text(*moves.back(), "from") == evidence_text(line, "to"))
      moves.pop_back();
  }
  if (moves.empty()) return std::optional<Judged>();
  const format::Value& last = *moves.back();
  if (evidence_text(last, "action") != "promote" || evidence_text(last, "to") != moved.from->name() ||
      evidence_text(last, "from") != moved.to.name())
    return std::optional<Judged>();
  return std::optional(Judged{evidence_text(last, "time"), evidence_text(last, "method"), evidence_text(last, "fit"),
                              evidence_text(last, "gate_sha256")});
}

}  // namespace freehold::app
