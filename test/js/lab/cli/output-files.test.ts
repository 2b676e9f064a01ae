// Files that commands write: refused before the work where they cannot be written, and never there by halves.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { writeWhole } from '../../../../lib/data/whole-file';
import { scratch } from '../../data/files';

const files = scratch();
const repository = join(__dirname, '../../../..');
const sample = join(repository, 'examples/sample');
const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repository, 'dist/lab/cli/main.js'), ...args],
    { cwd: repository, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
};
const judged = ['--run', join(sample, 'teacher.trec'), '--qrels', join(sample, 'qrels/test.tsv')];

describe('a file that cannot be written', () => {
  it.each([
    ['train', '--json'],
    ['train', '--run'],
    ['refine', '--json'],
    ['refine', '--html'],
    ['refine', '--checkpoint'],
    ['compare', '--log'],
    ['compare', '--html'],
    ['compare', '--json'],
    ['compare', '--checkpoint'],
    ['evaluate', '--json'],
    ['convert', '--to'],
  ])('%s %s is refused before anything is read', (command, option) => {
    const more = {
      compare: ['--quick'],
      convert: ['--from', 'x', '--to-form', 'trec'],
      evaluate: judged,
    }[command];
    const missing = join(files.dir, 'none/file');
    const { status, stdout, stderr } = run(command, ...(more ?? []), option, missing);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toBe(
      `ckl-loss ${command}: ${option}: ${JSON.stringify(missing)} cannot be written: there is no folder ${join(files.dir, 'none')}`,
    );
  });

  it('may be a folder', () => {
    const { stderr } = run('evaluate', ...judged, '--json', files.dir);
    expect(stderr).toContain('cannot be written: it is a folder');
  });
});

describe('writeWhole', () => {
  /** Content that fails halfway, as a source that turns out damaged does. */
  async function* failing(): AsyncGenerator<string> {
    yield 'half';
    await Promise.reject(new Error('full'));
  }

  it('leaves what was there when it fails, and nothing beside it', async () => {
    const target = files.write('kept', 'before');
    const before = readdirSync(files.dir);
    await expect(writeWhole(target, failing())).rejects.toThrow('full');
    expect(readFileSync(target, 'utf8')).toBe('before');
    expect(readdirSync(files.dir)).toEqual(before);
  });

  it('writes through links, to a file there is or is not yet, and puts nothing in their place', async () => {
    mkdirSync(join(files.dir, 'far'));
    const [far, link, second] = ['far/file', 'link', 'second'].map((name) => join(files.dir, name));
    symlinkSync('far/file', link);
    symlinkSync(link, second);
    for (const text of ['new', 'again']) {
      await writeWhole(second, text);
      expect(readFileSync(far, 'utf8')).toBe(text);
    }
    expect([link, second].every((path) => lstatSync(path).isSymbolicLink())).toBe(true);
    symlinkSync('loop', join(files.dir, 'loop'));
    await expect(writeWhole(join(files.dir, 'loop'), '')).rejects.toMatchObject({ code: 'ERR_CKL_OUTPUT' });
  });

  it('keeps the permissions of a file, and the content of another hard link to it', async () => {
    const target = files.write('mine', 'before');
    chmodSync(target, 0o640);
    linkSync(target, join(files.dir, 'hard'));
    await writeWhole(target, 'after');
    expect(statSync(target).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(files.dir, 'hard'), 'utf8')).toBe('before');
  });

  it('takes bytes, texts and pieces, with gzip and without', async () => {
    async function* pieces(): AsyncGenerator<string | Uint8Array> {
      yield 'an ';
      yield await Promise.resolve(Buffer.from('order'));
    }
    const target = join(files.dir, 'content');
    for (const content of ['an order', Buffer.from('an order'), pieces])
      for (const gzip of [false, true]) {
        await writeWhole(target, typeof content === 'function' ? content() : content, { gzip });
        const bytes = readFileSync(target);
        expect((gzip ? gunzipSync(bytes) : bytes).toString()).toBe('an order');
      }
  });

  it('takes names as long as the file system does', async () => {
    const target = join(files.dir, 'é'.repeat(127));
    await writeWhole(target, 'x');
    expect(readFileSync(target, 'utf8')).toBe('x');
  });

  it.skipIf(process.platform === 'win32')(
    'refuses what is no plain file, or is one where only a file will do',
    async () => {
      const fifo = join(files.dir, 'fifo');
      execFileSync('mkfifo', [fifo]);
      const server = createServer().listen(join(files.dir, 'socket'));
      await once(server, 'listening');
      for (const [target, options, why] of [
        [files.dir, {}, 'it is a folder'],
        [`${files.dir}/`, {}, 'it is a folder'],
        [`${files.dir}/none/`, {}, 'it names a folder'],
        [join(files.dir, 'socket'), {}, 'it is a socket, no plain file'],
        ['', {}, 'it needs a name'],
        [join(files.dir, 'none/x'), {}, `there is no folder ${join(files.dir, 'none')}`],
        [fifo, { streams: false }, 'it is a pipe, no plain file'],
        ['/dev/null', { streams: false }, 'it is a device, no plain file'],
        ['/dev/stdout', { streams: false }, 'no plain file'],
      ] as const)
        await expect(writeWhole(target, 'x', options), target).rejects.toMatchObject({
          code: 'ERR_CKL_OUTPUT',
          file: target,
          why: expect.stringContaining(why) as string,
        });
      server.close();
      await writeWhole('/dev/null', 'x');
      expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
      const reader = readFile(fifo, 'utf8');
      await writeWhole(fifo, 'through');
      expect(await reader).toBe('through');
    },
  );

  it.skipIf(process.platform === 'win32')('converts into a pipe', () => {
    const link = join(files.dir, 'stdout');
    symlinkSync('/dev/stdout', link);
    const main = join(repository, 'dist/lab/cli/main.js');
    const from = join(sample, 'teacher.trec');
    // Through the shell: what a child process gets from Node as its output is a socket, which has no name to open.
    const command = `"${process.execPath}" "${main}" convert --from "${from}" --to "${link}" --to-form trec | cat`;
    const text = execFileSync('sh', ['-c', command], { encoding: 'utf8' });
    expect(text.split('\n')[0]).toMatch(/^q\d+ Q0 /);
  });
});

it('evaluate says so when the run has no judged query, and counts bad lines with --skip-bad', () => {
  const qrels = files.write('qrels', 'other a 1\n');
  const none = run('evaluate', ...judged.slice(0, 2), '--qrels', qrels);
  expect(none.status).toBe(1);
  expect(none.stderr).toContain(
    `teacher.trec: expected queries that ${qrels} has judgements for; found none`,
  );
  const bad = files.write('bad', `${readFileSync(judged[3], 'utf8')}q1 0 a much\n`);
  expect(run('evaluate', ...judged.slice(0, 2), '--qrels', bad).stderr).toContain(
    'bad:126: expected a whole',
  );
  const skipping = run('evaluate', ...judged.slice(0, 2), '--qrels', bad, '--skip-bad');
  expect(skipping.stdout).toContain('left out: 1 lines that cannot be read\n100 queries\n');
});

it('convert skips bad lines of the judgements, too', () => {
  const bad = files.write('bad2', `q1 0 a 1\nq1 0 b much\n`);
  const to = join(files.dir, 'pairs');
  const args = ['--from', judged[1], '--to', to, '--to-form', 'simlm', '--qrels', bad];
  expect(run('convert', ...args).stderr).toContain('bad2:2: expected a whole number');
  expect(run('convert', ...args, '--skip-bad').stdout).toMatch(/left out: 1\n.*bad2:2/);
});
