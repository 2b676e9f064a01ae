// Line charts as SVG text: nothing but a string, to stand in an HTML file without scripts.

export interface Series {
  name: string;
  /** One value a step, from step 0; what is not finite is left out. */
  values: readonly number[];
}

/** Colours that colour-blind readers can tell apart (Okabe and Ito 2008). */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const WIDTH = 480;
const HEIGHT = 240;
const MARGIN = { left: 52, right: 90, top: 28, bottom: 34 };

/** A chart with a title, axes with their ends marked, one line and one legend entry a series. */
export function lineChart(title: string, xLabel: string, series: readonly Series[]): string {
  const all = series.flatMap(({ values }) => values.filter(Number.isFinite));
  const steps = Math.max(1, ...series.map(({ values }) => values.length - 1));
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (!(high > low)) {
    const middle = Number.isFinite(low) ? low : 0;
    [low, high] = [middle - 0.5, middle + 0.5];
  }
  const x = (step: number) => MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * step) / steps;
  const y = (value: number) =>
    HEIGHT - MARGIN.bottom - ((HEIGHT - MARGIN.top - MARGIN.bottom) * (value - low)) / (high - low);
  const text = (at: [number, number], content: string, anchor = 'start', more = '') =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}"${more}>${escapeHtml(content)}</text>`;

  const parts = [
    text([MARGIN.left, 16], title, 'start', ' font-weight="bold"'),
    `<path d="M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}" fill="none" stroke="#888"/>`,
    text([MARGIN.left - 6, y(low)], low.toPrecision(3), 'end'),
    text([MARGIN.left - 6, y(high) + 8], high.toPrecision(3), 'end'),
    text([x(0), HEIGHT - MARGIN.bottom + 16], '0', 'middle'),
    text([x(steps), HEIGHT - MARGIN.bottom + 16], String(steps), 'middle'),
    text([(x(0) + x(steps)) / 2, HEIGHT - 6], xLabel, 'middle'),
  ];
  series.forEach(({ name, values }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const points = values.flatMap((value, step) =>
      Number.isFinite(value) ? [`${x(step).toFixed(1)},${y(value).toFixed(1)}`] : [],
    );
    parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(
      text([WIDTH - MARGIN.right + 10, MARGIN.top + 15 * i + 8], name, 'start', ` fill="${colour}"`),
    );
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg>`;
}

/** Text that may stand between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
