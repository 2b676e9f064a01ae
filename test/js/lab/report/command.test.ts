// The command as a user runs it: `compare --quick --html` on a real collection if there is one next to the repository, else on the bundled sample.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SavedComparison } from '../../../../lib/lab/compare/saved';
import { scratch } from '../../data/files';
import { haveShared, shared } from '../../data/shared';

const files = scratch();
const main = join(__dirname, '../../../../dist/lab/cli/main.js');
const scifact = [
  ...['--data', shared('scifact/beir'), '--teacher', shared('scifact/teacher_e5/E5_Results.txt.gz')],
  ...['--zero-shot', shared('classic/cranfield/beir'), '--docs', '17'],
];

it(
  `compares losses on ${haveShared ? 'two stages on SciFact' : 'all students on the sample'} and writes the report`,
  { timeout: 240_000 },
  () => {
    const [json, html] = ['json', 'html'].map((type) => join(files.dir, `quick.${type}`));
    execFileSync(
      process.execPath,
      [
        ...[main, 'compare', '--quick', '--losses', 'kl', '--epochs', '1', '--wrong-labels', '0'],
        ...(haveShared ? ['--students', 'two-stage', '--wrong-teacher', '0', ...scifact] : []),
        ...['--json', json, '--html', html],
      ],
      { stdio: 'ignore' },
    );
    const saved = JSON.parse(readFileSync(json, 'utf8')) as SavedComparison;
    const page = readFileSync(html, 'utf8');
    const students = haveShared ? ['two-stage'] : ['dense', 'multi', 'sparse', 'two-stage'];
    expect(saved.options.students).toEqual(students);
    for (const { student, title, condition, rows } of saved.tables) {
      expect(page).toContain(title.split(' (')[0]);
      const [start, ckl] = ['start', 'ckl'].map(
        (name) => rows.find((row) => row.name === name)!.cells['rerank ndcg@10'],
      );
      if (condition === 'clean' && student !== 'dense') expect(ckl.mean).toBeGreaterThan(start.mean);
    }
    // The two stages and late interaction alone are one model: they rerank alike, and its curves are drawn once.
    expect(page.match(/<h2>Training curves.*?<\/section>/s)![0].match(/<figure>/g)).toHaveLength(
      haveShared ? 1 : 3,
    );
    expect(saved.made.peakMiB).toBeLessThan(1024);
    expect(page).not.toMatch(/NaN|undefined|https?:\/\/(?!www\.w3\.org)/);
  },
);
