// Every code block of README.md, CONTRIBUTING.md and docs/ runs, or says why it does not.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, blocksOf, documents, foreignCommands, programs, root } from './blocks';

const dir = mkdtempSync(join(tmpdir(), 'ckl-docs-'));
const blocks = documents().flatMap(blocksOf);
const whole = documents().flatMap((file) => programs(blocksOf(file)).filter(({ isPart }) => !isPart));
const titled = (language: Block['language']): [string, Block][] =>
  whole
    .filter((block) => block.language === language && block.notRun === '')
    .map((block) => [block.place, block]);

beforeAll(() => {
  // A user's folder: the package is installed, and the sample lies there.
  mkdirSync(join(dir, 'node_modules/.bin'), { recursive: true });
  symlinkSync(root, join(dir, 'node_modules/ckl-loss'));
  const command = `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'dist/lab/cli/main.js')}" "$@"\n`;
  writeFileSync(join(dir, 'node_modules/.bin/ckl-loss'), command, { mode: 0o755 });
  for (const name of ['@jax-js', '@types', '@tensorflow', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(dir, 'node_modules', name));
  }
  cpSync(join(root, 'examples'), join(dir, 'examples'), { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{"name":"user","private":true}');
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs a program in the user's folder; its output is the message if it fails. */
function run(command: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: dir,
    encoding: 'utf8',
    timeout: 50_000,
    env: { ...process.env, PATH: `${join(dir, 'node_modules/.bin')}:${process.env.PATH}` },
  });
  if (status !== 0) expect.fail(`ends with ${status}\n${stdout}${stderr}`);
}

const fileOf = (block: Block, extension: string): string =>
  join(dir, `${block.place.replace(/[^\w]+/g, '-')}.${extension}`);

describe('the code blocks', () => {
  it('are found', () => {
    expect(blocks.length).toBeGreaterThan(10);
    expect(blocks.filter((block) => /```/.test(block.code))).toEqual([]);
  });

  it.each(titled('js'))('%s runs', (_, block) => {
    const file = fileOf(block, 'mjs');
    writeFileSync(file, block.code);
    run(process.execPath, [file]);
  });

  it('are typed right, those in JavaScript and those that are not run too', () => {
    const files = whole.flatMap((block) => {
      if (block.language === 'sh') return [];
      const file = fileOf(block, block.language === 'ts' ? 'mts' : 'mjs');
      writeFileSync(file, block.code);
      return [file];
    });
    const options: ts.CompilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.Node16,
      moduleResolution: ts.ModuleResolutionKind.Node16,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    // JavaScript has no place for the types of parameters and caught errors.
    const inJavaScript = {
      allowJs: true,
      checkJs: true,
      noImplicitAny: false,
      useUnknownInCatchVariables: false,
    };
    const problems = (extension: string, more: ts.CompilerOptions) => {
      const own = files.filter((file) => file.endsWith(extension));
      expect(own.length).toBeGreaterThan(0);
      return ts.getPreEmitDiagnostics(ts.createProgram(own, { ...options, ...more })).map((problem) => {
        const line = problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0).line;
        return `${problem.file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(problem.messageText, ' ')}`;
      });
    };
    expect([...problems('.mts', {}), ...problems('.mjs', inJavaScript)]).toEqual([]);
  });

  it.each(titled('ts'))('%s runs', (_, block) => {
    const file = fileOf(block, 'run.mjs');
    const target = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 };
    writeFileSync(file, ts.transpileModule(block.code, { compilerOptions: target }).outputText);
    run(process.execPath, [file]);
  });

  it.each(titled('sh'))('%s runs', (_, block) => {
    // Nothing that installs, removes or builds: the folder's node_modules leads to the repository.
    expect(foreignCommands(block), 'mark the block <!-- not run: why -->').toEqual([]);
    run('bash', ['-euo', 'pipefail', '-c', block.code]);
  });
});
