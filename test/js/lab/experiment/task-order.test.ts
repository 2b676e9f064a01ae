// What a thread does next: units that share a warm-up stay with the thread that has it.
import { expect, it } from 'vitest';
import { nextTask, type UnitTask } from '../../../../lib/lab/experiment/task-order';
import type { ModelName } from '../../../../lib/lab/experiment/plan';

const condition = (name: string) => ({ name, wrongTeacher: 0, wrongLabels: 0 });
const task = (place: number, model: ModelName, named = 'clean', fold = 0): UnitTask => ({
  place,
  unit: { model, students: [model], condition: condition(named), fold },
});
const dense = [task(0, 'dense'), task(1, 'dense'), task(2, 'dense')];
const sparse = [task(3, 'sparse'), task(4, 'sparse')];
const group = (one: UnitTask) => JSON.stringify([one.unit.model, one.unit.condition.name, one.unit.fold]);

it.each([
  ['the first, where nothing has begun', undefined, [...dense, ...sparse], [], 0],
  ['the first of its own warm-up', dense[0], [sparse[0], dense[1], dense[2]], [dense[0], sparse[0]], 1],
  ['the first of what nobody has begun', undefined, [...dense, ...sparse], [dense[0]], 3],
  [
    'what nobody has begun, once its own are done',
    sparse[1],
    [dense[1], task(9, 'linear')],
    [dense[0], sparse[0]],
    1,
  ],
  ['the last, where all have begun', undefined, [dense[1], dense[2], sparse[1]], [dense[0], sparse[0]], 2],
  ['nothing, where nothing is left', dense[2], [], [dense[0]], -1],
  ['the same condition first', dense[0], [task(5, 'dense', 'wrongTeacher'), dense[1]], [], 1],
  ['the same fold first', dense[0], [task(6, 'dense', 'clean', 1), dense[1]], [], 1],
] as const)('%s', (_, last, tasks, begun, expected) => {
  expect(nextTask(last, tasks, new Set(begun.map(group)))).toBe(expected);
});
