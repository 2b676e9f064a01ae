// What a unit of an experiment works on: a student in parts, lists, and how it is tested; of any kind of student and list.
import type { Run } from '../../metrics/index.js';
import type { CandidateList } from '../training/candidates.js';
import type { DistilData } from '../training/distil.js';
import type { Student } from '../training/student.js';
import type { ModelName, Unit } from './plan.js';
import type { DataSummary, FigureData, Observation, OfStudents, Tested, Values } from './results.js';

export interface Part<L extends CandidateList> {
  name: string;
  student: Student<L>;
  /** Restores the untrained student. */
  start(): void;
}

export interface Subject<L extends CandidateList> {
  /** What learns, one after the other; the last one is what reranks a list. */
  parts: readonly Part<L>[];
  /** What the trainings read. */
  data: DistilData<L>;
  teacherTemperature: number;
  /**
   * The look at test, with the student as it is.
   *
   * @param take is given each student's ranking of the whole corpus; of one that cannot search, nothing
   */
  test(take?: (student: ModelName, run: Run) => void): OfStudents<Tested>;
  /** Rankings to compare with: the teacher's, and others. */
  references(): Record<string, Values>;
  /** A look at the student before training and after each epoch. */
  observe?(student: Student<L>, seed: number): Observation | undefined;
  /** The paper's Figures 1 and 2; may scale the student. */
  figures?(): FigureData | undefined;
  /** The parameters of a student that is small enough to report them. */
  weights?(): number[];
}

/** Loaded data, from which each unit gets its subject. */
export interface Source<L extends CandidateList> {
  summary: DataSummary;
  /** The subject of a unit; the one before may be gone then. */
  open(unit: Unit): Subject<L>;
}
