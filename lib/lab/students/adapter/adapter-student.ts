// The adapter student: frozen vectors of any encoder, and learned linear maps of them; dense, or with late interaction.
import { backward, scores } from '../../../embeddings/index.js';
import type { Run } from '../../../metrics/index.js';
import { Adam } from '../../training/adam.js';
import type { DocumentList } from '../../training/candidates.js';
import { Random } from '../../training/random.js';
import { TableStudent } from '../table-student.js';
import { TopScores } from '../top-scores.js';
import { gather, slice, textsOf, type Vectors, type VectorSet } from '../vectors/vector-set.js';
import { AdapterMap } from './adapter-map.js';

export const SIDES = ['query', 'both'] as const;
export const SIMILARITIES = ['cosine', 'dot'] as const;

export interface AdapterShape {
  /**
   * Which vectors are mapped: only those of queries, so that an index of the documents stays valid; or both,
   * each side with its own map.
   */
  sides: (typeof SIDES)[number];
  /** Rank of what is added to the identity; 0: a full matrix. */
  rank: number;
  /**
   * The similarity of two vectors or, with late interaction, of two tokens, whose best matches are summed
   * over the query's tokens.
   */
  similarity: (typeof SIMILARITIES)[number];
}

/** A list whose query and documents are places among the vectors. */
export interface VectorList extends DocumentList {
  query: number;
  documents: readonly number[];
}

/** The learning rate of maps, found by a search on SciFact. */
const MAP_RATE = 3;

/** Number of scores held at a time in a search. */
const SCORES_AT_ONCE = 1 << 22;
/** Number of documents mapped at a time in a search. */
const MOST_DOCUMENTS = 4096;

/** Maximum number of lists kept from their scores to their gradients; the forward pass of others is repeated. */
const KEPT_LISTS = 256;

/** The results of a list's forward pass that its backward pass needs. */
interface Mapped {
  query: Vectors;
  documents: Vectors;
  toQuery: Float32Array;
  toDocuments: Float32Array;
}

/** score = s · similarity(A x_query, B x_document), with maps A and B that begin as the identity (B stays so for `query`), and s = 1 at first. */
export class AdapterStudent extends TableStudent<VectorList> {
  private readonly logScale = new Float32Array(1);
  private readonly queryMap: AdapterMap;
  private readonly documentMap: AdapterMap | undefined;
  protected readonly tables: Record<string, Adam>;
  private readonly mapped = new Map<VectorList, Mapped>();

  /**
   * @param isLate whether each text has several vectors
   * @throws RangeError for a shape with an invalid value
   */
  constructor(
    readonly dim: number,
    readonly isLate: boolean,
    readonly shape: AdapterShape,
    seed: number,
    private readonly vectors?: { queries: Vectors; documents: Vectors },
  ) {
    super();
    checkShape(shape);
    const random = new Random(seed);
    // Adam moves every element by the rate; this makes vectors of any length move alike.
    const rate = MAP_RATE / Math.sqrt(dim);
    const map = (name: string) => new AdapterMap(name, dim, shape.rank, rate, random);
    this.queryMap = map('query');
    this.documentMap = shape.sides === 'both' ? map('document') : undefined;
    this.tables = {
      ...this.queryMap.tables,
      ...this.documentMap?.tables,
      logScale: new Adam(this.logScale, 1),
    };
  }

  /** The image of query vectors. */
  mapQueries(vectors: Float32Array): Float32Array {
    return this.queryMap.apply(vectors);
  }

  /** The image of document vectors; the vectors themselves if only queries are mapped. */
  mapDocuments(vectors: Float32Array): Float32Array {
    return this.documentMap?.apply(vectors) ?? vectors;
  }

  score(list: VectorList, out: Float32Array, at: number): void {
    const mapped = this.forward(list);
    if (this.mapped.size < KEPT_LISTS) this.mapped.set(list, mapped);
    out.set(scores(this.pairs(mapped), this.options(Math.exp(this.logScale[0]))), at);
  }

  private forward({ query: place, documents: places }: VectorList): Mapped {
    const { queries, documents: all } = this.vectors!;
    const [query, documents] = [gather(queries, [place]), gather(all, places)];
    return {
      query,
      documents,
      toQuery: this.mapQueries(query.values),
      toDocuments: this.mapDocuments(documents.values),
    };
  }

  backward(list: VectorList, gradScores: Float32Array, at: number): void {
    const mapped = this.mapped.get(list) ?? this.forward(list);
    const { documentMap, tables } = this;
    const scale = Math.exp(this.logScale[0]);
    const grad = gradScores.subarray(at, at + list.documents.length);
    const { queryGrad, documentGrad, scaleGrad } = backward(
      { ...this.pairs(mapped), grad },
      { ...this.options(scale), documentGrad: documentMap !== undefined, scaleGrad: true },
    );
    this.queryMap.pull(mapped.query.values, queryGrad!);
    documentMap?.pull(mapped.documents.values, documentGrad!);
    tables.logScale.touch(0);
    tables.logScale.gradient[0] += scaleGrad! * scale;
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  override forget(): void {
    this.mapped.clear();
  }

  /**
   * The best `depth` documents for each query, and those that tie with the last; without the learned scale.
   * Documents are processed in blocks, so that memory other than that of the vectors does not grow with their
   * number.
   */
  search(documents: VectorSet, queries: VectorSet, depth: number): Run {
    const texts = textsOf(documents);
    const asked = textsOf(queries);
    if (asked === 0) return new Map();
    const mapped = { ...queries, values: this.mapQueries(queries.values) };
    const best = Array.from({ length: asked }, () => new TopScores(depth));
    const step = Math.max(1, Math.min(MOST_DOCUMENTS, Math.floor(SCORES_AT_ONCE / asked)));
    for (let first = 0; first < texts; first += step) {
      const end = Math.min(texts, first + step);
      const block = slice(documents, first, end);
      const image = { ...block, values: this.mapDocuments(block.values) };
      const found = scores({ ...pairsOf(mapped, image), inBatch: true }, this.options(1));
      best.forEach((one, q) => one.add(first, found.subarray(q * (end - first), (q + 1) * (end - first))));
    }
    return new Map(
      queries.ids.map((qid, q) => [
        qid,
        new Map(best[q].entries().map(([place, score]) => [documents.ids[place], score])),
      ]),
    );
  }

  private pairs({ query, documents, toQuery, toDocuments }: Mapped) {
    return pairsOf({ ...query, values: toQuery }, { ...documents, values: toDocuments });
  }

  private options(scale: number) {
    const { dim, isLate, shape } = this;
    return isLate
      ? ({ dim, scale, similarity: 'maxSim', tokenSimilarity: shape.similarity } as const)
      : ({ dim, scale, similarity: shape.similarity } as const);
  }
}

const pairsOf = (queries: Vectors, documents: Vectors) => ({
  queries: queries.values,
  documents: documents.values,
  ...(queries.offsets && { queryOffsets: queries.offsets }),
  ...(documents.offsets && { documentOffsets: documents.offsets }),
});

function checkShape({ sides, rank, similarity }: AdapterShape): void {
  const refuse = (name: string, value: unknown, allowed: string): never => {
    throw new RangeError(`adapter.${name} is ${JSON.stringify(value)}; it must be ${allowed}`);
  };
  if (!SIDES.includes(sides)) refuse('sides', sides, SIDES.join(' or '));
  if (!SIMILARITIES.includes(similarity)) refuse('similarity', similarity, SIMILARITIES.join(' or '));
  if (!Number.isInteger(rank) || rank < 0) refuse('rank', rank, 'a whole number of at least 0');
}
