// Vectors of a BEIR folder by an encoder of transformers.js, for `ckl-loss refine --student adapter`.
//
// Not run by the tests of this repository: it needs @huggingface/transformers and downloads a model.
//
//   npm install @huggingface/transformers
//   node examples/embed.mjs examples/sample vectors
//   npx ckl-loss refine --student adapter --data examples/sample --adapt both --warmup kl --losses ckl,kl \
//     --query-embeddings vectors/queries.npy --document-embeddings vectors/documents.npy --save adapter
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBeir } from 'ckl-loss/data';
import { formatNpy } from 'ckl-loss/students';

const MODEL = 'Xenova/e5-small-v2';
const TEXTS_AT_ONCE = 16;
const [data = 'examples/sample', out = 'vectors'] = process.argv.slice(2);

const transformers = await import('@huggingface/transformers').catch(() => undefined);
if (!transformers) {
  console.log('npm install @huggingface/transformers first');
  process.exit();
}
const extractor = await transformers.pipeline('feature-extraction', MODEL);

async function embed(ids, texts, name) {
  const rows = [];
  for (let first = 0; first < texts.length; first += TEXTS_AT_ONCE) {
    const some = texts.slice(first, first + TEXTS_AT_ONCE);
    // [texts, width]
    const vectors = await extractor(some, { pooling: 'mean', normalize: true });
    rows.push(...vectors.data);
    console.error(`${name}: ${first + some.length} of ${texts.length}`);
  }
  const values = Float32Array.from(rows);
  await writeFile(join(out, `${name}.npy`), formatNpy(values, texts.length, values.length / texts.length));
  await writeFile(join(out, `${name}.ids.txt`), ids.map((id) => `${id}\n`).join(''));
}

const { corpus, queries } = await loadBeir(data);
await mkdir(out, { recursive: true });
// The prefixes that E5 was trained with.
const passages = [...corpus.values()].map(({ title, text }) => `passage: ${title} ${text}`);
await embed([...corpus.keys()], passages, 'documents');
await embed(
  [...queries.keys()],
  [...queries.values()].map((text) => `query: ${text}`),
  'queries',
);
