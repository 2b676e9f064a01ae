// The sample's world: documents that state facts, queries that ask for one, and a teacher that knows which document states it.
import type { Random } from '../training/random.js';
import { inventLanguage } from './language.js';

/** A name and a property said of it, side by side in the text that states it. */
interface Fact {
  name: string;
  property: string;
}

interface WorldDocument {
  id: string;
  topic: number;
  title: string[];
  text: string[];
  facts: Fact[];
}

export interface World {
  documents: WorldDocument[];
  queries: { id: string; split: 'train' | 'dev' | 'test'; text: string[] }[];
  /** Query id -> documents that state its fact. */
  relevant: Map<string, string[]>;
  /** Query id -> candidates with the teacher's scores, best first. */
  teacher: Map<string, { docid: string; score: number }[]>;
}

const TOPICS = 24;
const DOCUMENTS_PER_TOPIC = 24;
const QUERIES = { train: 160, dev: 40, test: 100 };
const CANDIDATES = 20;
/** How often a document writes a name in another form (a longer ending), which exact matching misses. */
const INFLECTED = 0.2;

/** Builds the world; the same generator state gives the same world. */
export function buildWorld(random: Random): World {
  const language = inventLanguage(random, { common: 80, topics: TOPICS, words: 30, names: 8 });
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)];
  /** Low indices more often than high ones, as in Zipf's law. */
  const skewed = <T>(from: readonly T[]): T => from[Math.floor(from.length * random.next() * random.next())];
  const some = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);

  const documents = some(TOPICS * DOCUMENTS_PER_TOPIC, () => 0).map((_, i): WorldDocument => {
    const topic = i % TOPICS;
    const fact = (): Fact => ({ name: pick(language.names[topic]), property: pick(language.topics[topic]) });
    const facts = some(2, fact);
    const filler = () => (random.next() < 0.45 ? skewed(language.common) : skewed(language.topics[topic]));
    const text = some(18 + random.below(26), filler);
    for (const { name, property } of facts) {
      const written = random.next() < INFLECTED ? `${name}${pick(['da', 'mo', 'tik'])}` : name;
      text.splice(random.below(text.length), 0, written, property);
    }
    // A name mentioned in passing: it states nothing, but matches a query for that name.
    text.splice(random.below(text.length), 0, pick(language.names[topic]));
    const title = some(3, filler);
    if (random.next() < 0.6) title.splice(random.below(title.length), 0, facts[0].name, facts[0].property);
    return { id: `d${i + 1}`, topic, title, text, facts };
  });

  const world: World = { documents, queries: [], relevant: new Map(), teacher: new Map() };
  const splits = Object.entries(QUERIES).flatMap(([split, count]) =>
    some(count, () => split as keyof typeof QUERIES),
  );
  random.shuffle(splits).forEach((split, i) => {
    const source = pick(documents);
    const { name, property } = pick(source.facts);
    const id = `q${i + 1}`;
    const background = [
      ...some(3, () => skewed(language.common)),
      ...some(2, () => skewed(language.topics[source.topic])),
    ];
    background.splice(random.below(background.length), 0, name, property);
    const states = (doc: WorldDocument) =>
      doc.facts.some((fact) => fact.name === name && fact.property === property);
    world.queries.push({ id, split, text: background });
    world.relevant.set(
      id,
      documents.filter(states).map((doc) => doc.id),
    );

    // Candidates are documents that state the fact, those that match the most words, and a few others, as a first-stage retriever would return.
    const asked = new Set(background);
    const overlap = (doc: WorldDocument) =>
      [...asked].filter((word) => doc.text.includes(word) || doc.title.includes(word)).length;
    const byOverlap = documents
      .map((doc) => ({ doc, key: overlap(doc) + 0.5 * random.next() }))
      .sort((a, b) => b.key - a.key);
    const candidates = new Set([
      ...documents.filter(states),
      ...byOverlap.slice(0, CANDIDATES).map(({ doc }) => doc),
    ]);
    const scored = [...candidates].slice(0, CANDIDATES).map((doc) => {
      const value =
        (states(doc) ? 4 : 0) +
        (doc.facts.some((fact) => fact.name === name) ? 2 : 0) +
        (doc.topic === source.topic ? 1.5 : 0) +
        (doc.title.includes(name) ? 0.8 : 0) +
        1.4 * random.normal() -
        4;
      return { docid: doc.id, score: Math.round(value * 1000) / 1000 };
    });
    world.teacher.set(
      id,
      scored.sort((a, b) => b.score - a.score),
    );
  });
  return world;
}
