// The figures of the report: training curves, and the paper's Figures 1, 2 and 3 from this library's diagnostics.
import type { SavedComparison } from '../compare/saved.js';
import { STUDENTS, type StudentName } from '../students/students.js';
import type { Behaviours } from '../compare/compare.js';
import type { FigureData } from '../experiment/results.js';
import { chartGrid, columnsFor, dotChart, legend, lineChart } from './charts.js';
import type { Section } from './document.js';
import { paragraph } from './html.js';
import type { Plotting } from './plotting.js';
import { recipeLabel, shortTitle } from './words.js';

/** The least weight that Figure 1 tells from nothing, 10⁻¹². */
const LEAST = 1e-12;

export function figures(all: SavedComparison, plotting: Plotting): Section[] {
  const saved = withoutRepeats(all);
  return [
    trainingCurves(saved, plotting),
    figure1(saved, plotting),
    figure2(saved, plotting),
    figure3(saved, plotting),
  ];
}

/** Students of one model have its figures in common; they are drawn once. */
function withoutRepeats(saved: SavedComparison): SavedComparison {
  const { options, curves, figures } = saved;
  const modelOf = (student: StudentName) => STUDENTS[student].model;
  const drawn = options.students.filter(
    (student, i, all) => all.findIndex((other) => modelOf(other) === modelOf(student)) === i,
  );
  const isDrawn = ({ student }: { student: StudentName }) => drawn.includes(student);
  return {
    ...saved,
    options: { ...options, students: drawn },
    curves: curves.filter(isDrawn),
    figures: figures.filter(isDrawn),
  };
}

const section = (id: string, title: string, short: string, ...parts: string[]): Section => ({
  id,
  title,
  short,
  body: parts.join('\n'),
});
const titleOf = (student: StudentName) => shortTitle(STUDENTS[student].title);

function trainingCurves(saved: SavedComparison, plotting: Plotting): Section {
  const parts = saved.options.students.map((student) => {
    const series = saved.curves
      .filter((curve) => curve.student === student)
      .map(({ recipe, dev }) => ({ name: recipe, label: recipeLabel(recipe), values: dev }));
    return lineChart(plotting, {
      isNarrow: columnsFor(saved.options.students.length) === 3,
      title: titleOf(student),
      description: 'nDCG@10 on dev lists, before refinement and after each epoch.',
      x: 'Epoch',
      y: 'Dev nDCG@10',
      series,
    });
  });
  return section(
    'curves',
    'Training curves',
    'Training curves',
    paragraph(
      'First seed, at the learning rate that dev chose for each loss. The epoch with the best dev nDCG@10 is kept.',
    ),
    chartGrid(parts),
  );
}

function figure1(saved: SavedComparison, plotting: Plotting): Section {
  const parts = saved.figures.map(({ student, weights }) => {
    const pick = (label: 0 | 1, of: 'weight' | 'withoutBias') =>
      weights
        .filter((entry) => entry.label === label)
        .map((entry) => ({ x: entry.rank, y: Math.max(LEAST, entry[of]) }));
    return dotChart(plotting, {
      isNarrow: columnsFor(saved.figures.length) === 3,
      title: titleOf(student),
      description: `Median weight over dev lists by the student’s rank; weights below 10⁻¹² are drawn there.`,
      x: { label: 'Rank by the student' },
      y: { label: 'Weight', log: true, domain: [LEAST, 1] },
      groups: [
        { name: 'ckl', symbol: 'circle', points: pick(1, 'weight') },
        { name: 'kl', symbol: 'triangle', points: pick(0, 'weight') },
        { name: 'bkl', symbol: 'triangle', hollow: true, points: pick(0, 'withoutBias') },
      ],
    });
  });
  return section(
    'figure-1',
    'Figure 1 of the CKL paper: weights of the divergence terms of CKL',
    'Figure 1: weights',
    paragraph(
      'KL and BKL give every term the weight 1. CKL lowers the weight of positives that the student ranks high and of negatives that it ranks low; the rank bias raises the weight of negatives that stand above the positives.',
    ),
    legend([
      { name: 'ckl', label: 'positives', symbol: 'circle' },
      { name: 'kl', label: 'negatives', symbol: 'triangle' },
      { name: 'bkl', label: 'negatives without the rank bias (alpha 0)', symbol: 'triangle', hollow: true },
    ]),
    chartGrid(parts),
  );
}

function figure2(saved: SavedComparison, plotting: Plotting): Section {
  const panel = (title: string, description: string, ratios: FigureData['ratios'], label: 0 | 1) => {
    const own = ratios.filter((entry) => entry.label === label);
    const points = (of: 'ckl' | 'bkl') => own.map((entry) => ({ x: entry.pOverQ, y: entry[of] }));
    return dotChart(plotting, {
      title: `${title}, ${label === 1 ? 'positives' : 'negatives'}`,
      description,
      x: { label: 'p / q, teacher over student', log: true },
      y: { label: 'g', domain: [-2, 4] },
      rules: [0, 1],
      groups: [
        { name: 'kl', symbol: 'circle', points: points('bkl') },
        { name: 'ckl', symbol: 'triangle', points: points('ckl') },
      ],
    });
  };
  const pair = (title: string, description: string, ratios: FigureData['ratios']) =>
    ([1, 0] as const).map((label) => panel(title, description, ratios, label));
  return section(
    'figure-2',
    'Figure 2 of the CKL paper: gradient contribution over that of KL',
    'Figure 2: gradients',
    paragraph(
      'g = 1 follows the teacher as KL does, g = 0 ignores it, g < 0 moves away from it. Where p / q is above 1 the teacher gives the document more than the student does. What lies outside the axes is drawn at their ends.',
    ),
    legend([
      { name: 'ckl', label: 'CKL', symbol: 'triangle' },
      { name: 'kl', label: 'BKL', symbol: 'circle' },
    ]),
    chartGrid([
      ...pair('As in the paper', 'p and q on a grid from 0.1 to 0.9, beta 0.', saved.grid),
      ...saved.figures.flatMap(({ student, ratios }) =>
        pair(titleOf(student), 'Documents of dev lists, after the warm-up; rank bias included.', ratios),
      ),
    ]),
  );
}

function figure3(saved: SavedComparison, plotting: Plotting): Section {
  const panel = (student: StudentName, on: keyof Behaviours, what: 'separation' | 'entropy') =>
    lineChart(plotting, {
      title: `${titleOf(student)}: ${what}, ${on === 'train' ? 'training lists' : 'dev lists'}`,
      description:
        what === 'separation'
          ? 'Lowest positive less highest negative probability among the ten best.'
          : 'Entropy of the probabilities of the positives, in nats.',
      x: 'Epoch',
      y: what === 'separation' ? 'Separation' : 'Entropy',
      series: saved.curves
        .filter((curve) => curve.student === student)
        .map(({ recipe, behaviour }) => ({
          name: recipe,
          label: recipeLabel(recipe),
          values: behaviour[on][what],
        })),
    });
  const parts = saved.options.students.flatMap((student) =>
    (['separation', 'entropy'] as const).flatMap((what) =>
      (['train', 'dev'] as const).map((on) => panel(student, on, what)),
    ),
  );
  return section(
    'figure-3',
    'Figure 3 of the CKL paper: behaviour during training',
    'Figure 3: behaviour',
    paragraph(
      'Means over lists of the student’s softmax without temperature, first seed. The scale of a student’s scores moves both measures, and losses differ in the scale that they lead to; a higher line is not by itself a better ranking.',
    ),
    chartGrid(parts),
  );
}
