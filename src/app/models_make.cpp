// `models quantize` and `models synth`: new model files, at a path or in the store.
#include <fmt/format.h>

#include <optional>

#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/models_commands.h"
#include "app/models_nf4.h"
#include "app/models_write.h"
#include "app/open_model.h"
#include "app/sealing.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "model/gguf_plan.h"
#include "store/quantize.h"
#include "store/synth/synth.h"

namespace freehold::app {
namespace {

Result<> run_quantize(const Arguments& arguments, Console& console) {
  const bool nf4 = arguments.text("type") == "nf4";  // which no GGUF holds
  std::optional<kernel::Mix> mix;
  if (!nf4) {
    FH_TRY(mix, store::weight_type_from_name(arguments.text("type")));
  }
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads_model(arguments, "MODEL");
  std::error_code ec;
  const std::filesystem::path papers =
      std::filesystem::path(std::string(arguments.text("MODEL"))).parent_path() / "provenance.json";
  if (std::filesystem::exists(papers, ec)) sealing.reads(papers);
  if (arguments.given("OUT")) {
    if (nf4) {
      sealing.writes(nf4_folder(arguments).parent_path());
    } else {
      sealing.writes_file(std::string(arguments.text("OUT")));
    }
  }
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY(OpenModel source, open_model(arguments.text("MODEL"), console));
  if (arguments.given("OUT") && std::filesystem::equivalent(source.path, std::string(arguments.text("OUT")), ec)) {
    return fail(Errc::invalid, fmt::format("{} is the model itself, which would be lost: choose another file",
                                           printable(arguments.text("OUT"))));
  }
  auto checked = check_runnable(*source.checkpoint);
  if (!checked) return in_context(std::move(checked).error(), printable(arguments.text("MODEL")));
  if (nf4) {
    FH_TRY(const model::Plan layout, model::plan(*source.checkpoint));
    return quantize_to_nf4(source, layout, arguments, console);
  }
  const kernel::Mix& type = *mix;
  ThreadPool pool(arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : 0);
  const store::QuantizeOptions options{type, arguments.flag("requantize")};
  // A folder as the GGUF that says the same; its name is the folder's (or what the store calls it).
  std::optional<format::GgufPlan> plan;
  if (source.checkpoint->gguf() == nullptr) {
    const std::filesystem::path folder = std::filesystem::weakly_canonical(source.path);
    auto planned =
        model::plan_gguf(*source.checkpoint, source.manifest ? source.reference : folder.filename().string());
    if (!planned) return in_context(std::move(planned).error(), printable(arguments.text("MODEL")));
    plan = std::move(*planned);
  }
  const std::string origin = fmt::format(
      "{} quantized to {}",
      source.manifest ? source.manifest->model.weights().name() : printable(source.path.string(), 1000), type.name);
  // Of which it is still made when its weights are rounded.
  FH_TRY(const guard::Bounds bounds, bounds_of_reference(std::string(arguments.text("MODEL"))));
  const auto produce = [&](const format::Sink& sink, const store::Progress& progress, const store::Expect& expect) {
    auto written = plan ? store::quantize(*plan, options, pool, sink, progress, expect)
                        : store::quantize(*source.checkpoint->gguf(), options, pool, sink, progress, expect);
    if (!written && written.error().what.find("loses quality twice") != std::string::npos) {
      console.hint("--requantize insists on it");
    }
    return written;
  };
  FH_TRY(auto learned_from, learned_from_of(std::string(arguments.text("MODEL"))));
  return write_model(arguments, console, origin, produce, bounds, std::move(learned_from));
}

void list_shapes(bool json, Console& console) {
  JsonWriter w(true);
  w.begin_object().key("shapes").begin_array();
  for (const store::Shape& s : store::all_shapes()) {
    const std::uint64_t n = store::parameters(s);
    if (!json) {
      console.write(fmt::format("{:<16} {:>6} weights, {} layers of {}, vocabulary {}, context {}\n", s.name,
                                human_parameters(n), s.layers, s.C, s.V, s.context));
    }
    w.begin_object().member("name", s.name).member("parameters", n).member("layers", s.layers).member("width", s.C);
    w.member("vocabulary", s.V).member("context", s.context).end_object();
  }
  w.end_array().end_object();
  if (json) console.write(w.take() + "\n");
}

Result<> run_synth(const Arguments& arguments, Console& console) {
  if (arguments.flag("list")) {
    list_shapes(arguments.flag("json"), console);
    return {};
  }
  if (!arguments.given("shape")) return fail(Errc::invalid, "--shape is missing; --list shows what there is");
  const std::string name(arguments.text("shape"));
  const store::Shape* shape = store::shape_from_name(name);
  if (shape == nullptr) {
    std::vector<std::string> known;
    for (const store::Shape& s : store::all_shapes()) known.emplace_back(s.name);
    auto near = nearest(name, known);
    console.hint(near ? fmt::format("did you mean {}?", *near) : "freehold models synth --list shows all shapes");
    return fail(Errc::invalid, fmt::format("there is no shape '{}'", printable(name)));
  }
  FH_TRY(kernel::Mix type, store::weight_type_from_name(arguments.text("type")));
  const auto seed = static_cast<std::uint64_t>(arguments.integer("seed"));
  ThreadPool pool(arguments.given("threads") ? static_cast<int>(arguments.integer("threads")) : 0);
  const std::string origin = fmt::format("synthetic {} {} with seed {}", shape->name, type.name, seed);
  return write_model(arguments, console, origin,
                     [&](const format::Sink& sink, const store::Progress& progress, const store::Expect& expect) {
                       return store::synthesise({*shape, type, seed}, pool, sink, progress, expect);
                     });
}

}  // namespace

Command models_quantize_command() {
  return {
      .name = "models quantize",
      .summary = "Store a model's weights in fewer bits.",
      .details =
          "Reads F32, F16 or BF16 weights, of a GGUF or of a Hugging Face folder, and writes a GGUF. Types: q8_0, "
          "q6_k, q5_k_m, q5_k_s, q4_k_m (a good choice), q4_k_s, q4_0, iq4_nl, iq4_xs and others, or a single block "
          "type "
          "for all matrices. Tensors whose rows do not fit the type's blocks get the nearest type that does, and are "
          "named. "
          "Memory stays bounded.\n\n"
          "nf4 makes of a Hugging Face folder another one, with the matrices of the blocks in 4 bits as bitsandbytes "
          "stores them (double quantisation): a base that QLoRA trains on and that is served as the same bytes.",
      .positionals = {model_positional(),
                      {.name = "OUT", .help = "The .gguf file to write; of nf4 the folder.", .required = false}},
      .options =
          join({{.name = "type",
                 .type = OptionType::text,
                 .value = "TYPE",
                 .help = "The weights' new type: f16, q8_0, q6_k, q5_k_m, q4_k_m, q4_0, nf4 and others.",
                 .required = true},
                {.name = "requantize", .help = "Also weights that are quantised already (quality is lost twice)."},
                sealed_option()},
               write_options()),
      .examples = {{"freehold models quantize model-f16.gguf model-q4.gguf --type q4_k_m", "From file to file:"},
                   {"freehold models quantize Qwen2.5-0.5B-Instruct qwen.gguf --type q8_0",
                    "From a Hugging Face folder:"},
                   {"freehold models quantize Qwen2.5-0.5B-Instruct qwen.gguf --type bf16", "Only into a GGUF:"},
                   {"freehold models quantize llama:f16 --type q6_k --name llama:q6", "Within the store:"},
                   {"freehold models quantize Mistral-7B-v0.3 mistral-nf4 --type nf4", "For QLoRA, and to be served:"}},
      .run = run_quantize,
  };
}

Command models_synth_command() {
  return {
      .name = "models synth",
      .summary = "Make a model with random weights in the exact shape of a well-known one.",
      .details =
          "For measuring and testing a machine before anything is downloaded: speed and memory are those of the real "
          "model, what it says is noise. The same shape, type and seed give the same bytes on every machine.",
      .positionals = {{.name = "OUT", .help = "The .gguf file to write.", .required = false}},
      .options = join({{.name = "shape",
                        .type = OptionType::text,
                        .value = "SHAPE",
                        .help = "For example tinyllama-1.1b, mistral-7b, llama-3.1-8b; --list shows all."},
                       {.name = "type",
                        .type = OptionType::text,
                        .value = "TYPE",
                        .fallback = "q4_0",
                        .help = "The weights' type, as for quantize."},
                       {.name = "seed",
                        .type = OptionType::integer,
                        .value = "N",
                        .fallback = "0",
                        .least = 0,
                        .most = 9e15,
                        .help = "Other seeds give other weights."},
                       {.name = "list", .help = "List the shapes."}},
                      write_options()),
      .examples = {{"freehold models synth --shape tinyllama-1.1b --type q4_0 --name synth:1b", "637 MB in seconds:"},
                   {"freehold models synth --list", "All shapes:"}},
      .run = run_synth,
  };
}

}  // namespace freehold::app
