// The fast row kernels for batches of float32 scores.
#include "select.cuh"

namespace ckl {
namespace cuda {

RowKernel resident_float32(const TaskTerm& term, Kind kind, int elements) { return resident<4>(term, kind, elements); }

}  // namespace cuda
}  // namespace ckl
