// Getting one file from a server, whole and right, or an error: cut connections are taken up again where they ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "http/client.h"
#include "http/url.h"
#include "pull/part_file.h"

namespace freehold::pull {

// What a server said a file is. What it sends is held against it.
struct Wanted {
  http::Url url;
  std::string name;  // for messages: how its server calls it
  std::uint64_t size = 0;
  Digest digest;
};

struct FetchOptions {
  std::chrono::milliseconds retry{500};  // before the second attempt; doubled before each further one
  int attempts = 5;                      // one after the other without a new byte
  // Told how many bytes are there. False cancels.
  std::function<bool(std::uint64_t done)> progress;
  std::function<void(std::string)> note;  // what somebody should know although it goes on
};

// Fetches into `part` what is missing. Errors: corrupt (another digest or length than was said; the part is emptied),
// io (the server gave up, or the network: the part stays, the same call goes on), not_found, invalid (a key is
// missing), exhausted (the disk is full: the part stays), cancelled.
Result<PartFile::Whole> fetch(const http::Client& client, const Wanted& wanted, PartFile& part,
                              const FetchOptions& options);

// A small answer in memory. Errors: as above; corrupt beyond `limit` bytes.
Result<std::string> fetch_text(const http::Client& client, const http::Url& url, std::string_view name,
                               std::uint64_t limit, const http::Headers& headers = {});

}  // namespace freehold::pull
