// The charts: data in, SVG text out, drawn by Observable Plot without a browser.
import type { Plotting } from './plotting.js';
import { largest } from '../training/extremes.js';
import { escapeHtml } from './html.js';
import { seriesStyle } from './series.js';

/** About the width of a phone's page, so that letters keep their size there. */
const SIZE = { width: 340, height: 230, marginLeft: 48, marginBottom: 38 };

export interface Chart {
  title: string;
  /** What a reader who cannot see it should know. */
  description: string;
}

export interface LineChart extends Chart {
  x: string;
  y: string;
  series: readonly { name: string; values: readonly number[] }[];
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

/** 0.2, 10, 1e-6. */
const plainNumber = (value: number): string =>
  value >= 0.001 && value < 1e5 ? String(Number(value.toPrecision(2))) : value.toExponential(0);

/** One line a series over steps 0, 1, 2 …; what is not finite is left out. */
export function lineChart(plotting: Plotting, chart: LineChart): string {
  const { Plot } = plotting;
  const marks = chart.series.map(({ name, values }) =>
    Plot.lineY(
      values.flatMap((value, step) => (Number.isFinite(value) ? [{ step, value }] : [])),
      { x: 'step', y: 'value', ...seriesStyle(name) },
    ),
  );
  const steps = largest(
    chart.series.map(({ values }) => values.length - 1),
    1,
  );
  return figure(plotting, chart, {
    x: { label: chart.x, domain: [0, steps], ticks: Math.min(steps, 6), tickFormat: 'd' },
    y: { label: chart.y, grid: true, ticks: 5, nice: true },
    marks,
  });
}

/** Groups of points, told apart by colour and by shape. */
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

function figure({ Plot, document }: Plotting, { title, description }: Chart, options: object): string {
  const svg = Plot.plot({
    ...SIZE,
    ...options,
    document: document as never,
    style: { fontSize: '12px', background: 'none', color: 'currentColor' } as never,
  }) as unknown as { setAttribute(name: string, value: string): void; outerHTML: string };
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `${title}. ${description}`);
  return `<figure><h4>${escapeHtml(title)}</h4>${svg.outerHTML}<figcaption>${escapeHtml(description)}</figcaption></figure>`;
}

/** A legend that says with words, dashes and symbols what the colours say. */
export function legend(
  entries: readonly { name: string; label: string; symbol?: 'circle' | 'triangle'; hollow?: boolean }[],
): string {
  const items = entries.map(({ name, label, symbol, hollow }) => {
    const { stroke, strokeWidth, strokeDasharray } = seriesStyle(name);
    const paint = hollow ? `fill="none" stroke="${stroke}" stroke-width="1.5"` : `fill="${stroke}"`;
    const drawn =
      symbol === 'circle'
        ? `<circle cx="16" cy="6" r="4" ${paint}/>`
        : symbol === 'triangle'
          ? `<path d="M16 1l5 9h-10z" ${paint}/>`
          : `<path d="M0 6h32" fill="none" stroke="${stroke}" stroke-width="${strokeWidth}"${strokeDasharray ? ` stroke-dasharray="${strokeDasharray}"` : ''}/>`;
    return `<li><svg viewBox="0 0 32 12" aria-hidden="true">${drawn}</svg>${escapeHtml(label)}</li>`;
  });
  return `<ul class="legend">${items.join('')}</ul>`;
}
