// On which GPU and on which stream: options that most calls take.
import { checkOptions, checkStream, type Device, type Stream } from './device.js';

/** Where something is enqueued; default the device's own stream. */
export interface OnStream {
  stream?: Stream;
}

/** On which GPU; default the first. */
export interface OnDevice {
  device?: Device | number;
}

const onlyStream = ['stream'];

/** The stream that the options of `call` name; default the device's own. */
export function streamOf(options: OnStream | undefined, device: Device, call: string): Stream {
  if (options === undefined) return device.stream;
  checkOptions(options, call, onlyStream);
  const { stream } = options;
  if (stream === undefined) return device.stream;
  checkStream(stream, device, 'stream');
  return stream;
}
