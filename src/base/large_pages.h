// Files that are mapped, in large pages: every access to a page of 4 KiB costs a translation, and a core that reads
// weights of 4 GiB from such pages reads at half the speed that it has from pages of 2 MiB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/file.h"

namespace freehold {

// Of a mapped file's bytes, those that are mapped in pages of 2 MiB now; nothing: it cannot be told (/proc).
std::optional<std::uint64_t> bytes_in_large_pages(const MappedFile& file);

// A file that lies in the system's cache in small pages, as after it was written, is mapped in these. If its file
// system can do better, which is tried with a piece of it, the cache forgets the file, so that it is read anew, in
// large pages, by whoever reads it first. True: it is to be read anew. Advice only: content, and maps by others, stay
// as they are. Before the map is populated. `path`: of the same file.
bool make_room_for_large_pages(const MappedFile& file, const std::filesystem::path& path);

}  // namespace freehold
