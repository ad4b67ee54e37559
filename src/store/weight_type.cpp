#include "store/weight_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace freehold::store {
namespace {

struct FileType {
  std::string_view name;
  std::uint32_t number;
};
constexpr std::array kFileTypes = {
    FileType{"F32", 0},   FileType{"F16", 1},     FileType{"Q4_0", 2},    FileType{"Q4_1", 3},  FileType{"Q8_0", 7},
    FileType{"Q5_0", 8},  FileType{"Q5_1", 9},    FileType{"Q2_K", 10},   FileType{"Q3_K", 11}, FileType{"Q4_K_S", 14},
    FileType{"Q4_K", 14}, FileType{"Q4_K_M", 15}, FileType{"Q5_K_S", 16}, FileType{"Q5_K", 16}, FileType{"Q5_K_M", 17},
    FileType{"Q6_K", 18}, FileType{"IQ4_NL", 25}, FileType{"IQ4_XS", 30}, FileType{"BF16", 32}, FileType{"MXFP4", 38},
};

}  // namespace

Result<kernel::Mix> weight_type_from_name(std::string_view name) {
  if (const kernel::Mix* mix = kernel::mix_from_name(name)) return *mix;
  if (auto type = tensor::dtype_from_name(name)) {
    const tensor::DTypeInfo& info = tensor::info(*type);
    const double bits = 8.0 * static_cast<double>(info.block_bytes) / static_cast<double>(info.block_elems);
    return kernel::Mix{info.name, *type, *type, *type, kernel::Mix::Layers::none, bits};
  }
  std::string names;
  for (const kernel::Mix& mix : kernel::all_mixes()) names += fmt::format("{} ", mix.name);
  return fail(Errc::invalid,
              fmt::format("'{}' is no weight type; there are {}and each block type alone", printable(name), names));
}

std::optional<std::uint32_t> file_type_number(const kernel::Mix& type) {
  auto it = std::find_if(kFileTypes.begin(), kFileTypes.end(), [&](const FileType& f) { return f.name == type.name; });
  if (it == kFileTypes.end()) return std::nullopt;
  return it->number;
}

}  // namespace freehold::store
