// The package as it is installed: require and import give the same classes and functions, and the declarations stand on their own.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as api from '../../../lib/index';

const root = join(__dirname, '../../..');
const run = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim();

describe('the package', () => {
  it('is one module whether it is required or imported', () => {
    const code = `
      import * as imported from 'ckl-loss';
      import { createRequire } from 'node:module';
      const required = createRequire(import.meta.url)('ckl-loss');
      const names = Object.keys(required);
      console.log(JSON.stringify(names.filter((name) => imported[name] === required[name])));`;
    expect(JSON.parse(run('--input-type=module', '-e', code)).sort()).toEqual(Object.keys(api).sort());
  });

  it('has one copy of every class, whichever entry throws it', () => {
    const code = `
      const { CklRangeError } = require('ckl-loss');
      const { minMax, applyPreset } = require('ckl-loss/presets');
      const tf = require('@tensorflow/tfjs-core');
      require('@tensorflow/tfjs-backend-cpu');
      const { klLoss } = require('ckl-loss/tfjs');
      const student = new Float32Array(3);
      const batch = { student, teacher: student, labels: new Uint8Array(3), shape: [2, 2] };
      const thrown = [
        () => minMax(student, { shape: [2, 2] }),
        () => applyPreset({ terms: [{ loss: 'kl' }] }, batch),
        () => klLoss(tf.scalar(1), tf.scalar(1), tf.scalar(1)),
      ].map((action) => { try { action(); } catch (error) { return error instanceof CklRangeError; } });
      console.log(JSON.stringify(thrown));`;
    expect(JSON.parse(run('-e', code))).toEqual([true, true, true]);
  });

  // A binary chosen by CKL_LOSS_PREBUILD is looked up by node-gyp-build, which is loaded for that.
  it.skipIf(process.env.CKL_LOSS_PREBUILD)('loads few files', () => {
    const code = `
      const before = new Set(Object.keys(require.cache));
      require('ckl-loss');
      const { basename } = require('node:path');
      console.log(JSON.stringify(Object.keys(require.cache).filter((f) => !before.has(f)).map((f) => basename(f))));`;
    expect(JSON.parse(run('-e', code)).sort()).toEqual(['ckl_loss.node', 'errors.js', 'index.js']);
  });

  it('is the same in a realm of its own, where instanceof does not know its arrays', () => {
    const code = `
      const vm = require('node:vm');
      const { ckl } = require('ckl-loss');
      const foreign = vm.runInNewContext(
        '({ student: new Float32Array(4), teacher: new Float32Array(4), labels: new Uint8Array([1, 0, 1, 0]), shape: [2, 2],' +
        ' ranks: new Uint16Array(4).fill(1), weights: new Float32Array(2).fill(1) })');
      console.log(ckl(foreign, { alpha: 2 }).counted);`;
    expect(run('-e', code)).toBe('2');
  });

  it('tells TypeScript of each sub-path twice: by exports, and for node10 by typesVersions', () => {
    const { exports, typesVersions } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, string | { types?: string }>;
      typesVersions: Record<string, Record<string, string[]>>;
    };
    const typed = Object.entries(exports).flatMap(([path, entry]) =>
      path !== '.' && typeof entry === 'object' ? [[path.slice(2), [entry.types]]] : [],
    );
    expect(typesVersions).toEqual({ '*': Object.fromEntries(typed) as unknown });
  });

  it('has declarations that compile in strict mode without skipLibCheck', () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const flags = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--types',
      'node',
      '--target',
      'ES2022',
    ];
    expect(
      run(
        tsc,
        ...flags,
        '--lib',
        'ES2022',
        '--module',
        'Node16',
        '--moduleResolution',
        'Node16',
        'dist/index.d.ts',
      ),
    ).toBe('');
  });
});
