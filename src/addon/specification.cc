#include "specification.h"

#include <cmath>

namespace ckl {
namespace addon {

namespace {

LossId find_loss(Napi::Env env, const std::string& name) {
  for (const LossInfo& info : kLosses)
    if (name == info.name) return info.id;
  throw Napi::TypeError::New(env, "no loss named '" + name + "'");
}

// Whether a space-separated list of names contains a name.
bool holds(const char* names, const std::string& name) {
  return (" " + std::string(names) + " ").find(" " + name + " ") != std::string::npos;
}

// Reads the parameters that the term's loss takes; the others keep their values.
void read_parameters(const Napi::Object& from, PlanTerm& term) {
  const char* taken = kLosses[int(term.loss)].parameters;
#define PARAMETER(name, field, usual, allowed)                        \
  if (holds(taken, #name)) {                                          \
    const double x = number(from, #name);                             \
    require(from.Env(), (allowed) && std::isfinite(float(x)), #name); \
    term.field = x;                                                   \
  }
#include "../losses/parameters.def"
#undef PARAMETER
}

}  // namespace

double number(const Napi::Object& spec, const char* name) { return spec.Get(name).ToNumber().DoubleValue(); }

void require(Napi::Env env, bool good, const char* what) {
  if (!good) throw Napi::RangeError::New(env, std::string("out of range: ") + what);
}

std::shared_ptr<const Plan> read_plan(const Napi::Object& spec) {
  const Napi::Env env = spec.Env();
  auto plan = std::make_shared<Plan>();
  const Napi::Array terms = spec.Get("terms").As<Napi::Array>();
  const uint32_t count = terms.Length();  // read once: a getter of a term may add more
  require(env, count >= 1 && count <= uint32_t(kMaxTerms), "terms (1 to 8)");
  for (uint32_t i = 0; i < count; i++) {
    const Napi::Object t = terms.Get(i).As<Napi::Object>();
    PlanTerm term;
    term.loss = find_loss(env, t.Get("loss").ToString());
    term.weight = number(t, "weight");
    require(env, std::isfinite(term.weight), "weight");
    read_parameters(t, term);
    if (term.loss == LossId::ckl) require(env, term.alpha <= term.gamma - 1, "alpha");
    plan->terms.push_back(term);
  }
  plan->student_temperature = number(spec, "studentTemperature");
  plan->teacher_temperature = number(spec, "teacherTemperature");
  require(env, plan->student_temperature > 0 && std::isfinite(plan->student_temperature), "studentTemperature");
  require(env, plan->teacher_temperature > 0 && std::isfinite(plan->teacher_temperature), "teacherTemperature");
  const std::string reduction = spec.Get("reduction").ToString();
  plan->reduction = reduction == "mean" ? Reduction::mean : reduction == "sum" ? Reduction::sum : Reduction::none;
  plan->pair_mean = std::string(spec.Get("pairMean").ToString()) == "batch" ? PairMean::batch : PairMean::query;
  plan->grad_scale = number(spec, "gradScale");
  require(env, std::isfinite(plan->grad_scale), "gradScale");
  return plan;
}

}  // namespace addon
}  // namespace ckl
