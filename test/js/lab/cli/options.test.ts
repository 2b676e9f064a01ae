// The options of train, refine and compare: one that several commands take means the same in all of them.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPARE_OPTIONS, readCompareArguments } from '../../../../lib/lab/cli/compare/options';
import { readRefineArguments, REFINE_OPTIONS } from '../../../../lib/lab/cli/refine/options';
import { readTrainArguments, TRAIN_OPTIONS } from '../../../../lib/lab/cli/train/options';
import { recipeOf } from '../../../../lib/lab/experiment/recipes';

/** The options of a help text: name -> value and explanation, without the default. */
function explained(help: string): Map<string, string> {
  const options = help.split(/\n(?= {2}--)/).slice(1);
  return new Map(
    options.map((option) => {
      const words = option.split('\n\n')[0].replace(/\s+/g, ' ').trim();
      const [, name, rest] = /^--(\S+) (.*)$/.exec(words)!;
      return [name, rest.replace(/ \(default: .*\)$/, '').replace(/; ckl is always included\)$/, '')];
    }),
  );
}

const commands = { train: TRAIN_OPTIONS, refine: REFINE_OPTIONS, compare: COMPARE_OPTIONS };
const texts = Object.entries(commands).map(([command, { help }]) => ({ command, options: explained(help) }));
const shared = [...new Set(texts.flatMap(({ options }) => [...options.keys()]))].filter(
  (name) => texts.filter(({ options }) => options.has(name)).length > 1,
);

describe('an option of several commands', () => {
  it('is found in the help texts', () => {
    expect(shared).toEqual(
      expect.arrayContaining(['data', 'docs', 'losses', 'loss', 'wrong-teacher', 'zero-shot']),
    );
  });

  it.each(shared)('--%s has one meaning', (name) => {
    const meanings = new Set(texts.flatMap(({ options }) => options.get(name) ?? []));
    expect([...meanings]).toHaveLength(1);
  });

  it.each(['kl,nll', 'ckl-detached', 'kl+ckl,jsd', 'kl:1+nll:0.5,bkl'])(
    '--losses %s names the same recipes',
    (given) => {
      const refined = readRefineArguments(['--losses', `ckl,${given}`])!.options.losses.map(recipeOf);
      const compared = readCompareArguments(['--quick', '--losses', given])!.options.recipes;
      expect(new Set(compared)).toEqual(new Set(refined));
    },
  );

  it('--loss reads one loss or sum, in train as in refine', () => {
    const sum = ['--loss', 'kl:1+marginMse:0.05'];
    expect(readTrainArguments(sum)!.options.loss).toEqual({ kl: 1, marginMse: 0.05 });
    expect(readRefineArguments(sum)!.options.losses).toEqual([{ kl: 1, marginMse: 0.05 }]);
    for (const read of [readTrainArguments, readRefineArguments])
      expect(() => read(['--loss', 'kl,nll'])).toThrow('--loss takes kl, ckl');
  });

  it('refuses parameters of losses that are not trained', () => {
    expect(() => readCompareArguments(['--quick', '--losses', 'kl', '--k', '3'])).toThrow(
      '--k does not belong',
    );
    expect(() => readRefineArguments(['--losses', 'kl', '--k', '3'])).toThrow('--k does not belong');
    expect(readCompareArguments(['--quick', '--losses', 'lambdaNdcg', '--k', '3'])!.options.k).toBe(3);
    expect(readRefineArguments(['--losses', 'kl+ckl', '--gamma', '3'])!.options.gamma).toBe(3);
  });

  it('takes the length of training lists as --docs, and the depth of candidate lists as --depth', () => {
    expect(readTrainArguments(['--depth', '20'])!.options.depth).toBe(20);
    expect(() => readTrainArguments(['--docs', '20'])).toThrow('unknown option --docs');
    expect(readRefineArguments(['--docs', '20'])!.options.docs).toBe(20);
    expect(readCompareArguments(['--quick', '--docs', '20'])!.options.docs).toBe(20);
  });
});

describe('compare --quick', () => {
  const data = join(__dirname, '../../../../examples/sample');
  const asked = (...more: string[]) => readCompareArguments(['--quick', ...more])!.options;

  it('is one student, three losses and one seed on data of one’s own', () => {
    const { students, recipes, seeds, rates, wrongTeacher, wrongLabels } = asked('--data', data);
    expect(recipes.map(({ name }) => name).sort()).toEqual(['ckl', 'kl', 'nll']);
    expect({ students, seeds, rates, wrongTeacher, wrongLabels }).toEqual({
      ...{ students: ['dense'], seeds: 1, rates: [1], wrongTeacher: 0, wrongLabels: 0 },
    });
  });

  it('is all of it on the sample, and what is asked for on any', () => {
    expect(asked().students).toHaveLength(4);
    expect(asked().wrongTeacher).toBe(0.5);
    const more = asked('--data', data, '--students', 'multi', '--losses', 'bkl', '--wrong-labels', '0.2');
    expect(more).toMatchObject({ students: ['multi'], wrongTeacher: 0, wrongLabels: 0.2 });
    expect(more.recipes.map(({ name }) => name)).toEqual(expect.arrayContaining(['ckl', 'bkl']));
    expect(more.recipes).toHaveLength(2);
  });
});
