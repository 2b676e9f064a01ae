// Runs all benchmarks one after the other, with results in bench/results/ (or the given folder).
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const into = process.argv[2] ?? `${here}results`;
mkdirSync(into, { recursive: true });
for (const name of ['load', 'call', 'cpu', 'threads', 'refine', 'peers', 'paper'])
  execFileSync(process.execPath, [`${here}${name}.mjs`, '--json', `${into}/${name}.json`], {
    stdio: 'inherit',
  });
