// What a sealed process may still do; everything else is refused by the kernel (docs/sealed.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace freehold::seal {

enum class Network : std::uint8_t {
  none,    // no call that knows of sockets
  accept,  // connections that come to a socket which listens already
};

struct Policy {
  Network network = Network::none;
  // Files, and folders with all that is below them, by where symbolic links lead. Those that do not exist are passed
  // over: to open them says "not found", as it should.
  std::vector<std::filesystem::path> read;
  std::vector<std::filesystem::path> write;     // folders: below them files are read, made, changed and removed
  std::vector<std::filesystem::path> deposit;   // folders: below them files are made, changed and removed, but not read
  std::vector<std::filesystem::path> run = {};  // files that may be executed, beside being read
};

}  // namespace freehold::seal
