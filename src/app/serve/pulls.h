// Ollama's /api/pull: models fetched by the running server, from the servers that its owner has named and no others.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/ollama/models.h"
#include "app/serve/site.h"
#include "http/url.h"
#include "store/name.h"

namespace freehold::app {

// Any thread may call anything. A pull runs on a thread of its own for as long as somebody listens: when its last
// client goes it ends, and goes on where it was when it is asked for again.
class Pulls {
 public:
  struct Options {
    std::filesystem::path home;
    std::vector<http::Url> servers;  // from which models may be fetched; in the order in which they are asked
    std::string ca_file;
    // A model is in the store under this name; called by several threads.
    std::function<void(const store::ModelName&)> arrived;
  };
  explicit Pulls(Options options);
  ~Pulls();  // as stop()

  // The addresses of --pull-from. Errors: invalid, naming the option.
  static Result<std::vector<http::Url>> parse_servers(const std::vector<std::string>& addresses);

  // Whether there is anywhere to fetch from.
  bool enabled() const { return !options_.servers.empty(); }
  // Whether that is one of its servers: "https://registry.example".
  bool fetches_from(std::string_view origin) const;
  // Answers with progress until the model is in the store and can be asked for. Two requests for the same model share
  // one pull.
  void pull(const ExchangePtr& exchange, const api::ollama::Pull& asked);
  // Ends what runs; its clients are told. Nothing begins afterwards.
  void stop();

 private:
  class Job;
  api::Parsed<std::vector<http::Url>> servers_for(const std::string& model) const;
  Options options_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::shared_ptr<Job>> jobs_;
  bool stopped_ = false;
};

}  // namespace freehold::app
