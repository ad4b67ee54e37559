#include "app/models_commands.h"

#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "base/utf8.h"
#include "guard/hold_book.h"
#include "model/adapter_file.h"
#include "model/prepared.h"
#include "model/tokenizer_loader.h"
#include "model/weights.h"
#include "text/chat_template.h"

namespace freehold::app {

Result<store::Store> open_store() {
  FH_TRY(auto home, store::default_home());
  return store::Store::open(home);
}

std::string short_digest(const Digest& digest) {
  return digest.name().substr(0, 7 + 12);
}

std::string human_parameters(std::uint64_t n) {
  const auto x = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.2f}B", x / 1e9);
  if (n >= 1'000'000) return fmt::format("{:.0f}M", x / 1e6);
  return fmt::format("{:.0f}K", x / 1e3);
}

Result<> check_adapter(const format::Checkpoint& base, const std::filesystem::path& adapter) {
  FH_TRY(const model::Plan plan, model::plan(base));
  FH_TRY_VOID(model::read_adapter(adapter, base, plan.spec).map([](auto&&) {}));
  return {};
}

Result<> check_runnable(const format::Checkpoint& checkpoint) {
  FH_TRY(model::Plan plan, model::plan(checkpoint));
  auto loaded = model::load_tokenizer(checkpoint);
  if (!loaded) {
    // Weights without a vocabulary can be run on token ids.
    if (loaded.error().code == Errc::not_found) return {};
    return Unexpected(std::move(loaded).error());
  }
  if (loaded->tokenizer.size() > plan.spec.vocab) {
    return fail(Errc::corrupt, fmt::format("the tokenizer has {} tokens, the embedding only {} rows",
                                           loaded->tokenizer.size(), plan.spec.vocab));
  }
  for (const model::ChatTemplate& t : loaded->chat_templates) {
    auto parsed = text::ChatTemplate::parse(t.source);
    if (!parsed) {
      return in_context(std::move(parsed).error(), fmt::format("chat template '{}'", printable(t.name)));
    }
  }
  return {};
}

store::Preparation panel_preparation(std::function<ThreadPool&()> pool) {
  store::Preparation out;
  out.usable = [](const std::filesystem::path& path) { return model::PreparedFile::open(path).has_value(); };
  out.bytes = [](const format::Checkpoint& checkpoint) -> Result<std::uint64_t> {
    FH_TRY(model::Plan plan, model::plan(checkpoint));
    return model::prepared_file_bytes(plan);
  };
  out.write = [pool = std::move(pool)](const format::Checkpoint& checkpoint, const format::Sink& sink,
                                       const store::Progress& progress) -> Result<> {
    FH_TRY(model::Plan plan, model::plan(checkpoint));
    return model::write_prepared(plan, pool(), sink, [&](std::uint64_t done, std::uint64_t total) {
      return !progress || progress("prepare", done, total);
    });
  };
  return out;
}

Result<store::Leave> leave_of_holds(const std::string& name, std::string_view act, std::string_view what) {
  FH_TRY(const guard::Policy policy, own_policy());
  FH_TRY(const store::Store store, open_store());
  FH_TRY(auto standing, guard::HoldBook(store.home()).standing());
  FH_TRY(const guard::Resource model, labelled_model(name));
  const guard::Hold* hold = hold_on_model(standing.holds, policy.lowest(), model.labels);
  // Its papers are damaged: it may carry any label.
  if (hold == nullptr && !store.resolve(name)) hold = guard::hold_on(standing.holds, {std::nullopt, "", ""});
  if (hold == nullptr) return standing.still;
  guard::Decision denied;
  denied.rule = hold->id;
  denied.message = fmt::format("what is held is not {}", what);
  FH_TRY_VOID(record_refusal(act, name, denied));
  return fail(Errc::invalid, fmt::format("'{}' is not {}: {}", name, what, why_held(*hold)));
}

StoreProgress::StoreProgress(Console& console) : console_(console), bar_(console, "working") {
  catch_interrupts();
}

store::Progress StoreProgress::progress() {
  return [this](std::string_view step, std::uint64_t done, std::uint64_t total) {
    bar_.rename(step);
    bar_.update(done, total);
    return !interrupted();
  };
}

store::WriteOptions StoreProgress::options(bool replace, bool prepare) {
  store::WriteOptions out;
  out.replace = replace;
  out.prepare = panel_preparation([this]() -> ThreadPool& {
    if (!pool_) pool_ = std::make_unique<ThreadPool>();
    return *pool_;
  });
  if (!prepare) out.prepare.bytes = {}, out.prepare.write = {};
  out.validate = check_runnable;
  out.validate_adapter = [](const format::Checkpoint* base, const std::filesystem::path& adapter) {
    return base != nullptr ? check_adapter(*base, adapter) : model::check_alone(adapter);
  };
  out.may_go = [replace](const store::ModelName& name) {
    return replace ? leave_of_holds(name.text(), "models move", "given to another model")
                   : leave_of_holds(name.text(), "models rm", "removed");
  };
  out.progress = progress();
  out.waiting = [this](int pid) {
    bar_.clear();
    console_.note(pid > 0 ? fmt::format("waiting for process {}, which is writing to the store", pid)
                          : "waiting for another process that is writing to the store");
  };
  return out;
}

Option no_prepare_option() {
  return {.name = "no-prepare",
          .help =
              "Do not keep the weights a second time in the layout of the kernels: half the disk space, but every "
              "start copies and rearranges them."};
}

void print_imported(const store::Imported& imported, bool json, Console& console) {
  const store::Manifest& m = imported.manifest;
  if (json) {
    JsonWriter w(true);
    w.begin_object().member("name", imported.name.text()).member("digest", m.model.id().name());
    w.member("weights", m.model.weights().name()).member("bytes", m.model.total_bytes());
    w.member("architecture", m.from.architecture).member("parameters", m.from.parameters);
    w.member("weight_type", m.from.weight_type).member("licence", m.from.licence).member("already", imported.already);
    w.key("replaced");
    if (imported.replaced) {
      w.value(imported.replaced->name());
    } else {
      w.null();
    }
    w.end_object();
    console.write(w.take() + "\n");
    return;
  }
  std::string line = fmt::format("{}  {}  {} {}  {}", imported.name.text(), short_digest(m.model.id()),
                                 human_parameters(m.from.parameters), printable(m.from.weight_type),
                                 human_bytes(m.model.total_bytes()));
  if (imported.already) line += "  (was there already)";
  if (imported.replaced) line += fmt::format("  (was {})", short_digest(*imported.replaced));
  console.write(line + "\n");
}

}  // namespace freehold::app
