// The charts: data in, SVG text out, drawn by Observable Plot without a browser.
import type { Plotting } from './plotting.js';
import { largest } from '../../extremes.js';
import { escapeHtml } from './html.js';
import { seriesStyle, seriesStyles } from './series.js';

/**
 * About the width of a phone's screen, so that letters keep their size there; less if three charts are side
 * by side.
 */
const SIZE = { width: 380, height: 250, marginTop: 24, marginLeft: 54, marginBottom: 38 };
const NARROW = 320;
/** The names at the lines' ends: what a letter and a line take, and how many letters a name may have. */
const NAMES = { letter: 7, lineHeight: 12.5, fontSize: 11.5, letters: 20 };

export interface Chart {
  /** One of three side by side. */
  isNarrow?: boolean;
  title: string;
  /** The description for readers who cannot see it. */
  description: string;
}

export interface LineChart extends Chart {
  x: string;
  y: string;
  series: readonly {
    name: string;
    /** What stands at the line's end. */
    label: string;
    values: readonly number[];
  }[];
}

export interface DotChart extends Chart {
  x: { label: string; log?: boolean; domain?: [number, number] };
  y: { label: string; log?: boolean; domain?: [number, number] };
  /** Marks where y means nothing happens, such as g = 1. */
  rules?: readonly number[];
  groups: readonly {
    name: string;
    symbol: 'circle' | 'triangle';
    hollow?: boolean;
    points: readonly { x: number; y: number }[];
  }[];
}

const widthOf = ({ isNarrow }: Chart): number => (isNarrow ? NARROW : SIZE.width);

const SUPERSCRIPT = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** 0.2, 10, 10⁻⁶. */
function plainNumber(value: number): string {
  if (value >= 0.001 && value < 1e5) return String(Number(value.toPrecision(2)));
  const [digits, exponent] = value.toExponential(0).split('e');
  const raised = exponent
    .replace('+', '')
    .replace('-', '⁻')
    .replace(/\d/g, (digit) => SUPERSCRIPT[+digit]);
  return `${digits === '1' ? '' : `${digits}·`}10${raised}`;
}

/**
 * One line per series over steps 0, 1, 2 …, with its name at the end; values that are not finite are left
 * out.
 */
export function lineChart(plotting: Plotting, chart: LineChart): string {
  const { Plot } = plotting;
  const styles = seriesStyles(chart.series.map(({ name }) => name));
  const lines = chart.series.map(({ label, values }, i) => ({
    label: label.length <= NAMES.letters ? label : `${label.slice(0, NAMES.letters - 1)}…`,
    style: styles[i],
    points: values.flatMap((value, step) => (Number.isFinite(value) ? [{ step, value }] : [])),
  }));
  const steps = largest(
    chart.series.map(({ values }) => values.length - 1),
    1,
  );
  const width = widthOf(chart);
  const letters = largest(
    lines.map(({ label }) => label.length),
    4,
  );
  const marginRight = 14 + NAMES.letter * letters;
  const options = {
    marginRight,
    x: { label: chart.x, domain: [0, steps], ticks: Math.min(steps, 6), tickFormat: 'd' },
    y: { label: chart.y, grid: true, ticks: 5, nice: true },
    marks: lines.map(({ points, style }) => Plot.lineY(points, { x: 'step', y: 'value', ...style })),
  };
  const drawn = lines.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return figure(plotting, chart, options);
  // The names need the scale that the lines make.
  const scale = plot(plotting, options).scale('y');
  const ends = drawn.map(({ points }) => scale.apply(points.at(-1)!.value));
  const perPixel = steps / (width - SIZE.marginLeft - marginRight);
  const names = apart(ends, NAMES.lineHeight, SIZE.marginTop, SIZE.height - SIZE.marginBottom).flatMap(
    (y, i) => {
      const { label, style, points } = drawn[i];
      const end = points.at(-1)!;
      const value = scale.invert(y);
      return [
        Plot.link([end], {
          ...{ x1: 'step', y1: 'value', x2: steps + 9 * perPixel, y2: value },
          ...{ stroke: style.stroke, strokeWidth: 0.75 },
        }),
        Plot.text([label], {
          ...{ x: steps + 11 * perPixel, y: value, text: (text: string) => text, textAnchor: 'start' },
          ...{ fill: style.stroke, fontSize: NAMES.fontSize },
        }),
      ];
    },
  );
  return figure(plotting, chart, {
    ...options,
    y: { label: chart.y, grid: true, ticks: 5, domain: scale.domain },
    marks: [...options.marks, ...names],
  });
}

/** Positions near the given ones, in their order, none closer than `gap` to the next and all in the range if they fit. */
export function apart(positions: readonly number[], gap: number, least: number, most: number): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a] - positions[b]);
  const placed = order.map((i) => positions[i]);
  for (let i = 0; i < placed.length; i++)
    placed[i] = Math.max(i === 0 ? least : placed[i - 1] + gap, placed[i]);
  for (let i = placed.length - 1; i >= 0; i--)
    placed[i] = Math.min(i === placed.length - 1 ? most : placed[i + 1] - gap, placed[i]);
  const out: number[] = [];
  order.forEach((i, place) => (out[i] = placed[place]));
  return out;
}

/** Groups of points, distinguished by colour and shape. */
export function dotChart(plotting: Plotting, chart: DotChart): string {
  const { Plot } = plotting;
  const axis = ({ label, log, domain }: DotChart['x']) => ({
    label,
    grid: true,
    ticks: 5,
    clamp: true,
    ...(log && { type: 'log' as const, tickFormat: plainNumber }),
    ...(domain && { domain }),
  });
  const marks = chart.groups.map(({ name, symbol, hollow, points }) => {
    const { stroke } = seriesStyle(name);
    const paint = hollow ? { stroke } : { fill: stroke, fillOpacity: 0.75 };
    return Plot.dot(points, { x: 'x', y: 'y', symbol, r: 2.6, ...paint });
  });
  return figure(plotting, chart, {
    x: axis(chart.x),
    y: axis(chart.y),
    marks: [
      ...(chart.rules ?? []).map((y) => Plot.ruleY([y], { stroke: 'currentColor', strokeDasharray: '3 3' })),
      ...marks,
    ],
  });
}

/** What Plot returns, as far as it is used here. */
interface Plotted {
  setAttribute(name: string, value: string): void;
  outerHTML: string;
  scale(name: 'y'): { domain: number[]; apply(value: number): number; invert(pixel: number): number };
}

const plot = ({ Plot, document }: Plotting, options: object): Plotted =>
  Plot.plot({
    ...SIZE,
    ...options,
    document: document as never,
    style: { fontSize: '12.5px', background: 'none', color: 'currentColor' } as never,
  }) as unknown as Plotted;

function figure(plotting: Plotting, chart: Chart, options: object): string {
  const { title, description } = chart;
  const svg = plot(plotting, { width: widthOf(chart), ...options });
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${title}. ${description}`);
  return `<figure><h3>${escapeHtml(title)}</h3>${svg.outerHTML}<figcaption>${escapeHtml(description)}</figcaption></figure>`;
}

/** Number of columns that the charts fill. */
export const columnsFor = (count: number): 1 | 2 | 3 => (count % 2 === 0 ? 2 : count % 3 === 0 ? 3 : 1);

export function chartGrid(parts: readonly string[]): string {
  return `<div class="charts of-${columnsFor(parts.length)}">${parts.join('\n')}</div>`;
}

/** A legend that says with symbols what the colours say. */
export function legend(
  entries: readonly { name: string; label: string; symbol: 'circle' | 'triangle'; hollow?: boolean }[],
): string {
  const items = entries.map(({ name, label, symbol, hollow }) => {
    const { stroke } = seriesStyle(name);
    const paint = hollow ? `fill="none" stroke="${stroke}" stroke-width="1.5"` : `fill="${stroke}"`;
    const drawn =
      symbol === 'circle' ? `<circle cx="6" cy="6" r="4" ${paint}/>` : `<path d="M6 1l5 9h-10z" ${paint}/>`;
    return `<li><svg viewBox="0 0 12 12" aria-hidden="true">${drawn}</svg>${escapeHtml(label)}</li>`;
  });
  return `<ul class="legend">${items.join('')}</ul>`;
}
