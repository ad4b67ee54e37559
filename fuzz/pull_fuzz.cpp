// What servers of models say, from hostile bytes: manifests, lists of files, addresses, references.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/url.h"
#include "pull/hub.h"
#include "pull/reference.h"
#include "pull/registry.h"

using namespace freehold;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)pull::parse_registry_manifest(text);
  if (const auto listing = pull::parse_hub_listing(text)) {
    for (const char* quantisation : {"", "Q8_0", "safetensors"}) {
      const auto choice = pull::choose(*listing, quantisation, "");
      if (!choice) continue;
      for (const auto& file : choice->files) {
        if (!store::plain_file_name(file.stored)) std::abort();  // it will be a file's name
      }
    }
  }
  if (const auto url = http::parse_url(text); url && http::parse_url(url->text()) != *url) std::abort();
  if (const auto reference = pull::parse_reference(text, "https://h")) (void)pull::default_name(*reference);
  return 0;
}
