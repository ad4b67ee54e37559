#include "model/adapter_file.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "format/gguf.h"
#include "model/gguf_adapter.h"

namespace freehold::model {

namespace fs = std::filesystem;

AdapterKind adapter_kind(const fs::path& path) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    return fs::exists(path / "adapter_config.json", ec) ? AdapterKind::peft : AdapterKind::none;
  }
  const auto file = MappedFile::open(path);
  if (!file || !format::looks_like_gguf(file->bytes())) return AdapterKind::none;
  const auto gguf = format::open_gguf(path);
  return gguf && is_adapter(*gguf) ? AdapterKind::gguf : AdapterKind::none;
}

Result<PeftAdapter> read_adapter(const fs::path& path, const format::Checkpoint& base, const Spec& spec) {
  const std::string where = fmt::format("adapter {}", printable(path.string()));
  std::error_code ec;
  if (!fs::exists(path, ec)) return fail(Errc::not_found, where + ": there is no such file or folder");
  const auto read = [&]() -> Result<PeftAdapter> {
    if (fs::is_directory(path, ec)) {
      if (!fs::exists(path / "adapter_config.json", ec)) {
        return fail(Errc::invalid, "the folder holds no adapter_config.json");
      }
      return read_peft(path, spec, &base);
    }
    FH_TRY(const format::Gguf file, format::open_gguf(path));
    FH_TRY(const std::string architecture, gguf_architecture(base));
    return read_gguf_adapter(file, spec, architecture);
  };
  auto adapter = read();
  if (!adapter) return in_context(std::move(adapter).error(), where);
  return adapter;
}

}  // namespace freehold::model
