#include "app/model_folder.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {

namespace fs = std::filesystem;

namespace {

bool other_weights(std::string_view name) {
  for (const std::string_view end : {".bin", ".bin.index.json", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"}) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

}  // namespace

Result<> copy_small_files(const fs::path& from, const fs::path& to,
                          const std::function<void(const std::string&)>& left) {
  std::error_code ec;
  for (fs::directory_iterator it(from, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") || name.starts_with(".")) continue;
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    if (other_weights(name)) {
      if (left) left(name);
      continue;
    }
    FH_TRY(const std::string text, read_file(it->path()));
    FH_TRY_VOID(write_file_atomically(to / name, text));
  }
  if (ec) return fail(Errc::io, fmt::format("{}: {}", printable(from.string()), ec.message()));
  return {};
}

}  // namespace freehold::app
