#include "app/audit/replay_model.h"

#include <fmt/format.h>

#include "app/serve/tuning_jobs.h"
#include "app/starter.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// What fine-tuning jobs of the server have left, whichever folder of a job it is in.
std::optional<fs::path> tuned_adapter(const fs::path& home, const Digest& wanted) {
  std::error_code ec;
  for (fs::recursive_directory_iterator it(home / "fine_tuning", ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename() != "adapter_model.safetensors") continue;
    const auto digest = adapter_digest(it->path().parent_path());
    if (digest && *digest == wanted) return it->path().parent_path();
  }
  return std::nullopt;
}

// What a model of the store, whose weights are those that answered, has to do with the adapter that did.
enum class AdapterFit : std::uint8_t {
  another,  // another one is on it: the model below it is what answered
  none,     // none is on it
  same,     // it is on it
};

AdapterFit adapter_fit(const store::ModelTuple& model, const std::string& adapter) {
  if (!model.adapter) return AdapterFit::none;
  return model.adapter_alone().tree().name() == adapter ? AdapterFit::same : AdapterFit::another;
}

// How well it fits beside having the weights.
int fit(const store::Listed& listed, const Members& entry, AdapterFit adapter) {
  const store::ModelTuple& model = listed.manifest->model;
  int score = 2 * static_cast<int>(adapter);
  const std::string wanted = member_of(entry, "template_digest");
  if ((model.chat_template ? model.chat_template->name() : "") == wanted) score += 8;
  const auto called = store::ModelName::parse(member_of(entry, "model"));
  if (called && *called == listed.name) score += 1;
  return score;
}

}  // namespace

std::string member_of(const Members& entry, std::string_view name) {
  const auto found = entry.find(std::string(name));
  return found == entry.end() ? std::string() : found->second;
}

Result<PinnedModel> find_pinned(const fs::path& home, const Members& entry, const std::optional<std::string>& model) {
  const std::string both = member_of(entry, "model_digest"), adapter = member_of(entry, "adapter");
  const std::string weights = both.substr(0, both.find('+'));
  PinnedModel out;
  if (model) out.reference = *model;
  if (out.reference.empty() && weights.empty()) {
    return fail(Errc::invalid,
                fmt::format("the model '{}' was served from a path, so the log pins no digest of it: say with --model "
                            "which file it was",
                            printable(member_of(entry, "model"), 80)));
  }
  FH_TRY(const store::Store store, store::Store::open(home));
  FH_TRY(const auto all, store.list());
  bool adapter_is_on = false;
  if (out.reference.empty()) {
    int best = -1;
    for (const store::Listed& listed : all) {
      if (!listed.manifest || store::is_adapter(listed.manifest->model.kind)) continue;
      if (listed.manifest->model.weights().name() != weights) continue;
      const store::ModelTuple& found = listed.manifest->model;
      const AdapterFit on_it = adapter_fit(found, adapter);
      const int score = fit(listed, entry, on_it);
      if (score <= best) continue;
      best = score;
      out.reference = (on_it == AdapterFit::same ? found : found.base()).id().name();
      adapter_is_on = on_it == AdapterFit::same;
    }
  }
  if (out.reference.empty() && !starter_bytes().empty() && sha256(starter_bytes()).name() == weights) {
    out.reference = kStarterName;
  }
  if (out.reference.empty()) {
    return fail(Errc::not_found,
                fmt::format("the weights {} of the model '{}' that answered are not in the store: import them "
                            "(freehold models import), or say with --model where they are",
                            weights, printable(member_of(entry, "model"), 80)));
  }
  if (adapter.empty() || adapter_is_on) return out;
  for (const store::Listed& listed : all) {
    if (!listed.manifest || !store::is_adapter(listed.manifest->model.kind)) continue;
    if (listed.manifest->model.tree().name() != adapter) continue;
    out.attached = listed.manifest->model.id().name();
    return out;
  }
  const auto digest = Digest::parse(adapter);
  if (!digest) return fail(Errc::corrupt, "the entry's adapter is no digest");
  if (const auto folder = tuned_adapter(home, *digest)) {
    out.by_hand = AdapterFile{*digest, *folder, adapter};
    return out;
  }
  return fail(Errc::not_found, fmt::format("the adapter {} that answered is neither in the store nor among the results "
                                           "of fine-tuning jobs: import it (freehold models import)",
                                           adapter));
}

}  // namespace freehold::app
