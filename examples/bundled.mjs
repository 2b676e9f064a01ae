// A program bundled into one file by esbuild. The package stays outside the bundle: its addon is a file of its own, which it finds from
// where it is installed.
//   npm install esbuild; node examples/bundled.mjs
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const program = `
  import { ckl } from 'ckl-loss';
  const scores = Float32Array.of(2, 1, 0);
  const { loss, counted } = ckl({ student: scores, teacher: scores.map((s) => 2 * s), labels: Uint8Array.of(1, 0, 0), shape: [1, 3] });
  console.log('loss', loss.toFixed(3), 'of', counted, 'query');`;
// Next to this file, where ckl-loss can be resolved; in a real project, use dist/ or similar.
const here = fileURLToPath(new URL('.', import.meta.url));
const outfile = `${here}bundled-program.cjs`;

await build({
  stdin: { contents: program, resolveDir: here },
  outfile,
  bundle: true,
  platform: 'node',
  external: ['ckl-loss'],
});
console.log(execFileSync(process.execPath, [outfile], { encoding: 'utf8' }).trim());
rmSync(outfile);
