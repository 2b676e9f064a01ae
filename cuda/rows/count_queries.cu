// Launches the kernels that count the queries by which a mean divides.
#include "../launch/launch.h"
#include "count_queries.cuh"

namespace ckl {
namespace cuda {

namespace {

cudaError_t launch_over_queries(RowKernel kernel, const Task& task, cudaStream_t stream) {
  const int64_t rows_a_block = kCountThreads / task.launch.width, rows = task.batch.rows.queries;
  const int64_t wanted = (rows + rows_a_block - 1) / rows_a_block;
  const unsigned blocks = unsigned(wanted < 1 ? 1 : wanted < kMaxBlocks ? wanted : kMaxBlocks);
  return launch(kernel, {blocks, kCountThreads, 1, kReduceBytes}, task, stream);
}

}  // namespace

cudaError_t launch_count_queries(const Task& task, cudaStream_t stream) {
  return launch_over_queries(task.ordered ? count_ordered_queries : count_queries, task, stream);
}

cudaError_t launch_list_counts(const Task& task, cudaStream_t stream) {
  return launch_over_queries(task.ordered ? list_ordered_counts : list_counts, task, stream);
}

}  // namespace cuda
}  // namespace ckl
