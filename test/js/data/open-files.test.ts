// Files that are left before their end, or never begun, are closed.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gzipSync } from 'node:zlib';
import {
  TEACHER_FORMS,
  convertTeacher,
  guessTeacherForm,
  loadQrels,
  loadRun,
  openTeacher,
  readTeacher,
} from '../../../lib/data/index';
import { scratch } from './files';

const files = scratch();
const open = () => readdirSync('/proc/self/fd').length;

/** Files still open after a few times `action`, whatever it throws; a stream closes its file in a later turn. */
async function leftOpen(action: () => Promise<unknown>): Promise<number> {
  const before = open();
  for (let i = 0; i < 4; i++) await action().catch(() => undefined);
  for (let i = 0; i < 50 && open() > before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  return open() - before;
}

describe.skipIf(process.platform !== 'linux')('no file stays open', () => {
  const long = Array.from({ length: 14_000 }, (_, i) => `q${i} Q0 d${i} 1 0.5 t\n`).join('');
  const path = (name: string, content: string | Buffer) => {
    const file = join(files.dir, name);
    writeFileSync(file, content);
    return file;
  };
  const bad = `q Q0 d 1 x t\n${long}`;
  it.each([
    ['a run', () => path('a', long)],
    ['a run with a bad line', () => path('b', bad)],
    ['gzip', () => path('c', gzipSync(long))],
    ['gzip that is cut', () => path('d', gzipSync(long).subarray(0, 3000))],
    ['JSON of no form', () => path('e', `{"a": 1}\n${long}`)],
    ['judgements', () => path('f', 'q 0 d 1\n'.repeat(40_000))],
    ['nothing', () => path('g', '')],
  ])('%s', async (_, make) => {
    const file = make();
    expect(await leftOpen(() => guessTeacherForm(file)), 'guessed').toBe(0);
    expect(await leftOpen(async () => (await openTeacher(file)).form), 'opened and left').toBe(0);
    expect(await leftOpen(() => loadRun(file)), 'loadRun').toBe(0);
    expect(await leftOpen(() => loadQrels(file)), 'loadQrels').toBe(0);
    for (const form of TEACHER_FORMS) {
      const first = async () => {
        for await (const list of readTeacher(file, form)) return list;
      };
      expect(await leftOpen(first), `the first list as ${form}`).toBe(0);
    }
    const to = (name: string) =>
      convertTeacher({ path: file }, { path: join(files.dir, name), form: 'pylate' });
    expect(await leftOpen(() => to('out')), 'converted').toBe(0);
    expect(await leftOpen(() => to('no/such/folder')), 'converted to nowhere').toBe(0);
  });
});
