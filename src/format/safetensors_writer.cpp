#include "format/safetensors_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/check.h"
#include "base/file.h"
#include "base/utf8.h"

namespace freehold::format {

Result<> write_safetensors(const std::filesystem::path& path, std::span<const F32Tensor> tensors) {
  std::vector<tensor::View> views;
  for (const F32Tensor& t : tensors) {
    std::uint64_t elements = 1;
    for (std::uint64_t d : t.shape) elements *= d;
    FH_CHECK(elements == t.values.size(), "callers give values of the shape they name");
    views.push_back({t.name, tensor::DType::f32, t.shape, std::as_bytes(t.values)});
  }
  return write_safetensors(path, std::span<const tensor::View>(views));
}

Result<> write_safetensors(const std::filesystem::path& path, std::span<const tensor::View> tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t offset = 0;
  for (const tensor::View& t : tensors) {
    if (!is_utf8(t.name)) return fail(Errc::invalid, fmt::format("tensor name '{}' is no UTF-8", printable(t.name)));
    if (header.contains(t.name)) return fail(Errc::invalid, fmt::format("two tensors are called '{}'", t.name));
    FH_CHECK(tensor::info(t.type).block_elems == 1, "callers give tensors of floats");
    const std::uint64_t end = offset + t.bytes.size();
    header[t.name] = {{"dtype", tensor::name_of(t.type)}, {"shape", t.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // the tensors begin aligned
  std::uint64_t length = text.size();
  std::byte prefix[sizeof length];
  std::memcpy(prefix, &length, sizeof length);
  FH_TRY(AtomicFile file, AtomicFile::create(path));
  FH_TRY_VOID(file.write(Bytes(prefix)));
  FH_TRY_VOID(file.write(text));
  for (const tensor::View& t : tensors) FH_TRY_VOID(file.write(t.bytes));
  return file.commit();
}

}  // namespace freehold::format
