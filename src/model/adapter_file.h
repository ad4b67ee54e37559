// An adapter on disk, whatever its format, for a base model.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "format/checkpoint.h"
#include "model/peft.h"
#include "model/spec.h"

namespace freehold::model {

enum class AdapterKind : std::uint8_t { none, peft, gguf };
// What a path holds, by what PEFT's folder must hold or the GGUF says of itself. Nothing is read beyond that.
AdapterKind adapter_kind(const std::filesystem::path& path);

// `base` and `spec` are of one model. Errors name the path: those of read_peft and read_gguf_adapter; not_found;
// invalid for what is no adapter.
Result<PeftAdapter> read_adapter(const std::filesystem::path& path, const format::Checkpoint& base, const Spec& spec);

// Whether an adapter is whole in itself, for whatever base: pairs complete, ranks as stated, all of one model's sizes,
// numbers finite. Errors as those of read_adapter.
Result<> check_alone(const std::filesystem::path& path);

}  // namespace freehold::model
