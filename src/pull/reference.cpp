#include "pull/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "base/utf8.h"

namespace freehold::pull {
namespace {

constexpr std::size_t kDeepestPath = 8;

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Of a path, a tag or a revision: never "..", never empty.
bool is_part(std::string_view part) {
  return !part.empty() && part.size() <= 100 && alphanumeric(part.front()) &&
         std::all_of(part.begin(), part.end(),
                     [](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t slash = text.find('/');
    out.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    text.remove_prefix(slash + 1);
  }
}

bool is_path(std::string_view path) {
  const auto parts = split(path);
  return parts.size() <= kDeepestPath && std::all_of(parts.begin(), parts.end(), is_part);
}

// A name of a file in a repository: parts that may hold anything printable, but lead nowhere else.
bool is_file(std::string_view file) {
  const auto parts = split(file);
  return file.size() <= 500 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return !part.empty() && part != "." && part != ".." &&
                  std::all_of(part.begin(), part.end(), [](char c) { return c > ' ' && c < 0x7F && c != '\\'; });
         });
}

bool is_host(std::string_view first) {
  return first == "localhost" || first.starts_with('[') || first.find('.') != std::string_view::npos ||
         first.find(':') != std::string_view::npos;
}

Unexpected wrong(std::string_view text, std::string_view why) {
  return fail(Errc::invalid, fmt::format("'{}' is no model that can be fetched: {}", printable(text, 200), why));
}

// "/Org/Repo/resolve/main/x.gguf", as one copies it from a browser. False: it is not of this kind.
bool parse_file_address(std::string_view path, Reference& out) {
  const auto parts = split(path);
  if (parts.size() < 4 || (parts[2] != "resolve" && parts[2] != "blob" && parts[2] != "tree")) return false;
  out.protocol = Protocol::hub;
  out.path = fmt::format("{}/{}", parts[0], parts[1]);
  out.revision = parts[3];
  out.file = fmt::format("{}", fmt::join(parts.begin() + 4, parts.end(), "/"));
  return true;
}

// PATH[@DIGEST or @REVISION][:TAG]
void parse_path(std::string_view rest, Reference& out) {
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    std::string_view pin = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (pin.starts_with("sha256:")) {
      out.protocol = Protocol::registry;
      out.digest = pin;
    } else {
      out.protocol = Protocol::hub;
      const std::size_t colon = pin.find(':');
      out.revision = pin.substr(0, colon);
      if (colon != std::string_view::npos) out.tag = pin.substr(colon + 1);
    }
  }
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  out.path = rest;
}

}  // namespace

std::string Reference::text() const {
  std::string out = path;
  if (!digest.empty()) return out + "@" + digest;
  if (protocol == Protocol::hub && revision != "main") out += "@" + revision;
  if (!tag.empty()) out += ":" + tag;
  if (!file.empty()) out += "/" + file;
  return out;
}

bool names_server(std::string_view text) {
  if (text.find("://") != std::string_view::npos) return true;
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_host(text.substr(0, slash));
}

Result<Reference> parse_reference(std::string_view text, std::string_view from) {
  Reference out;
  std::string_view rest = text;
  if (names_server(text)) {
    const bool scheme = text.find("://") != std::string_view::npos;
    auto server = http::parse_url(scheme ? std::string(text) : "https://" + std::string(text));
    if (!server) return Unexpected(std::move(server).error());
    out.server = *server;
    if (scheme) rest.remove_prefix(rest.find("://") + 3);
    rest = rest.find('/') == std::string_view::npos ? std::string_view() : rest.substr(rest.find('/') + 1);
    if (out.server.host == "hf.co" || out.server.host == "huggingface.co") out.protocol = Protocol::hub;
  } else if (from.empty()) {
    return fail(
        Errc::invalid,
        fmt::format("'{}' does not say from where it is to be fetched, and no server is asked unless it is named",
                    printable(text, 200)));
  }
  if (!from.empty()) {
    auto server = http::parse_url(from);
    if (!server) return Unexpected(std::move(server).error());
    if (server->target != "/") return wrong(from, "the address of a server has no path");
    out.server = std::move(*server);
  }
  out.server.target = "/";
  // An address that was copied from a browser may end so ("?download=true"); the name of a model does not.
  const std::string_view bare = rest.substr(0, rest.find_first_of("?#"));
  const bool file = parse_file_address(bare, out);
  if (file) rest = bare;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty()) return wrong(text, "it names no model");
  if (rest.ends_with(':')) return wrong(text, "what follows ':' is no tag");
  if (!file) parse_path(rest, out);
  if (!is_path(out.path)) return wrong(text, "a model is parts of letters, digits, '.', '_' and '-' joined by '/'");
  if (!out.tag.empty() && !is_part(out.tag)) return wrong(text, "what follows ':' is no tag");
  if (!out.digest.empty() && !Digest::parse(out.digest)) return wrong(text, "what follows '@' is no digest");
  if (!out.file.empty() && !is_file(out.file)) return wrong(text, "the file's name is none");
  if (out.revision.empty()) out.revision = "main";
  if (!is_path(out.revision)) return wrong(text, "the revision is none");
  return out;
}

Result<store::ModelName> default_name(const Reference& reference) {
  std::string name = reference.path;
  if (reference.protocol != Protocol::hub && name.starts_with("library/")) name = name.substr(8);
  if (!reference.tag.empty()) name += ":" + reference.tag;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return store::ModelName::parse_given(name);
}

}  // namespace freehold::pull
