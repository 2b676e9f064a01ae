// Compiled once per instruction set, as CKL_PROBE.
#include "probe.h"

#include "isa_checks.h"
#include "../../src/cpu/math.h"

namespace ckl {
namespace {

void widen_all(Scores from, float* to, int64_t n) { widen(from, 0, to, n); }
void narrow_all(const float* from, MutableScores to, int64_t n) { narrow(from, to, 0, n); }

template <V (*function)(V)>
void map(const float* x, float* y, int64_t n) {
  const FlushDenormals flush;
  for (int64_t i = 0; i < n; i += kLanes) store(y + i, function(load(x + i)));
}
V call_exp_minus(V x) { return exp_minus(x); }
V call_exp_minus_in_range(V x) { return exp_minus_in_range(x); }
V call_ln(V x) { return ln(x); }
V call_ln1p(V x) { return ln1p(x); }

}  // namespace

namespace test {
#define CKL_TEXT2(x) #x
#define CKL_TEXT(x) CKL_TEXT2(x)
extern const Probe CKL_PROBE;
const Probe CKL_PROBE = {CKL_TEXT(CKL_PROBE),
                         widen_all,
                         narrow_all,
                         map<call_exp_minus>,
                         map<call_exp_minus_in_range>,
                         map<call_ln>,
                         map<call_ln1p>,
                         kIsaChecks,
                         sizeof kIsaChecks / sizeof *kIsaChecks};
}  // namespace test
}  // namespace ckl
