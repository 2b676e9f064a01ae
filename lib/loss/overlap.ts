// Refuses outputs that share memory with another array: the addon would overwrite what it has yet to read.
import { type BatchArray, overlap } from './arrays.js';
import type { BatchView } from './batch.js';
import { CklRangeError } from '../errors.js';
import { byteOffsetOf } from './intrinsics.js';

interface Region {
  name: string;
  array: BatchArray;
}

/** Throws if an output overlaps an input or another output. The gradient may be written exactly over the student. */
export function checkOverlap(view: BatchView): void {
  const outputs = outputsOf(view);
  const inputs = inputsOf(view);
  outputs.forEach((output, i) => {
    for (const other of [...inputs, ...outputs.slice(i + 1)]) {
      if (!overlap(output.array, other.array)) continue;
      if (output.name === 'grad' && other.name === 'student' && inPlace(view)) continue;
      throw new CklRangeError(
        'ERR_CKL_OVERLAP',
        `${output.name} and ${other.name} share memory; an output needs memory of its own. ` +
          'Only grad may be the student array itself (same start, same type)',
      );
    }
  });
}

function inPlace(view: BatchView): boolean {
  return byteOffsetOf(view.grad!) === byteOffsetOf(view.student) && view.gradType === view.studentType;
}

function outputsOf(view: BatchView): Region[] {
  const regions: Region[] = [];
  add(regions, 'grad', view.grad);
  add(regions, 'perQuery', view.perQuery);
  add(regions, 'teacherGrad', view.teacherGrad);
  if (view.diagnostics !== null) {
    const [weight, ratio, entropy, separation, separationTop10] = view.diagnostics;
    add(regions, 'diagnostics.weight', weight);
    add(regions, 'diagnostics.ratio', ratio);
    add(regions, 'diagnostics.entropy', entropy);
    add(regions, 'diagnostics.separation', separation);
    add(regions, 'diagnostics.separationTop10', separationTop10);
  }
  return regions;
}

function inputsOf(view: BatchView): Region[] {
  const regions: Region[] = [];
  add(regions, 'student', view.student);
  add(regions, 'teacher', view.teacher);
  add(regions, 'labels', view.labels);
  add(regions, 'ranks', view.ranks);
  add(regions, 'beta', view.beta);
  add(regions, 'relevance', view.relevance);
  add(regions, 'weights', view.weights);
  add(regions, 'offsets', view.offsets);
  return regions;
}

function add(regions: Region[], name: string, array: BatchArray | null): void {
  if (array !== null) regions.push({ name, array });
}
