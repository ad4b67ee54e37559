#include "pull/fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/utf8.h"

namespace freehold::pull {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLongestWait{8000};

// Whether the same request may well be answered later.
bool is_passing(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

// What a status other than success means for whoever asked.
Error refusal(const http::Answered& answered, std::string_view name) {
  const std::string who = answered.url.origin();
  const std::string what = printable(name, 200);
  switch (answered.status) {
    case 401:
    case 403:
      return {Errc::invalid,
              fmt::format("{} does not give {} to everybody (status {}): a token may be needed, or it is "
                          "not allowed to this one",
                          who, what, answered.status)};
    case 404:
    case 410:
      return {Errc::not_found, fmt::format("{} has no {} (status {})", who, what, answered.status)};
    default:
      return {is_passing(answered.status) ? Errc::io : Errc::unsupported,
              fmt::format("{} answers {} to the request for {}", who, answered.status, what)};
  }
}

struct Range {
  std::uint64_t first = 0, last = 0, total = 0;
};

// "bytes 5-9/10"
std::optional<Range> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return {};
  text.remove_prefix(kUnit.size());
  Range out;
  std::uint64_t* const into[] = {&out.first, &out.last, &out.total};
  constexpr std::string_view kAfter[] = {"-", "/", ""};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *into[i]);
    if (error != std::errc()) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with(kAfter[i]) || (i == 2 && !text.empty())) return {};
    text.remove_prefix(kAfter[i].size());
  }
  return out;
}

// Puts one answer into the part.
class Filling : public http::Receiver {
 public:
  Filling(const Wanted& wanted, PartFile& part, const FetchOptions& options)
      : wanted_(wanted), part_(part), options_(options) {}

  Result<bool> head(const http::Answered& answered) override {
    const std::uint64_t have = part_.size();
    if (answered.status == 206 && have > 0) {
      const auto range = parse_content_range(answered.headers.get("content-range"));
      if (!range || range->first != have) {
        return fail(Errc::corrupt, fmt::format("{} sends another part of {} than was asked for", answered.url.origin(),
                                               printable(wanted_.name, 200)));
      }
      FH_TRY_VOID(expect_size(answered, range->total));
    } else if (answered.status == 200) {
      if (have > 0) {
        if (options_.note) options_.note("the server does not take up what was begun: starting again");
        FH_TRY_VOID(part_.restart());
      }
      if (answered.length) FH_TRY_VOID(expect_size(answered, *answered.length));
    } else if (answered.status == 416 || answered.status == 206) {
      FH_TRY_VOID(part_.restart());
      return fail(Errc::io, fmt::format("{} has less of {} than had been said", answered.url.origin(),
                                        printable(wanted_.name, 200)));
    } else {
      return tl::unexpected(refusal(answered, wanted_.name));
    }
    return true;
  }

  Result<> body(Bytes piece) override {
    if (piece.size() > wanted_.size - part_.size()) return wrong_size("more");
    if (auto written = part_.append(piece); !written) {
      own_disk_ = true;
      return written;
    }
    if (options_.progress && !options_.progress(part_.size())) return fail(Errc::cancelled, "cancelled");
    return {};
  }

  bool own_disk() const { return own_disk_; }

 private:
  Unexpected wrong_size(std::string_view how) const {
    return fail(Errc::corrupt, fmt::format("{}: the server sends {} than the {} bytes that it had said",
                                           printable(wanted_.name, 200), how, wanted_.size));
  }
  Result<> expect_size(const http::Answered& answered, std::uint64_t size) const {
    if (size == wanted_.size) return {};
    return fail(Errc::corrupt, fmt::format("{} says that {} has {} bytes, where {} had been said",
                                           answered.url.origin(), printable(wanted_.name, 200), size, wanted_.size));
  }
  const Wanted& wanted_;
  PartFile& part_;
  const FetchOptions& options_;
  bool own_disk_ = false;
};

// In small steps, so that one can be told to stop.
Result<> wait(std::chrono::milliseconds time, std::uint64_t have, const FetchOptions& options) {
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    if (options.progress && !options.progress(have)) return fail(Errc::cancelled, "cancelled");
    std::this_thread::sleep_for(std::min(time, std::chrono::milliseconds(50)));
  }
  return {};
}

// One request. True: everything is there. False: there is reason to ask again, which `trouble` names.
Result<bool> attempt(const http::Client& client, const Wanted& wanted, PartFile& part, const FetchOptions& options,
                     std::string& trouble) {
  http::Headers headers;
  if (part.size() > 0) headers.add("Range", fmt::format("bytes={}-", part.size()));
  Filling filling(wanted, part, options);
  auto answered = client.get(wanted.url, headers, filling);
  if (answered && part.size() == wanted.size) return true;
  if (answered) {
    trouble = fmt::format("{} sent {} of {} bytes", wanted.url.origin(), part.size(), wanted.size);
    return false;
  }
  if (answered.error().code != Errc::io || filling.own_disk()) return Unexpected(std::move(answered).error());
  trouble = std::move(answered).error().what;
  return false;
}

}  // namespace

Result<PartFile::Whole> fetch(const http::Client& client, const Wanted& wanted, PartFile& part,
                              const FetchOptions& options) {
  FH_TRY_VOID(part.resume(wanted.size, [&](std::uint64_t done) -> Result<> {
    if (options.progress && !options.progress(done)) return fail(Errc::cancelled, "cancelled");
    return {};
  }));
  bool taken_up = part.size() > 0;
  std::uint64_t furthest = part.size();
  std::string trouble;
  auto pause = options.retry;
  for (int fruitless = 0; fruitless < options.attempts;) {
    bool whole = part.size() == wanted.size;
    if (!whole) {
      FH_TRY(whole, attempt(client, wanted, part, options, trouble));
    }
    if (whole) {
      FH_TRY(PartFile::Whole out, part.finish());
      if (out.digest == wanted.digest) return out;
      FH_TRY_VOID(part.restart());
      const std::string what = fmt::format("{} is {}, not {} as had been said", printable(wanted.name, 200),
                                           out.digest.name(), wanted.digest.name());
      if (!taken_up) return fail(Errc::corrupt, what);
      // Perhaps what was there before is wrong: the disk may have lost it, or the server have changed its file.
      if (options.note) options.note(what + ": fetching all of it again");
      taken_up = false;
      furthest = 0;
      continue;
    }
    fruitless = part.size() > furthest ? 0 : fruitless + 1;
    if (fruitless == 0) pause = options.retry;
    furthest = std::max(furthest, part.size());
    if (fruitless == options.attempts) break;
    FH_TRY_VOID(wait(pause, part.size(), options));
    pause = std::min(2 * pause, kLongestWait);
  }
  return fail(Errc::io,
              fmt::format("{} (the {}th time without progress; {} of {} bytes are kept, the same command goes on)",
                          trouble, options.attempts, part.size(), wanted.size));
}

Result<std::string> fetch_text(const http::Client& client, const http::Url& url, std::string_view name,
                               std::uint64_t limit, const http::Headers& headers) {
  auto response = client.get(url, headers, limit);
  if (!response) return Unexpected(std::move(response).error());
  if (response->status == 200) return std::move(response->body);
  http::Answered answered;
  answered.status = response->status;
  answered.url = url;
  return tl::unexpected(refusal(answered, name));
}

}  // namespace freehold::pull
