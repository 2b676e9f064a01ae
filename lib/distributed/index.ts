// ckl-loss/distributed: groups of processes and of threads, for losses whose queries or documents are spread over them.
export type { Communicator, ReduceOperation } from '../communicator.js';
export { findMpi, type FoundMpi, mpi, type MpiCommunicator, type MpiOptions } from './mpi.js';
export { findNccl, type FoundNccl, nccl, NcclCommunicator, type NcclOptions } from './nccl.js';
export type { NcclFile } from './nccl-id.js';
export { joinThreads, type ThreadOptions, threads, type ThreadSeat } from './threads.js';
