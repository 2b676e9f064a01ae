// The golden cases of test/fixtures.
#pragma once
#include <string>

#include "../cpp/batch.h"

namespace ckl {
namespace test {

struct GoldenCase {
  std::string id;
  OwnedBatch batch;  // one query
  PlanTerm term;
  double student_temperature = 1, teacher_temperature = 1;
  double loss = 0, loss_tolerance = 0;
  Numbers grad, grad_tolerance;
  bool counted = false;
};

const std::vector<GoldenCase>& golden_cases();

}  // namespace test
}  // namespace ckl
