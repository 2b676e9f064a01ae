// The promises of SECURITY.md, one test each, and where the package runs: under Node's permissions, as another user, without shared memory.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadBeir, loadQrels, readQueries } from '../../../lib/data/index';
import { type Batch, kl, losses, type LossName } from '../../../lib/index';
import { NativeStatus } from '../../../lib/native/codes';
import { loadedAddon, native } from '../../../lib/native/native';
import { errorOf, expectSameBits, lossOf, randomBatch } from '../loss/helpers';

const root = join(__dirname, '../../..');
const names = Object.keys(losses) as LossName[];
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The package as it is installed with a prebuilt binary, where every user may read it. */
const dir = mkdtempSync(join(tmpdir(), 'ckl-security-'));
const installed = join(dir, 'ckl-loss');
const binaries = join(installed, 'prebuilds', `${process.platform}-${process.arch}`);
mkdirSync(binaries, { recursive: true });
for (const file of ['package.json', 'dist', 'scripts/install.cjs', 'CMakeLists.txt', 'src'])
  cpSync(join(root, file), join(installed, file), { recursive: true });
cpSync(join(root, 'node_modules/node-gyp-build'), join(installed, 'node_modules/node-gyp-build'), {
  recursive: true,
});
mkdirSync(join(installed, 'include'));
const binary = join(binaries, process.platform === 'linux' ? 'ckl-loss.glibc.node' : 'ckl-loss.node');
copyFileSync(loadedAddon.file, binary);
spawnSync('chmod', ['-R', 'a+rX', dir]);
afterAll(() => rmSync(dir, { recursive: true }));

const script = `const { kl } = require(${JSON.stringify(installed)});
console.log(kl({ student: Float32Array.of(1, 2), teacher: Float32Array.of(2, 1), labels: Uint8Array.of(1, 0), shape: [1, 2] }).loss);`;
const start = (command: string, args: string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(command, args, { encoding: 'utf8', cwd: dir, env });
const works = (command: string, ...args: string[]) => {
  const { stdout, stderr } = start(command, args);
  expect(stdout, stderr).toMatch(/^0\.462117/);
};

describe('memory outside the arrays is neither read nor written', () => {
  it.each(names)('%s: one element too few of any array is refused, and no output is touched', (name) => {
    const batch: Batch = randomBatch({ seed: 5, queries: 3, docs: 7 });
    const whole = { ...batch, grad: new Float32Array(21).fill(7), perQuery: new Float32Array(3).fill(7) };
    for (const key of ['student', 'teacher', 'labels', 'grad', 'perQuery'] as const) {
      const short = { ...whole, [key]: (whole[key] as Float32Array).subarray(1) };
      expect(errorOf(() => lossOf(name)(short)).code, key).toBe('ERR_CKL_SHAPE');
    }
    expect(new Set([...whole.grad, ...whole.perQuery])).toEqual(new Set([7]));
  });

  it('outputs in the middle of a buffer leave the rest of it alone', () => {
    const batch = randomBatch({ seed: 6, queries: 3, docs: 7 });
    for (const name of names) {
      const all = new Float32Array(61).fill(7);
      lossOf(name)({ ...batch, grad: all.subarray(20, 41) });
      expect(new Set([...all.subarray(0, 20), ...all.subarray(41)]), name).toEqual(new Set([7]));
    }
  });
});

it.each(names)('%s does not read padding', (name) => {
  const batch = randomBatch({ seed: 7, queries: 4, docs: 21, padding: 40 });
  const filled = (value: number) => ({
    ...batch,
    student: batch.student.map((s, i) => (batch.labels[i] === 255 ? value : s)),
    teacher: batch.teacher.map((t, i) => (batch.labels[i] === 255 ? value : t)),
  });
  const expected = lossOf(name)(batch);
  for (const value of [NaN, Infinity, -Infinity, 3e38])
    expectSameBits(lossOf(name)(filled(value)).grad, expected.grad);
});

describe('native code checks lengths and offsets in 64-bit arithmetic, before anything is touched', () => {
  const plan = new native.Plan({
    terms: [
      {
        loss: 'kl',
        weight: 1,
        gamma: 1,
        alpha: 0,
        lambda: 0,
        nllWeight: 0,
        detachWeights: 0,
        negativeWeight: 0,
      },
    ],
    ...{ backend: 'cpu', studentTemperature: 1, teacherTemperature: 1, reduction: 'mean', pairMean: 'query' },
    ...{ gradScale: 1, cpuTarget: '', threads: 1, reserveDocs: 0 },
  } as never);
  const run = (queries: number, docs: number, stride: number, offsets: Int32Array | null = null) => {
    const [scores, labels] = [new Float32Array(8), new Uint8Array(8)];
    const [grad, perQuery] = [new Float32Array(8).fill(7), new Float32Array(8).fill(7)];
    const scalars = new Float64Array(16);
    scalars.set([queries, docs, stride, 0, 0, 0], 8);
    const status = plan.run(
      scores,
      scores,
      labels,
      offsets,
      null,
      null,
      null,
      null,
      grad,
      perQuery,
      null,
      null,
      scalars,
    );
    if (status !== NativeStatus.ok) expect(new Set([...grad, ...perQuery])).toEqual(new Set([7]));
    return status;
  };

  it('a batch that fits is taken', () => expect(run(2, 4, 4)).toBe(NativeStatus.ok));
  it.each([
    // Products that are small in 32 bits, and in 64.
    [2 ** 16, 2 ** 16, 2 ** 16],
    [2 ** 32, 1, 2 ** 32],
    [2 ** 31, 2 ** 33, 2 ** 33],
    [2, 4, 2 ** 32],
    [2, 2 ** 32 + 4, 2 ** 32 + 4],
    [2, 5, 4],
    [-1, 4, 4],
  ])('%i queries of %i documents, %i apart, are not', (...size) => {
    expect(run(...size)).not.toBe(NativeStatus.ok);
  });
  it.each([[[0, 9, 8]], [[0, -1, 8]], [[0, 4, 9]], [[-4, 0, 4]], [[0, 2 ** 31 - 1, 8]]])(
    'nor offsets %j',
    (offsets) => {
      expect(run(2, 0, 0, Int32Array.from(offsets))).not.toBe(NativeStatus.ok);
    },
  );
});

it('shared memory is refused', () => {
  const batch = randomBatch({ seed: 8, queries: 2, docs: 4 });
  for (const key of ['student', 'teacher', 'labels'] as const) {
    const kind = batch[key].constructor as Float32ArrayConstructor;
    const shared = new kind(new SharedArrayBuffer(batch[key].byteLength));
    expect(errorOf(() => kl({ ...batch, [key]: shared as never })).code).toBe('ERR_CKL_BUFFER');
  }
});

it('the suites can be run under AddressSanitizer and UndefinedBehaviorSanitizer', () => {
  expect(read('CMakeLists.txt')).toContain('-fsanitize=address,undefined');
  expect(read('package.json')).toContain('"test:sanitize": "bash test/sanitize.sh"');
});

it('data files are parsed as text; nothing in them is executed', async () => {
  const path = join(dir, 'queries.jsonl');
  const names = ['__proto__', 'constructor', 'toString', '${process.exit(9)}', 'process.exit(9)'];
  writeFileSync(
    path,
    names.map((name) => `{"_id":"${name}","text":"t","__proto__":{"polluted":1}}\n`).join(''),
  );
  const records = await readQueries(path).collect();
  expect(records.map(({ id }) => id)).toEqual(names);
  writeFileSync(path, '__proto__ 0 polluted 1\n');
  expect((await loadQrels(path)).get('__proto__')).toEqual(new Map([['polluted', 1]]));
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  await expect(loadBeir(dir)).rejects.toThrow();
});

describe('installing', () => {
  const install = (env: NodeJS.ProcessEnv) =>
    start(process.execPath, [join(installed, 'scripts/install.cjs')], { ...env, PATH: '' });

  it('does nothing where a prebuilt binary loads', () => {
    const before = readdirSync(installed);
    expect(install(process.env)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(readdirSync(installed)).toEqual(before);
  });

  it('asks for CMake where none does', () => {
    const kept = readFileSync(binary);
    writeFileSync(binary, 'no binary');
    try {
      const { status, stdout, stderr } = install(process.env);
      expect(status).not.toBe(0);
      expect(stdout + stderr).toMatch(/cmake/i);
    } finally {
      writeFileSync(binary, kept);
      rmSync(join(installed, 'build'), { recursive: true, force: true });
    }
  });

  it('touches no network and evaluates no text', () => {
    const sources = ['scripts', 'dist'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.[cm]?js$/.test(file))
        .map((file) => join(folder, file)),
    );
    expect(sources.length).toBeGreaterThan(20);
    const network =
      /require\(["'](node:)?(https?|http2|net|tls|dns|dgram|undici|vm)["']\)|\bfetch\(|\beval\(|new Function\(/;
    for (const file of sources) expect(network.exec(read(file))?.[0], file).toBeUndefined();
  });

  it('works with --ignore-scripts: the package as it was unpacked loads', () =>
    works(process.execPath, '-e', script));
});

it.runIf(process.platform === 'linux')(
  'the addon links to the C and C++ libraries of the system alone',
  ({ skip }) => {
    const { stdout, error } = start('readelf', ['-d', loadedAddon.file]);
    if (error) skip();
    const needed = [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
    expect(needed).toContain('libc.so.6');
    for (const name of needed)
      expect(name).toMatch(/^(lib(c|m|stdc\+\+|gcc_s|pthread|dl|rt)\.so\.\d|ld-linux)/);
  },
);

describe('Node with permissions', () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const allowed = [flag, `--allow-fs-read=${dir}/*`];

  it('works where the package may be read and addons are allowed', () => {
    works(process.execPath, ...allowed, '--allow-addons', '-e', script);
  });

  it('says that addons are not allowed where they are not', () => {
    const { status, stderr } = start(process.execPath, [...allowed, '-e', script]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/has no native addon that loads/);
    expect(stderr).toMatch(/native addons|addons (are|is) (disabled|not)|ERR_DLOPEN_DISABLED/i);
  });
});

const isRoot = process.getuid?.() === 0;
describe.runIf(process.platform === 'linux' && isRoot)('as root of a Linux machine', () => {
  it('works for another user', ({ skip }) => {
    // If no other user may run Node at all, there is nothing to test.
    if (start('runuser', ['-u', 'nobody', '--', process.execPath, '-e', '0']).status !== 0) skip();
    works('runuser', '-u', 'nobody', '--', process.execPath, '-e', script);
  });

  it('works without /dev/shm', ({ skip }) => {
    const gone =
      'umount /dev/shm 2>/dev/null; mount -t tmpfs -o size=0,mode=0 none /dev/shm && mount -o remount,ro /dev/shm';
    if (start('unshare', ['-m', 'sh', '-c', gone]).status !== 0) skip();
    works('unshare', '-m', 'sh', '-c', `{ ${gone}; } && exec "$0" -e "$1"`, process.execPath, script);
  });
});
