// What `guard erase` asks of the servers that run on a home, since they alone reach what they have in memory, and the
// stores that they hold: files in $FREEHOLD_HOME/erasures. Nobody's name stands in them.
//
//   ID.order         whom it is about; locked by who waits for the answers, so that one without a lock is nobody's
//   ID.SERVER.done   what that server has let go of
//
// $FREEHOLD_HOME/servers/srv_… is there, and locked, for each server that runs and looks for orders.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace freehold::app {

struct ErasureOrder {
  struct Whom {
    std::string key;     // a key's id: only what was sent with it; empty: any
    std::string digest;  // SHA-256 of the salt and the name, hexadecimal
  };
  std::string id;
  std::string salt;
  std::vector<Whom> whom;
  // If the first of them is a key's id, that key loses its files, batches, jobs and models, too.
  bool whole_key = false;
  std::vector<std::string> named_in;  // ids of files in which somebody of them is named, whosever they are
  bool only_look = false;             // nothing goes; the answer says what would be held

  void add(std::string_view key, std::string_view name);
  // Whether it is about this subject of a key's; the subject of what is for nobody in particular is the key.
  bool is_about(std::string_view key, std::string_view subject) const;
  // Whether this key is to lose all that it has left.
  bool is_about_all_of(std::string_view key) const;
  // The only keys that it is about; nothing: it may be any.
  std::optional<std::vector<std::string>> keys() const;
};
ErasureOrder new_order();

// What has gone, and what has not.
struct Erased {
  std::uint64_t files = 0, batches = 0, lines = 0, jobs = 0, models = 0, blobs = 0, responses = 0;
  // Names of models that learned from a key's files, or from files in which somebody is named, and ids of jobs that
  // do: they are there still.
  std::vector<std::string> learned;
  std::string held_by, held;  // the hold for which nothing has gone, and what it says; empty: none
  std::string failed;         // why not all has gone; empty: it has
  std::uint64_t count() const { return files + batches + lines + jobs + models + blobs + responses; }
  void add(const Erased& other);
};
// The counts by their names, as members are called.
void each_count(const Erased& erased, const std::function<void(std::string_view name, std::uint64_t count)>& visit);

std::string order_text(const ErasureOrder& order);
std::optional<ErasureOrder> parse_order(std::string_view text);
std::string erased_text(const Erased& erased);
std::optional<Erased> parse_erased(std::string_view text);

// That a server is there. Errors: io.
class ServerSign {
 public:
  static Result<ServerSign> put_up(const std::filesystem::path& home);
  ServerSign(ServerSign&&) noexcept = default;
  ServerSign& operator=(ServerSign&&) noexcept = default;
  ~ServerSign();
  const std::string& name() const { return name_; }

 private:
  ServerSign(std::filesystem::path path, std::string name, Fd fd)
      : path_(std::move(path)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::filesystem::path path_;
  std::string name_;
  Fd fd_;
};

// Asks all servers of the home and waits until each has answered, or has ended. `waits` is called now and then.
// Errors: io; unsupported (a server runs that does not look for orders); exhausted (one has not answered in
// `patience`).
Result<Erased> ask_servers(const std::filesystem::path& home, const ErasureOrder& order, std::chrono::seconds patience);

// The orders that this server has not answered; what nobody waits for any more is removed.
std::vector<ErasureOrder> open_orders(const std::filesystem::path& home, const std::string& server);
Result<> answer_order(const std::filesystem::path& home, const std::string& server, const ErasureOrder& order,
                      const Erased& erased);

}  // namespace freehold::app
