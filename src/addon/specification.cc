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

}  // namespace

double number(const Napi::Object& spec, const char* name) { return spec.Get(name).ToNumber().DoubleValue(); }

void require(Napi::Env env, bool good, const char* what) {
  if (!good) throw Napi::RangeError::New(env, std::string("out of range: ") + what);
}

std::shared_ptr<const Plan> read_plan(const Napi::Object& spec) {
  const Napi::Env env = spec.Env();
  auto plan = std::make_shared<Plan>();
  const Napi::Array terms = spec.Get("terms").As<Napi::Array>();
  require(env, terms.Length() >= 1 && terms.Length() <= uint32_t(kMaxTerms), "terms (1 to 8)");
  for (uint32_t i = 0; i < terms.Length(); i++) {
    const Napi::Object t = terms.Get(i).As<Napi::Object>();
    PlanTerm term;
    term.loss = find_loss(env, t.Get("loss").ToString());
    term.weight = number(t, "weight");
    term.gamma = number(t, "gamma"), term.alpha = number(t, "alpha");
    term.lambda = number(t, "lambda"), term.nll_weight = number(t, "nllWeight");
    require(env, std::isfinite(term.weight), "weight");
    if (term.loss == LossId::ckl) {
      require(env, term.gamma >= 1 && std::isfinite(float(term.gamma)), "gamma");
      require(env, term.alpha >= 0 && term.alpha <= term.gamma - 1, "alpha");
    }
    if (term.loss == LossId::bkl) require(env, term.lambda >= 0 && std::isfinite(float(term.lambda)), "lambda");
    if (term.loss == LossId::klLogL)
      require(env, term.nll_weight >= 0 && std::isfinite(float(term.nll_weight)), "nllWeight");
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
