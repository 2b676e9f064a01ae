// Objects of the addon's own classes, told apart: each carries a tag of its class, and nothing else is unwrapped as one.
#pragma once
#include <napi.h>

#include <string>

namespace ckl {
namespace addon {

// Base of a class T that JavaScript makes objects of. T::kName is its name in errors.
template <class T>
class Tagged : public Napi::ObjectWrap<T> {
 public:
  explicit Tagged(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {
    info.This().As<Napi::Object>().TypeTag(&tag());
  }

  // The T of a value that may be anything; null if it has none. Runs no JavaScript.
  static T* find(napi_env env, napi_value value) {
    napi_valuetype type;
    bool tagged = false;
    void* found = nullptr;
    // Asked first: a tag is looked up on what the value is as an object, and for null that is an error thrown.
    if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return nullptr;
    if (napi_check_object_type_tag(env, value, &tag(), &tagged) != napi_ok || !tagged) return nullptr;
    return napi_unwrap(env, value, &found) == napi_ok ? static_cast<T*>(found) : nullptr;
  }
  // The T that a method was called on. Node gives methods a signature, by which V8 has refused what this class did not make;
  // accessors have none, and looking at a tag costs a tenth of a small batch.
  static T* receiver(napi_env env, napi_value self) {
    void* found = nullptr;
    return napi_unwrap(env, self, &found) == napi_ok ? static_cast<T*>(found) : nullptr;
  }
  // In place of ObjectWrap's, which methods and accessors call and which takes any wrapped object for a T.
  static T* Unwrap(Napi::Object object) {
    T* const found = find(object.Env(), object);
    if (!found) throw Napi::TypeError::New(object.Env(), std::string("a ") + T::kName + " is needed");
    return found;
  }

 private:
  // By its address another copy of the addon in this process has other tags: it may be another version.
  static const napi_type_tag& tag() {
    static const char anchor = 0;
    static const napi_type_tag made = {0x636b6c2d6c6f7373, uint64_t(reinterpret_cast<uintptr_t>(&anchor))};
    return made;
  }
};

}  // namespace addon
}  // namespace ckl
