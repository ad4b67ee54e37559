#include "store/synth/random_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/half.h"
#include "base/random.h"
#include "kernel/blocks/iq4_nl.h"
#include "kernel/blocks/iq4_xs.h"
#include "kernel/blocks/mxfp4.h"
#include "kernel/blocks/q2_k.h"
#include "kernel/blocks/q3_k.h"
#include "kernel/blocks/q4_0.h"
#include "kernel/blocks/q4_1.h"
#include "kernel/blocks/q4_k.h"
#include "kernel/blocks/q5_0.h"
#include "kernel/blocks/q5_1.h"
#include "kernel/blocks/q5_k.h"
#include "kernel/blocks/q6_k.h"
#include "kernel/blocks/q8_0.h"
#include "kernel/blocks/scales.h"

namespace freehold::store {
namespace {

using tensor::DType;

PhiloxBlock draw(std::uint64_t key, std::uint64_t row, std::uint64_t index) {
  return philox4x32(key, {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                          static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row >> 32)});
}

void fill_bytes(std::uint64_t key, std::uint64_t row, std::span<std::byte> out) {
  std::uint64_t index = 0;
  for (std::size_t at = 0; at < out.size(); at += sizeof(PhiloxBlock)) {
    const PhiloxBlock r = draw(key, row, index++);
    std::memcpy(out.data() + at, r.data(), std::min(sizeof r, out.size() - at));
  }
}

// The sum of four uniform 16-bit integers, centred, is close enough to normal and exact on every machine.
float normal(std::uint32_t a, std::uint32_t b) {
  const auto sum = static_cast<std::int32_t>((a & 0xFFFF) + (a >> 16) + (b & 0xFFFF) + (b >> 16)) - 2 * 65535;
  constexpr float kDeviation = 37837.2F;  // 65536 * sqrt(4 / 12)
  return static_cast<float>(sum) / kDeviation;
}

// The nearest number that BF16 and F16 both hold (for |x| < 65504): 8 significant bits, and no bit below 2^-24.
float common_float(float x) {
  if (std::fabs(x) < 0x1p-16F) return std::nearbyint(x * 0x1p24F) * 0x1p-24F;
  return bf16_to_f32(f32_to_bf16(x));
}

void draw_floats(DType type, std::uint64_t key, std::uint64_t row, float mean, float deviation,
                 std::span<std::byte> out) {
  const std::size_t size = tensor::info(type).block_bytes;
  const std::size_t elems = out.size() / size;
  for (std::size_t i = 0; i < elems; i += 2) {
    const PhiloxBlock r = draw(key, row, i / 2);
    for (std::size_t j = i; j < std::min(i + 2, elems); ++j) {
      const float x = common_float(mean + deviation * normal(r[2 * (j - i)], r[2 * (j - i) + 1]));
      if (type == DType::f32) {
        std::memcpy(out.data() + j * size, &x, sizeof x);
      } else {
        const std::uint16_t half = type == DType::f16 ? f32_to_f16(x) : f32_to_bf16(x);
        std::memcpy(out.data() + j * size, &half, sizeof half);
      }
    }
  }
}

// Root mean squares of uniform integers, about their own mean where the type has a minimum that we set to it.
constexpr double kRms0to3 = 1.118, kRms0to15 = 4.6098, kRms0to31 = 9.2331;
constexpr double kRms8 = 4.6368;     // -8…7, mean -0.5 included
constexpr double kRms16 = 9.2466;    // -16…15
constexpr double kRms32 = 18.4797;   // -32…31
constexpr double kRms128 = 73.9018;  // -128…127
constexpr double kRms4 = 2.3452;     // -4…3

constexpr double kRmsIq4 = 67.43886;   // of kIq4Values
constexpr double kRmsMxfp4 = 2.92617;  // of kMxfp4Values / 2

// What fixing a block's scales needs: the wished deviation, varied a little from block to block by the random bits that
// the scale's place held.
struct Scale {
  double deviation;
  std::uint16_t operator()(std::uint16_t random, double unit_rms) const {
    return f32_to_f16(static_cast<float>(deviation / unit_rms * (0.75 + random * 0x1p-17)));
  }
};

std::uint16_t times(std::uint16_t half, double factor) {
  return f32_to_f16(static_cast<float>(f16_to_f32(half) * factor));
}

void fix(kernel::BlockQ4_0& b, Scale s) {
  b.d = s(b.d, kRms8);
}
void fix(kernel::BlockQ5_0& b, Scale s) {
  b.d = s(b.d, kRms16);
}
void fix(kernel::BlockQ8_0& b, Scale s) {
  b.d = s(b.d, kRms128);
}
void fix(kernel::BlockQ4_1& b, Scale s) {
  b.d = s(b.d, kRms0to15);
  b.m = times(b.d, -7.5);
}
void fix(kernel::BlockQ5_1& b, Scale s) {
  b.d = s(b.d, kRms0to31);
  b.m = times(b.d, -15.5);
}
void fix(kernel::BlockQ2_K& b, Scale s) {
  // Scale = minimum = 8…15 in each group, so that the minimum takes away the codes' mean.
  for (std::uint8_t& x : b.scales) {
    const int scale = 8 | (x & 7);
    x = static_cast<std::uint8_t>(scale << 4 | scale);
  }
  b.d = s(b.d, kRms0to3 * 11.726);
  b.dmin = times(b.d, 1.5);
}
void fix(kernel::BlockQ3_K& b, Scale s) {
  b.d = s(b.d, kRms4 * kRms32);
}  // scales: any bits
template <typename Block>
void fix_q4_or_q5(Block& b, Scale s, double code_rms, double code_mean) {
  std::uint8_t random[8];
  std::copy_n(b.scales, 8, random);
  std::fill_n(b.scales, 12, std::uint8_t{0});
  for (int g = 0; g < 8; ++g) {
    const int scale = 32 | (random[g] & 31);
    kernel::set_q4_scale_min(b.scales, g, {scale, scale});
  }
  b.d = s(b.d, code_rms * 48.389);  // root mean square of 32…63
  b.dmin = times(b.d, code_mean);
}
void fix(kernel::BlockQ4_K& b, Scale s) {
  fix_q4_or_q5(b, s, kRms0to15, 7.5);
}
void fix(kernel::BlockQ5_K& b, Scale s) {
  fix_q4_or_q5(b, s, kRms0to31, 15.5);
}
void fix(kernel::BlockQ6_K& b, Scale s) {
  b.d = s(b.d, kRms32 * kRms128);
}  // scales: any bits
void fix(kernel::BlockIQ4_NL& b, Scale s) {
  b.d = s(b.d, kRmsIq4);
}
void fix(kernel::BlockIQ4_XS& b, Scale s) {
  b.d = s(b.d, kRms32 * kRmsIq4);
}
void fix(kernel::BlockMXFP4& b, Scale s) {
  // The nearest power of two, without a logarithm: its last bit would depend on the machine's library.
  int exponent = 0;
  const double fraction = std::frexp(s.deviation / kRmsMxfp4, &exponent);  // 0.5 … 1
  b.e = static_cast<std::uint8_t>(std::clamp(127 + exponent - (fraction < 0.70710678 ? 1 : 0), 1, 250));
}

template <typename Block>
void fix_all(std::span<std::byte> out, Scale s) {
  for (std::size_t at = 0; at < out.size(); at += sizeof(Block)) {
    Block b;
    std::memcpy(&b, out.data() + at, sizeof b);
    fix(b, s);
    std::memcpy(out.data() + at, &b, sizeof b);
  }
}

}  // namespace

std::uint64_t stream_key(std::uint64_t seed, std::string_view tensor) {
  // FNV-1a, then one Philox block to mix in the seed.
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char c : tensor) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  const PhiloxBlock r = philox4x32(seed, {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32)});
  return std::uint64_t{r[0]} << 32 | r[1];
}

void draw_row(DType type, std::uint64_t key, std::uint64_t row, double mean, double deviation,
              std::span<std::byte> out) {
  const Scale scale{deviation};
  if (tensor::info(type).quantised) fill_bytes(key, row, out);
  switch (type) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::nf4:  // no GGUF type, so never asked for
      return draw_floats(type, key, row, static_cast<float>(mean), static_cast<float>(deviation), out);
    case DType::q4_0:
      return fix_all<kernel::BlockQ4_0>(out, scale);
    case DType::q4_1:
      return fix_all<kernel::BlockQ4_1>(out, scale);
    case DType::q5_0:
      return fix_all<kernel::BlockQ5_0>(out, scale);
    case DType::q5_1:
      return fix_all<kernel::BlockQ5_1>(out, scale);
    case DType::q8_0:
      return fix_all<kernel::BlockQ8_0>(out, scale);
    case DType::q2_k:
      return fix_all<kernel::BlockQ2_K>(out, scale);
    case DType::q3_k:
      return fix_all<kernel::BlockQ3_K>(out, scale);
    case DType::q4_k:
      return fix_all<kernel::BlockQ4_K>(out, scale);
    case DType::q5_k:
      return fix_all<kernel::BlockQ5_K>(out, scale);
    case DType::q6_k:
      return fix_all<kernel::BlockQ6_K>(out, scale);
    case DType::iq4_nl:
      return fix_all<kernel::BlockIQ4_NL>(out, scale);
    case DType::iq4_xs:
      return fix_all<kernel::BlockIQ4_XS>(out, scale);
    case DType::mxfp4:
      return fix_all<kernel::BlockMXFP4>(out, scale);
  }
  FH_CHECK(false, "every type of the table has a case");
}

}  // namespace freehold::store
