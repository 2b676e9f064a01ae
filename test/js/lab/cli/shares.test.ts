// `compare --units` and `--from`: the shares of a comparison, joined, are what one process writes, byte for byte but for `made`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../../../../lib/lab/cli/compare/compare';
import { scratch } from '../../data/files';

const sample = join(__dirname, '../../../../examples/sample');
const files = scratch();
const at = (name: string) => join(files.dir, name);
const nothing = { write: () => true };
const SMALL = ['--epochs', '1', '--docs', '12', '--batch', '32', '--jobs', '1', '--data', sample];
const OPTIONS = [
  ...[...SMALL, '--quick', '--students', 'dense,multi', '--losses', 'kl'],
  ...['--wrong-teacher', '0.5', '--wrong-labels', '0'],
];

/** The bytes of a saved comparison, without where and when it was made. */
const bytesOf = (name: string) => readFileSync(at(name), 'utf8').replace(/,"made":\{[^{}]*\}/, '');

const unitsOf = (name: string) => (JSON.parse(readFileSync(at(name), 'utf8')) as { units: unknown }).units;

beforeAll(async () => {
  for (const share of ['1/3', '2/3', '3/3'])
    await compare(
      [...OPTIONS, '--units', share, '--json', at(`${share[0]}.json`), '--checkpoint', at(`${share[0]}.ck`)],
      nothing,
      nothing,
    );
});

describe('compare --units', () => {
  it('joined, has the bytes of one process', async () => {
    const texts = { whole: '', joined: '' };
    const into = (name: keyof typeof texts) => ({ write: (text: string) => ((texts[name] += text), true) });
    await compare([...OPTIONS, '--json', at('whole.json')], into('whole'), nothing);
    const from = ['2', '3', '1'].map((name) => at(`${name}.json`)).join();
    await compare(['--from', from, '--json', at('joined.json')], into('joined'), nothing);
    expect(bytesOf('joined.json')).toBe(bytesOf('whole.json'));
    const withoutTime = (text: string) => text.replace(/^Means over .*$/m, '');
    expect(withoutTime(texts.joined)).toBe(withoutTime(texts.whole));
  });

  it('deals every unit once', () => {
    const places = ['1', '2', '3'].map((name) =>
      (JSON.parse(readFileSync(at(`${name}.json`), 'utf8')) as { units: { place: number }[] }).units.map(
        ({ place }) => place,
      ),
    );
    places.forEach((some, index) => expect(some.every((place) => place % 3 === index)).toBe(true));
    const all = places.flat().sort((a, b) => a - b);
    expect(all).toEqual(all.map((_, k) => k));
  });

  it('goes on from its checkpoint, and from that of another share does its own units', async () => {
    const progress: string[] = [];
    const out = { write: (text: string) => (progress.push(text), true) };
    await compare(
      [...OPTIONS, '--units', '2/3', '--json', at('again.json'), '--checkpoint', at('2.ck')],
      nothing,
      out,
    );
    expect(progress.join('')).toMatch(/(\d+) of \1 trainings were done before/);
    expect(unitsOf('again.json')).toEqual(unitsOf('2.json'));
    await compare(
      [...OPTIONS, '--units', '2/3', '--json', at('other.json'), '--checkpoint', at('1.ck')],
      nothing,
      nothing,
    );
    expect(unitsOf('other.json')).toEqual(unitsOf('2.json'));
  });

  it.each([
    [['--units', '4/3', '--json', at('x')], /^--units is 4\/3; it is I\/N/],
    [['--units', 'half', '--json', at('x')], /^--units is half; it is I\/N/],
    [['--units', '1/3'], /^--units needs --json FILE/],
    [['--units', '1/3', '--json', at('x'), '--html', at('y')], /it has no --html/],
  ])('refuses %j', async (more, message) => {
    await expect(compare([...OPTIONS, ...more], nothing, nothing)).rejects.toThrow(message);
  });
});

describe('compare --from with shares', () => {
  const from = (...names: string[]) =>
    compare(['--from', names.map(at).join()], nothing, nothing).then(
      () => '',
      (error: Error) => error.message,
    );

  it('wants each share once, of one comparison, and no whole one among them', async () => {
    expect(await from('1.json', '3.json')).toBe(
      '--from: each of the 3 shares is needed once; missing or given twice: 2/3',
    );
    expect(await from('1.json', '2.json', '2.json', '3.json')).toMatch(/given twice: 2\/3$/);
    const other = JSON.parse(readFileSync(at('3.json'), 'utf8')) as { digest: string };
    files.write('other-data.json', JSON.stringify({ ...other, digest: 'else' }));
    expect(await from('1.json', '2.json', 'other-data.json')).toBe(
      '--from: the shares differ in data, options or their number',
    );
    expect(await from('1.json', 'whole.json')).toBe(
      '--from: some files are whole comparisons, and others shares of one',
    );
    files.write('damaged.json', JSON.stringify({ ...other, units: [{ place: 2 }] }));
    expect(await from('damaged.json')).toMatch(
      /damaged\.json is not a comparison that --json wrote: .*units/,
    );
  });
});
