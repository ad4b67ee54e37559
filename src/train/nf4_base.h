// The frozen base of QLoRA (`load_in_4bit`): every linear layer of the blocks as NF4 with double quantisation, whatever
// float type the checkpoint has; embedding, output matrix and norms stay as they are, as bitsandbytes leaves them.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/thread_pool.h"
#include "format/checkpoint.h"
#include "model/model.h"

namespace freehold::train {

// Layers that are NF4 already keep their bytes. Errors: those of Model::load; Errc::unsupported, naming the tensor, for
// one of another quantised type (it would lose twice) and for rows that are no whole blocks of 64.
Result<std::shared_ptr<const model::Model>> load_as_nf4(std::shared_ptr<const format::Checkpoint> checkpoint,
                                                        ThreadPool& pool, const model::Progress& progress = {});

}  // namespace freehold::train
