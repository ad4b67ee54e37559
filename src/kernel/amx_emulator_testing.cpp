#include "kernel/amx_emulator_testing.h"

#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/half.h"
#include "kernel/level.h"

#if defined(__x86_64__) && defined(__linux__)
#include <ucontext.h>
#endif

namespace freehold::kernel {

#if defined(__x86_64__) && defined(__linux__)
namespace {

struct Tiles {
  std::uint8_t config[64];
  alignas(64) std::uint8_t data[8][16][64];

  std::size_t rows(unsigned t) const { return config[48 + t]; }
  std::size_t bytes(unsigned t) const { return config[16 + 2 * t] | config[17 + 2 * t] << 8; }
};
thread_local Tiles tiles;

[[noreturn]] void undefined(const char* why) {
  std::fprintf(stderr, "AMX emulator: #UD or #GP: %s\n", why);
  std::abort();
}

void check_tile(unsigned t) {
  if (tiles.config[0] != 1) undefined("no tile configuration is loaded");
  if (t >= 8 || tiles.rows(t) == 0 || tiles.bytes(t) == 0) undefined("the tile is not configured");
}

void load_config(const std::uint8_t* p) {
  std::memset(&tiles, 0, sizeof tiles);
  if (p[0] == 0) return;
  if (p[0] != 1) undefined("palette other than 0 and 1");
  for (int i = 2; i < 16; ++i) {
    if (p[i] != 0) undefined("reserved bytes of the tile configuration");
  }
  for (unsigned t = 0; t < 16; ++t) {
    const unsigned bytes = p[16 + 2 * t] | p[17 + 2 * t] << 8, rows = p[48 + t];
    if (bytes > 64 || rows > 16 || (t >= 8 && (bytes != 0 || rows != 0))) undefined("tile dimensions");
    if ((bytes == 0) != (rows == 0)) undefined("a tile with rows or columns only");
  }
  std::memcpy(tiles.config, p, 64);
}

void zero_past(unsigned t, std::size_t rows) {
  for (std::size_t r = 0; r < 16; ++r) {
    if (r >= rows) {
      std::memset(tiles.data[t][r], 0, 64);
    } else {
      std::memset(tiles.data[t][r] + tiles.bytes(t), 0, 64 - tiles.bytes(t));
    }
  }
}

float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}
float bf16(unsigned tile, std::size_t row, std::size_t index) {
  std::uint16_t v;
  std::memcpy(&v, tiles.data[tile][row] + 2 * index, sizeof v);
  return flushed(bf16_to_f32(v));
}

// sum (M rows, N columns of 4 bytes) += a (M, K bytes) * b (K/4 rows, N columns).
void check_product(unsigned sum, unsigned a, unsigned b) {
  for (unsigned t : {sum, a, b}) check_tile(t);
  if (sum == a || sum == b || a == b) undefined("a product's tiles must differ");
  if (tiles.rows(sum) != tiles.rows(a) || tiles.bytes(sum) != tiles.bytes(b) || tiles.bytes(a) / 4 != tiles.rows(b) ||
      tiles.bytes(a) % 4 != 0 || tiles.bytes(b) % 4 != 0) {
    undefined("dimensions of a product do not fit");
  }
}

void dot_bytes(unsigned sum, unsigned a, unsigned b, bool a_signed, bool b_signed) {
  check_product(sum, a, b);
  for (std::size_t m = 0; m < tiles.rows(sum); ++m) {
    for (std::size_t n = 0; n < tiles.bytes(sum) / 4; ++n) {
      std::uint32_t acc;
      std::memcpy(&acc, tiles.data[sum][m] + 4 * n, sizeof acc);
      for (std::size_t k = 0; k < tiles.bytes(a); ++k) {
        const std::uint8_t x = tiles.data[a][m][k], w = tiles.data[b][k / 4][4 * n + k % 4];
        const int x_value = a_signed ? static_cast<std::int8_t>(x) : x,
                  w_value = b_signed ? static_cast<std::int8_t>(w) : w;
        acc += static_cast<std::uint32_t>(x_value * w_value);
      }
      std::memcpy(tiles.data[sum][m] + 4 * n, &acc, sizeof acc);
    }
  }
  zero_past(sum, tiles.rows(sum));
}

void dot_bf16(unsigned sum, unsigned a, unsigned b) {
  check_product(sum, a, b);
  for (std::size_t m = 0; m < tiles.rows(sum); ++m) {
    for (std::size_t n = 0; n < tiles.bytes(sum) / 4; ++n) {
      float chain[2] = {0.0f, 0.0f};
      for (std::size_t k = 0; k < tiles.bytes(a) / 2; ++k) {
        float& c = chain[k % 2];
        c = flushed(std::fma(bf16(a, m, k), bf16(b, k / 2, 2 * n + k % 2), c));
      }
      float acc;
      std::memcpy(&acc, tiles.data[sum][m] + 4 * n, sizeof acc);
      acc = flushed(flushed(acc) + flushed(chain[0] + chain[1]));
      std::memcpy(tiles.data[sum][m] + 4 * n, &acc, sizeof acc);
    }
  }
  zero_past(sum, tiles.rows(sum));
}

// A VEX-encoded instruction of map 2 (0F 38), which all of AMX is.
struct Instruction {
  unsigned opcode, pp, reg, rm, vvvv;
  bool w, memory;
  std::uintptr_t base, index;  // of a memory operand; index is the stride where there is one
  bool has_index;
  std::size_t length;
};

constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

std::uintptr_t value_of(const ucontext_t& context, unsigned number) {
  return static_cast<std::uintptr_t>(context.uc_mcontext.gregs[kRegisters[number]]);
}

bool decode(const std::uint8_t* p, const ucontext_t& context, Instruction& out) {
  if (p[0] != 0xC4 || (p[1] & 31) != 2) return false;  // three-byte VEX, map 0F38
  const bool b = (p[1] & 0x20) == 0, x = (p[1] & 0x40) == 0;
  out.w = (p[2] & 0x80) != 0;
  out.vvvv = static_cast<unsigned>(~(p[2] >> 3)) & 15;
  if ((p[2] & 4) != 0) return false;  // VEX.L: no AMX instruction has it
  out.pp = p[2] & 3;
  out.opcode = p[3];
  const unsigned mod = p[4] >> 6, rm = p[4] & 7;
  out.reg = p[4] >> 3 & 7;
  out.rm = rm;
  out.memory = mod != 3;
  out.has_index = false;
  out.base = out.index = 0;
  const std::uint8_t* at = p + 5;
  if (out.memory) {
    bool relative = false, no_base = false;
    if (rm == 4) {
      const std::uint8_t sib = *at++;
      const unsigned scale = sib >> 6, index = (sib >> 3 & 7) | (x ? 8u : 0u), base = (sib & 7) | (b ? 8u : 0u);
      if (index != 4) {
        out.has_index = true;
        out.index = value_of(context, index) << scale;
      }
      no_base = (sib & 7) == 5 && mod == 0;
      if (!no_base) out.base = value_of(context, base);
    } else if (mod == 0 && rm == 5) {
      relative = true;
    } else {
      out.base = value_of(context, rm | (b ? 8u : 0u));
    }
    std::int32_t displacement = 0;
    if (mod == 1) {
      displacement = static_cast<std::int8_t>(*at++);
    } else if (mod == 2 || relative || no_base) {
      std::memcpy(&displacement, at, sizeof displacement);
      at += 4;
    }
    out.base += static_cast<std::uintptr_t>(static_cast<std::intptr_t>(displacement));
    if (relative) out.base += reinterpret_cast<std::uintptr_t>(at);
  }
  out.length = static_cast<std::size_t>(at - p);
  return true;
}

template <typename T>
T* pointer(std::uintptr_t address) {
  return reinterpret_cast<T*>(address);  // NOLINT(performance-no-int-to-ptr): a register of the interrupted code
}

bool move_tile(const Instruction& i) {
  if (i.pp == 2) {  // TILESTORED
    check_tile(i.reg);
    for (std::size_t r = 0; r < tiles.rows(i.reg); ++r) {
      std::memcpy(pointer<std::uint8_t>(i.base + r * i.index), tiles.data[i.reg][r], tiles.bytes(i.reg));
    }
    return true;
  }
  if (i.pp != 3 && i.pp != 1) return false;  // TILELOADD, TILELOADDT1
  check_tile(i.reg);
  for (std::size_t r = 0; r < tiles.rows(i.reg); ++r) {
    std::memcpy(tiles.data[i.reg][r], pointer<std::uint8_t>(i.base + r * i.index), tiles.bytes(i.reg));
  }
  zero_past(i.reg, tiles.rows(i.reg));
  return true;
}

bool configure(const Instruction& i) {
  if (i.memory) {
    if (i.pp == 0) load_config(pointer<std::uint8_t>(i.base + i.index));
    if (i.pp == 1) std::memcpy(pointer<std::uint8_t>(i.base + i.index), tiles.config, 64);
    return i.pp <= 1;
  }
  if (i.pp == 3) {  // TILEZERO
    check_tile(i.reg);
    std::memset(tiles.data[i.reg], 0, sizeof tiles.data[i.reg]);
    return true;
  }
  if (i.pp != 0) return false;
  std::memset(&tiles, 0, sizeof tiles);  // TILERELEASE
  return true;
}

bool execute(const Instruction& i) {
  if (i.w) return false;
  if (i.opcode == 0x49) return configure(i);
  if (i.opcode == 0x4B && i.memory) return move_tile(i);
  if (i.opcode == 0x5E && !i.memory) {
    // pp says which operand is signed: 3 both, 2 the first (A), 1 the second (B), 0 none.
    dot_bytes(i.reg, i.rm, i.vvvv, i.pp == 3 || i.pp == 2, i.pp == 3 || i.pp == 1);
    return true;
  }
  if (i.opcode == 0x5C && !i.memory && i.pp == 2) {
    dot_bf16(i.reg, i.rm, i.vvvv);
    return true;
  }
  return false;
}

struct sigaction former;

void on_illegal_instruction(int signal, siginfo_t* info, void* raw) {
  auto& context = *static_cast<ucontext_t*>(raw);
  const auto at = static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
  Instruction instruction{};
  if (decode(pointer<const std::uint8_t>(at), context, instruction) && execute(instruction)) {
    context.uc_mcontext.gregs[REG_RIP] += static_cast<long long>(instruction.length);
    return;
  }
  if ((former.sa_flags & SA_SIGINFO) != 0 && former.sa_sigaction != nullptr)
    return former.sa_sigaction(signal, info, raw);
  sigaction(SIGILL, &former, nullptr);  // the instruction runs again and meets the former handler
}

bool install() {
  struct sigaction action {};
  action.sa_sigaction = on_illegal_instruction;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  return sigaction(SIGILL, &action, &former) == 0;
}

}  // namespace

bool amx_for_tests() {
  static const bool can = detect_level() == Level::amx || (detect_level() == Level::avx512 && install());
  return can;
}

#else

bool amx_for_tests() {
  return detect_level() == Level::amx;
}

#endif

std::vector<Level> fast_levels() {
  std::vector<Level> out;
  for (Level l : {Level::avx2, Level::avx512}) {
    if (l <= detect_level()) out.push_back(l);
  }
  if (amx_for_tests()) out.push_back(Level::amx);
  return out;
}

}  // namespace freehold::kernel
