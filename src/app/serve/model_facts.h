// What can be said about a model that a server offers, whether it is in memory or not: read from its files once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/ollama/models.h"
#include "app/memory_plan.h"
#include "app/open_model.h"
#include "app/serve/adapter_shelf.h"
#include "base/result.h"

namespace freehold::app {

struct ModelFacts;
using FactsPtr = std::shared_ptr<const ModelFacts>;

struct ModelFacts {
  std::string called;     // what clients call it
  std::string reference;  // what leads to these very files
  std::string key;        // tells contents apart; the same for two names of one model, whatever their adapters
  std::string digest;     // "sha256:…" of the weights, if the store knows it
  bool in_store = false;
  std::optional<AdapterFile> adapter;  // what the name puts on the model
  FactsPtr base;  // of a model that one tenant has tuned, whose name nobody else may learn: what it is to everybody
  api::ollama::ModelCard card;
  std::string chat_template;   // the source; empty if it has none
  std::string license;         // as the files state it; empty if they do not
  api::ollama::Preset preset;  // what it came with from where it was fetched
  std::string pulled_from;     // the origin of that server; empty if it was not fetched
  bool thinks = false;
  // What it takes in memory as this server runs models; if it can never be loaded here, why.
  Result<MemoryPlan> memory = MemoryPlan{};

  const std::string& name() const { return called; }
  std::uint32_t context() const { return static_cast<std::uint32_t>(card.context); }
};

// `plan_of`: the memory that a plan takes, which also gives the context it is served with.
Result<ModelFacts> read_facts(std::string name, const OpenModel& opened,
                              const std::function<Result<MemoryPlan>(const model::Plan&)>& plan_of);
// The files' metadata as a JSON object. Arrays are long (a whole vocabulary) and become null unless `arrays`.
Result<std::string> model_info(const ModelFacts& model, bool arrays);

}  // namespace freehold::app
