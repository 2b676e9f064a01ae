// The numbers that the addon and TypeScript exchange: element types, statuses, arguments, places of scalars.

/** Element types as the addon numbers them. */
export const enum NativeType {
  float32 = 0,
  bfloat16 = 1,
  float16 = 2,
}

/** The result of a call to the addon: 0, or why nothing was computed. Mirrors src/core/status.h. */
export const enum NativeStatus {
  ok = 0,
  /** An argument has the wrong array type, or its memory is detached. */
  type = 1,
  /** An argument is shorter than the batch needs: value = its length, required = what is needed. */
  size = 2,
  /** A label other than 0, 1, 255. */
  label = 3,
  /** A rank below 1, or NaN. */
  rank = 4,
  /** gamma - beta below 1, or NaN; value = beta. */
  beta = 5,
  /** A query weight that is negative, NaN or infinite. */
  weight = 6,
  /** An offset that is negative, smaller than the one before, or past the end of the scores. */
  offset = 7,
  /** A relevance that is NaN or infinite. */
  relevance = 8,
  /** No memory for the scratch space; value = bytes asked for. */
  memory = 9,
  /** The abort flag was set while the job ran. */
  aborted = 10,
  /** A shape that cannot be addressed: queries, docs or stride negative or too large. */
  shape = 11,
  /** A CUDA call failed; value = CUDA's error code. */
  device = 12,
}

/** The argument an error is about. Mirrors src/core/status.h. */
export const enum NativeArgument {
  none = 0,
  student = 1,
  teacher = 2,
  labels = 3,
  offsets = 4,
  ranks = 5,
  beta = 6,
  relevance = 7,
  weights = 8,
  grad = 9,
  perQuery = 10,
  teacherGrad = 11,
  diagnosticWeight = 12,
  diagnosticRatio = 13,
  diagnosticEntropy = 14,
  diagnosticSeparation = 15,
  diagnosticSeparationTop10 = 16,
}

/**
 * The scalars of a call, a Float64Array of length 16 (of a staged run, the start of its buffer). Numbers are
 * passed in one array because every argument of a native call costs more than an addition.
 */
export const enum Scalar {
  /** Out: reduced loss (mean or sum; for reduction "none" the weighted sum). */
  loss = 0,
  /** Out: the number of counted queries. */
  counted = 1,
  /** In, for a staged run: the plan's id. */
  plan = 2,
  /** Out, on an error: the NativeArgument, the query, the document within the query, the value, the length required. */
  argument = 3,
  query = 4,
  document = 5,
  value = 6,
  required = 7,
  /** In, for a run: the layout (docs is ignored when there are offsets), and the NativeTypes. */
  queries = 8,
  docs = 9,
  stride = 10,
  studentType = 11,
  teacherType = 12,
  gradType = 13,
  /** In, for a staged run: bit k is set where the NativeArgument k is there; and the NativeRankType. */
  present = 14,
  rankType = 15,
}

/**
 * The numbers of a call on device memory, a Float64Array with which a DeviceLoss is created. The first places
 * are those of Scalar; from `student` on they are addresses, 0 if absent.
 */
export const enum DeviceScalar {
  queries = 8,
  docs = 9,
  stride = 10,
  studentType = 11,
  teacherType = 12,
  gradType = 13,
  /** A NativeRankType. */
  rankType = 14,
  /** With offsets in device memory: the maximum row length. */
  longest = 15,
  /** Elements of the arrays over documents. */
  elements = 16,
  stream = 17,
  /** 1: wait, and check all values as for host arrays. */
  check = 18,
  student = 19,
  teacher = 20,
  labels = 21,
  offsets = 22,
  ranks = 23,
  beta = 24,
  relevance = 25,
  weights = 26,
  grad = 27,
  perQuery = 28,
  teacherGrad = 29,
  /** weight, ratio, entropy, separation, separationTop10 */
  diagnostics = 30,
  /** Two float64: the loss, and the number of counted queries. */
  summary = 35,
  size = 36,
}

export const enum NativeRankType {
  none = 0,
  u8 = 1,
  u16 = 2,
  u32 = 3,
  i32 = 4,
  f32 = 5,
}

/** What an address is. */
export const enum NativeMemoryKind {
  unknown = 0,
  host = 1,
  device = 2,
  managed = 3,
}
