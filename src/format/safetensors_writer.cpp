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
  std::vector<SafetensorsRow> rows;
  for (const tensor::View& t : tensors) {
    FH_CHECK(tensor::info(t.type).block_elems == 1, "callers give tensors of floats");
    rows.push_back({t.name, std::string(tensor::name_of(t.type)), t.shape, t.bytes.size()});
  }
  FH_TRY(const std::string head, safetensors_head(rows));
  FH_TRY(AtomicFile file, AtomicFile::create(path));
  FH_TRY_VOID(file.write(head));
  for (const tensor::View& t : tensors) FH_TRY_VOID(file.write(t.bytes));
  return file.commit();
}

Result<std::string> safetensors_head(std::span<const SafetensorsRow> rows) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t offset = 0;
  for (const SafetensorsRow& t : rows) {
    if (!is_utf8(t.name)) return fail(Errc::invalid, fmt::format("tensor name '{}' is no UTF-8", printable(t.name)));
    if (header.contains(t.name)) return fail(Errc::invalid, fmt::format("two tensors are called '{}'", t.name));
    const std::uint64_t end = offset + t.bytes;
    header[t.name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // the tensors begin aligned
  std::uint64_t length = text.size();
  std::string head(sizeof length, '\0');
  std::memcpy(head.data(), &length, sizeof length);
  return head + text;
}

}  // namespace freehold::format
