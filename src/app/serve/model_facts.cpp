#include "app/serve/model_facts.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "app/json_writer.h"
#include "app/pulling.h"
#include "app/starter.h"
#include "base/hash.h"
#include "model/model.h"
#include "store/identity.h"

namespace freehold::app {
namespace {

store::Provenance provenance_of(const OpenModel& opened) {
  return opened.manifest ? opened.manifest->from : store::facts_of(*opened.checkpoint);
}

bool mentions(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* word : words) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

void write_value(JsonWriter& out, const format::Value& value, bool arrays) {
  if (value.is_array() && arrays) {
    out.begin_array();
    for (const format::Value& item : value.items()) write_value(out, item, arrays);
    out.end_array();
  } else if (const auto text = value.as_string()) {
    out.value(*text);
  } else if (const auto flag = value.as_bool()) {
    out.value(*flag);
  } else if (const auto n = value.as_u64()) {
    out.value(*n);
  } else if (const auto i = value.as_i64()) {
    out.value(*i);
  } else if (const auto x = value.as_f64()) {
    out.value(*x);
  } else {
    out.null();
  }
}

}  // namespace

Result<ModelFacts> read_facts(std::string name, const OpenModel& opened,
                              const std::function<Result<MemoryPlan>(const model::Plan&)>& plan_of) {
  FH_TRY(const model::Plan plan, model::plan(*opened.checkpoint));
  FH_TRY(auto chat, store::chat_template_of(*opened.checkpoint));
  const store::Provenance from = provenance_of(opened);
  ModelFacts facts;
  facts.called = std::move(name);
  facts.reference = opened.reference;
  facts.in_store = opened.manifest.has_value();
  if (opened.manifest) facts.digest = opened.manifest->model.weights().name();
  facts.chat_template = chat.value_or("");
  facts.license = from.licence;
  if (opened.manifest) facts.preset = preset_of(*opened.manifest);
  if (from.pulled) facts.pulled_from = from.pulled->address;
  facts.thinks =
      mentions(facts.chat_template, {"enable_thinking", "</think>", "reasoning_effort", "reasoning_content"});
  facts.memory = plan_of(plan);

  api::ollama::ModelCard& card = facts.card;
  card.name = facts.called;
  struct stat info {};
  if (!is_starter(opened) && ::stat(opened.path.c_str(), &info) == 0) {
    card.modified = std::chrono::system_clock::time_point(std::chrono::seconds(info.st_mtim.tv_sec) +
                                                          std::chrono::nanoseconds(info.st_mtim.tv_nsec));
  }
  card.size = opened.checkpoint->total_bytes();
  // Outside the store nobody has hashed the content, which takes as long as reading all of it: such a model is told
  // apart from others by where it lies, its size and its time.
  card.digest = opened.manifest      ? opened.manifest->model.id().hex()
                : is_starter(opened) ? sha256(starter_bytes()).hex()
                                     : sha256(fmt::format("{}\n{}\n{}.{}", opened.path.string(), card.size,
                                                          info.st_mtim.tv_sec, info.st_mtim.tv_nsec))
                                           .hex();
  card.format = opened.checkpoint->kind() == format::Checkpoint::Kind::gguf ? "gguf" : "safetensors";
  card.family = from.architecture.empty() ? plan.spec.family : from.architecture;
  card.parameters = from.parameters;
  card.weight_type = from.weight_type;
  card.capabilities = {"completion"};
  if (mentions(facts.chat_template, {"tools"})) card.capabilities.emplace_back("tools");
  if (facts.thinks) card.capabilities.emplace_back("thinking");
  card.context = facts.memory ? facts.memory->context : plan.spec.context;
  return facts;
}

Result<std::string> model_info(const ModelFacts& model, bool arrays) {
  FH_TRY(const OpenModel opened, open_model(model.reference));
  FH_TRY(const model::Spec spec, model::inspect_spec(*opened.checkpoint));
  const format::Metadata& metadata = opened.checkpoint->metadata();
  const store::Provenance from = provenance_of(opened);
  JsonWriter out;
  out.begin_object();
  for (const format::Member& entry : metadata.entries()) {
    if (entry.key == "tokenizer.chat_template") continue;  // stands elsewhere in the answer
    out.key(entry.key);
    write_value(out, entry.value, arrays);
  }
  // What a client reads by these names whatever the files call it.
  const std::string family = from.architecture.empty() ? spec.family : from.architecture;
  if (!metadata.contains("general.architecture")) out.member("general.architecture", family);
  if (!metadata.contains("general.parameter_count")) out.member("general.parameter_count", from.parameters);
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"context_length", spec.context},
      {"embedding_length", spec.width},
      {"block_count", static_cast<std::uint32_t>(spec.blocks.size())},
      {"attention.head_count", spec.heads}};
  for (const auto& [name, size] : sizes) {
    const std::string key = fmt::format("{}.{}", family, name);
    if (!metadata.contains(key)) out.member(key, size);
  }
  out.end_object();
  return out.take();
}

}  // namespace freehold::app
