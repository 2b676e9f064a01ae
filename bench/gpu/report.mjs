// From microseconds to what a reader asks: fractions of a copy, ratios to the peers, and which figures to reach are missed.
import { bytesOf, fractionToReach, freshRanks, ratiosToReach } from './cases.mjs';

const digits = (x, n = 3) => (x === undefined || x === null ? null : Number(x.toPrecision(n)));

/** One line of the results. plain: microseconds of the same shape and type without ranks. */
export function judge({ shape, dtype, variant, ours, peers }, plain) {
  const bytes = bytesOf(shape, dtype, variant);
  const best = Math.min(ours.run, ours.graph ?? Infinity);
  const ofCopy = ours.copy / ours.run;
  const missed = [];
  const need = fractionToReach(shape, dtype, variant);
  if (need !== null && ofCopy < need) missed.push(`${percent(ofCopy)} of copy, not ${percent(need)}`);
  const ratios = {};
  for (const name of ['triton', 'compile', 'eager', 'liger']) {
    if (!peers?.[name]) continue;
    // Each at its best: enqueued one by one or replayed.
    const theirs = Math.min(peers[name], peers[`${name} graph`] ?? Infinity);
    ratios[name] = digits(theirs / best);
    if (ratios[name] < (ratiosToReach[name] ?? 0)) missed.push(`${ratios[name]} × ${name}`);
  }
  if (variant.ranks === 'fresh' && shape[1] <= freshRanks.docs && plain !== undefined) {
    const times = ours.run / plain;
    if (times > freshRanks.most) missed.push(`fresh ranks ${digits(times)} × plain`);
  }
  return {
    shape: shape.join('×'),
    dtype,
    variant: variant.name,
    µs: digits(ours.run, 4),
    graphµs: digits(ours.graph, 4),
    GBps: Math.round(bytes / ours.run / 1e3),
    copyµs: digits(ours.copy, 4),
    ofCopy: digits(ofCopy),
    toReach: need,
    ...ratios,
    peers: Object.fromEntries(
      Object.entries(peers ?? {}).map(([k, v]) => [k, typeof v === 'number' ? digits(v, 4) : v]),
    ),
    missed,
  };
}

const percent = (x) => `${Math.round(x * 100)} %`;

/** For the terminal: one line of fixed width. */
export function lineOf(row) {
  const cell = (text, width) => String(text ?? '').padStart(width);
  return [
    row.shape.padEnd(12),
    row.dtype.padEnd(8),
    row.variant.padEnd(19),
    `${cell(row.µs, 8)} µs`,
    `${cell(row.GBps, 5)} GB/s`,
    `${cell(percent(row.ofCopy), 6)} of copy`,
    ...['triton', 'compile', 'eager'].map((name) => `${cell(row[name] ? `${row[name]}×` : '', 6)}`),
    row.model ?? '',
    row.missed.length === 0 ? ' ok' : ` MISSED ${row.missed.join('; ')}`,
  ].join(' ');
}

export const heading = `${'shape'.padEnd(12)} ${'type'.padEnd(8)} ${'variant'.padEnd(19)}${' '.repeat(43)} triton compil  eager (times ours)`;

/** The tables of docs/performance.md, from the results of a run. */
export function markdown({ gpu, driver, peer, commit, date, rows, calls }) {
  const shown = [
    `${gpu}, driver ${driver}; ${
      Object.entries(peer ?? {})
        .map(([k, v]) => `${k} ${v}`)
        .join(', ') || 'no peers'
    }; ${date}, ${commit}.`,
  ];
  for (const variant of [...new Set(rows.map((row) => row.variant))]) {
    shown.push('', `**${variant}**`, '');
    shown.push(
      '| shape | type | µs | GB/s | of copy | Triton | torch.compile | eager | |',
      '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    );
    for (const row of rows.filter((r) => r.variant === variant)) {
      const times = (name) => (row[name] ? `${row[name]} ×` : '');
      shown.push(
        `| ${row.shape} | ${row.dtype} | ${row.graphµs ? `${row.µs} (graph ${row.graphµs})` : row.µs} | ${row.GBps} | ` +
          `${percent(row.ofCopy)} | ${times('triton')} | ${times('compile')} | ${times('eager')} | ${row.missed.join('; ')} |`,
      );
    }
  }
  if (calls?.length) {
    shown.push('', '**From JavaScript**', '', '| what | value |', '| --- | ---: |');
    for (const { what, value } of calls) shown.push(`| ${what} | ${value} |`);
  }
  return shown.join('\n') + '\n';
}
