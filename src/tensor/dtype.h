// The element types a tensor can have, as a table: name, numbers in files, block size.
// Source of ids and block layouts: GGUF specification (ggml-org/ggml docs/gguf.md) and the ggml quantisation formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace freehold::tensor {

// The values are GGUF's type numbers.
enum class DType : std::uint8_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
  mxfp4 = 39,
  nf4 = 255,  // no GGUF type: bitsandbytes' 4-bit folders (kernel/blocks/nf4.h)
};

struct DTypeInfo {
  DType type;
  std::string_view name;    // "Q4_K", as the field writes it
  std::size_t block_elems;  // elements per block (1 for the float types)
  std::size_t block_bytes;  // bytes per block
  bool quantised;           // blocks of integer codes (kernel/blocks/block32.h): products run on int8 activations
};

// All types that GGUF knows and we read, in the order of their numbers.
std::span<const DTypeInfo> all_dtypes();

const DTypeInfo& info(DType type);
inline std::string_view name_of(DType type) {
  return info(type).name;
}

// The type with this GGUF number, if we can read it.
std::optional<DType> dtype_from_gguf(std::uint32_t number);
// What a GGUF number is called even if we cannot read it ("IQ2_XXS"); empty if nobody has given it a name.
std::string_view gguf_type_name(std::uint32_t number);
// Of the types above. Case-insensitive: "q4_k", "Q4_K".
std::optional<DType> dtype_from_name(std::string_view name);

// Bytes of `elems` consecutive elements; nothing if that is not a whole number of blocks or overflows.
std::optional<std::uint64_t> byte_size(DType type, std::uint64_t elems);

}  // namespace freehold::tensor
