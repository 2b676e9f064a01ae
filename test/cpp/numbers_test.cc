// Elementary functions stay within their stated error on every instruction set; half types convert exactly as IEEE says.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "exact_half.h"
#include "probes.h"
#include "random.h"

namespace ckl {
namespace test {
namespace {

float from_pattern(uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
uint32_t pattern(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}

double error_in_ulp(float actual, double expected) {
  int exponent;
  std::frexp(expected, &exponent);
  return std::fabs(double(actual) - expected) / std::ldexp(1, std::max(exponent, -125) - 24);
}

// What docs/numerics.md states: the largest error in units of the last place, at 0 and how it grows with x.
struct Bound {
  double constant, slope;
};
struct Stated {
  const char* name;
  void (*Probe::*function)(const float*, float*, int64_t);
  double (*exact)(double);
  float from, to;
  Bound with_fma, without;
};
const Stated kStated[] = {
    {"exp_minus", &Probe::exp_minus, [](double x) { return std::exp(-x); }, 0, 87, {1.9, 1.0 / 28}, {1.9, 1}},
    {"exp_minus_in_range",
     &Probe::exp_minus_in_range,
     [](double x) { return std::exp(-x); },
     0,
     87,
     {1.9, 1.0 / 28},
     {1.9, 1}},
    {"ln", &Probe::ln, [](double x) { return std::log(x); }, 0x1p-126f, 3.4e38f, {0.9, 0}, {1.5, 0}},
    {"ln1p", &Probe::ln1p, [](double x) { return std::log1p(x); }, 0x1p-100f, 1e30f, {1.3, 0}, {2, 0}},
};

// Every 251st float of the range, so that all exponents and many mantissas are met.
TEST_CASE("numbers: errors of exp, ln and ln1p are those that docs/numerics.md states") {
  for (const Probe* probe : probes())
    for (const Stated& s : kStated) {
      const Bound bound = std::string(probe->name) == "probe_baseline" ? s.without : s.with_fma;
      double worst = 0;  // error over bound
      float x[16], y[16], at = 0;
      for (uint64_t u = pattern(s.from); u <= pattern(s.to); u += 251 * 16) {
        for (int j = 0; j < 16; j++)
          x[j] = from_pattern(uint32_t(std::min<uint64_t>(u + uint64_t(251 * j), pattern(s.to))));
        (probe->*s.function)(x, y, 16);
        for (int j = 0; j < 16; j++) {
          const double stated = bound.constant + bound.slope * double(x[j]);
          const double share = error_in_ulp(y[j], s.exact(x[j])) / stated;
          if (share > worst) worst = share, at = x[j];
        }
      }
      const std::string about = std::string(probe->name) + " " + s.name + ": " + std::to_string(worst) +
                                " of the stated error at " + std::to_string(at);
      CHECK_MESSAGE(worst <= 1, about);
      CHECK_MESSAGE(worst > 0.5, about);  // a statement far from the truth is no statement
    }
}

TEST_CASE("numbers: e^-x is exactly 1 at 0, 0 beyond 87, and never rises") {
  for (const Probe* probe : probes()) {
    const float x[16] = {0, -0.0f, 87, 87.00001f, 100, 1e30f, 3e38f, INFINITY, 0x1p-25f, 1e-20f};
    float y[16];
    probe->exp_minus(x, y, 16);
    CHECK(y[0] == 1);
    CHECK(y[1] == 1);
    CHECK(y[2] > 0);
    for (int j = 3; j < 8; j++) CHECK(y[j] == 0);
    CHECK(y[9] == 1);
    float in_range[16];
    probe->exp_minus_in_range(x, in_range, 16);
    for (int j : {0, 1, 2, 8, 9}) CHECK(pattern(in_range[j]) == pattern(y[j]));
  }
}

TEST_CASE("numbers: ln 1 is 0, ln1p of what is tiny is itself") {
  for (const Probe* probe : probes()) {
    const float x[16] = {1, 1, 0, 0x1p-60f, 1e-30f};
    float y[16];
    probe->ln(x, y, 16);
    CHECK(y[0] == 0);
    CHECK(y[2] < -87);  // at 0: finite
    CHECK(y[2] > -90);
    probe->ln1p(x, y, 16);
    CHECK(y[2] == 0);
    CHECK(y[3] == x[3]);
    CHECK(y[4] == x[4]);
  }
}

// NaN: any NaN will do, as long as it is quiet and has the sign.
bool same_half(uint16_t a, uint16_t b, int infinity) {
  const bool both_nan = (a & 0x7fff) > infinity && (b & 0x7fff) > infinity;
  return a == b || (both_nan && (a & 0x8000) == (b & 0x8000));
}

TEST_CASE("numbers: every float16 and bfloat16 widens to its value") {
  std::vector<uint16_t> halves(65536);
  for (size_t i = 0; i < halves.size(); i++) halves[i] = uint16_t(i);
  std::vector<float> out(halves.size());
  for (const Probe* probe : probes())
    for (DType type : {DType::float16, DType::bfloat16}) {
      const auto value = type == DType::float16 ? float16_value : bfloat16_value;
      for (int64_t shift : {0, 1, 5}) {  // whole vectors and the rest
        const int64_t n = 65536 - shift;
        probe->widen({reinterpret_cast<const char*>(halves.data() + shift), type}, out.data(), n);
        int64_t wrong = -1;
        for (int64_t i = 0; i < n; i++) {
          const float expected = value(uint16_t(i + shift));
          if (std::isnan(expected) ? !std::isnan(out[size_t(i)]) : pattern(out[size_t(i)]) != pattern(expected))
            wrong = i;
        }
        CHECK_MESSAGE(wrong == -1, std::to_string(wrong));
      }
    }
}

// Around every half: the value, halfway to the next, and the neighbouring floats of both; then random patterns.
std::vector<float> floats_to_narrow(float (*value)(uint16_t)) {
  std::vector<float> out;
  for (uint32_t h = 0; h < 65536; h++) {
    const float x = value(uint16_t(h)), next = value(uint16_t(h + 1));
    const float middle = std::isfinite(x) && std::isfinite(next) ? x + (next - x) / 2 : x;
    for (float f : {x, middle})
      for (int step : {-1, 0, 1}) out.push_back(std::isnan(f) ? f : from_pattern(pattern(f) + uint32_t(step)));
  }
  for (float f : {65504.0f, 65519.99f, 65520.0f, 3.38953139e38f, 3.4e38f, INFINITY, NAN})
    out.push_back(f), out.push_back(-f);
  Random random(21);
  for (int i = 0; i < 200000; i++) out.push_back(from_pattern(uint32_t(random.bits())));
  return out;
}

TEST_CASE("numbers: narrowing rounds to nearest even, with infinities, denormals and NaN, on every path") {
  for (DType type : {DType::float16, DType::bfloat16}) {
    const bool float16 = type == DType::float16;
    const std::vector<float> from = floats_to_narrow(float16 ? float16_value : bfloat16_value);
    std::vector<uint16_t> expected(from.size()), out(from.size());
    for (size_t i = 0; i < from.size(); i++) expected[i] = float16 ? exact_float16(from[i]) : exact_bfloat16(from[i]);
    for (const Probe* probe : probes()) {
      probe->narrow(from.data(), {reinterpret_cast<char*>(out.data()), type}, int64_t(from.size()));
      int64_t wrong = -1;
      for (size_t i = 0; i < from.size(); i++)
        if (!same_half(out[i], expected[i], float16 ? 0x7c00 : 0x7f80)) wrong = int64_t(i);
      const std::string about = wrong < 0 ? ""
                                          : std::string(probe->name) + " gives " + std::to_string(out[size_t(wrong)]) +
                                                " for " + std::to_string(from[size_t(wrong)]) + ", not " +
                                                std::to_string(expected[size_t(wrong)]);
      CHECK_MESSAGE(wrong == -1, about);
    }
  }
}

}  // namespace
}  // namespace test
}  // namespace ckl
