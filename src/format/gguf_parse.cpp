// One GGUF file in memory: header, metadata, tensor table, and the proof that the tensors' bytes are where the table
// says.
//
// Invariants, in the order in which they are established:
//  1. The cursor sees at most kGgufMaxHeaderBytes, so time and memory are bounded whatever the file claims.
//  2. A count is compared with the bytes left before anything is allocated for it.
//  3. A tensor's size is computed once, by tensor::byte_size from a checked product of checked dimensions; nothing else
//     computes a size again.
//  4. The tensors tile the data section as every known writer lays them: each begins where the one before it ends,
//  rounded up to
//     the alignment. So neither a changed type nor a changed dimension can make us read a neighbour's bytes or half of
//     our own.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/checked.h"
#include "base/utf8.h"
#include "format/cursor.h"
#include "format/gguf.h"

namespace freehold::format {
namespace {

class Parser {
 public:
  explicit Parser(Bytes file)
      : file_(file), in_(file.first(std::min<std::uint64_t>(file.size(), kGgufMaxHeaderBytes)), file.size()) {}

  Result<Gguf> run() {
    FH_TRY_VOID(read_header());
    FH_TRY_VOID(read_metadata());
    FH_TRY_VOID(read_alignment());
    FH_TRY_VOID(read_tensor_table());
    FH_TRY_VOID(index_names());
    FH_TRY_VOID(place_tensors());
    out_.total_bytes = file_.size();
    return std::move(out_);
  }

 private:
  struct Placed {
    std::uint64_t offset = 0;  // in the data section
    std::uint64_t bytes = 0;
  };

  Result<> read_header();
  Result<> read_metadata();
  Result<Member> read_entry();
  Result<Value> read_value(ValueType type);
  Result<Value> read_array();
  Result<> skip_elements(ValueType element, std::uint64_t count, int depth, std::uint64_t& budget);
  Result<ValueType> read_type(std::string_view what);
  Result<std::string_view> read_string(std::string_view what);
  Result<std::string_view> read_name(std::size_t limit, std::string_view what);
  Result<> read_alignment();
  Result<> read_tensor_table();
  Result<> read_tensor(std::uint64_t index);
  Result<> read_shape(tensor::View& view);
  Result<> index_names();
  Result<> place_tensors();
  Result<> check_order(std::uint64_t data_start) const;
  std::string place(std::uint64_t index) const {
    return fmt::format("tensor table entry {} '{}'", index, printable(out_.tensors[index].name));
  }

  Bytes file_;
  Cursor in_;
  std::uint8_t width_ = 8;  // of counts, lengths and dimensions
  std::uint64_t entries_ = 0;
  std::uint64_t table_ = 0;
  Gguf out_;
  std::vector<Placed> placed_;  // beside out_.tensors
};

bool is_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Result<> Parser::read_header() {
  FH_TRY(Bytes magic, in_.take(4, "the magic 'GGUF'"));
  if (!looks_like_gguf(magic)) {
    std::string_view m = as_text(magic);
    if (m == "tjgg" || m == "lmgg" || m == "fmgg" || m == "algg") {
      return fail(Errc::unsupported, "this is a GGML file from before GGUF; convert it to GGUF");
    }
    return fail(Errc::corrupt, fmt::format("not a GGUF file: it begins with '{}'", printable(m)));
  }
  FH_TRY(out_.version, in_.read<std::uint32_t>("the version"));
  if (out_.version < 1 || out_.version > 3) {
    std::uint32_t swapped = __builtin_bswap32(out_.version);
    if (swapped >= 1 && swapped <= 3) {
      return fail(Errc::unsupported,
                  fmt::format("this is a big-endian GGUF (version {}); only little-endian ones are read", swapped));
    }
    return fail(Errc::unsupported, fmt::format("GGUF version {} is not supported; versions 1 to 3 are", out_.version));
  }
  width_ = out_.version == 1 ? 4 : 8;
  FH_TRY(table_, in_.read_length(width_, "the number of tensors"));
  FH_TRY(entries_, in_.read_length(width_, "the number of metadata entries"));
  if (table_ > kGgufMaxEntries || entries_ > kGgufMaxEntries) {
    return fail(Errc::corrupt, fmt::format("{} tensors and {} metadata entries: more than the {} of each that are read",
                                           table_, entries_, kGgufMaxEntries));
  }
  FH_TRY_VOID(in_.expect_room(entries_, width_ + 1u + 4 + 1, "metadata entries"));
  return in_.expect_room(table_, width_ + 1u + 4 + width_ + 4 + 8, "tensor table entries");
}

Result<ValueType> Parser::read_type(std::string_view what) {
  FH_TRY(std::uint32_t number, in_.read<std::uint32_t>(what));
  if (number < kGgufValueTypes) return static_cast<ValueType>(number);
  return fail(Errc::corrupt, fmt::format("{} is {}, which does not exist", what, number));
}

Result<std::string_view> Parser::read_string(std::string_view what) {
  FH_TRY(std::uint64_t length, in_.read_length(width_, "a string's length"));
  FH_TRY(Bytes bytes, in_.take(length, what));
  if (!is_utf8(as_text(bytes))) return fail(Errc::corrupt, fmt::format("{} is not valid UTF-8", what));
  return as_text(bytes);
}

// A key or a tensor's name: what other parts of the program look up, print and compare.
Result<std::string_view> Parser::read_name(std::size_t limit, std::string_view what) {
  FH_TRY(std::uint64_t length, in_.read_length(width_, "a name's length"));
  if (length == 0) return fail(Errc::corrupt, fmt::format("{} is empty", what));
  if (length > limit) {
    return fail(Errc::corrupt, fmt::format("{} has {} bytes, more than the {} allowed", what, length, limit));
  }
  FH_TRY(Bytes bytes, in_.take(length, what));
  std::string_view name = as_text(bytes);
  if (name.find('\0') != name.npos) {
    return fail(Errc::corrupt, fmt::format("{} '{}' contains a NUL byte", what, printable(name)));
  }
  if (!is_utf8(name)) return fail(Errc::corrupt, fmt::format("{} '{}' is not valid UTF-8", what, printable(name)));
  return name;
}

Result<> Parser::read_metadata() {
  std::vector<Member> members;
  members.reserve(entries_);
  for (std::uint64_t i = 0; i < entries_; ++i) {
    auto entry = read_entry();
    if (!entry) return in_context(std::move(entry).error(), fmt::format("metadata entry {}", i));
    members.push_back(std::move(*entry));
  }
  auto metadata = Metadata::make(std::move(members));
  if (!metadata) return in_context(std::move(metadata).error(), "metadata");
  out_.metadata = std::move(*metadata);
  return {};
}

Result<Member> Parser::read_entry() {
  FH_TRY(std::string_view key, read_name(kGgufMaxKeyBytes, "the key"));
  auto value = [&]() -> Result<Value> {
    FH_TRY(ValueType type, read_type("the value's type"));
    return read_value(type);
  }();
  if (!value) return in_context(std::move(value).error(), fmt::format("'{}'", printable(key)));
  return Member{std::string(key), std::move(*value)};
}

Result<Value> Parser::read_value(ValueType type) {
  if (type == ValueType::array) return read_array();
  if (type == ValueType::string) {
    FH_TRY(std::string_view text, read_string("the string"));
    return Value::string_view(text);
  }
  // A scalar is an array of one.
  FH_TRY(Bytes raw, in_.take(fixed_size(type), "the value"));
  if (type == ValueType::boolean && std::to_integer<int>(raw[0]) > 1) {
    return fail(Errc::corrupt, fmt::format("a bool is {}, neither 0 nor 1", std::to_integer<int>(raw[0])));
  }
  return Value::packed({type, width_, 1, raw}).items().front();
}

Result<Value> Parser::read_array() {
  FH_TRY(ValueType element, read_type("the array's type"));
  FH_TRY(std::uint64_t count, in_.read_length(width_, "the array's length"));
  std::uint64_t begin = in_.position();
  std::uint64_t budget = kGgufMaxArrayElements;
  FH_TRY_VOID(skip_elements(element, count, 1, budget));
  return Value::packed({element, width_, count, file_.subspan(begin, in_.position() - begin)});
}

// Checks `count` elements and steps over them. `budget`: elements that the outermost array may still have.
Result<> Parser::skip_elements(ValueType element, std::uint64_t count, int depth, std::uint64_t& budget) {
  if (depth > kGgufMaxArrayDepth) {
    return fail(Errc::corrupt, fmt::format("arrays are nested deeper than {} levels", kGgufMaxArrayDepth));
  }
  if (count > budget) {
    return fail(Errc::corrupt,
                fmt::format("an array of {} elements is longer than the {} allowed", count, kGgufMaxArrayElements));
  }
  budget -= count;
  std::size_t fixed = fixed_size(element);
  std::uint64_t minimal = fixed != 0 ? fixed : element == ValueType::string ? width_ : 4u + width_;
  FH_TRY_VOID(in_.expect_room(count, minimal, "array elements"));
  if (fixed != 0) {
    FH_TRY(Bytes raw, in_.take(count * fixed, "the array"));
    if (element != ValueType::boolean) return {};
    auto wrong = std::find_if(raw.begin(), raw.end(), [](std::byte b) { return std::to_integer<int>(b) > 1; });
    if (wrong == raw.end()) return {};
    return fail(Errc::corrupt, fmt::format("element {}: a bool is {}, neither 0 nor 1", wrong - raw.begin(),
                                           std::to_integer<int>(*wrong)));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    auto checked = [&]() -> Result<> {
      if (element == ValueType::string) {
        FH_TRY([[maybe_unused]] std::string_view text, read_string("the string"));
        return {};
      }
      FH_TRY(ValueType inner, read_type("the inner array's type"));
      FH_TRY(std::uint64_t inner_count, in_.read_length(width_, "the inner array's length"));
      return skip_elements(inner, inner_count, depth + 1, budget);
    }();
    if (!checked) return in_context(std::move(checked).error(), fmt::format("element {}", i));
  }
  return {};
}

Result<> Parser::read_alignment() {
  const Value* value = out_.metadata.find("general.alignment");
  if (value == nullptr) return {};
  if (value->type() != ValueType::u32) {
    return fail(Errc::corrupt,
                fmt::format("metadata 'general.alignment': expected a u32, found {}", value->describe()));
  }
  std::uint64_t alignment = *value->as_u64();
  if (alignment < 8 || (alignment & (alignment - 1)) != 0 || alignment > kGgufMaxAlignment) {
    return fail(Errc::corrupt, fmt::format("metadata 'general.alignment': {} is not a power of two from 8 to {}",
                                           alignment, kGgufMaxAlignment));
  }
  out_.alignment = alignment;
  return {};
}

Result<> Parser::read_tensor_table() {
  out_.tensors.reserve(table_);
  placed_.reserve(table_);
  for (std::uint64_t i = 0; i < table_; ++i) FH_TRY_VOID(read_tensor(i));
  return {};
}

Result<> Parser::read_tensor(std::uint64_t index) {
  auto name = read_name(kGgufMaxTensorNameBytes, "the name");
  if (!name) return in_context(std::move(name).error(), fmt::format("tensor table entry {}", index));
  out_.tensors.emplace_back();
  out_.tensors.back().name = *name;
  auto shape = read_shape(out_.tensors.back());
  if (!shape) return in_context(std::move(shape).error(), place(index));
  return {};
}

Result<> Parser::read_shape(tensor::View& view) {
  FH_TRY(std::uint32_t dims, in_.read<std::uint32_t>("the number of dimensions"));
  if (dims < 1 || dims > 4) return fail(Errc::corrupt, fmt::format("{} dimensions; 1 to 4 are possible", dims));
  std::uint64_t elems = 1;
  view.shape.resize(dims);
  for (std::uint32_t d = 0; d < dims; ++d) {
    FH_TRY(std::uint64_t n, in_.read_length(width_, "a dimension"));
    if (n < 1 || n > kGgufMaxDimension) {
      return fail(Errc::corrupt, fmt::format("dimension {} is {}; 1 to 2^40 are possible", d, n));
    }
    auto product = mul_ok(elems, n);
    if (!product) return fail(Errc::corrupt, "the product of the dimensions overflows");
    elems = *product;
    view.shape[dims - 1 - d] = n;  // the file lists the innermost first
  }
  FH_TRY(std::uint32_t number, in_.read<std::uint32_t>("the type"));
  auto type = tensor::dtype_from_gguf(number);
  if (!type) {
    std::string_view known = tensor::gguf_type_name(number);
    if (known.empty()) return fail(Errc::corrupt, fmt::format("type {} does not exist", number));
    return fail(Errc::unsupported, fmt::format("type {} is unsupported", known));
  }
  view.type = *type;
  std::uint64_t block = tensor::info(*type).block_elems;
  if (view.shape.back() % block != 0) {
    return fail(Errc::corrupt, fmt::format("rows of {} elements are not whole blocks of {}, as {} needs",
                                           view.shape.back(), block, tensor::name_of(*type)));
  }
  auto bytes = tensor::byte_size(*type, elems);
  if (!bytes) return fail(Errc::corrupt, "the size in bytes overflows");
  FH_TRY(std::uint64_t offset, in_.read<std::uint64_t>("the offset"));
  if (offset % out_.alignment != 0) {
    return fail(Errc::corrupt,
                fmt::format("offset 0x{:x} is not a multiple of the alignment, {}", offset, out_.alignment));
  }
  placed_.push_back({offset, *bytes});
  return {};
}

Result<> Parser::index_names() {
  out_.by_name.resize(out_.tensors.size());
  std::iota(out_.by_name.begin(), out_.by_name.end(), 0u);
  auto name = [&](std::uint32_t i) -> const std::string& { return out_.tensors[i].name; };
  std::sort(out_.by_name.begin(), out_.by_name.end(),
            [&](auto a, auto b) { return name(a) != name(b) ? name(a) < name(b) : a < b; });
  auto twice =
      std::adjacent_find(out_.by_name.begin(), out_.by_name.end(), [&](auto a, auto b) { return name(a) == name(b); });
  if (twice == out_.by_name.end()) return {};
  return fail(Errc::corrupt, fmt::format("{}: the same name as entry {}", place(twice[1]), twice[0]));
}

Result<> Parser::place_tensors() {
  auto data_start = round_up_ok(in_.position(), out_.alignment);
  if (!data_start) return fail(Errc::corrupt, "the header's size overflows");
  if (out_.tensors.empty()) data_start = std::min<std::uint64_t>(*data_start, file_.size());  // nothing to align
  if (*data_start > file_.size()) {
    return fail(Errc::corrupt,
                fmt::format("the file ends at byte {}, before its data section at {}", file_.size(), *data_start));
  }
  if (!is_zero(file_.subspan(in_.position(), *data_start - in_.position()))) {
    return fail(Errc::corrupt,
                fmt::format("byte {}: the padding before the data section is not zero: the tensor table is "
                            "longer than its {} entries",
                            in_.position(), table_));
  }
  std::uint64_t room = file_.size() - *data_start;
  for (std::size_t i = 0; i < placed_.size(); ++i) {
    auto end = add_ok(placed_[i].offset, placed_[i].bytes);
    if (!end || *end > room) {
      return fail(Errc::corrupt,
                  fmt::format("{}: offset 0x{:x} + {} bytes lies outside the file, whose data section has {}", place(i),
                              placed_[i].offset, placed_[i].bytes, room));
    }
    out_.tensors[i].bytes = file_.subspan(*data_start + placed_[i].offset, placed_[i].bytes);
  }
  return check_order(*data_start);
}

Result<> Parser::check_order(std::uint64_t data_start) const {
  std::vector<std::uint32_t> order(placed_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return placed_[a].offset != placed_[b].offset ? placed_[a].offset < placed_[b].offset : a < b;
  });
  std::uint64_t end = 0;  // of the tensors so far
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Placed& p = placed_[order[i]];
    if (p.offset < end) {
      return fail(Errc::corrupt,
                  fmt::format("{}: offset 0x{:x} lies inside '{}', which ends at 0x{:x}", place(order[i]), p.offset,
                              printable(out_.tensors[order[i - 1]].name), end));
    }
    std::uint64_t expected = (end + out_.alignment - 1) / out_.alignment * out_.alignment;  // end <= the file's size
    if (p.offset != expected) {
      return fail(Errc::corrupt, fmt::format("{}: offset 0x{:x} leaves a hole, 0x{:x} was expected", place(order[i]),
                                             p.offset, expected));
    }
    end = p.offset + p.bytes;
  }
  // Writers pad the last tensor, some to a page; a shorter last tensor than was written would show here.
  Bytes tail = file_.subspan(data_start + end);
  if (tail.size() <= std::max<std::uint64_t>(out_.alignment, 65536) && is_zero(tail)) return {};
  return fail(Errc::corrupt, fmt::format("the {} bytes after the last tensor, from byte {} on, belong to nothing",
                                         tail.size(), data_start + end));
}

}  // namespace

bool looks_like_gguf(Bytes beginning) {
  return as_text(beginning).starts_with("GGUF");
}

Result<Gguf> parse_gguf(Bytes bytes) {
  return Parser(bytes).run();
}

}  // namespace freehold::format
