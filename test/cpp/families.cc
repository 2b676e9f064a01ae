// Random batches: score families from ordinary to hostile, ragged rows, padding, half types; and the terms to run on them.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "batch.h"
#include "exact_half.h"

namespace ckl {
namespace test {

namespace {

Floats normals(Random& random, int64_t n, double scale = 1, double offset = 0) {
  Floats x;
  for (int64_t i = 0; i < n; i++) x.push_back(float(offset + scale * random.normal()));
  return x;
}

// Puts document k ahead of all others.
Floats lead(Floats x, int64_t k, float by) {
  x[size_t(k)] = *std::max_element(x.begin(), x.end()) + by;
  return x;
}

Floats rounded(Floats x) {
  for (float& v : x) v = std::round(v);
  return x;
}

Floats without(Floats x, int64_t k) {
  x[size_t(k)] = -INFINITY;
  return x;
}

struct Pair {
  Floats student, teacher;
};

Pair family(Random& random, int index, int64_t n) {
  const auto plain = [&](double scale = 1, double offset = 0) { return normals(random, n, scale, offset); };
  const int64_t any = random.below(n);
  if (n == 1 && index >= kPlainFamilies) index = 0;  // a lone document at -inf has no distribution
  switch (index) {
    case 0: return {plain(), plain()};
    case 1: return {plain(3), plain(3)};
    case 2: return {plain(8), plain(8)};
    case 3: return {lead(plain(), 0, 9), plain()};
    case 4: return {lead(plain(), any, 17), plain()};
    case 5: return {lead(plain(), n - 1, 40), plain()};
    case 6: return {plain(), lead(plain(), 0, 17)};
    case 7: return {lead(plain(), n / 2, 20), lead(plain(), n / 2, 20)};
    case 8: return {Floats(size_t(n), 0.3f), Floats(size_t(n), -2.0f)};
    case 9: return {rounded(plain(2)), plain()};
    case 10: {
      const Floats same = plain(3);
      return {same, same};
    }
    case 11: return {plain(1, 1e4), plain(1, -1e4)};
    case 12: return {plain(0.1, 0.7), plain(0.05, 0.8)};
    // Not for the fast passes: ranges beyond 87, and infinities.
    case 13: return {plain(100), plain(100)};
    case 14: return {plain(), without(plain(), any)};
    case 15: return {without(plain(), any), without(plain(), any)};
    case 16: return {without(plain(), any), plain()};
    default: return {plain(1e37), plain(1e37)};
  }
}

void label(Random& random, uint8_t* y, int64_t n, int kind) {
  const int64_t positives = kind == 0 ? 1 : kind == 1 ? std::max<int64_t>(1, n / 5) : std::max<int64_t>(1, n / 2);
  for (int64_t k = 0; k < positives; k++) y[random.below(n)] = 1;
}

void append(OwnedBatch& batch, Random& random, int index, int64_t n) {
  const Pair scores = family(random, index, n);
  batch.student.insert(batch.student.end(), scores.student.begin(), scores.student.end());
  batch.teacher.insert(batch.teacher.end(), scores.teacher.begin(), scores.teacher.end());
  batch.labels.resize(batch.student.size(), 0);
  label(random, batch.labels.data() + batch.labels.size() - size_t(n), n, index % 3);
}

}  // namespace

OwnedBatch batch_of_families(Random& random, int64_t docs, int families, int first) {
  OwnedBatch batch;
  batch.queries = families, batch.docs = batch.stride = docs;
  for (int k = 0; k < families; k++) append(batch, random, (first + k) % kFamilies, docs);
  return batch;
}

OwnedBatch ragged_batch(Random& random, int64_t queries, int64_t docs) {
  OwnedBatch batch;
  batch.queries = queries;
  // Elements before the first list belong to no query.
  batch.student.assign(3, NAN), batch.teacher.assign(3, NAN), batch.labels.assign(3, 7);
  batch.offsets.push_back(3);
  for (int64_t b = 0; b < queries; b++) {
    const int64_t n = random.below(docs + 1);
    if (n > 0) append(batch, random, int(b % kFamilies), n);
    batch.offsets.push_back(int32_t(batch.student.size()));
  }
  return batch;
}

void pad(Random& random, OwnedBatch& batch, double share) {
  const float garbage[] = {NAN, INFINITY, 1e30f, 0, -INFINITY};
  for (size_t i = 0; i < batch.labels.size(); i++) {
    if (random.uniform() >= share) continue;
    batch.labels[i] = 255;
    batch.student[i] = garbage[random.below(5)], batch.teacher[i] = garbage[random.below(5)];
  }
}

void convert(OwnedBatch& batch, DType type) {
  batch.type = type;
  for (Floats* x : {&batch.student, &batch.teacher})
    for (float& v : *x)
      v = type == DType::float16 ? float16_value(exact_float16(v)) : bfloat16_value(exact_bfloat16(v));
}

Plan plan_of(const PlanTerm& term, Reduction reduction) {
  Plan plan;
  plan.terms.push_back(term);
  plan.reduction = reduction;
  return plan;
}

std::vector<PlanTerm> all_terms() {
  const double gammas[][2] = {{1, 0},   {2, 0}, {3, 0}, {5, 0},     {2.5, 0}, {64, 0},
                              {100, 0}, {5, 1}, {5, 4}, {2.5, 1.5}, {70, 60}};
  const double detached[][2] = {{1, 0}, {5, 0}, {5, 4}, {2.5, 0}, {2.5, 1.5}};
  std::vector<PlanTerm> terms;
  for (const LossInfo& info : kLosses) {
    PlanTerm term;
    term.loss = info.id;
    const auto takes = [&](const char* name) { return std::strstr(info.parameters, name) != nullptr; };
    if (takes("gamma")) {
      for (const auto& g : gammas) term.gamma = g[0], term.alpha = g[1], terms.push_back(term);
      term.detach_weights = 1;
      for (const auto& g : detached) term.gamma = g[0], term.alpha = g[1], terms.push_back(term);
    } else if (takes("lambda")) {
      for (double lambda : {0.0, 0.1, 3.0}) term.lambda = lambda, terms.push_back(term);
      for (double weight : {0.0, 1.0, 1.5}) term.negative_weight = weight, terms.push_back(term);
    } else if (takes("nllWeight"))
      for (double weight : {0.0, 0.5}) term.nll_weight = weight, terms.push_back(term);
    else if (takes("beta"))
      for (double share : {0.001, 0.3, 0.5, 0.99}) term.mixture = share, terms.push_back(term);
    else if (takes("steepness"))
      for (double steepness : {1.0, 0.25, 4.0}) term.steepness = steepness, terms.push_back(term);
    else if (takes("mu"))
      for (double k : {1.0, 10.0, 1e6}) term.k = k, term.mu = k == 1 ? 0 : 10, terms.push_back(term);
    else terms.push_back(term);
  }
  return terms;
}

void each_weighted_sum(Random& random, const std::function<void(const OwnedBatch&, const Plan&, Options)>& visit) {
  const std::vector<PlanTerm> terms = all_terms();
  for (int round = 0; round < 60; round++) {
    Plan plan;
    for (int64_t k = 1 + random.below(4); k > 0; k--) {
      plan.terms.push_back(terms[size_t(random.below(int64_t(terms.size())))]);
      plan.terms.back().weight = random.uniform(-1, 2);
    }
    plan.reduction = round % 3 ? Reduction::mean : Reduction::sum;
    plan.pair_mean = round % 4 == 1 ? PairMean::batch : PairMean::query;
    plan.student_temperature = round % 5 ? 1 : 0.7;
    OwnedBatch batch = batch_of_families(random, 1 + random.below(round % 2 ? 40 : 150), kPlainFamilies);
    for (int64_t i = 0; i < 2 * batch.docs; i++) batch.labels[size_t(i)] = 0;
    if (round % 3 == 0) pad(random, batch, 0.2);
    if (round % 2)
      for (int64_t b = 0; b < batch.queries; b++) batch.weights.push_back(float(random.uniform(0, 2)));
    Options options;
    options.teacher_grad = plan.reads_teacher() && round % 2;
    options.diagnostics = round % 3 == 1;
    visit(batch, plan, options);
  }
}

std::string name_of(const PlanTerm& t) {
  std::string name = kLosses[int(t.loss)].name;
#define PARAMETER(title, field, usual, allowed) \
  if (t.field != usual) name += std::string(" " #title " ") + std::to_string(t.field);
#include "../../src/losses/parameters.def"
#undef PARAMETER
  return name;
}

}  // namespace test
}  // namespace ckl
