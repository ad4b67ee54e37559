#include "app/models_nf4.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/model_folder.h"
#include "app/models_commands.h"
#include "app/models_write.h"
#include "base/disk_space.h"
#include "base/file.h"
#include "base/utf8.h"
#include "store/nf4_folder.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// The matrices that QLoRA freezes in 4 bits (train/nf4_base.h), by their names in the folder.
Result<std::set<std::string, std::less<>>> block_matrices(const format::HfFolder& folder, const model::Plan& plan) {
  std::set<std::string, std::less<>> names;
  const auto add = [&](const tensor::View& view) -> Result<> {
    const tensor::View* own = folder.find(view.name);
    if (own == nullptr || own->bytes.data() != view.bytes.data() || own->shape != view.shape) {
      return fail(Errc::unsupported,
                  fmt::format("'{}' is a part of a larger tensor, which NF4 is not made of", printable(view.name)));
    }
    names.insert(view.name);
    return {};
  };
  for (const model::Layout::Block& b : plan.layout.blocks) {
    for (const tensor::View* view : {b.q, b.k, b.v, b.o}) FH_TRY_VOID(add(*view));
    for (const auto* views : {&b.gate, &b.up, &b.down}) {
      for (const tensor::View& view : *views) FH_TRY_VOID(add(view));
    }
  }
  return names;
}

Result<store::Written> write_folder(const fs::path& out, const format::HfFolder& folder,
                                    const std::set<std::string, std::less<>>& matrices, ThreadPool& pool,
                                    const store::Progress& progress, Console& console) {
  // What may be refused comes before what takes long.
  FH_TRY(const std::string config, read_file(folder.path / "config.json"));
  FH_TRY_VOID(copy_small_files(folder.path, out, [&](const std::string& name) {
    console.note(fmt::format("note: {} is not taken over: it holds weights that are not these", printable(name)));
  }));
  FH_TRY(AtomicFile file, AtomicFile::create(out / "model.safetensors"));
  FH_TRY(store::Written written, store::write_nf4(
                                     folder, matrices, pool, [&](Bytes bytes) { return file.write(bytes); }, progress,
                                     [&](std::uint64_t bytes) { return expect_space(out, bytes, "the model has"); }));
  FH_TRY_VOID(file.commit());
  FH_TRY(const std::string with, store::nf4_config(config, written.tensors));
  FH_TRY_VOID(write_file_atomically(out / "config.json", with));
  return written;
}

// A folder beside `out` that nobody else has, gone when this is, unless it has become `out`.
class Unfinished {
 public:
  static Result<Unfinished> beside(const fs::path& out) {
    FH_TRY_VOID(make_directories(out.parent_path()));
    std::string name = (out.parent_path() / (".quantizing-" + out.filename().string() + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) {
      return fail(Errc::io, fmt::format("{}: {}", printable(name), std::strerror(errno)));
    }
    return Unfinished(name);
  }
  Unfinished(Unfinished&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Unfinished& operator=(Unfinished&&) = delete;
  ~Unfinished() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  Result<> become(const fs::path& out) {
    std::error_code ec;
    fs::permissions(path_, static_cast<fs::perms>(0755), ec);
    fs::rename(path_, out, ec);
    if (ec) return fail(Errc::io, fmt::format("rename to {}: {}", printable(out.string()), ec.message()));
    path_.clear();
    return sync_folder(out.parent_path());
  }

 private:
  explicit Unfinished(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

}  // namespace

fs::path nf4_folder(const Arguments& arguments) {
  const fs::path out = fs::absolute(fs::path(std::string(arguments.text("OUT")))).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

Result<> quantize_to_nf4(const OpenModel& source, const model::Plan& plan, const Arguments& arguments,
                         Console& console) {
  if (arguments.given("name") || !arguments.given("OUT")) {
    console.hint("freehold models import OUT --name NAME:TAG puts it into the store afterwards");
    return fail(Errc::invalid, "NF4 is written as a Hugging Face folder: say OUT, and not --name");
  }
  for (const char* option : {"force", "requantize"}) {
    if (arguments.given(option)) {
      return fail(Errc::invalid,
                  fmt::format("--{} is not for nf4: OUT is a new folder, of weights that are floats", option));
    }
  }
  const fs::path out = nf4_folder(arguments);
  std::error_code ec;
  if (fs::exists(fs::symlink_status(out, ec))) {
    return fail(Errc::invalid, fmt::format("{} is there already", printable(out.string())));
  }
  const format::HfFolder* folder = source.checkpoint->hf();
  if (folder == nullptr) {
    return fail(Errc::unsupported,
                "NF4 lies in Hugging Face folders, and MODEL is a GGUF: name the folder it was made of");
  }
  FH_TRY(const auto matrices, block_matrices(*folder, plan));
  FH_TRY(const guard::Bounds bounds, bounds_of_reference(std::string(arguments.text("MODEL"))));
  ThreadPool pool(arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : 0);
  // Under its name only when all of it is there.
  FH_TRY(Unfinished unfinished, Unfinished::beside(out));
  StoreProgress progress(console);
  auto written = write_folder(unfinished.path(), *folder, matrices, pool, progress.progress(), console);
  progress.clear();
  if (!written) return Unexpected(std::move(written).error());
  FH_TRY_VOID(carry_labels_to_files(bounds, unfinished.path()));
  FH_TRY_VOID(unfinished.become(out));
  const auto nf4 = std::count_if(written->tensors.begin(), written->tensors.end(),
                                 [](const format::GgufTensor& t) { return t.type == tensor::DType::nf4; });
  console.note(fmt::format("{} tensors, {}: {} NF4, the others as they were", written->tensors.size(),
                           human_bytes(written->tensor_bytes), nf4));
  print_notes(written->notes, arguments.flag("verbose"), console);
  print_made(out, written->tensor_bytes, *written, arguments.flag("json"), console);
  return {};
}

}  // namespace freehold::app
