// What a user may write to say which model is to be fetched from where. Nothing is fetched from a place that was not
// named: a reference without an address is an error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/url.h"
#include "store/name.h"

namespace freehold::pull {

enum class Protocol {
  unknown,   // whichever the server speaks
  registry,  // Ollama's: /v2/NAME/manifests/TAG, /v2/NAME/blobs/DIGEST
  hub,       // Hugging Face's: /api/models/REPO/revision/REV, /REPO/resolve/REV/FILE
};

struct Reference {
  http::Url server;  // target "/"
  Protocol protocol = Protocol::unknown;
  std::string path;          // "library/llama3", "Org/Repo": 1 to 8 parts of [A-Za-z0-9._-]
  std::string tag;           // behind ':': a registry's tag, a hub's quantisation; may be empty
  std::string digest;        // behind '@', "sha256:…": a registry's manifest; may be empty
  std::string revision;      // of a hub; "main" unless said
  std::string file;          // of a hub: this file of the repository; may be empty
  std::string text() const;  // without the server: "library/llama3:8b"
};

// HOST/PATH[:TAG], https://HOST/PATH[:TAG], https://HOST/Org/Repo/resolve/REV/FILE (or blob/, tree/),
// Org/Repo@REV:QUANT. With `from`, an address, the model is fetched from there; a host that begins the reference is
// then only a name
// ("hf.co/Org/Repo"). Errors: Errc::invalid; without any address, naming how to give one.
Result<Reference> parse_reference(std::string_view text, std::string_view from = {});

// Whether a reference names its server itself: begins with a scheme, or with something that has a dot, a colon and
// digits, or "localhost".
bool names_server(std::string_view text);

// How the model is called in the store unless the user says otherwise: "llama3:8b", "org/repo:q4_k_m".
Result<store::ModelName> default_name(const Reference& reference);

}  // namespace freehold::pull
