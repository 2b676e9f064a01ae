// How each loss looks in the figures, the same in all of them: colour, dashes, weight of the line.

/** Light and dark, at least 3 : 1 against the page (a test computes it). */
const COLOURS: Record<string, [light: string, dark: string]> = {
  ckl: ['#0b5cad', '#6db3f2'],
  'ckl-detached': ['#4a5bc4', '#9aa8ff'],
  kl: ['#b4460b', '#f08a4b'],
  bkl: ['#8f3b76', '#d98cc4'],
  nll: ['#00734f', '#4fc79a'],
  klLogL: ['#756300', '#d9c23a'],
  marginMse: ['#5f6368', '#a8adb3'],
  lambdaMrr: ['#a0176b', '#f06aa8'],
  reverseKl: ['#9c3d3d', '#e58f8f'],
  jsd: ['#6b5300', '#cdb04a'],
  rankNet: ['#3d6b00', '#93c653'],
  listMle: ['#006b6b', '#4fc4c4'],
  adrMse: ['#6a4ba3', '#b79cf0'],
  lambdaNdcg: ['#8a4b16', '#dd9a5f'],
  'kl+ckl': ['#00677f', '#4cc3e0'],
};

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

/** The declarations of the colours' variables, for one mode. */
export function colourVariables(mode: 'light' | 'dark'): string {
  return Object.entries(COLOURS)
    .map(([name, [light, dark]]) => `${variable(name)}:${mode === 'light' ? light : dark};`)
    .join('');
}
