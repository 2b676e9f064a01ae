// Converts the linear reranker to the tensors of a saved student, and back for use.
import { IdList } from '../../../data/id-list.js';
import { CklRangeError } from '../../../errors.js';
import type { Run } from '../../../metrics/index.js';
import { keepBest } from '../dense/retrieve.js';
import { PreparedDocument } from '../linear/document.js';
import { FEATURES, PreparedQuery } from '../linear/features.js';
import { LinearStudent } from '../linear/linear-student.js';
import { standardise, type Scale } from '../linear/standardise.js';
import { words } from '../words/text.js';
import { Vocabulary } from '../words/vocabulary.js';
import type { Titled } from './arguments.js';
import type { Encoded } from './encodings.js';
import { LoadedStudent, type Counting, type STATISTICS } from './loaded.js';
import { takeTensor, tensorsFile } from './folder.js';
import { ModelError } from './model-error.js';
import type { ModelContent } from './model-files.js';
import type { Tensor } from './safetensors.js';

const WIDTH = FEATURES.length;
const NAMES = { weights: 'linear.weights', mean: 'features.mean', deviation: 'features.deviation' } as const;

/** @param vocabulary counted over the corpus that the student was trained on */
export function linearModelOf(
  { weights }: Pick<LinearStudent, 'weights'>,
  { mean, deviation }: Scale,
  vocabulary: Vocabulary,
): Omit<ModelContent, 'version'> {
  const { documents, length, frequency } = vocabulary;
  const tensor = (numbers: Float64Array): Tensor => ({ shape: [WIDTH], numbers: numbers.slice() });
  return {
    student: 'linear',
    width: 0,
    features: [...FEATURES],
    words: [...frequency.keys()],
    statistics: { documents, length, frequency: Int32Array.from(frequency.values()) },
    tensors: new Map([
      [NAMES.weights, tensor(weights)],
      [NAMES.mean, tensor(mean)],
      [NAMES.deviation, tensor(deviation)],
    ]),
  };
}

/** @throws ModelError for tensors that do not form a linear student */
export function loadLinear(dir: string, content: ModelContent): LoadedStudent {
  const file = tensorsFile(dir);
  if (content.features?.join() !== FEATURES.join())
    throw new ModelError(dir, 'shape', `its features are not ${FEATURES.join(', ')}`);
  const tensors = new Map(content.tensors);
  const take = (name: string) => takeTensor(file, tensors, name, [WIDTH], Float64Array);
  const [weights, mean, deviation] = [take(NAMES.weights), take(NAMES.mean), take(NAMES.deviation)];
  const [strange] = tensors.keys();
  if (strange !== undefined)
    throw new ModelError(file, 'shape', `its tensor ${JSON.stringify(strange)} belongs to no linear student`);
  const student = new LinearStudent(WIDTH, 0);
  student.load({ weights });
  return new LoadedLinear(content, student, { mean, deviation });
}

interface Counted {
  docids: IdList;
  documents: PreparedDocument[];
  vocabulary: Vocabulary;
}

class LoadedLinear extends LoadedStudent<Counted> {
  private readonly vocabulary: Vocabulary;

  constructor(
    content: ModelContent,
    private readonly student: LinearStudent,
    private readonly scale: Scale,
  ) {
    super(content);
    this.vocabulary = Vocabulary.of(content.words, content.statistics);
  }

  protected override encode(): Encoded {
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      'a linear student looks at query and document together and has no encoding of a text: use score or search',
    );
  }

  protected override scores(query: string, documents: readonly Titled[]): Float32Array {
    const prepared = documents.map(({ title, text }) => new PreparedDocument(title, text));
    return this.scoreAll(query, prepared, this.vocabulary);
  }

  protected override counting(statistics: (typeof STATISTICS)[number]): Counting<Counted> {
    const docids = new IdList();
    const documents: PreparedDocument[] = [];
    const own = new Vocabulary();
    return {
      get size() {
        return docids.length;
      },
      add(id, title, text) {
        if (!docids.add(id)) return false;
        const document = new PreparedDocument(title, text);
        if (statistics === 'corpus') own.add(document.all);
        documents.push(document);
        return true;
      },
      end: () => ({ docids, documents, vocabulary: statistics === 'corpus' ? own : this.vocabulary }),
    };
  }

  /** Every document is looked at. */
  protected override ranked(
    { docids, documents, vocabulary }: Counted,
    queries: ReadonlyMap<string, string>,
    depth: number,
  ): Run {
    return new Map(
      [...queries].map(([qid, text]) => [
        qid,
        keepBest(docids, this.scoreAll(text, documents, vocabulary), depth),
      ]),
    );
  }

  private scoreAll(
    text: string,
    documents: readonly PreparedDocument[],
    vocabulary: Vocabulary,
  ): Float32Array {
    const query = new PreparedQuery(words(text), vocabulary);
    const features = new Float64Array(documents.length * WIDTH);
    documents.forEach((document, i) => query.write(document, features, i * WIDTH));
    const [list] = standardise(
      [
        {
          qid: '',
          docids: documents.map((_, i) => String(i)),
          teacher: new Float32Array(documents.length),
          labels: new Uint8Array(documents.length),
          features,
        },
      ],
      this.scale,
    );
    const out = new Float32Array(documents.length);
    this.student.score(list, out, 0);
    return out;
  }
}
