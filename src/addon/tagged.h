// Tells the addon's own classes apart: every object carries a tag of its class, and only a tagged object is unwrapped.
#pragma once
#include <napi.h>

#include <string>

namespace ckl {
namespace addon {

// Base class of a class T that JavaScript can construct. T::kName is its name in errors.
template <class T>
class Tagged : public Napi::ObjectWrap<T> {
 public:
  explicit Tagged(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {
    info.This().As<Napi::Object>().TypeTag(&tag());
  }

  // The T behind an arbitrary value, or null if it is not a T. Runs no JavaScript.
  static T* find(napi_env env, napi_value value) {
    napi_valuetype type;
    bool tagged = false;
    void* found = nullptr;
    // The type is checked first because looking up a tag converts the value to an object, which throws for null.
    if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return nullptr;
    if (napi_check_object_type_tag(env, value, &tag(), &tagged) != napi_ok || !tagged) return nullptr;
    return napi_unwrap(env, value, &found) == napi_ok ? static_cast<T*>(found) : nullptr;
  }
  // The T that a method was called on. Node gives methods a signature, so V8 has already rejected foreign receivers;
  // accessors have no signature. Checking the tag would take a tenth of the time of a small batch.
  static T* receiver(napi_env env, napi_value self) {
    void* found = nullptr;
    return napi_unwrap(env, self, &found) == napi_ok ? static_cast<T*>(found) : nullptr;
  }
  // Replaces ObjectWrap's Unwrap, which methods and accessors call and which takes any wrapped object for a T.
  static T* Unwrap(Napi::Object object) {
    T* const found = find(object.Env(), object);
    if (!found) throw Napi::TypeError::New(object.Env(), std::string("a ") + T::kName + " is needed");
    return found;
  }

 private:
  // The address makes the tags unique to this copy of the addon: another copy in the process may be another version.
  static const napi_type_tag& tag() {
    static const char anchor = 0;
    static const napi_type_tag made = {0x636b6c2d6c6f7373, uint64_t(reinterpret_cast<uintptr_t>(&anchor))};
    return made;
  }
};

}  // namespace addon
}  // namespace ckl
