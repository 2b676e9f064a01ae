// Rejects outputs that share memory with another array: the addon would overwrite data that it has yet to
// read.
import { type BatchArray, overlap } from './arrays.js';
import type { BatchView } from './batch.js';
import { CklRangeError } from '../errors.js';
import { byteOffsetOf } from './intrinsics.js';
import { type Field, fields } from '../native/fields.js';

interface Region {
  field: Field;
  array: BatchArray;
}

/** Throws if an output overlaps an input or another output. The gradient may be written exactly over the student. */
export function checkOverlap(view: BatchView): void {
  const regions = regionsOf(view);
  const outputs = regions.filter(({ field }) => field.output);
  const inputs = regions.filter(({ field }) => !field.output);
  outputs.forEach((output, i) => {
    for (const other of [...inputs, ...outputs.slice(i + 1)]) {
      if (!overlap(output.array, other.array)) continue;
      if (output.array === view.grad && other.array === view.student && inPlace(view)) continue;
      throw new CklRangeError(
        'ERR_CKL_OVERLAP',
        `${output.field.name} and ${other.field.name} share memory; an output needs memory of its own. ` +
          'Only grad may be the student array itself (same start, same type)',
      );
    }
  });
}

function inPlace(view: BatchView): boolean {
  return byteOffsetOf(view.grad!) === byteOffsetOf(view.student) && view.gradType === view.studentType;
}

function regionsOf(view: BatchView): Region[] {
  const arrays: (BatchArray | null)[] = [
    ...[
      view.student,
      view.teacher,
      view.labels,
      view.offsets,
      view.ranks,
      view.beta,
      view.relevance,
      view.weights,
    ],
    ...[view.grad, view.perQuery, view.teacherGrad, ...(view.diagnostics ?? [])],
  ];
  return arrays.flatMap((array, k) => (array === null ? [] : [{ field: fields[k], array }]));
}
