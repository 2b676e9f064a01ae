// The survey that a mean needs.
#include "launch.h"
#include "survey.cuh"

namespace ckl {
namespace cuda {

cudaError_t launch_survey(const Task& task, cudaStream_t stream) {
  const int64_t rows_a_block = kSurveyThreads / task.width, rows = task.batch.rows.queries;
  const int64_t wanted = (rows + rows_a_block - 1) / rows_a_block;
  const unsigned blocks = unsigned(wanted < 1 ? 1 : wanted < kMostBlocks ? wanted : kMostBlocks);
  return launch(task.ordered ? survey<true> : survey<false>, {blocks, kSurveyThreads, 1, kReduceBytes}, task, stream);
}

}  // namespace cuda
}  // namespace ckl
