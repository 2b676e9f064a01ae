// The fast row kernels for batches with bfloat16 or float16 scores.
#include "select.cuh"

namespace ckl {
namespace cuda {

RowKernel resident_halves(const TaskTerm& term, Kind kind, int elements) { return resident<8>(term, kind, elements); }

}  // namespace cuda
}  // namespace ckl
