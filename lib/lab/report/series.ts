// How each loss looks in the figures, the same in all of them: colour, dashes, weight of the line.

/** Light and dark. They colour the names at the lines' ends too, so they have the contrast of text (a test computes it). */
const COLOURS: Record<string, [light: string, dark: string]> = {
  ckl: ['#0b5cad', '#74b6f5'],
  kl: ['#b4460b', '#f5935a'],
  bkl: ['#7b3fa0', '#c9a0ee'],
  nll: ['#00734f', '#4fc79a'],
  klLogL: ['#756300', '#d9c23a'],
  marginMse: ['#5a6066', '#a8adb3'],
  lambdaMrr: ['#b0125f', '#f47ab0'],
  'kl+ckl': ['#006c80', '#4cc3e0'],
  'ckl-detached': ['#4a5bc4', '#9aa8ff'],
  reverseKl: ['#a83232', '#ee8f8f'],
  jsd: ['#6b5300', '#cdb04a'],
  rankNet: ['#3d6b00', '#93c653'],
  listMle: ['#006b6b', '#4fc4c4'],
  adrMse: ['#6a4ba3', '#b79cf0'],
  lambdaNdcg: ['#8a4b16', '#dd9a5f'],
};

/** Weighted sums, which have names of their own, take these in their order. */
const SPARE = ['lambdaNdcg', 'adrMse', 'listMle', 'reverseKl', 'rankNet', 'jsd', 'ckl-detached', 'bkl'];

const DASHES: Record<string, string> = {
  bkl: '6 3',
  nll: '2 3',
  klLogL: '8 2 2 2',
  marginMse: '4 4',
  lambdaMrr: '1 3',
  reverseKl: '12 2',
  jsd: '3 2',
  rankNet: '7 2 1 2',
  listMle: '1 5',
  adrMse: '9 2 3 2',
  lambdaNdcg: '2 2 6 2',
  'kl+ckl': '10 3',
  'ckl-detached': '5 2 1 2',
};

export interface SeriesStyle {
  /** A CSS colour that changes with the page's mode. */
  stroke: string;
  strokeDasharray?: string;
  strokeWidth: number;
}

const variable = (name: string): string => `--loss-${name.replace(/[^a-zA-Z]/g, '-')}`;

/** CKL and KL, which the paper compares, stand out. */
export function seriesStyle(name: string): SeriesStyle {
  return {
    stroke: name in COLOURS ? `var(${variable(name)})` : 'currentColor',
    strokeWidth: name === 'ckl' || name === 'kl' ? 2.5 : 1.5,
    ...(DASHES[name] && { strokeDasharray: DASHES[name] }),
  };
}

/** The styles of the lines of one figure. */
export function seriesStyles(names: readonly string[]): SeriesStyle[] {
  const free = SPARE.filter((name) => !names.includes(name));
  let next = 0;
  return names.map((name) => {
    if (name in COLOURS || free.length === 0) return seriesStyle(name);
    return seriesStyle(free[next++ % free.length]);
  });
}

/** The declarations of the colours' variables, for one mode. */
export function colourVariables(mode: 'light' | 'dark'): string {
  return Object.entries(COLOURS)
    .map(([name, [light, dark]]) => `${variable(name)}:${mode === 'light' ? light : dark};`)
    .join('');
}
