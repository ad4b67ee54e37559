#include "format/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "base/checked.h"
#include "base/utf8.h"

namespace freehold::format {
namespace {

// Collects small writes so that the sink sees few large ones; memory stays bounded also for a vocabulary's arrays.
class Buffer {
 public:
  explicit Buffer(Sink& sink) : sink_(sink) {}

  Result<> bytes(Bytes b) {
    if (buffer_.size() + b.size() > kFull) FH_TRY_VOID(flush());
    position_ += b.size();
    if (b.size() > kFull) return sink_(b);
    buffer_.append(as_text(b));
    return {};
  }
  template <typename T>
  Result<> number(T value) {
    std::array<std::byte, sizeof(T)> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    return bytes(raw);
  }
  Result<> string(std::string_view text) {
    FH_TRY_VOID(number(std::uint64_t{text.size()}));
    return bytes(as_bytes(text));
  }
  Result<> flush() {
    if (buffer_.empty()) return {};
    FH_TRY_VOID(sink_(as_bytes(buffer_)));
    buffer_.clear();
    return {};
  }
  std::uint64_t position() const { return position_; }

 private:
  static constexpr std::size_t kFull = std::size_t{1} << 20;
  Sink& sink_;
  std::string buffer_;
  std::uint64_t position_ = 0;
};

Result<> write_zeros(Sink& sink, std::uint64_t n) {
  constexpr std::array<std::byte, 4096> kZeros{};
  while (n > 0) {
    std::uint64_t part = std::min<std::uint64_t>(n, kZeros.size());
    FH_TRY_VOID(sink(Bytes(kZeros).first(part)));
    n -= part;
  }
  return {};
}

Result<> check_name(std::string_view name, std::size_t limit) {
  if (name.empty() || name.size() > limit || name.find('\0') != name.npos || !is_utf8(name)) {
    return fail(Errc::invalid, fmt::format("'{}' is not a name that GGUF allows", printable(name)));
  }
  return {};
}

Result<> write_scalar(Buffer& out, const Value& v) {
  switch (v.type()) {
    case ValueType::u8:
      return out.number(static_cast<std::uint8_t>(*v.as_u64()));
    case ValueType::u16:
      return out.number(static_cast<std::uint16_t>(*v.as_u64()));
    case ValueType::u32:
      return out.number(static_cast<std::uint32_t>(*v.as_u64()));
    case ValueType::u64:
      return out.number(*v.as_u64());
    case ValueType::i8:
      return out.number(static_cast<std::int8_t>(*v.as_i64()));
    case ValueType::i16:
      return out.number(static_cast<std::int16_t>(*v.as_i64()));
    case ValueType::i32:
      return out.number(static_cast<std::int32_t>(*v.as_i64()));
    case ValueType::i64:
      return out.number(*v.as_i64());
    case ValueType::f32:
      return out.number(static_cast<float>(*v.as_f64()));
    case ValueType::f64:
      return out.number(*v.as_f64());
    case ValueType::boolean:
      return out.number(static_cast<std::uint8_t>(*v.as_bool() ? 1 : 0));
    case ValueType::string:
      return out.string(*v.as_string());
    default:
      return fail(Errc::invalid, fmt::format("GGUF cannot hold {}", v.describe()));
  }
}

// Type and length of an array, then its elements. Depth is bounded by `depth`.
Result<> write_array(Buffer& out, const Value& v, int depth) {
  if (depth > kGgufMaxArrayDepth) {
    return fail(Errc::invalid, fmt::format("arrays are nested deeper than {} levels", kGgufMaxArrayDepth));
  }
  // An empty JSON array has no type; any will do, and readers of strings or numbers accept it.
  ValueType element = v.element_type() == ValueType::null ? ValueType::i32 : v.element_type();
  if (v.size() > kGgufMaxArrayElements) {
    return fail(Errc::invalid, fmt::format("an array of {} elements is too long", v.size()));
  }
  FH_TRY_VOID(out.number(static_cast<std::uint32_t>(element)));
  FH_TRY_VOID(out.number(v.size()));
  const Value::Packed* packed = v.as_packed();
  if (packed != nullptr && (packed->length_bytes == 8 || fixed_size(element) != 0)) return out.bytes(packed->raw);
  for (const Value& item : v.items()) {
    if (item.type() != element) {
      return fail(Errc::invalid, fmt::format("an array mixes {} and {}, which GGUF cannot hold", name_of(element),
                                             name_of(item.type())));
    }
    FH_TRY_VOID(item.is_array() ? write_array(out, item, depth + 1) : write_scalar(out, item));
  }
  return {};
}

Result<> write_metadata(Buffer& out, const Metadata& metadata) {
  for (const Member& entry : metadata.entries()) {
    auto written = [&]() -> Result<> {
      FH_TRY_VOID(check_name(entry.key, kGgufMaxKeyBytes));
      FH_TRY_VOID(out.string(entry.key));
      FH_TRY_VOID(out.number(static_cast<std::uint32_t>(entry.value.type())));
      return entry.value.is_array() ? write_array(out, entry.value, 1) : write_scalar(out, entry.value);
    }();
    if (!written) return in_context(std::move(written).error(), fmt::format("metadata '{}'", printable(entry.key)));
  }
  return {};
}

Result<std::uint64_t> bytes_of(const GgufTensor& t) {
  if (t.shape.empty() || t.shape.size() > 4) return fail(Errc::invalid, fmt::format("{} dimensions", t.shape.size()));
  std::uint64_t elems = 1;
  for (std::uint64_t n : t.shape) {
    auto product = mul_ok(elems, n);
    if (n < 1 || n > kGgufMaxDimension || !product) return fail(Errc::invalid, "a dimension is out of range");
    elems = *product;
  }
  auto bytes = tensor::byte_size(t.type, elems);
  if (!bytes || t.shape.back() % tensor::info(t.type).block_elems != 0) {
    return fail(Errc::invalid,
                fmt::format("rows of {} elements are not whole blocks of {}", t.shape.back(), tensor::name_of(t.type)));
  }
  return *bytes;
}

Result<> write_table(Buffer& out, const std::vector<GgufTensor>& tensors, std::uint64_t alignment) {
  std::uint64_t offset = 0;
  std::set<std::string_view> names;
  for (const GgufTensor& t : tensors) {
    auto written = [&]() -> Result<> {
      FH_TRY_VOID(check_name(t.name, kGgufMaxTensorNameBytes));
      if (!names.insert(t.name).second) return fail(Errc::invalid, "the name occurs twice");
      FH_TRY(std::uint64_t bytes, bytes_of(t));
      FH_TRY_VOID(out.string(t.name));
      FH_TRY_VOID(out.number(static_cast<std::uint32_t>(t.shape.size())));
      for (auto n = t.shape.rbegin(); n != t.shape.rend(); ++n) FH_TRY_VOID(out.number(*n));
      FH_TRY_VOID(out.number(static_cast<std::uint32_t>(t.type)));
      FH_TRY_VOID(out.number(offset));
      auto end = add_ok(offset, bytes);
      auto next = end ? round_up_ok(*end, alignment) : end;
      if (!next) return fail(Errc::invalid, "the file's size overflows");
      offset = *next;
      return {};
    }();
    if (!written) return in_context(std::move(written).error(), fmt::format("tensor '{}'", printable(t.name)));
  }
  return {};
}

}  // namespace

Result<GgufWriter> GgufWriter::start(Sink sink, const Metadata& metadata, std::vector<GgufTensor> tensors) {
  GgufWriter writer;
  writer.sink_ = std::move(sink);
  writer.tensors_ = std::move(tensors);
  FH_TRY(writer.alignment_, metadata.get_or<std::uint64_t>("general.alignment", kGgufDefaultAlignment));
  std::uint64_t a = writer.alignment_;
  const Value* stated = metadata.find("general.alignment");
  if (a < 8 || a > kGgufMaxAlignment || (a & (a - 1)) != 0 || (stated != nullptr && stated->type() != ValueType::u32)) {
    return fail(Errc::invalid, "metadata 'general.alignment' must be a u32 power of two from 8 on");
  }
  if (metadata.size() > kGgufMaxEntries || writer.tensors_.size() > kGgufMaxEntries) {
    return fail(Errc::invalid, fmt::format("more than {} metadata entries or tensors", kGgufMaxEntries));
  }
  for (const GgufTensor& t : writer.tensors_) {
    if (!tensor::dtype_from_gguf(static_cast<std::uint32_t>(t.type))) {
      return fail(Errc::unsupported,
                  fmt::format("tensor '{}': GGUF has no type {}", printable(t.name), tensor::name_of(t.type)));
    }
  }
  Buffer out(writer.sink_);
  FH_TRY_VOID(out.bytes(as_bytes("GGUF")));
  FH_TRY_VOID(out.number(std::uint32_t{3}));
  FH_TRY_VOID(out.number(std::uint64_t{writer.tensors_.size()}));
  FH_TRY_VOID(out.number(std::uint64_t{metadata.size()}));
  FH_TRY_VOID(write_metadata(out, metadata));
  FH_TRY_VOID(write_table(out, writer.tensors_, a));
  if (out.position() > kGgufMaxHeaderBytes) {
    return fail(Errc::invalid, fmt::format("metadata and tensor table take {} bytes, more than {}", out.position(),
                                           kGgufMaxHeaderBytes));
  }
  FH_TRY_VOID(out.flush());
  if (writer.tensors_.empty()) return writer;
  FH_TRY_VOID(write_zeros(writer.sink_, *round_up_ok(out.position(), a) - out.position()));
  FH_TRY(writer.missing_, bytes_of(writer.tensors_.front()));
  return writer;
}

Result<> GgufWriter::append(Bytes part) {
  if (part.empty()) return {};
  if (part.size() > missing_) {
    return fail(Errc::invalid, current_ == tensors_.size()
                                   ? std::string("more tensor data than the table has tensors")
                                   : fmt::format("tensor '{}': {} bytes are missing, but {} were given",
                                                 printable(tensors_[current_].name), missing_, part.size()));
  }
  FH_TRY_VOID(sink_(part));
  missing_ -= part.size();
  if (missing_ > 0) return {};
  return pad_and_advance();
}

Result<> GgufWriter::pad_and_advance() {
  FH_TRY(std::uint64_t bytes, bytes_of(tensors_[current_]));
  FH_TRY_VOID(write_zeros(sink_, *round_up_ok(bytes, alignment_) - bytes));
  if (++current_ == tensors_.size()) return {};
  FH_TRY(missing_, bytes_of(tensors_[current_]));
  return {};
}

Result<> GgufWriter::finish() {
  if (current_ == tensors_.size()) return {};
  return fail(Errc::invalid,
              fmt::format("tensor '{}': {} bytes are missing", printable(tensors_[current_].name), missing_));
}

}  // namespace freehold::format
