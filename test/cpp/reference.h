// Every loss in double precision, one query at a time, straight from its definition: what the kernels are compared with.
#pragma once
#include <cstdint>
#include <vector>

#include "../../src/core/plan.h"

namespace ckl {
namespace test {

typedef std::vector<double> Numbers;

struct Query {
  Numbers student, teacher;
  std::vector<uint8_t> labels;
  Numbers ranks, beta, relevance;  // empty where there are none
  Numbers levels;                  // what orders the documents: relevance or teacher
  size_t size() const { return labels.size(); }
};

// Values, and what a float32 result may differ by: docs/losses.md, "Accuracy".
struct Bounded {
  double value = 0, tolerance = 0;
};

struct Expected {
  bool counted = false;
  bool overflows = false;  // the range of its scores is beyond float32: the loss may be infinite
  double pairs = 0;        // lambdaMrr: pairs of different relevance
  Bounded loss;
  std::vector<Bounded> grad, teacher_grad;  // by student and teacher score, temperature included
  std::vector<Bounded> weight, ratio;       // diagnostics; a ratio is NaN where p or q is 0
};

// One term of a plan, unweighted.
Expected expect(const Query& query, const PlanTerm& term, double student_temperature, double teacher_temperature);

// 1 + how many valid documents score higher; 0 for masked ones.
Numbers competition_ranks(const Numbers& scores, const std::vector<uint8_t>& labels);

struct Softmax {
  Numbers p, ln, rest;  // rest: 1 - p as the sum of the others, without cancellation
  explicit Softmax(const Numbers& scores);
};

// Sum of x over all but each element.
Numbers sums_of_others(const Numbers& x);

}  // namespace test
}  // namespace ckl
