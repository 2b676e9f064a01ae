// Tables of word vectors, as a JavaScript object with the scratch space of its calls.
#pragma once
#include <napi.h>

namespace ckl {
namespace addon {

void define_tables(Napi::Env env, Napi::Object exports);

}  // namespace addon
}  // namespace ckl
