// The header is parsed as events straight into records: a header of 100 MB of brackets builds no tree.
#include "format/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/checked.h"
#include "base/utf8.h"
#include "format/cursor.h"
#include "format/json.h"

namespace freehold::format {
namespace {

struct DTypeRow {
  std::string_view name;
  std::uint64_t bits;
  std::optional<tensor::DType> type;
};

// The format's element types. F4 and F6 fill bytes across elements.
constexpr std::array kDTypes = {
    DTypeRow{"F32", 32, tensor::DType::f32},   DTypeRow{"F16", 16, tensor::DType::f16},
    DTypeRow{"BF16", 16, tensor::DType::bf16}, DTypeRow{"F64", 64, std::nullopt},
    DTypeRow{"I64", 64, std::nullopt},         DTypeRow{"I32", 32, std::nullopt},
    DTypeRow{"I16", 16, std::nullopt},         DTypeRow{"I8", 8, std::nullopt},
    DTypeRow{"U64", 64, std::nullopt},         DTypeRow{"U32", 32, std::nullopt},
    DTypeRow{"U16", 16, std::nullopt},         DTypeRow{"U8", 8, std::nullopt},
    DTypeRow{"BOOL", 8, std::nullopt},         DTypeRow{"F8_E4M3", 8, std::nullopt},
    DTypeRow{"F8_E5M2", 8, std::nullopt},      DTypeRow{"F8_E8M0", 8, std::nullopt},
    DTypeRow{"F8_E4M3FNUZ", 8, std::nullopt},  DTypeRow{"F8_E5M2FNUZ", 8, std::nullopt},
    DTypeRow{"F4", 4, std::nullopt},           DTypeRow{"F6_E2M3", 6, std::nullopt},
    DTypeRow{"F6_E3M2", 6, std::nullopt},      DTypeRow{"C64", 64, std::nullopt},
};

struct Record {
  std::string name;
  const DTypeRow* dtype = nullptr;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// The header's grammar: { "name": {"dtype": s, "shape": [n…], "data_offsets": [n, n]}, "__metadata__": {s: s} }
class Header final : public JsonEvents {
 public:
  std::vector<Record> records;
  std::vector<Member> metadata;

  Result<> scalar(Value value) override {
    switch (state_) {
      case State::dtype:
        return take_dtype(value);
      case State::shape:
      case State::offsets:
        return take_number(value);
      case State::metadata_value:
        if (!value.is_string()) return wrong("a string", value.describe());
        if (metadata.size() >= kMaxMetadata) return fail(Errc::corrupt, "__metadata__ has too many entries");
        metadata.push_back({std::move(metadata_key_), std::move(value)});
        state_ = State::metadata;
        return {};
      default:
        return wrong(expected(), value.describe());
    }
  }

  Result<> begin_object() override {
    if (state_ == State::start) return go(State::top);
    if (state_ == State::tensor_value) return go(State::tensor);
    if (state_ == State::metadata_open) return go(State::metadata);
    return wrong(expected(), "an object");
  }

  Result<> key(std::string_view key) override {
    if (state_ == State::top) return top_key(key);
    if (state_ == State::metadata) {
      metadata_key_ = key;
      return go(State::metadata_value);
    }
    // A tensor's member.
    if (key == "dtype") return member(kHasDType, State::dtype, key);
    if (key == "shape") return member(kHasShape, State::shape_open, key);
    if (key == "data_offsets") return member(kHasOffsets, State::offsets_open, key);
    return fail(Errc::corrupt, fmt::format("{}: unknown member '{}'", place(), printable(key)));
  }

  Result<> end_object() override {
    if (state_ == State::tensor) {
      if (seen_ != (kHasDType | kHasShape | kHasOffsets)) {
        return fail(Errc::corrupt, fmt::format("{}: dtype, shape or data_offsets is missing", place()));
      }
      if (offsets_ != 2) return fail(Errc::corrupt, fmt::format("{}: data_offsets must be two numbers", place()));
    }
    return go(state_ == State::top ? State::done : State::top);
  }

  Result<> begin_array() override {
    if (state_ == State::shape_open) return go(State::shape);
    if (state_ == State::offsets_open) return go(State::offsets);
    return wrong(expected(), "an array");
  }
  Result<> end_array() override { return go(State::tensor); }

 private:
  enum class State {
    start,
    top,
    tensor_value,
    tensor,
    dtype,
    shape_open,
    shape,
    offsets_open,
    offsets,
    metadata_open,
    metadata,
    metadata_value,
    done,
  };
  static constexpr int kHasDType = 1;
  static constexpr int kHasShape = 2;
  static constexpr int kHasOffsets = 4;
  static constexpr std::size_t kMaxMetadata = std::size_t{1} << 16;

  Result<> go(State next) {
    state_ = next;
    return {};
  }
  std::string place() const {
    if (state_ == State::start || state_ == State::top) return "top level";
    if (state_ == State::metadata_open || state_ == State::metadata || state_ == State::metadata_value)
      return "__metadata__";
    return fmt::format("tensor '{}'", printable(records.back().name));
  }
  Unexpected wrong(std::string_view wanted, std::string_view found) const {
    return fail(Errc::corrupt, fmt::format("{}: expected {}, found {}", place(), wanted, found));
  }
  std::string_view expected() const {
    switch (state_) {
      case State::shape_open:
        return "shape to be an array";
      case State::offsets_open:
        return "data_offsets to be an array";
      case State::dtype:
        return "dtype to be a string";
      case State::shape:
      case State::offsets:
        return "a non-negative integer";
      case State::metadata_value:
        return "a string";
      default:
        return "an object";
    }
  }

  Result<> top_key(std::string_view key) {
    if (key == "__metadata__") {
      if (has_metadata_) return fail(Errc::corrupt, "'__metadata__' occurs twice");
      has_metadata_ = true;
      return go(State::metadata_open);
    }
    if (records.size() >= kSafetensorsMaxTensors) {
      return fail(Errc::corrupt, fmt::format("more than {} tensors", kSafetensorsMaxTensors));
    }
    if (key.empty()) return fail(Errc::corrupt, "a tensor's name is empty");
    if (key.size() > kMaxName) return fail(Errc::corrupt, fmt::format("a tensor's name has {} bytes", key.size()));
    if (key.find('\0') != key.npos) {
      return fail(Errc::corrupt, fmt::format("the name '{}' contains a NUL byte", printable(key)));
    }
    records.emplace_back();
    records.back().name = key;
    seen_ = 0;
    offsets_ = 0;
    return go(State::tensor_value);
  }

  Result<> member(int which, State next, std::string_view key) {
    if ((seen_ & which) != 0) return fail(Errc::corrupt, fmt::format("{}: '{}' occurs twice", place(), key));
    seen_ |= which;
    return go(next);
  }

  Result<> take_dtype(const Value& value) {
    auto name = value.as_string();
    if (!name) return wrong(expected(), value.describe());
    auto row = std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeRow& d) { return d.name == *name; });
    if (row == kDTypes.end()) {
      return fail(Errc::corrupt, fmt::format("{}: dtype '{}' does not exist", place(), printable(*name, 40)));
    }
    records.back().dtype = &*row;
    return go(State::tensor);
  }

  Result<> take_number(const Value& value) {
    auto n = value.as_u64();
    if (!n) return wrong(expected(), value.describe());
    Record& r = records.back();
    if (state_ == State::shape) {
      if (r.shape.size() == kSafetensorsMaxDims) {
        return fail(Errc::unsupported, fmt::format("{}: more than {} dimensions", place(), kSafetensorsMaxDims));
      }
      r.shape.push_back(*n);
      return {};
    }
    if (offsets_ == 2) return fail(Errc::corrupt, fmt::format("{}: data_offsets must be two numbers", place()));
    (offsets_++ == 0 ? r.begin : r.end) = *n;
    return {};
  }

  static constexpr std::size_t kMaxName = 4096;
  State state_ = State::start;
  int seen_ = 0;
  int offsets_ = 0;
  bool has_metadata_ = false;
  std::string metadata_key_;
};

Result<> check_names(const std::vector<Record>& records) {
  std::vector<std::string_view> names;
  names.reserve(records.size());
  for (const Record& r : records) names.push_back(r.name);
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return {};
  return fail(Errc::corrupt, fmt::format("header: tensor '{}' occurs twice", printable(*twice)));
}

Result<> check_size(const Record& r) {
  std::uint64_t elems = 1;
  for (std::uint64_t n : r.shape) {
    auto product = mul_ok(elems, n);
    if (!product) return fail(Errc::corrupt, "the product of the dimensions overflows");
    elems = *product;
  }
  auto bits = mul_ok(elems, r.dtype->bits);
  if (!bits || *bits % 8 != 0) return fail(Errc::corrupt, "the size in bytes overflows or is no whole number");
  if (r.end < r.begin || r.end - r.begin != *bits / 8) {
    return fail(Errc::corrupt,
                fmt::format("data_offsets [{}, {}] do not hold the shape's {} bytes", r.begin, r.end, *bits / 8));
  }
  if (elems == 0) return fail(Errc::unsupported, "a dimension is 0, which is unsupported");
  return {};
}

// The tensors, sorted by offset, follow each other without holes from 0 to the end of the file.
Result<> check_layout(std::vector<Record>& records, std::uint64_t data_bytes) {
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t end = 0;
  for (const Record& r : records) {
    auto checked = [&]() -> Result<> {
      FH_TRY_VOID(check_size(r));
      if (r.end > data_bytes) {
        return fail(Errc::corrupt, fmt::format("data_offsets [{}, {}] lie outside the file, which has {} bytes of data",
                                               r.begin, r.end, data_bytes));
      }
      if (r.begin != end) {
        return fail(Errc::corrupt, fmt::format("data_offsets [{}, {}] {}: {} was expected", r.begin, r.end,
                                               r.begin < end ? "overlap another tensor" : "leave a hole", end));
      }
      return {};
    }();
    if (!checked) return in_context(std::move(checked).error(), fmt::format("tensor '{}'", printable(r.name)));
    end = r.end;
  }
  if (end == data_bytes) return {};
  return fail(Errc::corrupt, fmt::format("the tensors end after {} bytes of data, the file after {}", end, data_bytes));
}

// Tensors that do not start on a multiple of their element's size are copied to where they do.
Result<> align(Safetensors& out) {
  std::uint64_t budget = std::uint64_t{1} << 30;
  for (tensor::View& view : out.tensors) {
    auto address = reinterpret_cast<std::uintptr_t>(view.bytes.data());
    if (address % tensor::info(view.type).block_bytes == 0) continue;
    if (view.bytes.size() > budget) {
      return fail(Errc::unsupported,
                  fmt::format("tensor '{}' is not aligned to its elements and too large to copy; save the "
                              "file again with a current writer",
                              printable(view.name)));
    }
    budget -= view.bytes.size();
    AlignedBuffer<std::byte> copy(view.bytes.size());
    std::memcpy(copy.data(), view.bytes.data(), view.bytes.size());
    view.bytes = copy.span();
    out.copies.push_back(std::move(copy));
  }
  return {};
}

}  // namespace

void Safetensors::forget(Bytes part) const {
  file.forget(part);
  for (const ScratchFile& s : scratch) s.forget(part);
}

Result<Safetensors> parse_safetensors(Bytes bytes) {
  Cursor in(bytes, bytes.size());
  FH_TRY(std::uint64_t length, in.read<std::uint64_t>("the header's length"));
  if (length > kSafetensorsMaxHeader) {
    return fail(Errc::corrupt,
                fmt::format("the header's length is {}; at most {} is allowed", length, kSafetensorsMaxHeader));
  }
  if (length > kSafetensorsMaxHeaderRead && length <= in.left()) {
    return fail(Errc::unsupported, fmt::format("the header's length is {}; headers up to {} bytes are read", length,
                                               kSafetensorsMaxHeaderRead));
  }
  FH_TRY(Bytes text, in.take(length, "the header"));
  if (length == 0 || text.front() != std::byte{'{'}) return fail(Errc::corrupt, "the header does not begin with '{'");
  Header header;
  auto scanned = scan_json(as_text(text), header, {.depth = 64, .token = std::size_t{4} << 20});
  if (!scanned) return in_context(std::move(scanned).error(), "header");
  FH_TRY_VOID(check_names(header.records));
  Bytes data = bytes.subspan(in.position());
  FH_TRY_VOID(check_layout(header.records, data.size()));

  Safetensors out;
  auto metadata = Metadata::make(std::move(header.metadata));
  if (!metadata) return in_context(std::move(metadata).error(), "__metadata__");
  out.metadata = std::move(*metadata);
  for (Record& r : header.records) {
    Bytes span = data.subspan(r.begin, r.end - r.begin);
    if (r.dtype->type) {
      out.tensors.push_back({std::move(r.name), *r.dtype->type, std::move(r.shape), span});
    } else {
      out.others.push_back({std::move(r.name), std::string(r.dtype->name), std::move(r.shape), span});
    }
  }
  FH_TRY_VOID(align(out));
  return out;
}

Result<Safetensors> read_safetensors(MappedFile file) {
  FH_TRY(Safetensors out, parse_safetensors(file.bytes()));
  out.file = std::move(file);
  return out;
}

Result<Safetensors> open_safetensors(const std::filesystem::path& path) {
  FH_TRY(MappedFile file, MappedFile::open(path));
  auto read = read_safetensors(std::move(file));
  if (!read) return in_context(std::move(read).error(), printable(path.filename().string()));
  return read;
}

}  // namespace freehold::format
