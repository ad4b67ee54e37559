// Reads hyper-parameters from either dialect of metadata (GGUF keys, config.json keys) with ranges, and remembers which
// keys were understood, so that what nobody asked for is refused by name instead of being ignored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/checkpoint.h"

namespace freehold::model {

// The same hyper-parameter in both dialects; an empty name means that the dialect does not have it. The GGUF name is
// without the architecture's prefix.
struct Key {
  std::string_view gguf;
  std::string_view hf;
};

class Reader {
 public:
  Reader(const format::Checkpoint& checkpoint, std::string architecture);

  const format::Checkpoint& checkpoint() const { return checkpoint_; }
  bool is_gguf() const { return gguf_; }

  bool has(Key key) const;
  // Whole numbers and reals within [low, high]; NaN is never within. Without `otherwise` the key must be there.
  Result<std::uint32_t> count(Key key, std::uint32_t low, std::uint32_t high,
                              std::optional<std::uint32_t> otherwise = {});
  // The same, where a GGUF may also hold an array with a number for each of `layers` layers. Errc::unsupported if the
  // layers differ.
  Result<std::uint32_t> count_of_layers(Key key, std::uint32_t layers, std::uint32_t low, std::uint32_t high,
                                        std::optional<std::uint32_t> otherwise = {});
  Result<double> real(Key key, double low, double high, std::optional<double> otherwise = {});
  // The same, where null in config.json is said and means 0 (off): what is not there at all is `otherwise`.
  Result<double> real_or_off(Key key, double low, double high, double otherwise);
  Result<bool> flag(Key key, bool otherwise);
  Result<std::string> text(Key key, std::string_view otherwise);
  // A list of strings; empty if the key is absent.
  Result<std::vector<std::string_view>> texts(Key key);
  // The key may be there and says nothing that we need (or only one value of it is what we do anyway).
  void ignore(std::initializer_list<Key> keys);
  Result<> require_flag(Key key, bool value);

  // Errc::unsupported, naming the first key of the architecture (GGUF) or of config.json that nobody read or ignored.
  Result<> finish() const;

 private:
  std::string full(Key key) const;  // "" if this dialect has no such key
  const format::Value* look(Key key);
  Unexpected wrong(const std::string& key, std::string_view expected, const format::Value& found) const;

  const format::Checkpoint& checkpoint_;
  bool gguf_;
  std::string prefix_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace freehold::model
