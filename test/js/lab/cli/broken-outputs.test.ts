// Outputs that break: a closed pipe, a full disk, a read-only folder, a clock that goes back, two processes with one file. No result is lost
// that could be kept, nothing half-written stays, and what is said fits one line.
import { spawn } from 'node:child_process';
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  cpSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratch } from '../../data/files';
import { smallFileSystem } from './small-file-system';

const files = scratch();
const repository = join(__dirname, '../../../..');
const main = join(repository, 'dist/lab/cli/main.js');
const sample = join(repository, 'examples/sample');
const judged = ['--run', join(sample, 'teacher.trec'), '--qrels', join(sample, 'qrels/test.tsv')];
const quick = ['train', '--epochs', '1'];

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** @param stdout a descriptor; or 'closed', a pipe whose reader is gone before anything is written */
function run(
  args: string[],
  stdout: 'pipe' | 'closed' | number = 'pipe',
  node: string[] = [],
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...node, main, ...args], {
      cwd: repository,
      stdio: ['ignore', typeof stdout === 'number' ? stdout : 'pipe', 'pipe'],
    });
    const ended: Ended = { code: null, out: '', err: '' };
    if (stdout === 'closed') child.stdout!.destroy();
    else child.stdout?.on('data', (data: Buffer) => (ended.out += data.toString()));
    child.stderr!.on('data', (data: Buffer) => (ended.err += data.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...ended, code }));
  });
}

/** Lines that are no progress. */
const complaints = (err: string) =>
  err.split('\n').filter((line) => line.startsWith('ckl-loss') || /^\s+at /.test(line));

describe('a closed pipe', () => {
  it.each(['train', 'refine', 'compare', 'evaluate', 'convert', 'doctor', 'bench', 'sample'])(
    'ends %s quietly',
    async (command) => {
      expect(await run([command, '--help'], 'closed')).toEqual({ code: 141, out: '', err: '' });
    },
  );

  it('ends a command that has nothing else to give, by the convention of the shell', async () => {
    expect(await run(['evaluate', ...judged], 'closed')).toEqual({ code: 141, out: '', err: '' });
    const convert = ['convert', '--from', judged[1], '--to-form', 'trec', '--to', '/dev/stdout'];
    expect(await run(convert, 'closed')).toEqual({ code: 141, out: '', err: '' });
  });

  it('costs no file', async () => {
    const [json, ranking] = [join(files.dir, 'piped.json'), join(files.dir, 'piped.trec')];
    const { code, err } = await run([...quick, '--json', json, '--run', ranking], 'closed');
    expect([code, complaints(err)]).toEqual([0, []]);
    expect(JSON.parse(readFileSync(json, 'utf8'))).toHaveProperty('weights');
    expect(readFileSync(ranking, 'utf8')).toMatch(/ student\n$/);
  });
});

describe('a full device', () => {
  it.skipIf(process.platform !== 'linux')('as standard output is one line, and costs no file', async () => {
    const full = openSync('/dev/full', 'w');
    const json = join(files.dir, 'full.json');
    const { code, err } = await run(['evaluate', ...judged, '--json', json], full);
    expect(code).toBe(1);
    expect(err).toBe(
      'ckl-loss evaluate: standard output cannot be written: ENOSPC: no space left on device, write\n',
    );
    expect(JSON.parse(readFileSync(json, 'utf8'))).toHaveProperty('run');
    expect((await run(['evaluate', ...judged], full)).err).toMatch(
      /^ckl-loss.*standard output cannot be written: ENOSPC.*\n$/,
    );
    closeSync(full);
  });
});

const small = smallFileSystem(files.dir);
const title = small.missing === undefined ? '' : ` (skipped: ${small.missing})`;

describe.skipIf(small.missing !== undefined)(`a file system of its own${title}`, () => {
  it('that is full costs the file that was to go there, and neither other files nor the report', async () => {
    const there = join(small.dir, 'there.json');
    writeFileSync(there, 'before');
    small.fill(0);
    const names = readdirSync(small.dir);
    const ranking = join(files.dir, 'other.trec');
    const { code, out, err } = await run([...quick, '--json', there, '--run', ranking]);
    expect(code).toBe(1);
    expect(out).toContain('student after');
    expect(complaints(err)).toEqual([
      expect.stringMatching(
        /^ckl-loss train: ".*there\.json" cannot be written: ENOSPC: no space left on device/,
      ),
    ]);
    expect(readFileSync(ranking, 'utf8')).toMatch(/ student\n$/);
    expect(readFileSync(there, 'utf8')).toBe('before');
    expect(readdirSync(small.dir)).toEqual(names);
    small.empty();
  });

  it('that fills up in the middle: of standard output, the loss is told', async () => {
    small.fill(4096);
    const out = openSync(join(small.dir, 'out'), 'w');
    const { code, err } = await run(['evaluate', ...judged, '--per-query', '--json', '-'], out);
    closeSync(out);
    expect(readFileSync(join(small.dir, 'out')).length).toBe(4096);
    expect([code, complaints(err)]).toEqual([
      1,
      ['ckl-loss: standard output cannot be written: ENOSPC: no space left on device, write'],
    ]);
    small.empty();
  });

  it('that fills up in the middle of a conversion: nothing of the target stays', async () => {
    small.fill(65_536);
    const names = readdirSync(small.dir);
    const args = [
      'convert',
      '--from',
      judged[1],
      '--to-form',
      'colbert',
      '--to',
      join(small.dir, 'big.jsonl'),
    ];
    const { code, err } = await run(args);
    expect(code).toBe(1);
    expect(complaints(err)).toEqual([expect.stringContaining('ENOSPC')]);
    expect(readdirSync(small.dir)).toEqual(names);
    small.empty();
  });

  it('that is read-only is named before the work', async () => {
    small.readOnly();
    const { code, err } = await run([...quick, '--json', join(small.dir, 'x.json')]);
    expect(code).toBe(2);
    expect(err).toContain(`nothing can be written in its folder ${small.dir}: EROFS: read-only file system`);
  });
});

it('a clock that goes back changes nothing: a file from the future is replaced, times are not negative', async () => {
  const back = files.write('back.cjs', 'let now = 2e12; Date.now = () => (now -= 1e6);\n');
  const json = files.write('clock.json', 'from the future');
  utimesSync(json, 4e9, 4e9);
  const { code } = await run([...quick, '--json', json], 'pipe', ['--require', back]);
  expect(code).toBe(0);
  const { seconds } = JSON.parse(readFileSync(json, 'utf8')) as { seconds: number };
  expect(seconds).toBeGreaterThan(0);
});

it('of two processes that write one file, one wins with all of its content', async () => {
  const target = join(files.dir, 'shared.jsonl');
  const forms = ['colbert', 'pylate', 'colbert', 'pylate'];
  const whole = new Map<string, string>();
  for (const form of new Set(forms)) {
    const alone = join(files.dir, `alone.${form}`);
    await run(['convert', '--from', judged[1], '--to-form', form, '--to', alone]);
    whole.set(form, readFileSync(alone, 'utf8'));
  }
  const ended = await Promise.all(
    forms.map((form) => run(['convert', '--from', judged[1], '--to-form', form, '--to', target])),
  );
  expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect([...whole.values()]).toContain(readFileSync(target, 'utf8'));
  expect(readdirSync(files.dir).filter((name) => name.includes('partial'))).toEqual([]);
});

it('a program that is ended in the middle of a file leaves nothing of it', async () => {
  const target = join(files.dir, 'ended.jsonl');
  const fifo = join(files.dir, 'never.fifo');
  await new Promise((resolve) => spawn('mkfifo', [fifo]).on('close', resolve));
  const child = spawn(process.execPath, [
    main,
    'convert',
    '--from',
    fifo,
    '--to-form',
    'trec',
    '--to',
    target,
  ]);
  // Opened when the command opens it; half a line never ends.
  const feeding = openSync(fifo, 'r+');
  writeFileSync(feeding, `${readFileSync(judged[1], 'utf8').slice(0, 30_000)}\n`);
  const beside = () => readdirSync(files.dir).filter((name) => name.includes('partial'));
  while (beside().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const signal = new Promise((resolve) => child.on('exit', (_, name) => resolve(name)));
  child.kill('SIGTERM');
  expect(await signal).toBe('SIGTERM');
  closeSync(feeding);
  expect(beside()).toEqual([]);
});

describe('an output that is an input, or another output', () => {
  const data = join(files.dir, 'data');
  cpSync(sample, data, { recursive: true });
  const corpus = join(data, 'corpus.jsonl');
  const [hard, soft] = [join(files.dir, 'hard.jsonl'), join(files.dir, 'soft.jsonl')];
  linkSync(corpus, hard);
  symlinkSync(corpus, soft);
  const before = readFileSync(corpus);
  const fresh = join(files.dir, 'fresh');
  symlinkSync('fresh', join(files.dir, 'also'));

  it.each([
    [['train', '--data', data, '--json', corpus], '--json', 'data'],
    [['train', '--data', data, '--json', hard], '--json', 'data'],
    [['refine', '--data', data, '--html', soft], '--html', 'data'],
    [['refine', '--data', data, '--checkpoint', join(data, 'teacher.trec')], '--checkpoint', 'teacher'],
    [['compare', '--data', data, '--json', join(data, 'qrels/test.tsv')], '--json', 'data'],
    [['compare', '--quick', '--zero-shot', data, '--html', hard], '--html', 'zero-shot'],
    [['evaluate', '--run', join(data, 'teacher.trec'), '--qrels', corpus, '--json', soft], '--json', 'qrels'],
    [['convert', '--from', soft, '--to', hard, '--to-form', 'trec'], '--to', 'from'],
    [['train', '--data', data, '--json', fresh, '--run', join(files.dir, 'also')], '--run', 'json'],
    [
      ['refine', '--data', data, '--resume', corpus, '--json', hard, '--checkpoint', fresh],
      '--json',
      'resume',
    ],
  ])('%j is refused', async (args, option, other) => {
    const { code, err } = await run(args);
    expect(err).toMatch(new RegExp(`${option}: ".*" cannot be written: it is a file of --${other}\n`));
    expect(code).toBe(2);
    expect(readFileSync(corpus)).toEqual(before);
  });

  it('sample overwrites no other collection', async () => {
    expect((await run(['sample', '--out', data])).code).toBe(0);
    writeFileSync(join(data, 'queries.jsonl'), '{"_id":"1","text":"mine"}\n');
    const { code, err } = await run(['sample', '--out', data]);
    expect([code, err]).toEqual([1, expect.stringContaining('queries.jsonl" cannot be written: it exists')]);
    expect(readFileSync(join(data, 'queries.jsonl'), 'utf8')).toContain('mine');
  });

  it('one pipe may take two outputs', async () => {
    const { code } = await run([...quick, '--json', '/dev/null', '--run', '/dev/null']);
    expect(code).toBe(0);
  });
});
