#include "app/tune/merge_files.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "app/model_folder.h"
#include "base/file.h"
#include "base/utf8.h"
#include "format/safetensors_writer.h"
#include "kernel/blocks/quantise.h"
#include "model/gguf_plan.h"
#include "model/merge.h"
#include "store/quantize.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;
using model::Site;

// The adapted layers' weights as the base's file has them.
struct Adapted {
  const tensor::View* weight;
  model::LowRankValues values;  // as of a linear layer of that weight
  Site site = Site::q;
};

// A lookup's row i gets s B A[:,i]: as a layer with rows of its own, A is B's transpose and B is A's.
model::LowRankValues of_rows(const model::LowRankValues& v) {
  const std::size_t r = v.rank, V = v.a.size() / r, C = v.b.size() / r;
  model::LowRankValues out{v.rank, v.scale, std::vector<float>(v.b.size()), std::vector<float>(v.a.size()), {}};
  for (std::size_t j = 0; j < r; ++j) {
    for (std::size_t i = 0; i < C; ++i) out.a[j * C + i] = v.b[i * r + j];
    for (std::size_t i = 0; i < V; ++i) out.b[i * r + j] = v.a[j * V + i];
  }
  return out;
}

// Of a mixture all experts' of a kind where any of them is adapted: they are one tensor, of one type.
std::vector<Adapted> adapted_layers(const CheckedModel& base) {
  std::vector<Adapted> out;
  const model::Layout& layout = base.plan.layout;
  const model::AdapterValues& all = base.adapter->values;
  if (all.head.rank != 0) {
    out.push_back({layout.output != nullptr ? layout.output : layout.embedding, all.head, Site::head});
  }
  if (all.embedding.rank != 0) out.push_back({layout.embedding, of_rows(all.embedding), Site::embedding});
  const bool mixture = base.plan.spec.experts != 0;
  for (std::size_t i = 0; i < all.blocks.size(); ++i) {
    const model::BlockValues& block = all.blocks[i];
    std::set<Site> sites;
    for (std::size_t slot = 0; slot < block.size(); ++slot) {
      if (block[slot].rank != 0) sites.insert(model::place_of(slot, block.size()).site);
    }
    for (std::size_t slot = 0; slot < block.size(); ++slot) {
      const Site site = model::place_of(slot, block.size()).site;
      if (block[slot].rank == 0 && !(mixture && model::of_experts(site) && sites.contains(site))) continue;
      out.push_back({&model::view_at(layout.blocks[i], slot), block[slot], site});
    }
  }
  return out;
}

// Merged layers, by where the base's weight lies in memory.
struct Merged {
  MappedFile file;
  std::map<const std::byte*, tensor::View> by_base;
  std::optional<tensor::View> head;  // the output matrix, where the base has none of its own and the merged model must

  tensor::View of(const tensor::View& view) const {
    const auto found = by_base.find(view.bytes.data());
    return found == by_base.end() ? view : found->second;
  }
  // The same where the view may be a stack of all experts, which then becomes one view an expert.
  void add(std::vector<tensor::View>& parts, const tensor::View& view) const {
    const auto found = by_base.find(view.bytes.data());
    const std::uint64_t count = found == by_base.end() ? 1 : view.elems() / found->second.elems();
    const std::size_t bytes = view.bytes.size() / count;
    for (std::uint64_t e = 0; e < count; ++e) {
      parts.push_back(count == 1 ? of(view) : by_base.at(view.bytes.data() + e * bytes));
    }
  }
};

// `keep_type`: each layer in the type that it had, otherwise float32.
Result<Merged> merge_layers(const fs::path& beside, const CheckedModel& base, ThreadPool& pool, bool keep_type,
                            const MergeOptions& options) {
  const std::vector<Adapted> layers = adapted_layers(base);
  fs::path scratch = beside;
  scratch.replace_filename(".merging-" + beside.filename().string());
  FH_TRY(AtomicFile file, AtomicFile::create(scratch, FileAccess::owner));
  struct Place {
    const Adapted* layer;
    tensor::DType type;
    std::uint64_t at, bytes;
  };
  std::vector<Place> places;
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    FH_TRY(const std::vector<float> values, model::merge_layer(pool, *layers[i].weight, layers[i].values));
    const tensor::DType type = keep_type ? layers[i].weight->type : tensor::DType::f32;
    std::vector<std::byte> bytes(*tensor::byte_size(type, values.size()));
    if (auto done = kernel::quantise_row(type, values, bytes); !done) {
      return in_context(std::move(done).error(), printable(layers[i].weight->name));
    }
    FH_TRY_VOID(file.write(bytes));
    places.push_back({&layers[i], type, at, bytes.size()});
    at += bytes.size();
    const std::size_t padding = (64 - at % 64) % 64;
    FH_TRY_VOID(file.write(std::string(padding, '\0')));
    at += padding;
    if (options.progress) options.progress(i + 1, 2 * layers.size());
  }
  FH_TRY_VOID(file.commit());
  Merged out;
  auto mapped = MappedFile::open(scratch);
  FH_TRY_VOID(remove_file(scratch));  // it lives as long as the map
  if (!mapped) return Unexpected(std::move(mapped).error());
  out.file = std::move(*mapped);
  for (const Place& p : places) {
    const tensor::View& weight = *p.layer->weight;
    const tensor::View merged{weight.name, p.type, weight.shape, out.file.bytes().subspan(p.at, p.bytes)};
    if (p.layer->site == Site::head && base.plan.spec.tied) {
      out.head = merged;
    } else {
      out.by_base[weight.bytes.data()] = merged;
    }
    // The output stays what it was.
    if (p.layer->site == Site::embedding && base.plan.spec.tied && !out.head) out.head = weight;
  }
  if (out.head && options.note) {
    options.note(
        "note: the output matrix was the embedding, and is a weight of its own now: the two have become different");
  }
  return out;
}

// The type that most of the base's matrices have.
tensor::DType usual_type(const CheckedModel& base) {
  std::map<tensor::DType, std::uint64_t> elements;
  for (const auto& b : base.plan.layout.blocks) {
    for (const auto* view : {b.q, b.k, b.v, b.o}) elements[view->type] += view->elems();
    for (const auto* views : {&b.gate, &b.up, &b.down}) {
      for (const auto& view : *views) elements[view.type] += view.elems();
    }
  }
  const auto most = std::max_element(elements.begin(), elements.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most->first;
}

Result<> write_gguf(const fs::path& out, const CheckedModel& base, ThreadPool& pool, const MergeOptions& options) {
  const tensor::DType usual = usual_type(base);
  if (!options.type && tensor::info(usual).block_elems > 1) {
    return fail(Errc::invalid,
                fmt::format("the base's weights are {}: say --type (f16 keeps most), and --requantize if "
                            "that is quantised too",
                            tensor::name_of(usual)));
  }
  const std::string name = options.type.value_or(std::string(tensor::name_of(usual)));
  FH_TRY(const kernel::Mix type, store::weight_type_from_name(name));
  FH_TRY(const Merged merged, merge_layers(out, base, pool, false, options));
  format::GgufPlan plan;
  if (base.opened.checkpoint->gguf() != nullptr) {
    plan = store::plan_of(*base.opened.checkpoint->gguf());
  } else {
    FH_TRY(plan, model::plan_gguf(*base.opened.checkpoint, out.stem().string()));
  }
  for (format::PlannedTensor& t : plan.tensors) {
    std::vector<tensor::View> parts;
    for (const tensor::View& part : t.parts) merged.add(parts, part);
    t.parts = std::move(parts);
  }
  if (merged.head) plan.tensors.push_back({"output.weight", merged.head->shape, {*merged.head}});
  plan.maps.push_back(merged.file.bytes());
  FH_TRY(AtomicFile file, AtomicFile::create(out));
  auto written = store::quantize(
      plan, {type, options.requantize || tensor::info(type.base).block_elems == 1}, pool,
      [&](Bytes bytes) { return file.write(bytes); },
      [&](std::string_view, std::uint64_t done, std::uint64_t total) {
        if (options.progress) options.progress(total + done, 2 * total);
        return true;
      });
  if (!written) return Unexpected(std::move(written).error());
  for (const store::TensorNote& n : written->notes) {
    if (options.note)
      options.note(fmt::format("note: {}{}{}", printable(n.tensor), n.tensor.empty() ? "" : ": ", n.note));
  }
  return file.commit();
}

constexpr std::string_view kHead = "lm_head.weight";

// Says in a folder's config.json that its output matrix is its own.
Result<> untie(const fs::path& config) {
  FH_TRY(const std::string text, read_file(config));
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Errc::corrupt, fmt::format("{}: not JSON", printable(config.string())));
  json["tie_word_embeddings"] = false;
  return write_file_atomically(config, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Result<> write_folder(const fs::path& out, const CheckedModel& base, ThreadPool& pool, const MergeOptions& options) {
  const format::HfFolder* folder = base.opened.checkpoint->hf();
  if (folder == nullptr) {
    return fail(Errc::unsupported,
                "the base is a GGUF, of which no Hugging Face folder can be made: let OUT end in "
                ".gguf");
  }
  if (options.type) {
    return fail(Errc::unsupported, "--type is for a GGUF: a folder keeps the base's own type (let OUT end in .gguf)");
  }
  for (const tensor::View& view : folder->tensors) {
    if (tensor::info(view.type).block_elems == 1) continue;
    return fail(Errc::unsupported,
                fmt::format("tensor '{}' is {}: a folder of quantised weights cannot hold merged ones; let OUT end in "
                            ".gguf",
                            printable(view.name), tensor::name_of(view.type)));
  }
  FH_TRY(const Merged merged, merge_layers(out, base, pool, true, options));
  FH_TRY_VOID(make_directories(out));
  std::vector<tensor::View> tensors;
  for (const tensor::View& view : folder->tensors) {
    if (!merged.head || view.name != kHead) tensors.push_back(merged.of(view));
  }
  if (merged.head) tensors.push_back({std::string(kHead), merged.head->type, merged.head->shape, merged.head->bytes});
  FH_TRY_VOID(format::write_safetensors(out / "model.safetensors", tensors));
  FH_TRY_VOID(copy_small_files(folder->path, out, [&](const std::string& name) {
    if (options.note)
      options.note(fmt::format("note: {} is not taken over: it holds the old weights", printable(name)));
  }));
  return merged.head ? untie(out / "config.json") : Result<>();
}

}  // namespace

Result<> write_merged(const fs::path& out, const CheckedModel& base, ThreadPool& pool, const MergeOptions& options) {
  return out.extension() == ".gguf" ? write_gguf(out, base, pool, options) : write_folder(out, base, pool, options);
}

}  // namespace freehold::app
