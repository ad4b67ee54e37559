// How long a user waits for the first token, and how much memory that takes: measured in a process of its own, because
// nothing else says what a start costs.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "app/bench.h"
#include "app/bench_child.h"
#include "app/peaks_crew.h"
#include "base/utf8.h"
#include "format/json.h"
#include "model/kv_cache.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kPrompt = 16;
constexpr std::uint32_t kContext = 4096;
constexpr double kMiB = 1024.0 * 1024.0;
const double kProcessBegin = wall_seconds();  // before main(): what follows is this program's own time

double status_bytes(std::string_view key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtod(line.c_str() + key.size(), nullptr) * 1024;
  }
  return 0;
}

BenchLine one(std::string benchmark, std::string unit, double value) {
  BenchLine line = line_of(std::move(benchmark), std::move(unit), Samples{{value}});
  line.smaller_is_better = true;
  return line;
}

// Asks the kernel to forget a file's pages (a folder's files'), and says which share of them it kept all the same.
Result<double> drop_pages(const fs::path& path) {
  std::vector<fs::path> files;
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    for (fs::directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec)) {
      if (it->is_regular_file()) files.push_back(it->path());
    }
  } else {
    files.push_back(path);
  }
  double kept = 0, all = 0;
  for (const fs::path& file : files) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(Errc::io, fmt::format("{} cannot be opened", printable(file.string())));
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    const std::uintmax_t size = fs::file_size(file, ec);
    void* map = ec || size == 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    if (map == MAP_FAILED) continue;
    std::vector<unsigned char> pages((size + 4095) / 4096);
    if (::mincore(map, size, pages.data()) == 0) {
      kept += static_cast<double>(std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return p & 1; }));
      all += static_cast<double>(pages.size());
    }
    ::munmap(map, size);
  }
  return all > 0 ? kept / all : 0;
}

// What a copy of this program measured: benchmark -> median.
Result<std::map<std::string, double>> measured_by_copy(const Bench& bench, const std::string& path,
                                                       std::string_view suite) {
  std::vector<std::string> words = {"bench", path, "--json", "--suite", std::string(suite)};
  words.insert(words.end(), {"--threads", std::to_string(bench.threads)});
  FH_TRY(const std::string text, run_self(words));
  std::map<std::string, double> out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    FH_TRY(format::Value line, format::parse_json(rest.substr(0, end)));
    const auto* name = line.member("benchmark");
    const auto* median = line.member("median");
    if (name != nullptr && median != nullptr) {
      out[std::string(name->as_string().value_or(""))] = median->as_f64().value_or(0);
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return out;
}

}  // namespace

Result<> bench_start(const Bench& bench, bool fill) {
  FH_TRY(CheckedModel checked, open_and_check(bench.arguments.text("MODEL"), bench.console));
  const std::uint32_t context = std::min(kContext, checked.plan.spec.context);
  FH_TRY(const Loaded loaded, load(std::move(checked), bench.arguments, bench.console, context));
  FH_TRY(auto model, ModelBench::create(bench, loaded, context, 1));
  FH_TRY_VOID(model->fill(std::min(kPrompt, context)));
  const double first_token = wall_seconds() - kProcessBegin;
  bench.report.line(one("load", "s", loaded.load_seconds));
  bench.report.line(one("first-token", "s", first_token));
  if (fill) FH_TRY_VOID(model->fill(context));
  // The file's own pages are the page cache's, shared and reclaimable: what counts is what comes on top.
  const auto file = static_cast<double>(loaded.opened.checkpoint->total_bytes());
  const double peak = status_bytes("VmHWM:"), of_files = status_bytes("RssFile:");
  const double beyond = peak - std::min(of_files, file);
  const auto cache = static_cast<double>(model::KvLayout(loaded.spec, loaded.cache).bytes_needed(context, 1, kChunk));
  std::vector<BenchLine> lines = {one("memory-peak", "MiB", peak / kMiB),
                                  one("memory-anonymous", "MiB", status_bytes("RssAnon:") / kMiB),
                                  one("memory-beyond-file", "MiB", beyond / kMiB)};
  if (fill) {
    lines.push_back(one("memory-kv-cache", "MiB", cache / kMiB));
    lines.push_back(one("memory-overhead", "% file", 100 * (beyond - cache) / file));
  }
  for (BenchLine& line : lines) {
    if (fill) line.detail = {{"context", std::to_string(context)}};
    bench.report.line(line);
  }
  return {};
}

Result<> bench_starts(const Bench& bench, const std::string& model, const std::string& files, bool memory) {
  for (const bool cold : {true, false}) {
    Samples loads, tokens;
    double beyond = 0;
    for (int i = 0; i < std::min(bench.repeat, 3) + (cold ? 0 : 1); ++i) {
      bench.report.progress(cold ? "starting cold" : "starting warm");
      FH_TRY_VOID(check_interrupt());
      if (cold) {
        FH_TRY(const double kept, drop_pages(files));
        if (kept > 0.05) {
          bench.report.note(fmt::format("note: not quite cold: {:.0f} % of the file stayed in memory", kept * 100));
        }
      }
      FH_TRY(auto values, measured_by_copy(bench, model, "start"));
      if (!cold && i == 0) continue;
      loads.values.push_back(values["load"]);
      tokens.values.push_back(values["first-token"]);
      beyond = values["memory-beyond-file"];
    }
    for (auto& [name, samples] : {std::pair("load", &loads), std::pair("first-token", &tokens)}) {
      BenchLine line = line_of(name, "s", *samples);
      line.smaller_is_better = true;
      line.detail = {{"cache", cold ? "cold" : "warm"}};
      bench.report.line(line);
    }
    if (!cold) bench.report.line(one("memory-at-first-token", "MiB", beyond));
  }
  if (!memory) return {};
  bench.report.progress("filling the context");
  FH_TRY(auto values, measured_by_copy(bench, model, "memory"));
  for (const auto& [name, value] : values) {
    if (!name.starts_with("memory-")) continue;
    BenchLine line = one(name, name == "memory-overhead" ? "% file" : "MiB", value);
    line.detail = {{"context", std::to_string(kContext)}};
    bench.report.line(line);
  }
  return {};
}

}  // namespace freehold::app
