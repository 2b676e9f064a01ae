// The shape of a launch for a class of rows: blocks, threads, shared memory.
#pragma once
#include "kernel_table.h"

namespace ckl {
namespace cuda {

// What a stretch of a row needs of shared memory in the fast kernel of this kind. two: as in stage.h.
StageLayout layout_of(const Task& task, TeamKind kind, bool two = false);

// What blocks with so much shared memory have room for. stays: whether the kernel for rows that stay in shared memory
// can be used.
Capacity capacity_of(const Task& task, int shared_bytes, bool stays);

// How many stretches of a row the fast kernel's blocks have to hold each, if a round of them takes `docs` documents.
int stretches_of(const Task& task, const RowClass& c, int docs);

// As many blocks as there is work for. Uses launch.width and launch.longest_here. two: as in stage.h, for fast teams.
Shape shape_of(const Task& task, const RowClass& c, bool two = false);

}  // namespace cuda
}  // namespace ckl
