// Names the interface between the addon and lib/native: a binary that was compiled for another one is refused when it is loaded.
#pragma once

namespace ckl {
namespace addon {

// The same as in lib/native/interface.ts; test/js/native/interface.test.ts says when both change.
constexpr const char kInterface[] = "f2174cbf";

}  // namespace addon
}  // namespace ckl
