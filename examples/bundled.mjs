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
// Beside this file, so that ckl-loss is found from there; in a project of its own this is dist/ or the like.
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
