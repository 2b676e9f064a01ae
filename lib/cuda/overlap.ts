// Refuses outputs that share memory with another tensor of the batch: a kernel would overwrite what it has yet to read.
import { CklRangeError } from '../errors.js';
import { DeviceScalar } from '../native/codes.js';
import { fields } from '../native/fields.js';
import type { DeviceTensor } from './tensor.js';

/** Names by place, from DeviceScalar.student on. */
export const places = [...fields.map(({ name }) => name), 'summary'];

function overlap(a: DeviceTensor, b: DeviceTensor): boolean {
  return (
    a.length > 0 &&
    b.length > 0 &&
    a.address < b.address + b.byteLength &&
    b.address < a.address + a.byteLength
  );
}

/** An output must have memory of its own; only the gradient may take the student's. */
export function checkOverlap(tensors: readonly (DeviceTensor | null)[]): void {
  for (let out = DeviceScalar.grad - DeviceScalar.student; out < tensors.length; out++) {
    const output = tensors[out];
    if (!output) continue;
    for (let other = 0; other < tensors.length; other++) {
      const found = tensors[other];
      if (!found || other === out || !overlap(output, found)) continue;
      const inPlace =
        out === DeviceScalar.grad - DeviceScalar.student &&
        other === 0 &&
        output.address === found.address &&
        output.dtype === found.dtype;
      if (inPlace) continue;
      throw new CklRangeError(
        'ERR_CKL_OVERLAP',
        `${places[out]} and ${places[other]} share memory; an output needs memory of its own. ` +
          'Only grad may be the student itself (same start, same type)',
      );
    }
  }
}

/** Refuses overlap, and looks no closer at a call that is like the one before. */
export class OverlapCheck {
  /** The numbers and the tensors' lengths that were last found good. */
  private readonly call = new Float64Array(DeviceScalar.size);
  private readonly lengths = new Float64Array(DeviceScalar.size - DeviceScalar.student);

  check(call: Float64Array, tensors: readonly (DeviceTensor | null)[]): void {
    if (!this.changed(call, tensors)) return;
    this.call[DeviceScalar.summary] = -1; // until it is found good: what was refused once is refused again
    checkOverlap(tensors);
    this.call[DeviceScalar.summary] = call[DeviceScalar.summary];
  }

  /** Whether a tensor lies elsewhere than at the last call, or has another length or type. */
  private changed(call: Float64Array, tensors: readonly (DeviceTensor | null)[]): boolean {
    let changed = false;
    for (let k = DeviceScalar.studentType; k < DeviceScalar.size; k++) {
      if (call[k] === this.call[k]) continue;
      changed = true;
      this.call[k] = call[k];
    }
    for (let k = 0; k < tensors.length; k++) {
      const length = tensors[k]?.length ?? 0;
      if (length === this.lengths[k]) continue;
      changed = true;
      this.lengths[k] = length;
    }
    return changed;
  }
}
