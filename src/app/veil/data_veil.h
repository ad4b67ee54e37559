// The policy's rules for what a model learns from (where: training), done to the rows of data sets: strings are
// changed, each beside its member's name, before anything is made of a row.
#pragma once

#include <string>

#include "app/veil/veil.h"
#include "base/result.h"
#include "train/dataset.h"

namespace freehold::app {

// One thread, one reading of the data. Without rules no row is looked at.
class DataVeil {
 public:
  DataVeil() = default;
  explicit DataVeil(guard::Treatments treatments) : veil_(guard::Way::training, treatments) {}

  // For load_dataset; borrows this. Empty if there is nothing to do.
  train::RowChange change();
  // After all was read. Errc::invalid if there is something that no model may learn here: kinds and counts, no value.
  Result<> check() const;
  const Veil& veil() const { return veil_; }
  // The same for the same rules: a run hangs on them. Empty if there are none.
  std::string identity() const;

 private:
  Veil veil_;
};

// A row with what the rules want done to it.
format::Value veiled_row(Veil& veil, const format::Value& row);

}  // namespace freehold::app
