// The kernels that do any plan and any row, and the survey that a mean needs.
#include "launch.h"
#include "careful_rows.cuh"
#include "survey.cuh"

namespace ckl {
namespace cuda {

RowKernel careful(Kind kind) { return kind == Kind::lanes ? careful_lanes : careful_team; }

cudaError_t compiled_capability(int& capability) {
  cudaFuncAttributes attributes = {};
  const cudaError_t error = cudaFuncGetAttributes(&attributes, careful_team);
  capability = attributes.ptxVersion;
  return error;
}

cudaError_t launch_survey(const Task& task, cudaStream_t stream) {
  const int64_t rows_a_block = kSurveyThreads / task.width, rows = task.batch.rows.queries;
  const int64_t wanted = (rows + rows_a_block - 1) / rows_a_block;
  const unsigned blocks = unsigned(wanted < 1 ? 1 : wanted < kMostBlocks ? wanted : kMostBlocks);
  return launch(survey, {blocks, kSurveyThreads, 1, kReduceBytes}, task, stream);
}

}  // namespace cuda
}  // namespace ckl
