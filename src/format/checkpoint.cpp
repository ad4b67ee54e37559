#include "format/checkpoint.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/utf8.h"

namespace freehold::format {
namespace {

namespace fs = std::filesystem;

// A folder without config.json: say what would have worked.
Unexpected explain_folder(const fs::path& folder) {
  std::string first;
  std::size_t ggufs = 0;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (!name.ends_with(".gguf")) continue;
    if (ggufs++ == 0 || name < first) first = name;
  }
  if (ec) return fail(Errc::io, fmt::format("{}: {}", printable(folder.string()), ec.message()));
  if (ggufs > 0) {
    return fail(Errc::invalid, fmt::format("{} is a folder; name the file in it, for example {}",
                                           printable(folder.string()), printable((folder / first).string())));
  }
  return fail(Errc::invalid, fmt::format("{} holds no model: neither a config.json (Hugging Face) nor a .gguf file",
                                         printable(folder.string())));
}

Unexpected explain_file(const fs::path& path, Bytes bytes) {
  std::string name = printable(path.string());
  if (bytes.empty()) return fail(Errc::corrupt, fmt::format("{} is empty", name));
  std::string file = path.filename().string();
  if (file.ends_with(".safetensors") || file == "config.json" || file.ends_with(".index.json")) {
    return fail(Errc::invalid,
                fmt::format("{}: for a Hugging Face model, name the folder that holds its config.json", name));
  }
  std::string_view text = as_text(bytes);
  if (text.starts_with("PK\x03\x04") || text.starts_with("\x80\x02")) {
    return fail(
        Errc::unsupported,
        fmt::format("{} looks like pickled weights, which are never loaded; convert them to safetensors or GGUF",
                    name));
  }
  if (text.starts_with("version https://git-lfs")) {
    return fail(Errc::invalid,
                fmt::format("{} is a Git LFS pointer, not the file itself; fetch it with git lfs pull", name));
  }
  return fail(Errc::corrupt,
              fmt::format("{} is not a GGUF file: it begins with '{}'", name, printable(text.substr(0, 4))));
}

}  // namespace

Checkpoint::Checkpoint(Gguf gguf) : gguf_(std::make_unique<Gguf>(std::move(gguf))) {}
Checkpoint::Checkpoint(HfFolder folder) : hf_(std::make_unique<HfFolder>(std::move(folder))) {}

const Metadata& Checkpoint::metadata() const {
  return gguf_ ? gguf_->metadata : hf_->config;
}
const std::vector<tensor::View>& Checkpoint::tensors() const {
  return gguf_ ? gguf_->tensors : hf_->tensors;
}
const tensor::View* Checkpoint::find(std::string_view name) const {
  return gguf_ ? gguf_->find(name) : hf_->find(name);
}
void Checkpoint::forget(Bytes part) const {
  if (gguf_) {
    for (const MappedFile& file : gguf_->files) file.forget(part);
  } else {
    for (const Safetensors& shard : hf_->shards) shard.forget(part);
  }
}
std::uint64_t Checkpoint::total_bytes() const {
  return gguf_ ? gguf_->total_bytes : hf_->total_bytes;
}

Result<Checkpoint> open_checkpoint(const std::filesystem::path& path) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    if (fs::symlink_status(path / "config.json", ec).type() == fs::file_type::not_found) return explain_folder(path);
    FH_TRY(HfFolder folder, open_hf_folder(path));
    return Checkpoint(std::move(folder));
  }
  FH_TRY(MappedFile file, MappedFile::open(path));
  if (!looks_like_gguf(file.bytes())) return explain_file(path, file.bytes());
  FH_TRY(Gguf gguf, open_gguf(path));
  return Checkpoint(std::move(gguf));
}

}  // namespace freehold::format
