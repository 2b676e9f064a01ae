// `ckl-loss sample`: writes the synthetic sample, byte for byte the one in examples/sample.
import { writeSample } from '../../sample/write.js';
import type { Output } from '../progress.js';
import { standardOutput } from '../standard-streams.js';
import { parseOptions, required } from '../usage.js';

const SAMPLE_HELP = `ckl-loss sample: write the synthetic sample, the default data of the other commands

  ckl-loss sample --out DIR

Writes a BEIR folder in an invented language, with a teacher's scores. The files are always the same, byte for byte.
`;

export async function sample(args: string[], out: Output = standardOutput): Promise<number> {
  const { help, out: dir } = parseOptions(args, {
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  });
  if (help) {
    out.write(SAMPLE_HELP);
    return 0;
  }
  await writeSample(required('out', dir));
  return 0;
}
