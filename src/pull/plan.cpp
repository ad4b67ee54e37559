#include "pull/plan.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "format/json.h"
#include "pull/hub.h"
#include "pull/registry.h"

namespace freehold::pull {
namespace {

// Of files that are held in memory because only their SHA-1 is known; larger ones are kept by Git LFS.
constexpr std::uint64_t kMaxSmallFile = std::uint64_t{64} << 20;

http::Url at(const Reference& reference, std::string_view path) {
  http::Url url = reference.server;
  url.target = http::percent_encode_path(path);
  return url;
}

// SHA-1 of "blob <size>\0<content>", as Git names contents.
std::string git_sha1(std::string_view content) {
  const std::string head = fmt::format("blob {}", content.size());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha1(), nullptr);
  EVP_DigestUpdate(context, head.c_str(), head.size() + 1);
  EVP_DigestUpdate(context, content.data(), content.size());
  EVP_DigestFinal_ex(context, digest.data(), &size);
  EVP_MD_CTX_free(context);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

// Text from a registry becomes a part of our own files: it must be UTF-8.
Result<std::string> text_layer(const http::Client& client, const Reference& reference, const Layer& layer) {
  const http::Url url = at(reference, fmt::format("/v2/{}/blobs/{}", reference.path, layer.digest.name()));
  FH_TRY(std::string text, fetch_text(client, url, layer.digest.name(), kMaxTextLayer));
  if (text.size() != layer.size || sha256(text) != layer.digest) {
    return fail(Errc::corrupt,
                fmt::format("{} ({}) arrived as {} of {} bytes, not {}", layer.digest.name(),
                            printable(layer.media_type, 100), sha256(text).name(), text.size(), layer.size));
  }
  if (!is_utf8(text)) return fail(Errc::corrupt, fmt::format("{} is no text", printable(layer.media_type, 100)));
  return text;
}

Result<> expect_json(const std::string& text, bool object, std::string_view what) {
  auto parsed = format::parse_json(text);
  if (!parsed) return in_context(std::move(parsed).error(), what);
  if (object ? parsed->is_object() : parsed->is_array()) return {};
  return fail(Errc::corrupt, fmt::format("{}: expected {}", what, object ? "an object" : "an array"));
}

Result<> add_layer(const http::Client& client, const Layer& layer, Plan& plan) {
  const auto text = [&] { return text_layer(client, plan.reference, layer); };
  const auto leave_out = [&](std::string_view why) {
    plan.notes.push_back(
        fmt::format("left out: {} of {} bytes ({})", printable(layer.media_type, 100), layer.size, why));
    return Result<>();
  };
  switch (layer.kind) {
    case LayerKind::model: {
      Wanted wanted;
      wanted.url = at(plan.reference, fmt::format("/v2/{}/blobs/{}", plan.reference.path, layer.digest.name()));
      wanted.name = layer.digest.name();
      wanted.size = layer.size;
      wanted.digest = layer.digest;
      plan.files.push_back({std::move(wanted), "model.gguf", true, {}});
      break;
    }
    case LayerKind::system: {
      FH_TRY(plan.defaults.system, text());
      break;
    }
    case LayerKind::parameters: {
      FH_TRY(plan.defaults.parameters, text());
      FH_TRY_VOID(expect_json(plan.defaults.parameters, true, "its parameters"));
      break;
    }
    case LayerKind::messages: {
      FH_TRY(plan.defaults.messages, text());
      FH_TRY_VOID(expect_json(plan.defaults.messages, false, "its messages"));
      break;
    }
    case LayerKind::chat_template: {
      FH_TRY(plan.receipt.chat_template, text());
      plan.notes.emplace_back(
          "its template is in Ollama's own language: it is kept, and the one in the model's file is used");
      break;
    }
    case LayerKind::licence: {
      FH_TRY(std::string licence, text());
      if (plan.receipt.licence.size() + licence.size() >= kMaxTextLayer) {
        return fail(Errc::corrupt, "its licences are too large");
      }
      plan.receipt.licence += (plan.receipt.licence.empty() ? "" : "\n") + licence;
      break;
    }
    case LayerKind::projector:
      return leave_out("images are not read by this version");
    default:
      return leave_out("this version does not know what it is");
  }
  plan.receipt.parts.push_back({layer.media_type, layer.size, layer.digest, "sha256"});
  return {};
}

Result<PlannedFile> planned(const http::Client& client, const Reference& reference, const ChosenFile& chosen,
                            Plan& plan) {
  const HubFile& file = chosen.file;
  PlannedFile out;
  out.stored = chosen.stored;
  out.weights = chosen.weights;
  out.wanted.url = at(reference, fmt::format("/{}/resolve/{}/{}", reference.path, reference.revision, file.name));
  out.wanted.name = file.name;
  std::string_view checked = "sha256";
  if (file.sha256 && file.size) {
    out.wanted.size = *file.size;
    out.wanted.digest = *file.sha256;
  } else if (chosen.weights) {
    return fail(Errc::unsupported, fmt::format("the server states no SHA-256 of {}: nothing would tell a damaged file "
                                               "from a right one",
                                               printable(file.name, 200)));
  } else {
    FH_TRY(std::string content, fetch_text(client, out.wanted.url, file.name, kMaxSmallFile));
    if (file.size && *file.size != content.size()) {
      return fail(Errc::corrupt, fmt::format("{} arrived with {} bytes, not {}", printable(file.name, 200),
                                             content.size(), *file.size));
    }
    checked = file.git_sha1.empty() ? "" : "git-sha1";
    if (!file.git_sha1.empty() && git_sha1(content) != file.git_sha1) {
      return fail(Errc::corrupt, fmt::format("{} arrived with the Git digest {}, not {}", printable(file.name, 200),
                                             git_sha1(content), file.git_sha1));
    }
    if (checked.empty()) {
      plan.notes.push_back(fmt::format("the server states no digest of {}: it is taken as it came ({})",
                                       printable(file.name, 200), sha256(content).name()));
    }
    out.wanted.size = content.size();
    out.wanted.digest = sha256(content);
    out.content = std::move(content);
  }
  plan.receipt.parts.push_back({printable(file.name, 500), out.wanted.size, out.wanted.digest, std::string(checked)});
  return out;
}

}  // namespace

Result<Plan> plan_from_registry(const http::Client& client, const Reference& asked) {
  Plan plan;
  plan.reference = asked;
  Reference& reference = plan.reference;
  reference.protocol = Protocol::registry;
  if (reference.path.find('/') == std::string::npos) reference.path.insert(0, "library/");
  if (reference.tag.empty()) reference.tag = "latest";
  http::Headers headers;
  headers.add("Accept",
              "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json");
  const std::string& version = reference.digest.empty() ? reference.tag : reference.digest;
  auto manifest = fetch_text(client, at(reference, fmt::format("/v2/{}/manifests/{}", reference.path, version)),
                             reference.text(), kMaxManifestBytes, headers);
  if (!manifest) return in_context(std::move(manifest).error(), "manifest");
  const Digest digest = sha256(*manifest);
  if (!reference.digest.empty() && digest.name() != reference.digest) {
    return fail(Errc::corrupt, fmt::format("manifest: it is {}, not {}", digest.name(), reference.digest));
  }
  auto layers = parse_registry_manifest(*manifest);
  if (!layers) return in_context(std::move(layers).error(), "manifest");
  plan.receipt.address = reference.server.origin();
  plan.receipt.reference = reference.text();
  plan.receipt.version = digest.name();
  for (const Layer& layer : *layers) {
    auto added = add_layer(client, layer, plan);
    if (!added) return in_context(std::move(added).error(), "manifest");
  }
  return plan;
}

Result<Plan> plan_from_hub(const http::Client& client, const Reference& asked) {
  Plan plan;
  plan.reference = asked;
  Reference& reference = plan.reference;
  reference.protocol = Protocol::hub;
  http::Url url = at(reference, fmt::format("/api/models/{}/revision/{}", reference.path, reference.revision));
  url.target += "?blobs=true";
  auto json = fetch_text(client, url, reference.text(), kMaxListingBytes);
  if (!json) return in_context(std::move(json).error(), "list of files");
  auto listing = parse_hub_listing(*json);
  if (!listing) return in_context(std::move(listing).error(), "list of files");
  // "latest" is what clients of registries say when they say nothing.
  auto chosen = choose(*listing, reference.tag == "latest" ? "" : reference.tag, reference.file);
  if (!chosen) return in_context(std::move(chosen).error(), reference.path);
  plan.kind = chosen->kind;
  plan.receipt.address = reference.server.origin();
  plan.receipt.reference = reference.text();
  plan.receipt.version = listing->commit;
  for (const ChosenFile& file : chosen->files) {
    FH_TRY(PlannedFile next, planned(client, reference, file, plan));
    plan.files.push_back(std::move(next));
  }
  return plan;
}

Result<Plan> make_plan(const http::Client& client, const Reference& reference) {
  if (reference.protocol == Protocol::registry) return plan_from_registry(client, reference);
  if (reference.protocol == Protocol::hub) return plan_from_hub(client, reference);
  auto plan = plan_from_registry(client, reference);
  const bool could_be_hub = std::count(reference.path.begin(), reference.path.end(), '/') == 1;
  if (plan || plan.error().code != Errc::not_found || !could_be_hub) return plan;
  auto other = plan_from_hub(client, reference);
  // If it is neither's, what the registry said is as good.
  if (!other && other.error().code == Errc::not_found && other.error().what.starts_with("list of files")) return plan;
  return other;
}

}  // namespace freehold::pull
