// Prints two hashes of many results for each instruction set, of losses and of embeddings: the same for all that have FMA, on every machine.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "batch.h"
#include "embeddings.h"

namespace ckl {
namespace test {
namespace {

struct Hash {  // FNV-1a
  uint64_t value = 0xcbf29ce484222325;
  void add(uint64_t word) {
    for (int k = 0; k < 8; k++) value = (value ^ (word >> (8 * k) & 255)) * 0x100000001b3;
  }
  void add(const Floats& x) {
    for (float v : x) {
      uint32_t u = 0x7fc00000;  // every NaN is the same
      if (!std::isnan(v)) std::memcpy(&u, &v, 4);
      add(uint64_t(u));
    }
  }
  void add(double v) {
    uint64_t u = 0x7ff8000000000000;
    if (!std::isnan(v)) std::memcpy(&u, &v, 8);
    add(u);
  }
};

uint64_t hash_of_losses(const cpu::Target& target) {
  Hash hash;
  Random random(91);
  for (const PlanTerm& term : all_terms())
    for (int64_t docs = 1; docs <= 280; docs += docs < 20 ? 1 : 13) {
      OwnedBatch batch = batch_of_families(random, docs, 17);
      if (docs % 3 == 0) pad(random, batch, 0.2);
      if (docs % 4 == 0) batch.weights.assign(17, 0.75f);
      if (docs % 5 == 0) convert(batch, docs % 2 ? DType::float16 : DType::bfloat16);
      Plan plan = plan_of(term);
      if (docs % 3 == 1) plan.student_temperature = 0.7, plan.teacher_temperature = 3;
      Options options;
      options.teacher_grad = options.diagnostics = docs % 2 == 0;
      const Result r = run(batch, plan, target, options);
      for (const Floats* x : {&r.grad, &r.teacher_grad, &r.per_query, &r.weight, &r.ratio, &r.entropy}) hash.add(*x);
      hash.add(r.summary.loss);
    }
  return hash.value;
}

uint64_t hash_of_embeddings(const cpu::Target& target) {
  Hash hash;
  Random random(92);
  const auto add = [&](Embedded&& embedded) {
    const Scored r = score(embedded, target, 2);
    for (const Floats* x : {&r.scores, &r.query_grad, &r.document_grad}) hash.add(*x);
    hash.add(r.scale_grad);
  };
  for (const Form form : {Form::all, Form::lists, Form::candidates, Form::ragged})
    for (const bool cosine : {false, true})
      for (const int64_t dim : {1, 15, 64, 77, 801}) {
        add(make_embedded(random, form, 19, 45, dim, cosine));
        if (form == Form::ragged || dim > 100) continue;
        Embedded tokens = make_tokens(random, form, 7, 12, dim, 37, 45);
        tokens.pairs.cosine = cosine, tokens.pairs.mean = dim % 2 == 0;
        add(std::move(tokens));
      }
  return hash.value;
}

}  // namespace
}  // namespace test
}  // namespace ckl

int main() {
  for (const ckl::cpu::Target& target : ckl::cpu::targets())
    std::printf("%s %016llx %016llx\n", target.name, static_cast<unsigned long long>(ckl::test::hash_of_losses(target)),
                static_cast<unsigned long long>(ckl::test::hash_of_embeddings(target)));
}
