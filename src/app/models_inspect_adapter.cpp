#include "app/models_inspect_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/json_writer.h"
#include "app/models_commands.h"
#include "app/open_model.h"
#include "app/progress.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "model/adapter_file.h"
#include "model/peft.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

struct AdapterTensor {
  std::string name, type;
  std::vector<std::uint64_t> shape;  // outermost first
  std::uint64_t bytes = 0;
};

struct AdapterFacts {
  const FoundAdapter* found = nullptr;  // owner: the caller
  std::string format, method, base;
  std::optional<double> alpha, dropout;
  std::vector<AdapterTensor> tensors;
  std::set<std::uint64_t> ranks;
  std::set<std::string> layers;                             // kinds of layers: "q_proj", "attn_q"
  std::vector<std::pair<std::string, std::string>> source;  // of a GGUF, its general.* entries
  std::uint64_t parameters = 0, bytes = 0;
  std::optional<bool> fits;  // on the model that was named
  std::optional<Error> problem;
};

// A module's last name, and whether the tensor is the half whose rows are the rank.
void read_name(AdapterFacts& f, const AdapterTensor& t) {
  std::string_view name = t.name;
  for (const std::string_view half : {".lora_A.weight", ".lora_embedding_A", ".weight.lora_a"}) {
    if (!name.ends_with(half)) continue;
    // llama.cpp has the embedding's turned.
    const bool turned = name == "token_embd.weight.lora_a";
    if (!t.shape.empty()) f.ranks.insert(turned ? t.shape.back() : t.shape.front());
    name = name.substr(0, name.size() - half.size());
    f.layers.insert(printable(name.substr(name.rfind('.') + 1), 60));
    return;
  }
}

void add(AdapterFacts& f, AdapterTensor tensor) {
  std::uint64_t elements = 1;
  for (const std::uint64_t n : tensor.shape) elements *= n;
  f.parameters += elements;
  f.bytes += tensor.bytes;
  read_name(f, tensor);
  f.tensors.push_back(std::move(tensor));
}

Result<> read_peft_folder(AdapterFacts& f) {
  f.format = "PEFT folder";
  FH_TRY(const format::Safetensors file, format::open_safetensors(f.found->path / "adapter_model.safetensors"));
  for (const tensor::View& t : file.tensors) {
    add(f, {t.name, std::string(tensor::name_of(t.type)), t.shape, t.bytes.size()});
  }
  for (const format::OtherTensor& t : file.others) add(f, {t.name, t.dtype, t.shape, t.bytes.size()});
  FH_TRY(const model::AdapterConfig config, model::read_peft_config(f.found->path));
  f.method = config.dora ? "DoRA" : "LoRA";
  if (config.rslora) f.method += ", rank-stabilised";
  f.base = config.base;
  f.alpha = config.alpha;
  f.dropout = config.dropout;
  return {};
}

Result<> read_gguf_file(AdapterFacts& f) {
  FH_TRY(const format::Gguf file, format::open_gguf(f.found->path));
  f.format = fmt::format("GGUF version {}", file.version);
  f.method = "LoRA";
  for (const tensor::View& t : file.tensors) {
    add(f, {t.name, std::string(tensor::name_of(t.type)), t.shape, t.bytes.size()});
  }
  for (const format::Member& m : file.metadata.entries()) {
    if (m.key == "adapter.lora.alpha") f.alpha = m.value.as_f64();
    if (!m.key.starts_with("general.") || f.source.size() >= 64) continue;
    const auto text = m.value.as_string();
    if (m.key == "general.base_model.0.name" && text) f.base = *text;
    f.source.emplace_back(printable(m.key), text ? printable(*text) : m.value.describe());
  }
  return {};
}

void check_on(AdapterFacts& f, std::string_view reference, Console& console) {
  const auto check = [&]() -> Result<> {
    FH_TRY(const OpenModel opened, open_model(reference, console));
    return check_adapter(*opened.checkpoint, f.found->path);
  };
  const auto checked = check();
  f.fits = checked.has_value();
  if (!checked && !f.problem) f.problem = checked.error();
}

std::string numbers(const std::set<std::uint64_t>& all) {
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string adapter_text(const AdapterFacts& f, bool tensors) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& text) {
    if (!text.empty()) out += fmt::format("{:<15}{}\n", label, text);
  };
  line("path", printable(f.found->path.string(), 4096));
  if (const auto& manifest = f.found->manifest) {
    line("digest", manifest->model.id().name());
    line("imported", printable(fmt::format("{} from {}", manifest->from.imported, manifest->from.source)));
    for (const store::LearnedFrom& file : manifest->from.learned_from) line("learned from", learned_text(file));
  }
  line("format", f.format);
  line("method", f.method.empty() ? "" : "adapter: " + f.method);
  line("made on", printable(f.base));
  if (!f.ranks.empty()) {
    line("rank", numbers(f.ranks) + (f.alpha ? fmt::format(", alpha {}", *f.alpha) : "") +
                     (f.dropout && *f.dropout > 0 ? fmt::format(", dropout {}", *f.dropout) : ""));
  }
  line("layers", fmt::format("{}", fmt::join(f.layers, ", ")));
  line("parameters", fmt::format("{} ({})", grouped(f.parameters), human_parameters(f.parameters)));
  line("size", human_bytes(f.bytes));
  for (const auto& [key, value] : f.source) line("source", fmt::format("{} = {}", key, value));
  if (f.problem) {
    line("can be run", "no: " + printable(f.problem->what, 1000));
  } else {
    line("can be run", f.fits ? "yes, on that model" : "on a model: --on MODEL says whether it fits");
  }
  if (!tensors) return out;
  for (const AdapterTensor& t : f.tensors) {
    out +=
        fmt::format("{:<72} {:<7} ({}) {}\n", printable(t.name), printable(t.type), fmt::join(t.shape, ", "), t.bytes);
  }
  return out;
}

std::string adapter_json(const AdapterFacts& f, bool tensors) {
  JsonWriter w(true);
  w.begin_object().member("path", f.found->path.string()).key("digest");
  f.found->manifest ? w.value(f.found->manifest->model.id().name()) : w.null();
  w.member("kind", "adapter")
      .member("format", f.format.starts_with("GGUF") ? "gguf" : "peft")
      .member("method", f.method);
  learned_json(w, f.found->manifest ? f.found->manifest->from.learned_from : std::vector<store::LearnedFrom>());
  w.member("base_model", f.base).key("ranks").begin_array();
  for (const std::uint64_t r : f.ranks) w.value(r);
  w.end_array().key("alpha");
  f.alpha ? w.value(*f.alpha) : w.null();
  w.key("layers").begin_array();
  for (const std::string& layer : f.layers) w.value(layer);
  w.end_array().member("parameters", f.parameters).member("bytes", f.bytes).key("source").begin_object();
  for (const auto& [key, value] : f.source) w.member(key, value);
  w.end_object().key("fits");
  f.fits ? w.value(*f.fits) : w.null();
  w.key("problem");
  f.problem ? w.value(f.problem->what) : w.null();
  if (tensors) {
    w.key("tensors").begin_array();
    for (const AdapterTensor& t : f.tensors) {
      w.begin_object().member("name", t.name).member("type", t.type).key("shape").begin_array();
      for (const std::uint64_t n : t.shape) w.value(n);
      w.end_array().member("bytes", t.bytes).end_object();
    }
    w.end_array();
  }
  w.end_object();
  return w.take() + "\n";
}

}  // namespace

std::string learned_text(const store::LearnedFrom& file) {
  return printable(fmt::format("{} (sha256:{})", file.path, file.sha256), 4096);
}

void learned_json(JsonWriter& w, const std::vector<store::LearnedFrom>& files) {
  w.key("learned_from").begin_array();
  for (const store::LearnedFrom& file : files) {
    w.begin_object().member("path", file.path).member("sha256", file.sha256).end_object();
  }
  w.end_array();
}

Result<std::optional<FoundAdapter>> find_adapter(std::string_view reference) {
  FH_TRY(const store::Store store, open_store());
  auto resolved = store.resolve(reference);
  if (!resolved) return std::optional<FoundAdapter>();  // who opens the model says why
  if (resolved->manifest ? !store::is_adapter(resolved->manifest->model.kind)
                         : model::adapter_kind(resolved->path) == model::AdapterKind::none) {
    return std::optional<FoundAdapter>();
  }
  return std::optional(FoundAdapter{resolved->path, std::move(resolved->manifest)});
}

Result<> inspect_adapter(const FoundAdapter& found, const Arguments& arguments, Console& console) {
  AdapterFacts facts;
  facts.found = &found;
  auto read =
      model::adapter_kind(found.path) == model::AdapterKind::peft ? read_peft_folder(facts) : read_gguf_file(facts);
  if (!read) facts.problem = read.error();
  if (const auto whole = model::check_alone(found.path); !whole && !facts.problem) facts.problem = whole.error();
  if (arguments.given("on")) check_on(facts, arguments.text("on"), console);
  const bool tensors = arguments.flag("tensors");
  console.write(arguments.flag("json") ? adapter_json(facts, tensors) : adapter_text(facts, tensors));
  if (!facts.problem) return {};
  return in_context(std::move(*facts.problem), printable(arguments.text("MODEL")));
}

}  // namespace freehold::app
