#include "train/checkpoint_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "format/json.h"

namespace freehold::train {
namespace {

using format::Value;

constexpr std::string_view kMagic = "FHTRAIN1";
constexpr std::size_t kPrefix = 16, kAlign = 64, kDigest = 32;
constexpr std::uint64_t kMostHeader = std::uint64_t{64} << 20;

struct Array {
  std::string name;
  std::span<std::byte> bytes;
};

std::vector<Array> arrays_of(Trainable& model, Optimiser* optimiser) {
  std::vector<Array> out;
  for (Parameter& p : model.parameters()) out.push_back({p.name, std::as_writable_bytes(p.value)});
  if (optimiser == nullptr) return out;
  for (const Optimiser::State& s : optimiser->state()) out.push_back({"optimiser." + s.name, s.bytes});
  return out;
}

std::string header_of(const std::string& run, const Counters& c, const std::vector<Array>& arrays,
                      std::uint64_t optimiser_steps) {
  nlohmann::ordered_json h;
  h["run"] = run;
  h["step"] = c.step;
  h["tokens"] = c.tokens;
  h["scored"] = c.scored;
  h["metrics_bytes"] = c.metrics_bytes;
  h["seconds"] = c.seconds;
  h["first_loss"] = c.first_loss;
  h["last_loss"] = c.last_loss;
  h["evaluated"] = c.evaluated;
  h["evaluation"] = c.evaluation;
  h["best_step"] = c.best_step;
  h["best"] = c.best;
  h["worse"] = c.worse;
  h["high"] = c.high;
  h["optimiser_steps"] = optimiser_steps;
  for (const Array& a : arrays) h["arrays"].push_back({{"name", a.name}, {"bytes", a.bytes.size()}});
  std::string text = h.dump();
  text.append((kAlign - (kPrefix + text.size()) % kAlign) % kAlign, ' ');
  return text;
}

std::size_t padded(std::size_t bytes) {
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

// The header of a file whose digest is right.
struct Opened {
  MappedFile file;
  Value header;
  std::size_t arrays = 0;  // where they begin
};

Result<Opened> open_checked(const std::filesystem::path& path) {
  Opened o;
  FH_TRY(o.file, MappedFile::open(path));
  const Bytes all = o.file.bytes();
  const auto damaged = [&](std::string_view what) {
    return fail(Errc::corrupt, fmt::format("{}: {}; if it is deleted, the run goes on from the checkpoint before it",
                                           printable(path.string()), what));
  };
  if (all.size() < kPrefix + kDigest || !as_text(all).starts_with(kMagic)) return damaged("not a checkpoint");
  const Bytes content = all.first(all.size() - kDigest);
  const Digest digest = sha256(content);
  if (std::memcmp(digest.bytes.data(), all.data() + content.size(), kDigest) != 0) {
    return damaged("the checkpoint is damaged (its digest is another)");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, all.data() + kMagic.size(), sizeof length);
  if (length > kMostHeader || length > content.size() - kPrefix) return damaged("its header is cut off");
  auto header = format::parse_json(as_text(content.subspan(kPrefix, length)));
  if (!header || !header->is_object()) return damaged("its header is not JSON");
  o.header = std::move(*header);
  o.arrays = kPrefix + length;
  return o;
}

// What the header says, or the first thing that is wrong with it.
class Fields {
 public:
  explicit Fields(const Value& header) : header_(header) {}
  std::uint64_t integer(const char* name) {
    const Value* v = header_.member(name);
    const auto n = v != nullptr ? v->as_u64() : std::nullopt;
    if (!n && wrong_.empty()) wrong_ = name;
    return n.value_or(0);
  }
  double real(const char* name) {
    const Value* v = header_.member(name);
    const auto x = v != nullptr ? v->as_f64() : std::nullopt;
    if ((!x || !std::isfinite(*x)) && wrong_.empty()) wrong_ = name;
    return x.value_or(0);
  }
  const std::string& wrong() const { return wrong_; }

 private:
  const Value& header_;
  std::string wrong_;
};

Result<Counters> read(const std::filesystem::path& path, const std::string& run, Trainable& model,
                      Optimiser* optimiser) {
  FH_TRY(const Opened o, open_checked(path));
  const auto refuse = [&](Errc code, std::string what) {
    return fail(code, fmt::format("{}: {}", printable(path.string()), what));
  };
  Fields f(o.header);
  Counters c;
  c.step = f.integer("step");
  c.tokens = f.integer("tokens");
  c.scored = f.integer("scored");
  c.metrics_bytes = f.integer("metrics_bytes");
  c.seconds = f.real("seconds");
  c.first_loss = f.real("first_loss");
  c.last_loss = f.real("last_loss");
  c.evaluated = f.integer("evaluated");
  c.evaluation = f.real("evaluation");
  c.best_step = f.integer("best_step");
  c.best = f.real("best");
  c.worse = static_cast<std::uint32_t>(f.integer("worse"));
  c.high = static_cast<std::uint32_t>(f.integer("high"));
  const std::uint64_t optimiser_steps = f.integer("optimiser_steps");
  if (!f.wrong().empty()) return refuse(Errc::corrupt, fmt::format("'{}' is missing or no number", f.wrong()));
  const Value* id = o.header.member("run");
  if (id == nullptr || id->as_string() != run) {
    return refuse(Errc::invalid, "the checkpoint is of another recipe, other data or another model");
  }
  const Value* listed = o.header.member("arrays");
  const std::vector<Value> entries = listed != nullptr ? listed->items() : std::vector<Value>{};
  const std::vector<Array> wanted = arrays_of(model, optimiser);
  if (entries.size() < wanted.size()) return refuse(Errc::invalid, "the checkpoint holds other arrays than the run");
  std::size_t at = o.arrays;
  const Bytes content = o.file.bytes().first(o.file.size() - kDigest);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Value* name = entries[i].member("name");
    const Value* bytes = entries[i].member("bytes");
    if (name == nullptr || bytes == nullptr || name->as_string() != wanted[i].name ||
        bytes->as_u64() != wanted[i].bytes.size()) {
      return refuse(Errc::invalid,
                    fmt::format("the checkpoint holds other arrays than the run: no '{}' of {} bytes in its place",
                                printable(wanted[i].name), wanted[i].bytes.size()));
    }
    if (content.size() - at < wanted[i].bytes.size()) return refuse(Errc::corrupt, "an array is cut off");
    places.push_back(at);
    at = std::min(at + padded(wanted[i].bytes.size()), content.size());
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].bytes.empty()) {
      std::memcpy(wanted[i].bytes.data(), content.data() + places[i], wanted[i].bytes.size());
    }
  }
  if (optimiser != nullptr) optimiser->set_steps(optimiser_steps);
  FH_TRY_VOID(model.refresh());
  return c;
}

}  // namespace

Result<> write_checkpoint(const std::filesystem::path& path, const std::string& run, const Counters& counters,
                          Trainable& model, Optimiser& optimiser) {
  const std::vector<Array> arrays = arrays_of(model, &optimiser);
  const std::string header = header_of(run, counters, arrays, optimiser.steps());
  FH_TRY(AtomicFile file, AtomicFile::create(path));
  Sha256 hash;
  const auto put = [&](Bytes bytes) -> Result<> {
    hash.update(bytes);
    return file.write(bytes);
  };
  const std::uint64_t length = header.size();
  FH_TRY_VOID(put(as_bytes(kMagic)));
  FH_TRY_VOID(put(std::as_bytes(std::span(&length, 1))));
  FH_TRY_VOID(put(as_bytes(header)));
  constexpr std::byte kZeros[kAlign] = {};
  for (const Array& a : arrays) {
    FH_TRY_VOID(put(a.bytes));
    FH_TRY_VOID(put(Bytes(kZeros, padded(a.bytes.size()) - a.bytes.size())));
  }
  const Digest digest = hash.finish();
  FH_TRY_VOID(file.write(Bytes(digest.bytes)));
  return file.commit();
}

Result<Counters> read_checkpoint(const std::filesystem::path& path, const std::string& run, Trainable& model,
                                 Optimiser& optimiser) {
  return read(path, run, model, &optimiser);
}

Result<Counters> read_checkpoint_values(const std::filesystem::path& path, const std::string& run, Trainable& model) {
  return read(path, run, model, nullptr);
}

}  // namespace freehold::train
