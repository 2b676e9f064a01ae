// Scoring: embeddings to scores and gradients, as a JavaScript object with its threads and scratch space.
#pragma once
#include <napi.h>

namespace ckl {
namespace addon {

void define_scoring(Napi::Env env, Napi::Object exports);

}  // namespace addon
}  // namespace ckl
