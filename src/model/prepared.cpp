#include "model/prepared.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <new>

#include "base/aligned.h"
#include "base/checked.h"
#include "base/large_pages.h"
#include "base/utf8.h"
#include "kernel/panel.h"
#include "model/weights.h"

namespace freehold::model {
namespace {

// All integers little-endian, as on every machine this runs on.
constexpr std::array<char, 8> kMagic = {'F', 'H', 'P', 'A', 'N', 'E', 'L', 'S'};
constexpr std::uint64_t kAlign = 64;
constexpr std::uint64_t kMostEntries = 1 << 20;

struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t layout;
  std::uint32_t entries;
  std::uint64_t file_bytes;
  std::array<std::uint64_t, 5> reserved;  // zero
};
static_assert(sizeof(FileHeader) == 64);

struct FileEntry {
  std::uint64_t offset, bytes, rows, columns;
  std::uint32_t type;  // GGUF's number of the element type
  std::uint32_t reserved;
};
static_assert(sizeof(FileEntry) == 40);

std::uint64_t aligned(std::uint64_t n) {
  return (n + kAlign - 1) / kAlign * kAlign;
}

std::vector<FileEntry> layout_of(const std::vector<const tensor::View*>& views, std::uint64_t& end) {
  std::vector<FileEntry> entries;
  end = aligned(sizeof(FileHeader) + views.size() * sizeof(FileEntry));
  for (const tensor::View* view : views) {
    const std::uint64_t bytes = nn::Linear::prepared_bytes(*view);
    entries.push_back({end, bytes, view->rows(), view->row_elems(), static_cast<std::uint32_t>(view->type), 0});
    end = aligned(end + bytes);
  }
  return entries;
}

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}

}  // namespace

std::uint64_t prepared_file_bytes(const Plan& plan) {
  std::uint64_t end = 0;
  layout_of(linear_views(plan), end);
  return end;
}

Result<> write_prepared(const Plan& plan, ThreadPool& pool, const std::function<Result<>(Bytes)>& sink,
                        const std::function<bool(std::uint64_t done, std::uint64_t total)>& progress) {
  FH_TRY_VOID(check_embedding(pool, *plan.layout.embedding));
  const auto views = linear_views(plan);
  std::uint64_t end = 0;
  const auto entries = layout_of(views, end);
  const FileHeader header{kMagic, kernel::kPanelLayout, static_cast<std::uint32_t>(entries.size()), end, {}};
  FH_TRY_VOID(sink(bytes_of(header)));
  FH_TRY_VOID(sink(std::as_bytes(std::span(entries))));
  std::uint64_t at = sizeof header + entries.size() * sizeof(FileEntry);
  constexpr std::array<std::byte, kAlign> kZeros{};
  for (std::size_t i = 0; i < views.size(); ++i) {
    FH_TRY_VOID(sink(Bytes(kZeros).first(entries[i].offset - at)));
    try {
      AlignedBuffer<std::byte> panels(entries[i].bytes);
      FH_TRY_VOID(nn::Linear::prepare(pool, *views[i], panels.span()).map([](auto&&) {}));
      FH_TRY_VOID(sink(panels.span()));
    } catch (const std::bad_alloc&) {
      return fail(Errc::exhausted,
                  fmt::format("prepare '{}': no memory for {} bytes", printable(views[i]->name), entries[i].bytes));
    }
    at = entries[i].offset + entries[i].bytes;
    if (progress && !progress(at, end)) return fail(Errc::cancelled, "preparing was cancelled");
  }
  return sink(Bytes(kZeros).first(end - at));
}

Result<std::shared_ptr<const PreparedFile>> PreparedFile::open(const std::filesystem::path& path) {
  auto out = std::make_shared<PreparedFile>();
  FH_TRY(out->file_, MappedFile::open(path));
  const Bytes all = out->file_.bytes();
  FileHeader header;
  if (all.size() < sizeof header) return fail(Errc::corrupt, "prepared panels: the header is cut off");
  std::memcpy(&header, all.data(), sizeof header);
  if (header.magic != kMagic) return fail(Errc::corrupt, "prepared panels: the file does not begin with FHPANELS");
  if (header.layout != kernel::kPanelLayout) {
    return fail(Errc::unsupported,
                fmt::format("prepared panels: layout {}, this Freehold reads {}", header.layout, kernel::kPanelLayout));
  }
  if (header.file_bytes != all.size()) {
    return fail(Errc::corrupt, fmt::format("prepared panels: {} bytes instead of {}", all.size(), header.file_bytes));
  }
  if (header.entries == 0 || header.entries > kMostEntries ||
      header.entries > (all.size() - sizeof header) / sizeof(FileEntry)) {
    return fail(Errc::corrupt, fmt::format("prepared panels: a table of {} entries does not fit", header.entries));
  }
  std::uint64_t before = sizeof header + header.entries * sizeof(FileEntry);
  for (std::uint32_t i = 0; i < header.entries; ++i) {
    FileEntry e;
    std::memcpy(&e, all.data() + sizeof header + i * sizeof e, sizeof e);
    const auto end = add_ok(e.offset, e.bytes);
    if (e.offset % kAlign != 0 || e.offset < before || !end || *end > all.size()) {
      return fail(Errc::corrupt, fmt::format("prepared panels, entry {}: offset {} + {} bytes lies outside its place",
                                             i, e.offset, e.bytes));
    }
    before = *end;
    out->entries_.push_back({e.offset, e.bytes, e.rows, e.columns, e.type});
  }
  out->path_ = path;
  return std::shared_ptr<const PreparedFile>(std::move(out));
}

Result<> PreparedFile::matches(const Plan& plan) const {
  const auto views = linear_views(plan);
  if (views.size() != entries_.size()) {
    return fail(Errc::corrupt,
                fmt::format("prepared panels: {} matrices, the model has {}", entries_.size(), views.size()));
  }
  for (std::size_t i = 0; i < views.size(); ++i) {
    const Entry& e = entries_[i];
    const tensor::View& v = *views[i];
    if (e.type == static_cast<std::uint32_t>(v.type) && e.rows == v.rows() && e.columns == v.row_elems() &&
        e.bytes == nn::Linear::prepared_bytes(v)) {
      continue;
    }
    return fail(Errc::corrupt,
                fmt::format("prepared panels, entry {}: not what tensor '{}' needs", i, printable(v.name)));
  }
  return {};
}

std::span<const std::byte> PreparedFile::panels(std::size_t i) const {
  return file_.bytes().subspan(entries_[i].offset, entries_[i].bytes);
}

void PreparedFile::settle() const {
  make_room_for_large_pages(file_, path_);
}

void PreparedFile::populate(ThreadPool& pool, std::size_t i) const {
  constexpr std::size_t kPiece = std::size_t{8} << 20;
  const Entry& e = entries_[i];
  pool.parallel_for((e.bytes + kPiece - 1) / kPiece, 1, [&](std::size_t begin, std::size_t end, int) {
    file_.populate(e.offset + begin * kPiece, std::min((end - begin) * kPiece, e.bytes - begin * kPiece));
  });
}

}  // namespace freehold::model
