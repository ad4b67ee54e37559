// exp, log, sin and cos in double, in our own arithmetic: a C library's last bit differs between versions, ours does
// not. Errors are below 2 units in the last place (mathd_test.cpp); for tables and sampling, not for inner loops.
#pragma once

namespace freehold::mathd {

double exp(double x);
double log(double x);  // x > 0; 0 gives -infinity, negative or NaN gives NaN
// |x| up to 2^30 or so; beyond, the reduction loses digits. Infinities give NaN.
double sin(double x);
double cos(double x);
inline double pow(double base, double exponent) {
  return exp(exponent * log(base));
}  // base > 0; about |exponent * log(base)| ulp

}  // namespace freehold::mathd
