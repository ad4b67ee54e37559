// Hugging Face-style servers: a repository's untrusted list of files to typed values, and the choice of those that make
// up a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "store/manifest.h"

namespace freehold::pull {

struct HubFile {
  std::string name;  // with folders: "Q4_K_M/x-00001-of-00002.gguf"; visible ASCII, no "..", no leading '/'
  std::optional<std::uint64_t> size;
  std::optional<Digest> sha256;  // of files kept by Git LFS
  std::string git_sha1;          // of others, 40 hexadecimal digits; may be empty
};

struct HubListing {
  std::string commit;  // 40 hexadecimal digits; may be empty
  std::vector<HubFile> files;
};

inline constexpr std::uint64_t kMaxListingBytes = std::uint64_t{32} << 20;

// GET /api/models/REPO/revision/REV?blobs=true. Files whose names nobody could want are left out. Errors: corrupt.
Result<HubListing> parse_hub_listing(std::string_view json);

// A file of the model, and what it is called in the store.
struct ChosenFile {
  HubFile file;
  std::string stored;
  bool weights = false;
};
struct Choice {
  store::Kind kind = store::Kind::gguf;
  std::vector<ChosenFile> files;
};

// `quantisation` is a part of a GGUF's name ("Q4_K_M", in either case) or "safetensors"; empty if there is only one
// choice. `file`, if not empty, is the one wanted (of a split GGUF, its first part). Errors: not_found and invalid,
// naming what there is to choose from; corrupt: a part of a split one is missing.
Result<Choice> choose(const HubListing& listing, std::string_view quantisation, std::string_view file);

}  // namespace freehold::pull
