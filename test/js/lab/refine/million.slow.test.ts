// A million passages through `ckl-loss refine`, in a process whose heap would not hold an object for each of them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const DOCUMENTS = Number(process.env.CKL_DOCUMENTS ?? 1_000_000);
/** Of V8's heap; the arrays of words and vectors are beside it. */
const HEAP_MB = 400;

const dir = mkdtempSync(join(tmpdir(), 'ckl-million-'));
afterAll(() => rmSync(dir, { recursive: true }));

it(`refines over ${DOCUMENTS} documents`, { timeout: 3_600_000 }, async () => {
  const path = join(__dirname, '../../../../bench/scale/corpus.mjs');
  const { makeFolder } = (await import(path)) as {
    makeFolder(dir: string, documents: number): { folder: string; teacher: string };
  };
  const { folder, teacher } = makeFolder(dir, DOCUMENTS);
  const json = join(dir, 'result.json');
  const cli = join(__dirname, '../../../../dist/lab/cli/main.js');
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      ...[`--max-old-space-size=${HEAP_MB}`, cli, 'refine', '--data', folder, '--teacher', teacher],
      ...['--losses', 'kl', '--epochs', '1', '--width', '32', '--docs', '16', '--json', json],
    ],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  expect(status, stderr).toBe(0);
  const { data } = JSON.parse(readFileSync(json, 'utf8')) as { data: { documents: number } };
  expect(data.documents).toBe(DOCUMENTS);
});
