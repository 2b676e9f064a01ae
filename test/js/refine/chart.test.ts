// Charts are well-formed, scaled to their data, and cannot be broken by a name.
import { describe, expect, it } from 'vitest';
import { escapeHtml, lineChart } from '../../../lib/refine/chart';

const points = (svg: string) =>
  [...svg.matchAll(/polyline points="([^"]*)"/g)].map(([, list]) =>
    list.split(' ').map((pair) => pair.split(',').map(Number)),
  );

describe('lineChart', () => {
  it('puts the least value at the bottom, the greatest at the top, steps from left to right', () => {
    const [line] = points(lineChart('t', 'x', [{ name: 'a', values: [1, 3, 2] }]));
    expect(line.map(([x]) => x)).toEqual([52, 221, 390]);
    expect(line.map(([, y]) => y)).toEqual([206, 28, 117]);
  });
  it('leaves out what is not finite, and draws flat and empty series', () => {
    expect(points(lineChart('t', 'x', [{ name: 'a', values: [1, NaN, 2] }]))[0]).toHaveLength(2);
    for (const values of [[0.5, 0.5], [0], [NaN]])
      expect(lineChart('t', 'x', [{ name: 'a', values }])).not.toMatch(/NaN|Infinity/);
  });
  it('escapes names', () => {
    expect(escapeHtml(`<a href="x">'&'`)).toBe('&#60;a href=&#34;x&#34;&#62;&#39;&#38;&#39;');
    expect(lineChart('<script>', 'x', [{ name: '<b>', values: [1] }])).not.toMatch(/<script>|<b>/);
  });
});
