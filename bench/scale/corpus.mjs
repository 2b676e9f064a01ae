// A corpus of passages: read as refine, compare and search read it, and a student's start (latent semantic analysis) made of it.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PASSAGES, uniform, writeAll } from '../lib/scale-made.mjs';

const DOCUMENTS = { small: 100_000, full: 1_000_000, huge: PASSAGES };
const QUERIES = 300;
const CANDIDATES = 32;
const WIDTH = 128;

const [CONSONANTS, VOWELS] = ['bcdfghjklmnprtvwz', 'aeiou'];
const FUNCTION_WORDS = 'the of and to in a is for that with'.split(' ');

/** A made word for each number. */
function wordOf(number) {
  let word = '';
  for (let rest = number + 40; rest > 0; rest = Math.floor(rest / 85))
    word += CONSONANTS[rest % 17] + VOWELS[Math.floor(rest / 17) % 5];
  return word;
}

/** The least and the most words of a passage, 55 on average as MS MARCO's, and of short ones. */
const LENGTHS = [35, 74];
const SHORT = [6, 14];

/** A BEIR folder and a teacher's run; a third of all words are function words. */
export function makeFolder(dir, documents, [least, most] = LENGTHS) {
  const folder = join(dir, `corpus-${documents}-${least}`);
  const made = { folder, teacher: join(folder, 'teacher.trec') };
  if (existsSync(made.teacher)) return made;
  mkdirSync(join(folder, 'qrels'), { recursive: true });
  const random = uniform(1);
  const vocabulary = Math.round(300 * Math.sqrt(documents));
  const words = Array.from({ length: vocabulary }, (_, i) => wordOf(i));
  const draw = () =>
    random() < 0.35
      ? FUNCTION_WORDS[Math.floor(random() * FUNCTION_WORDS.length)]
      : // Zipf’s law.
        words[Math.min(vocabulary - 1, Math.floor((vocabulary + 1) ** random()) - 1)];
  const text = (count) => `${Array.from({ length: count }, draw).join(' ')}.`;
  function* corpus() {
    for (let i = 0; i < documents; i++)
      yield `${JSON.stringify({ _id: String(i), title: '', text: text(least + Math.floor(random() * (most - least + 1))) })}\n`;
  }
  writeAll(join(folder, 'corpus.jsonl'), corpus());
  const [queries, qrels, run] = [[], ['query-id\tcorpus-id\tscore\n'], []];
  for (let q = 0; q < QUERIES; q++) {
    queries.push(`${JSON.stringify({ _id: `q${q}`, text: text(8) })}\n`);
    const candidates = new Set();
    while (candidates.size < CANDIDATES) candidates.add(Math.floor(random() * documents));
    [...candidates].forEach((document, i) => {
      if (i === 0) qrels.push(`q${q}\t${document}\t1\n`);
      run.push(`q${q} Q0 ${document} ${i + 1} ${(CANDIDATES - i) / 2} made\n`);
    });
  }
  writeAll(join(folder, 'queries.jsonl'), queries);
  writeAll(join(folder, 'qrels/all.tsv'), qrels);
  writeAll(made.teacher, run);
  return made;
}

const read = (load, { folder, teacher }) =>
  load('lab/students/words/bags.js').loadCollection(folder, teacher);

export function cases(size) {
  const count = DOCUMENTS[size];
  const common = { unit: 'document', count, make: (dir) => makeFolder(dir, count) };
  return [
    {
      name: 'corpus',
      ...common,
      async work(load, made) {
        const { docids, vocabulary } = await read(load, made);
        if (docids.length !== count) throw new Error(`${docids.length} documents`);
        return { words: vocabulary };
      },
    },
    {
      name: 'corpus and start',
      ...common,
      async work(load, made) {
        const { bags, vocabulary } = await read(load, made);
        const { latentDirections } = load('lab/students/words/lsa.js');
        const { Random } = load('lab/training/random.js');
        const before = process.cpuUsage();
        latentDirections(bags, vocabulary, WIDTH, new Random(1));
        const { user, system } = process.cpuUsage(before);
        return { words: vocabulary, 'start, CPU s': Math.round((user + system) / 1e4) / 100 };
      },
    },
    {
      name: 'refine, short passages',
      ...common,
      make: (dir) => makeFolder(dir, count, SHORT),
      async work(load, { folder, teacher }) {
        const before = process.cpuUsage();
        const spent = () => {
          const { user, system } = process.cpuUsage(before);
          return Math.round((user + system) / 1e4) / 100;
        };
        let [read, start] = [0, 0];
        const { data } = await load('lab/refine/index.js').refine(
          {
            ...{ data: folder, teacher, student: 'dense', width: 32, losses: ['kl'], docs: 16 },
            ...{ epochs: 1, batch: 16, patience: 1, learningRate: 0.003, seed: 1 },
          },
          { onData: () => (read = spent()), onStart: () => (start = spent()) },
        );
        return {
          words: data.words,
          'read, CPU s': read,
          'start, CPU s': Math.round(100 * (start - read)) / 100,
        };
      },
    },
  ];
}
