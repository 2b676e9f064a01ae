// `ckl-loss evaluate`: lines of a run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeRun } from '../lib/scale-made.mjs';

const SIZES = { small: [1000, 1000], full: [6980, 1000], huge: [70_000, 1000] };

export function cases(size) {
  const [queries, depth] = SIZES[size];
  const make = (apart) => (dir) => {
    const run = join(dir, `${queries}x${depth}${apart ? '.apart' : ''}.trec`);
    const made = { run, qrels: `${run}.qrels` };
    return existsSync(made.qrels) ? made : writeRun(run, { queries, depth, apart });
  };
  const of = (name, apart, ...options) => ({
    name: `evaluate${name}`,
    unit: 'line',
    count: queries * depth,
    make: make(apart),
    async work(load, { run, qrels }) {
      const { evaluate } = load('lab/cli/evaluate/evaluate.js');
      let text = '';
      await evaluate(['--run', run, '--qrels', qrels, ...options], { write: (part) => (text += part) });
      return { 'ndcg@10': Number(/ndcg@10\s+(\S+)/.exec(text)[1]) };
    },
    command: ({ run, qrels }) => ['trec_eval', '-m', 'ndcg_cut.10', '-m', 'recip_rank', qrels, run],
  });
  return [
    of('', false),
    { ...of(' --convention msmarco', false, '--convention', 'msmarco'), command: undefined },
    of(', lines apart', true),
  ];
}
