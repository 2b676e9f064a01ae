// The golden cases through the public API, on every instruction set of this machine: alone and inside a ragged batch.
import { describe, expect, it } from 'vitest';
import { backends } from '../../../lib/index';
import { fault, type GoldenCase } from '../../../lib/lab/cli/doctor/golden';
import { goldenCases } from './golden';
import { expectSameBits, lossNames, lossOf } from './helpers';

const { targets } = backends().cpu;

function batchOf(c: GoldenCase) {
  return {
    student: Float32Array.from(c.student),
    teacher: Float32Array.from(c.teacher),
    labels: Uint8Array.from(c.labels),
    shape: [1, c.student.length] as [number, number],
    ...(c.ranks ? { ranks: Uint16Array.from(c.ranks) } : {}),
    ...(c.beta ? { beta: Float32Array.from(c.beta) } : {}),
    ...(c.relevance ? { relevance: Float32Array.from(c.relevance) } : {}),
  };
}

function runAlone(c: GoldenCase, cpuTarget: string) {
  return lossOf(c.loss)(batchOf(c), { ...c.options, cpuTarget });
}

/** Cases that can share a batch: same loss, options and kinds of input. */
function groups(loss: string): GoldenCase[][] {
  const byKind = new Map<string, GoldenCase[]>();
  for (const c of goldenCases.filter((c) => c.loss === loss)) {
    const kind = JSON.stringify([c.options, !c.ranks, !c.beta, !c.relevance]);
    byKind.set(kind, [...(byKind.get(kind) ?? []), c]);
  }
  return [...byKind.values()];
}

function join(cases: GoldenCase[]) {
  const batches = cases.map(batchOf);
  const offsets = Int32Array.from([0, ...cases.map((c) => c.student.length)]);
  for (let b = 1; b < offsets.length; b++) offsets[b] += offsets[b - 1];
  const glue = <T extends 'student' | 'teacher' | 'beta' | 'relevance'>(name: T) =>
    batches[0][name] && Float32Array.from(batches.flatMap((batch) => Array.from(batch[name]!)));
  return {
    offsets,
    student: glue('student')!,
    teacher: glue('teacher')!,
    labels: Uint8Array.from(batches.flatMap((batch) => Array.from(batch.labels))),
    ...(batches[0].ranks
      ? { ranks: Uint16Array.from(batches.flatMap((batch) => Array.from(batch.ranks!))) }
      : {}),
    ...(batches[0].beta ? { beta: glue('beta') } : {}),
    ...(batches[0].relevance ? { relevance: glue('relevance') } : {}),
  };
}

describe.each(targets)('golden cases on %s', (cpuTarget) => {
  it.each(lossNames)('%s is within the tolerance of every case', (loss) => {
    const cases = goldenCases.filter((c) => c.loss === loss);
    expect(cases.length).toBeGreaterThan(50);
    const faults = cases.map((c) => {
      const { loss: value, grad, counted } = runAlone(c, cpuTarget);
      return `${c.id} (${c.family}): ${fault({ loss: value, grad, counted: counted === 1 }, c.expected)}`;
    });
    expect(faults.filter((text) => !text.endsWith(': '))).toEqual([]);
  });

  it.each(lossNames)('%s gives the same bits in a ragged batch as alone', (loss) => {
    for (const cases of groups(loss)) {
      const joined = join(cases);
      const { grad, perQuery } = lossOf(loss)(joined, { ...cases[0].options, cpuTarget, reduction: 'none' });
      cases.forEach((c, b) => {
        const alone = runAlone(c, cpuTarget);
        expectSameBits(perQuery.slice(b, b + 1), alone.perQuery, `${c.id} perQuery`);
        expectSameBits(grad.slice(joined.offsets[b], joined.offsets[b + 1]), alone.grad, `${c.id} grad`);
      });
    }
  });
});
