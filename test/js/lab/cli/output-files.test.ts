// Files that commands write: refused before the work where they cannot be written, and never there by halves.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  const failing = (path: string) => {
    writeFileSync(path, 'half');
    return Promise.reject(new Error('full'));
  };

  it('leaves what was there when it fails, and nothing beside it', async () => {
    const target = files.write('kept', 'before');
    await expect(writeWhole(target, failing)).rejects.toThrow('full');
    expect(readFileSync(target, 'utf8')).toBe('before');
    expect(existsSync(`${target}.partial`)).toBe(false);
  });

  it('writes through a link, and puts nothing in its place', async () => {
    mkdirSync(join(files.dir, 'far'));
    const [far, link] = [join(files.dir, 'far/file'), join(files.dir, 'link')];
    writeFileSync(far, '');
    symlinkSync(far, link);
    await writeWhole(link, (path) => Promise.resolve(writeFileSync(path, 'text')));
    expect(readFileSync(far, 'utf8')).toBe('text');
  });

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
