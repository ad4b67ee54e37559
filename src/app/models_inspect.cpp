// `models inspect`: everything about a model that can be known without running it.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/json_writer.h"
#include "app/machine.h"
#include "app/memory_plan.h"
#include "app/models_commands.h"
#include "app/models_inspect_adapter.h"
#include "app/open_model.h"
#include "app/session.h"
#include "app/starter.h"
#include "base/utf8.h"
#include "store/finite.h"
#include "store/identity.h"
#include "text/chat_template.h"

namespace freehold::app {
namespace {

struct TypeSum {
  std::size_t tensors = 0;
  std::uint64_t elems = 0;
  std::uint64_t bytes = 0;
};

struct MemoryRow {
  std::uint32_t context = 0;
  MemoryPlan memory;
};

struct TemplateFacts {
  std::string name;
  std::string digest;
  std::size_t bytes = 0;
};

// What could be found out; what could not is said in `problem`.
struct Facts {
  OpenModel opened;
  store::Provenance from;
  std::map<tensor::DType, TypeSum> types;
  std::vector<std::pair<std::string, std::string>> source;  // general.* entries
  std::optional<model::Plan> plan;
  std::vector<MemoryRow> memory;
  std::vector<TemplateFacts> templates;
  std::optional<Digest> tokenizer_digest;
  std::size_t vocabulary = 0;
  std::string bos, eos;
  std::vector<std::string> notes;
  std::optional<Error> problem;
};

void note_problem(Facts& facts, Error error) {
  if (!facts.problem) facts.problem = std::move(error);
}

void read_metadata(Facts& f) {
  const format::Checkpoint& c = *f.opened.checkpoint;
  f.from = store::facts_of(c);
  for (const tensor::View& t : c.tensors()) {
    TypeSum& sum = f.types[t.type];
    ++sum.tensors;
    sum.elems += t.elems();
    sum.bytes += t.bytes.size();
  }
  for (const format::Member& m : c.metadata().entries()) {
    if (!m.key.starts_with("general.") || f.source.size() >= 64) continue;
    auto text = m.value.as_string();
    f.source.emplace_back(printable(m.key), text ? printable(*text) : m.value.describe());
  }
}

void read_plan(Facts& f) {
  auto plan = model::plan(*f.opened.checkpoint);
  if (!plan) {
    note_problem(f, std::move(plan).error());
    return;
  }
  f.plan = std::move(*plan);
  f.notes = f.plan->spec.notes;
  const std::uint32_t context = f.plan->spec.context;
  for (std::uint64_t n = 512; n < 2 * std::uint64_t{context}; n *= 4) {
    const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(n, context));
    auto memory = plan_memory(*f.plan, length, run_shape(available_cpus()));
    if (!memory) break;
    f.memory.push_back({length, *memory});
    if (length == context) break;
  }
  if (f.memory.empty() || f.memory.back().context != context) {
    auto memory = plan_memory(*f.plan, context, run_shape(available_cpus()));
    if (memory) f.memory.push_back({context, *memory});
  }
}

// Every weight of a small model is looked at; a large one could take minutes.
void read_weights(Facts& f) {
  constexpr std::uint64_t kMost = std::uint64_t{256} << 20;
  if (f.opened.checkpoint->total_bytes() > kMost) {
    f.notes.push_back("the weights were not examined for infinities and NaN: run and import do that");
  } else if (auto finite = store::check_finite(*f.opened.checkpoint, {}); !finite) {
    note_problem(f, std::move(finite).error());
  }
}

void read_tokenizer(Facts& f) {
  if (auto digest = store::tokenizer_digest(*f.opened.checkpoint)) f.tokenizer_digest = *digest;
  auto loaded = model::load_tokenizer(*f.opened.checkpoint);
  if (!loaded) {
    if (loaded.error().code == Errc::not_found) {
      f.notes.push_back("there is no tokenizer in the files: only token ids can be run");
    } else {
      note_problem(f, std::move(loaded).error());
    }
    return;
  }
  f.vocabulary = loaded->tokenizer.size();
  f.bos = loaded->bos_token.value_or("");
  f.eos = loaded->eos_token.value_or("");
  for (const model::ChatTemplate& t : loaded->chat_templates) {
    f.templates.push_back({t.name, sha256(t.source).hex(), t.source.size()});
    auto parsed = text::ChatTemplate::parse(t.source);
    if (parsed) continue;
    Error error = std::move(parsed).error();
    error.what = fmt::format("chat template '{}': {}", printable(t.name), error.what);
    note_problem(f, std::move(error));
  }
  if (f.plan && f.vocabulary > f.plan->spec.vocab) {
    note_problem(f, {Errc::corrupt, fmt::format("the tokenizer has {} tokens, the embedding only {} rows", f.vocabulary,
                                                f.plan->spec.vocab)});
  }
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return out + ")";
}

void line(std::string& out, std::string_view label, std::string_view text) {
  if (!text.empty()) out += fmt::format("{:<15}{}\n", label, text);
}

void spec_text(std::string& out, const model::Spec& s) {
  line(out, "layers", fmt::format("{}, width {}, feed-forward {}", s.blocks.size(), s.width, s.ffn));
  line(out, "attention", fmt::format("{} heads of {}, {} for keys and values", s.heads, s.head_size, s.kv_heads));
  if (s.experts > 0) line(out, "experts", fmt::format("{}, of which {} a token", s.experts, s.experts_used));
  line(out, "context", fmt::format("{} tokens", grouped(s.context)));
  line(out, "vocabulary", fmt::format("{}{}", grouped(s.vocab), s.tied ? ", output tied to the embedding" : ""));
}

std::string as_text(const Facts& f, bool tensors) {
  std::string out;
  const OpenModel& o = f.opened;
  line(out, "path", is_starter(o) ? "built into the program" : printable(o.path.string(), 4096));
  if (o.manifest) {
    line(out, "digest", o.manifest->model.id().name());
    line(out, "weights", o.manifest->model.weights().name());
    line(out, "prepared",
         o.manifest->prepared ? human_bytes(o.manifest->prepared->size) : "no: every start rearranges the weights");
    line(out, "imported", printable(fmt::format("{} from {}", o.manifest->from.imported, o.manifest->from.source)));
    for (const store::LearnedFrom& file : o.manifest->from.learned_from) {
      line(out, "learned from", learned_text(file));
    }
    if (const auto& pulled = o.manifest->from.pulled) {
      if (!pulled->version.empty()) line(out, "version", printable(pulled->version));
      for (const store::Pulled::Part& part : pulled->parts) {
        line(out, "fetched",
             fmt::format("{}  {}  {}", printable(part.name), human_bytes(part.size), part.digest.name()));
      }
    }
    const store::Defaults& defaults = o.manifest->model.defaults;
    if (!defaults.system.empty()) line(out, "system", printable(defaults.system));
    if (!defaults.parameters.empty()) line(out, "defaults", printable(defaults.parameters));
    if (!defaults.messages.empty()) line(out, "messages", printable(defaults.messages));
  }
  line(out, "format",
       o.checkpoint->gguf() != nullptr ? fmt::format("GGUF version {}", o.checkpoint->gguf()->version)
                                       : "Hugging Face folder");
  line(out, "family", f.plan ? f.plan->spec.family : f.from.architecture);
  line(out, "title", f.from.title);
  line(out, "licence", f.from.licence.empty() ? "not stated in the files" : f.from.licence);
  line(out, "parameters", fmt::format("{} ({})", grouped(f.from.parameters), human_parameters(f.from.parameters)));
  line(out, "size", human_bytes(o.checkpoint->total_bytes()));
  if (f.plan) spec_text(out, f.plan->spec);
  for (const auto& [type, sum] : f.types) {
    line(out, "type",
         fmt::format("{:<7} {:>5} tensors {:>9} weights  {}", tensor::name_of(type), sum.tensors,
                     human_parameters(sum.elems), human_bytes(sum.bytes)));
  }
  if (f.vocabulary > 0) {
    line(out, "tokenizer",
         fmt::format("{} tokens, bos '{}', eos '{}'", grouped(f.vocabulary), printable(f.bos, 60),
                     printable(f.eos, 60)));
  }
  if (f.tokenizer_digest) line(out, "", f.tokenizer_digest->name());
  for (const TemplateFacts& t : f.templates) {
    line(out, "chat template", fmt::format("sha256:{}  {} bytes, '{}'", t.digest, t.bytes, printable(t.name, 60)));
  }
  if (f.templates.empty()) line(out, "chat template", "none");
  for (const MemoryRow& row : f.memory) {
    line(out, "memory",
         fmt::format("{:>9} for a context of {}, cache in {}", human_bytes(row.memory.total()), grouped(row.context),
                     name_of(row.memory.cache_type)));
  }
  for (const auto& [key, value] : f.source) line(out, "source", fmt::format("{} = {}", key, value));
  for (const std::string& note : f.notes) line(out, "note", printable(note, 500));
  line(out, "can be run", f.problem ? "no: " + printable(f.problem->what, 1000) : "yes");
  if (!tensors) return out;
  for (const tensor::View& t : o.checkpoint->tensors()) {
    out += fmt::format("{:<44} {:<7} {:<20} {}\n", printable(t.name), tensor::name_of(t.type), shape_text(t.shape),
                       t.bytes.size());
  }
  return out;
}

void spec_json(JsonWriter& w, const model::Spec& s) {
  w.member("layers", s.blocks.size()).member("width", s.width).member("heads", s.heads);
  w.member("kv_heads", s.kv_heads).member("head_size", s.head_size).member("feed_forward", s.ffn);
  w.member("context", s.context).member("vocabulary", s.vocab).member("tied", s.tied);
  w.member("experts", s.experts).member("experts_used", s.experts_used);
}

// The receipt of a fetch.
void pulled_json(JsonWriter& w, const store::Pulled& pulled) {
  w.begin_object().member("address", pulled.address).member("reference", pulled.reference);
  w.member("version", pulled.version).key("parts").begin_array();
  for (const store::Pulled::Part& part : pulled.parts) {
    w.begin_object().member("name", part.name).member("bytes", part.size).member("digest", part.digest.name());
    w.member("checked", part.checked).end_object();
  }
  w.end_array().end_object();
}

std::string as_json(const Facts& f, bool tensors) {
  JsonWriter w(true);
  const OpenModel& o = f.opened;
  w.begin_object().member("path", o.path.string()).member("built_in", is_starter(o));
  w.key("digest");
  o.manifest ? w.value(o.manifest->model.id().name()) : w.null();
  w.key("prepared_bytes");
  o.manifest&& o.manifest->prepared ? w.value(o.manifest->prepared->size) : w.null();
  w.key("weights");
  o.manifest ? w.value(o.manifest->model.weights().name()) : w.null();
  w.key("pulled");
  if (o.manifest && o.manifest->from.pulled) {
    pulled_json(w, *o.manifest->from.pulled);
  } else {
    w.null();
  }
  learned_json(w, o.manifest ? o.manifest->from.learned_from : std::vector<store::LearnedFrom>());
  w.member("format", o.checkpoint->gguf() != nullptr ? "gguf" : "hugging_face");
  w.member("family", f.plan ? f.plan->spec.family : f.from.architecture).member("title", f.from.title);
  w.member("licence", f.from.licence).member("parameters", f.from.parameters);
  w.member("bytes", o.checkpoint->total_bytes());
  if (f.plan) spec_json(w, f.plan->spec);
  w.key("types").begin_array();
  for (const auto& [type, sum] : f.types) {
    w.begin_object().member("type", tensor::name_of(type)).member("tensors", sum.tensors).member("weights", sum.elems);
    w.member("bytes", sum.bytes).end_object();
  }
  w.end_array().key("tokenizer").begin_object().member("tokens", f.vocabulary).member("bos", f.bos);
  w.member("eos", f.eos).key("digest");
  f.tokenizer_digest ? w.value(f.tokenizer_digest->name()) : w.null();
  w.end_object().key("chat_templates").begin_array();
  for (const TemplateFacts& t : f.templates) {
    w.begin_object()
        .member("name", t.name)
        .member("digest", "sha256:" + t.digest)
        .member("bytes", t.bytes)
        .end_object();
  }
  w.end_array().key("memory").begin_array();
  for (const MemoryRow& row : f.memory) {
    w.begin_object().member("context", row.context).member("bytes", row.memory.total());
    w.member("kv_cache", name_of(row.memory.cache_type)).end_object();
  }
  w.end_array().key("source").begin_object();
  for (const auto& [key, value] : f.source) w.member(key, value);
  w.end_object().key("notes").begin_array();
  for (const std::string& note : f.notes) w.value(note);
  w.end_array().key("problem");
  f.problem ? w.value(f.problem->what) : w.null();
  if (tensors) {
    w.key("tensors").begin_array();
    for (const tensor::View& t : o.checkpoint->tensors()) {
      w.begin_object().member("name", t.name).member("type", tensor::name_of(t.type)).key("shape").begin_array();
      for (std::uint64_t n : t.shape) w.value(n);
      w.end_array().member("bytes", t.bytes.size()).end_object();
    }
    w.end_array();
  }
  w.end_object();
  return w.take() + "\n";
}

Result<> run_inspect(const Arguments& arguments, Console& console) {
  FH_TRY(const auto adapter, find_adapter(arguments.text("MODEL")));
  if (adapter) return inspect_adapter(*adapter, arguments, console);
  if (arguments.given("on")) return fail(Errc::invalid, "--on is for adapters, and this is a model");
  Facts facts;
  FH_TRY(facts.opened, open_model(arguments.text("MODEL"), console));
  read_metadata(facts);
  read_plan(facts);
  read_tokenizer(facts);
  read_weights(facts);
  const bool tensors = arguments.flag("tensors");
  console.write(arguments.flag("json") ? as_json(facts, tensors) : as_text(facts, tensors));
  if (!facts.problem) return {};
  return in_context(std::move(*facts.problem), printable(arguments.text("MODEL")));
}

}  // namespace

Command models_inspect_command() {
  return {
      .name = "models inspect",
      .summary =
          "Show what a model or an adapter is: sizes, types, licence, template, memory, and whether it can be run.",
      .details =
          "Nothing is loaded. Memory is what one conversation of that length takes, weights included. Of a model that "
          "cannot be "
          "run, what could be read is shown, and the exit code tells why.\n\n"
          "Of an adapter: its method, rank and layers, and what it was made for; with --on, whether it fits that "
          "model.",
      .positionals = {model_positional()},
      .options = {{.name = "on",
                   .type = OptionType::text,
                   .value = "MODEL",
                   .help = "Of an adapter: the model that it is to run on."},
                  {.name = "tensors", .help = "List every tensor with type, shape (outermost first) and bytes."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold models inspect model.gguf", "Before importing or running it:"},
                   {"freehold models inspect my-lora --on mistral", "Whether an adapter fits a model:"}},
      .run = run_inspect,
  };
}

}  // namespace freehold::app
