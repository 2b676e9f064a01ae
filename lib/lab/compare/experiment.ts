// A comparison as an experiment: its conditions and models.
import type { Condition as PlannedCondition, Experiment, ModelPlan } from '../experiment/plan.js';
import { STUDENTS, type StudentName } from '../students/students.js';
import { hyperparametersOf } from '../training/objective.js';
import type { CompareOptions, Condition } from './options.js';

const WIDTH = 128;
/** The learning rate that the factors of the search multiply, of every student. */
const LEARNING_RATE = 0.003;

/** The condition without corrupted lists. */
export const CLEAN = 'clean';

/** The data as they are, and one corrupted condition for each share above 0. */
export function conditionsOf({
  wrongTeacher,
  wrongLabels,
}: Pick<CompareOptions, 'wrongTeacher' | 'wrongLabels'>): (PlannedCondition & { name: Condition })[] {
  return [
    { name: CLEAN, wrongTeacher: 0, wrongLabels: 0 },
    ...(wrongTeacher > 0 ? [{ name: 'wrongTeacher' as const, wrongTeacher, wrongLabels: 0 }] : []),
    ...(wrongLabels > 0 ? [{ name: 'wrongLabels' as const, wrongTeacher: 0, wrongLabels }] : []),
  ];
}

/** The models of the students, in the order given: students of one model share its trainings. */
function modelsOf(students: readonly StudentName[]): ModelPlan[] {
  const out = new Map<StudentName, StudentName[]>();
  for (const student of students) {
    const { model } = STUDENTS[student];
    out.set(model, [...(out.get(model) ?? []), student]);
  }
  return [...out].map(([model, own]) => ({ model, students: own }));
}

export function experimentOf(options: CompareOptions): Experiment {
  const { warmup } = options;
  return {
    data: options.data,
    teacher: options.teacher,
    zeroShot: options.zeroShot,
    skipBad: options.skipBad,
    level: options.level,
    identicalIds: options.identicalIds,
    folds: options.folds,
    models: modelsOf(options.students),
    student: { width: WIDTH },
    recipes: options.recipes,
    conditions: conditionsOf(options),
    seed: options.seed,
    seeds: options.seeds,
    learningRate: LEARNING_RATE,
    rates: options.rates,
    warmup: warmup && { loss: warmup, epochs: options.warmupEpochs },
    epochs: options.epochs,
    batch: options.batch,
    docs: options.docs,
    loss: hyperparametersOf(options),
    teacherTemperature: options.teacherTemperature,
    observe: 'figures',
  };
}
