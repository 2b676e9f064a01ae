// ckl-loss/cuda: losses on data in the memory of an NVIDIA GPU. Nothing is copied, and nothing waits unless requested.
export type { Gatherer } from '../communicator.js';
export type { CudaArray, CudaArrayInterface } from './array-interface.js';
export type { DeviceArray, DeviceBatch } from './snapshot.js';
export { Device, devices, Stream } from './device.js';
export type { DeviceDtype, DtypeOf, HostArray, HostArrays } from './dtype.js';
export { DeviceGraph } from './graph.js';
export { allocateHost, type PinnedArray } from './host-memory.js';
export type { OnDevice, OnStream } from './options.js';
export { DeviceLoss } from './device-loss.js';
export type { GraphTensors } from './replace.js';
export { type DeviceOptions, prepare } from './loss.js';
export { type DeviceDiagnostics, DeviceLossResult, type LossValue } from './result.js';
export type { TensorShape } from './shape.js';
export { DeviceTensor } from './tensor.js';
