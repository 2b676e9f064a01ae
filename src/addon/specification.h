// NativePlanSpec of lib/native/native.ts as a Plan.
#pragma once
#include <napi.h>

#include <memory>

#include "../core/plan.h"

namespace ckl {
namespace addon {

// Throws a JavaScript error for what TypeScript should have refused.
std::shared_ptr<const Plan> read_plan(const Napi::Object& spec);

// Parameters again, after TypeScript has put them into words: the last line before arithmetic.
void require(Napi::Env env, bool good, const char* what);
double number(const Napi::Object& spec, const char* name);

}  // namespace addon
}  // namespace ckl
