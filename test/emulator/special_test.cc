// The promise holds under the worst that is stated of the special-function unit: ex2 and lg2 off by 2^-22, rcp by 2^-23, whole
// arguments among them.
#include <doctest/doctest.h>

#include "../cpp/batch.h"
#include "device.h"

namespace ckl {
namespace test {
namespace {

TEST_CASE("special: the fast kernels keep the promise however the special-function unit errs") {
  Random random(95);
  for (emulator::Error error : {emulator::Error::up, emulator::Error::down, emulator::Error::either}) {
    emulator::special_function_error = error;
    for (const PlanTerm& term : all_terms()) {
      if (kLosses[int(term.loss)].family == Family::pairwise) continue;
      for (int64_t docs : {1, 9, 50, 131, 1000, 1500}) {
        Plan plan = plan_of(term);
        if (docs == 50) plan.student_temperature = 0.7, plan.teacher_temperature = 3;
        const OwnedBatch batch = batch_of_families(random, docs, docs > 1000 ? 2 : kFamilies);
        const std::string found = Promise(batch, plan).fault(run(batch, plan, targets()[0]));
        const std::string about = name_of(term) + ", " + std::to_string(docs) + " documents, error of mode " +
                                  std::to_string(int(error)) + ": " + found;
        CHECK_MESSAGE(found.empty(), about);
      }
    }
  }
  emulator::special_function_error = emulator::Error::none;
}

}  // namespace
}  // namespace test
}  // namespace ckl
