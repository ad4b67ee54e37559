// Models made from served ones while the server runs, by key and name, kept in $FREEHOLD_HOME/serve/made.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/ollama/made.h"
#include "base/result.h"

namespace freehold::app {

// What one key may make, so that a file that is written whole at every change stays small.
struct MadeLimits {
  std::size_t models = 100;
  std::size_t bytes = std::size_t{1} << 20;  // of names, prompts, messages, parameters and licences together
};

// A model belongs to the tenant that made it; for all others it does not exist, and its name is free. Any thread may
// call anything, and several servers may work on one home: what one of them has made, or let go of, the others see.
class MadeModels {
 public:
  explicit MadeModels(MadeLimits limits = {}) : limits_(limits) {}
  ~MadeModels();

  // Until it is opened, nothing is kept on disk. What a writer that was killed has left is removed, unless another
  // server is there, which may be writing. Errors: corrupt, naming the file.
  Result<> open(const std::filesystem::path& home);

  // By name, with or without ":latest".
  std::optional<api::ollama::MadeModel> find(const std::string& tenant, std::string_view name) const;
  std::vector<api::ollama::MadeModel> list(const std::string& tenant) const;
  // Replaces one of the same name. What cannot be kept is not made. Errors: exhausted (a limit, which it names), io.
  Result<> put(const std::string& tenant, api::ollama::MadeModel model);
  std::set<std::string> tenants() const;
  // All of a tenant. How many there were.
  Result<std::size_t> forget(const std::string& tenant);
  // Nothing if there is no such model.
  Result<std::optional<api::ollama::MadeModel>> remove(const std::string& tenant, std::string_view name);

 private:
  using All = std::map<std::string, std::vector<api::ollama::MadeModel>>;  // by tenant
  // Lets `change` change what all servers know by now, and writes it unless it is an error or says that nothing is to
  // be written.
  Result<> update(const std::function<Result<bool>(All& all)>& change);
  Result<> look_again() const;  // what another server has written
  Result<> save(const All& all);
  void hold(bool clean);
  // Which file was read: one that is written is always another one.
  struct Version {
    std::uint64_t device = 0, inode = 0;
    std::int64_t seconds = 0, nanoseconds = 0;
    bool operator==(const Version&) const = default;
  };
  static std::optional<Version> version_of(const std::filesystem::path& file);  // nothing: there is none

  const MadeLimits limits_;
  mutable std::mutex mutex_;  // guards everything below
  std::filesystem::path file_;
  int lock_ = -1;  // of the folder, shared by all servers that run
  mutable All all_;
  mutable std::optional<Version> read_;
};

}  // namespace freehold::app
