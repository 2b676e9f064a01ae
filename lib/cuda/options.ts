// On which GPU and on which stream: options that most calls take.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { checkObject, checkOptionNames } from '../loss/options.js';
import type { Device } from './device.js';
import { checkStream, Stream } from './stream.js';

/** Where something is enqueued; default the device's own stream. */
export interface OnStream {
  stream?: Stream;
}

/** On which GPU; default the first. */
export interface OnDevice {
  device?: Device | number;
}

/** Refuses options that `call` does not take: one that is misspelled would leave the work where it was not meant to be. */
export function checkOptions(options: object, call: string, allowed: readonly string[]): void {
  if (options instanceof Stream) {
    throw new CklTypeError('ERR_CKL_OPTION', `options is ${describe(options)}; it must be { stream }`);
  }
  checkObject('options', options);
  checkOptionNames(call, options, allowed);
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
