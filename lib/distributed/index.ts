// ckl-loss/distributed: groups of processes and of threads, for losses whose queries or documents are spread over them.
export type { Communicator, ReduceOperation } from '../communicator.js';
export { findMpi, type FoundMpi, mpi, type MpiCommunicator, type MpiOptions } from './mpi.js';
export { joinThreads, type ThreadOptions, threads, type ThreadSeat } from './threads.js';
