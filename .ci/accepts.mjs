// Checks whether a compiler accepts sources without generating code, which takes most of the time:
// -fsyntax-only still instantiates all templates. Usage: node .ci/accepts.mjs COMPILE_COMMANDS FOLDER... runs
// the commands of the files in these folders of the repository
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [commands, ...folders] = process.argv.slice(2);
const chosen = JSON.parse(readFileSync(commands, 'utf8')).filter(({ file }) =>
  folders.some((folder) => relative('.', file).startsWith(folder)),
);
let refused = 0;
for (const { directory, command, file } of chosen) {
  const { status } = spawnSync(`${command.replace(/ -o \S+/, '')} -fsyntax-only`, {
    cwd: directory,
    shell: true,
    stdio: 'inherit',
  });
  if (status === 0) continue;
  refused++;
  console.error(`refused: ${relative('.', file)}`);
}
console.log(`${chosen.length - refused} of ${chosen.length} files accepted`);
process.exit(refused === 0 && chosen.length > 0 ? 0 : 1);
