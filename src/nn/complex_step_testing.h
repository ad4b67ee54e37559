// Gradients by the complex step (Squire & Trapp 1998): f is written once over its number type; with x + ih e_k its
// imaginary part over h is the derivative along e_k, to the last bit of double, because nothing is subtracted.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "kernel/kernels.h"
#include "nn/context.h"

namespace freehold::nn {

using Complex = std::complex<double>;
using Complexes = std::vector<Complex>;

inline std::vector<float> draws(std::size_t n, std::uint64_t stream, double scale = 1) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(scale * (uniform_draw(11, stream, i) * 2 - 1));
  return out;
}

inline Complexes widen(std::span<const float> x) {
  return {x.begin(), x.end()};
}

// d(sum of dy * f) / dx for every element of x.
inline std::vector<double> complex_step(const std::function<Complexes(const Complexes&)>& f, std::span<const float> x,
                                        std::span<const float> dy) {
  constexpr double h = 1e-30;
  std::vector<double> out(x.size());
  Complexes at = widen(x);
  for (std::size_t k = 0; k < x.size(); ++k) {
    at[k] += Complex(0, h);
    const Complexes y = f(at);
    for (std::size_t i = 0; i < y.size(); ++i) out[k] += static_cast<double>(dy[i]) * y[i].imag() / h;
    at[k] = x[k];
  }
  return out;
}

// |got - wanted| <= tolerance * largest |wanted|
inline void expect_gradient(std::span<const float> got, std::span<const double> wanted, double tolerance,
                            const char* what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  double largest = 0;
  for (double w : wanted) largest = std::max(largest, std::fabs(w));
  EXPECT_GT(largest, 0) << what << ": a gradient of nothing shows nothing";
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(got[i]), wanted[i], tolerance * largest) << what << ", element " << i;
  }
}

// The levels of this machine, each with one and with three threads, must give the same bits.
inline void for_every_machine(const std::function<std::vector<float>(Context&)>& run, std::size_t workspace_bytes,
                              const std::function<void(const std::vector<float>&)>& judge) {
  std::vector<float> first;
  for (int l = 0; l <= static_cast<int>(kernel::detect_level()); ++l) {
    const auto level = static_cast<kernel::Level>(l);
    for (int threads : {1, 3}) {
      ThreadPool pool(threads);
      Workspace workspace(workspace_bytes);
      Context context{pool, kernel::table_up_to(level), workspace};
      const std::vector<float> got = run(context);
      if (first.empty()) {
        first = got;
        judge(got);
        continue;
      }
      ASSERT_EQ(first.size(), got.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(first[i], got[i]) << "level " << kernel::name_of(level) << ", " << threads << " threads, element "
                                    << i;
      }
    }
  }
}

}  // namespace freehold::nn
