// NativePlanSpec of lib/native/native.ts as a Plan.
#pragma once
#include <napi.h>

#include <memory>

#include "../core/plan.h"

namespace ckl {
namespace addon {

// Throws a JavaScript error for anything that TypeScript should have rejected.
std::shared_ptr<const Plan> read_plan(const Napi::Object& spec);

// Checks the parameters again after TypeScript, as the last line of defence before they are used.
void require(Napi::Env env, bool good, const char* what);
double number(const Napi::Object& spec, const char* name);

}  // namespace addon
}  // namespace ckl
