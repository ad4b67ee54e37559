// Vocabularies of any size for synthetic models: byte tokens, then pieces of one to four letters in a fixed order, so
// that any text tokenizes and every id is used by some text or marked as special. Nothing in them comes from a real
// model but the names of control tokens, which chat templates expect.
#pragma once

#include "format/metadata.h"
#include "store/synth/shapes.h"

namespace freehold::store {

// Adds tokenizer.ggml.* and a chat template for exactly shape.V tokens (at least 400).
void add_vocabulary(const Shape& shape, format::Metadata& metadata);

}  // namespace freehold::store
