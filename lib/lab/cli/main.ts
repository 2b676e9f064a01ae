#!/usr/bin/env node
// The command `ckl-loss`: finds the subcommand, runs it, turns errors into messages and exit codes.
import { createRequire } from 'node:module';
import { watchReads } from '../../data/read-watch.js';
import { removePartials } from '../../data/whole-file.js';
import { isFirstRank } from '../../distributed/launcher.js';
import { didYouMean } from '../../describe.js';
import { isClosedPipe, lostOutput, READER_GONE, standardError, standardOutput } from './standard-streams.js';
import { ReadingLine } from './reading-line.js';
import { UsageError } from './usage.js';

/** A subcommand: takes what follows its name, returns the exit code. Loaded only when it is called. */
type Command = { about: string; load: () => Promise<(args: string[]) => Promise<number>> };

const COMMANDS: Record<string, Command> = {
  train: {
    about: "distil a small reranker from a teacher's scores, and measure it",
    load: async () => (await import('./train/train.js')).train,
  },
  refine: {
    about: 'refine a retriever with one or more losses, and compare them',
    load: async () => (await import('./refine/refine.js')).refine,
  },
  compare: {
    about: 'compare all losses on all students, with tests, tables and an HTML report',
    load: async () => (await import('./compare/compare.js')).compare,
  },
  search: {
    about: 'rank a corpus with a saved student',
    load: async () => (await import('./search/search.js')).search,
  },
  encode: {
    about: 'encode texts with a saved student',
    load: async () => (await import('./encode/encode.js')).encode,
  },
  mine: {
    about: 'mine hard negatives from a ranking, without likely false ones',
    load: async () => (await import('./mine/mine.js')).mine,
  },
  evaluate: {
    about: 'measure a run or a saved student, and test whether two runs differ',
    load: async () => (await import('./evaluate/evaluate.js')).evaluate,
  },
  convert: {
    about: 'convert teacher scores from one form to another',
    load: async () => (await import('./convert/convert.js')).convert,
  },
  doctor: {
    about: 'show what runs on this machine, and check that it computes correctly',
    load: async () => (await import('./doctor/doctor.js')).doctor,
  },
  bench: {
    about: 'measure the speed of this machine against a memory copy and an installed PyTorch',
    load: async () => (await import('./bench/bench.js')).bench,
  },
  sample: {
    about: 'write the synthetic sample, the default data of the other commands',
    load: async () => (await import('./sample/sample.js')).sample,
  },
};

const HELP = `ckl-loss: ranking-distillation losses for Node

${Object.entries(COMMANDS)
  .map(([name, { about }]) => `  ckl-loss ${name.padEnd(10)} ${about}\n`)
  .join('')}
ckl-loss COMMAND --help lists the options; ckl-loss --version prints the version.
`;

/** This package's. */
const { version } = createRequire(__filename)('ckl-loss/package.json') as { version: string };

/** @returns 0 success, 1 failure, 2 a command line that cannot be understood, 130 interrupted */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    standardOutput.write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    standardOutput.write(`${version}\n`);
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const known = Object.keys(COMMANDS);
    standardError.write(
      `ckl-loss: no command ${JSON.stringify(name)}${didYouMean(name, known)}; there are ${known.join(', ')}\n`,
    );
    return 2;
  }
  try {
    const command = await COMMANDS[name].load();
    return await command(args);
  } catch (error) {
    // The reader of our output has closed the pipe, so no one would see a report.
    if (isClosedPipe(error)) return READER_GONE;
    standardError.write(`ckl-loss ${name}: ${messageOf(error)}\n`);
    if (!(error instanceof UsageError)) return 1;
    standardError.write(`ckl-loss ${name} --help explains the options\n`);
    return 2;
  }
}

/** Expected errors have a code and need no stack; for a bug, the stack helps. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  const foreseen = error instanceof UsageError || error instanceof RangeError || 'code' in error;
  return foreseen ? error.message : (error.stack ?? error.message);
}

/** The exit code of the program: that of the command, or 1 if its results could not be printed. */
async function run(args: string[]): Promise<number> {
  const code = await main(args);
  await standardOutput.flush();
  const { failure } = standardOutput;
  if (failure === undefined || isClosedPipe(failure)) return code;
  standardError.write(`ckl-loss ${args[0] ?? ''}: ${lostOutput(failure)}\n`);
  return code || 1;
}

// A terminated program leaves no half-written files. A command that handles SIGINT itself keeps it.
process.on('exit', removePartials);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, function end() {
    if (process.listenerCount(signal) > 1) return;
    removePartials();
    process.off(signal, end);
    process.kill(process.pid, signal);
  });
}

if (isFirstRank(process.env)) watchReads(new ReadingLine(standardError));

void run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
