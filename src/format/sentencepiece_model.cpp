#include "format/sentencepiece_model.h"

#include <fmt/format.h>

#include <bit>

namespace freehold::format {
namespace {

// One field of a message: its number and, by wire type, a number or bytes.
struct Field {
  std::uint64_t number = 0;
  enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  Wire wire = Wire::varint;
  std::uint64_t value = 0;
  std::string_view bytes;
  std::size_t offset = 0;  // of the payload within the message
};

class Message {
 public:
  Message(std::string_view bytes, std::size_t offset) : bytes_(bytes), offset_(offset) {}

  bool done() const { return at_ == bytes_.size(); }
  std::size_t offset() const { return offset_ + at_; }

  Result<Field> next() {
    Field f;
    FH_TRY(std::uint64_t tag, varint());
    f.number = tag >> 3;
    if (f.number == 0) return bad("a field numbered 0");
    switch (tag & 7) {
      case 0: {
        FH_TRY(f.value, varint());
        break;
      }
      case 1: {
        FH_TRY(f.value, fixed(8));
        f.wire = Field::Wire::fixed64;
        break;
      }
      case 2: {
        FH_TRY(std::uint64_t size, varint());
        if (size > bytes_.size() - at_) return bad(fmt::format("a field of {} bytes reaches beyond its message", size));
        f.wire = Field::Wire::bytes;
        f.offset = offset();
        f.bytes = bytes_.substr(at_, size);
        at_ += size;
        break;
      }
      case 5: {
        FH_TRY(f.value, fixed(4));
        f.wire = Field::Wire::fixed32;
        break;
      }
      default:
        return bad(fmt::format("wire type {}", tag & 7));
    }
    return f;
  }

  Unexpected bad(std::string_view what) const {
    return fail(Errc::corrupt, fmt::format("byte {}: {}", offset(), what));
  }

 private:
  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (done()) return bad("the file ends within a number");
      auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return bad("a number of more than 64 bits");
  }
  Result<std::uint64_t> fixed(std::size_t size) {
    if (bytes_.size() - at_ < size) return bad("the file ends within a number");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
    }
    at_ += size;
    return value;
  }

  std::string_view bytes_;
  std::size_t offset_ = 0;
  std::size_t at_ = 0;
};

// Each returns an error if the field's wire type is not what the number promises.
Result<std::string_view> text(const Message& m, const Field& f) {
  if (f.wire != Field::Wire::bytes) return m.bad(fmt::format("field {} is not bytes", f.number));
  return f.bytes;
}
Result<bool> flag(const Message& m, const Field& f) {
  if (f.wire != Field::Wire::varint) return m.bad(fmt::format("field {} is not a number", f.number));
  return f.value != 0;
}
Result<std::int32_t> integer(const Message& m, const Field& f) {
  if (f.wire != Field::Wire::varint) return m.bad(fmt::format("field {} is not a number", f.number));
  // An int32 is sign-extended to 64 bits.
  auto value = static_cast<std::int64_t>(f.value);
  if (value < INT32_MIN || value > INT32_MAX) return m.bad(fmt::format("field {} does not fit 32 bits", f.number));
  return static_cast<std::int32_t>(value);
}

Result<SentencePieceModel::Piece> read_piece(std::string_view bytes, std::size_t offset) {
  SentencePieceModel::Piece piece;
  Message m(bytes, offset);
  while (!m.done()) {
    FH_TRY(Field f, m.next());
    if (f.number == 1) {
      FH_TRY(piece.text, text(m, f));
    } else if (f.number == 2) {
      if (f.wire != Field::Wire::fixed32) return m.bad("a score that is not 4 bytes");
      piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(f.value));
    } else if (f.number == 3) {
      FH_TRY(std::int32_t type, integer(m, f));
      if (type < 1 || type > 6) return m.bad(fmt::format("piece type {}", type));
      piece.type = static_cast<std::uint8_t>(type);
    }
  }
  return piece;
}

Result<> read_trainer(std::string_view bytes, std::size_t offset, SentencePieceModel& model) {
  Message m(bytes, offset);
  while (!m.done()) {
    FH_TRY(Field f, m.next());
    switch (f.number) {
      case 3: {
        FH_TRY(std::int32_t type, integer(m, f));
        if (type < 1 || type > 4) return m.bad(fmt::format("model type {}", type));
        model.type = static_cast<SentencePieceModel::Type>(type);
        break;
      }
      case 24: {
        FH_TRY(model.treat_whitespace_as_suffix, flag(m, f));
        break;
      }
      case 35: {
        FH_TRY(model.byte_fallback, flag(m, f));
        break;
      }
      case 40: {
        FH_TRY(model.unk_id, integer(m, f));
        break;
      }
      case 41: {
        FH_TRY(model.bos_id, integer(m, f));
        break;
      }
      case 42: {
        FH_TRY(model.eos_id, integer(m, f));
        break;
      }
      case 43: {
        FH_TRY(model.pad_id, integer(m, f));
        break;
      }
      default:
        break;
    }
  }
  return {};
}

Result<> read_normalizer(std::string_view bytes, std::size_t offset, SentencePieceModel& model) {
  Message m(bytes, offset);
  while (!m.done()) {
    FH_TRY(Field f, m.next());
    switch (f.number) {
      case 1: {
        FH_TRY(model.normalizer, text(m, f));
        break;
      }
      case 2: {
        FH_TRY(model.charsmap, text(m, f));
        break;
      }
      case 3: {
        FH_TRY(model.add_dummy_prefix, flag(m, f));
        break;
      }
      case 4: {
        FH_TRY(model.remove_extra_whitespaces, flag(m, f));
        break;
      }
      case 5: {
        FH_TRY(model.escape_whitespaces, flag(m, f));
        break;
      }
      default:
        break;
    }
  }
  return {};
}

Result<> read_denormalizer(std::string_view bytes, std::size_t offset, SentencePieceModel& model) {
  Message m(bytes, offset);
  while (!m.done()) {
    FH_TRY(Field f, m.next());
    if (f.number == 2) {
      FH_TRY(model.denormalizer_charsmap, text(m, f));
    }
  }
  return {};
}

}  // namespace

Result<SentencePieceModel> parse_sentencepiece_model(Bytes bytes) {
  SentencePieceModel model;
  Message m(as_text(bytes), 0);
  while (!m.done()) {
    FH_TRY(Field f, m.next());
    if (f.number < 1 || f.number > 5) continue;
    FH_TRY(std::string_view content, text(m, f));
    if (f.number == 1) {
      FH_TRY(auto piece, read_piece(content, f.offset));
      model.pieces.push_back(piece);
    } else if (f.number == 2) {
      FH_TRY_VOID(read_trainer(content, f.offset, model));
    } else if (f.number == 3) {
      FH_TRY_VOID(read_normalizer(content, f.offset, model));
    } else if (f.number == 5) {
      FH_TRY_VOID(read_denormalizer(content, f.offset, model));
    }
  }
  if (model.pieces.empty()) return fail(Errc::corrupt, "no pieces: this is no SentencePiece model");
  return model;
}

}  // namespace freehold::format
