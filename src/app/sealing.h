// --sealed: from what a command is going to touch to the policy of the seal, and the moment in which it closes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "app/command.h"
#include "app/console.h"
#include "base/result.h"
#include "seal/seal.h"

namespace freehold::app {

Option sealed_option();

// What every sealed command may touch: the store, and what the C library and this program ask the system (processors,
// memory, energy, time zone, terminal). Makes the store's folder and, in it, the one for temporary files.
Result<seal::Policy> sealed_policy(seal::Network network);

// Without --sealed nothing of this does anything.
class Sealing {
 public:
  // To be called before anything is opened or started: closes what a parent has left open.
  static Result<Sealing> begin(const Arguments& arguments, seal::Network network = seal::Network::none);
  bool wanted() const { return policy_.has_value(); }

  void reads(const std::filesystem::path& path);
  // What an option or positional names, if it is given.
  void reads(const Arguments& arguments, std::string_view name);
  // A model or adapter outside the store: its file, the others of a split one, or its folder, and what symbolic links
  // in it lead to (Hugging Face's cache). Names of the store need nothing.
  void reads_model(std::string_view reference);
  void reads_model(const Arguments& arguments, std::string_view name);
  void writes(const std::filesystem::path& folder);  // made if it is not there
  // A file that will be written: its folder gets files and loses them, and nothing in it is read but the file itself.
  void writes_file(const std::filesystem::path& file);

  // From here on the kernel holds us to it. What it cannot enforce is said on the console.
  Result<> enter(Console& console);

 private:
  std::optional<seal::Policy> policy_;
};

// An error if the process is sealed, or is going to be: `what` would leave this machine.
Result<> refuse_if_sealed(const Sealing& sealing, std::string_view what);

// One line for each kind of call that was refused since the last time.
void note_denials(Console& console);

// What this process is sealed by, for the log: "seccomp landlock-4", or "seccomp"; empty if it is not.
std::string seal_layers();

// {"on":true,…} for /readyz.
std::string seal_json();

}  // namespace freehold::app
