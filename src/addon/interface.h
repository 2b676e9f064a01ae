// The version of the interface between the addon and lib/native: loading a binary compiled for another version is an error.
#pragma once

namespace ckl {
namespace addon {

// Must equal the value in lib/native/interface.ts; test/js/native/interface.test.ts fails when both have to change.
constexpr const char kInterface[] = "f2174cbf";

}  // namespace addon
}  // namespace ckl
