#!/usr/bin/env bash
# @orama/orama 3.1.18: a vector search with a limit of ten returns the documents whose cosine is at least 0.8, here two of six, and says nothing
# of the rest; even with similarity -1 a document whose vector is zero is in no result.
# A good guess fails because an exact search with a limit returns that many documents everywhere else, and a list that ends early looks like the
# end of the collection. Cosines of dense retrievers are often below 0.8 throughout: a run written from such a search is nearly empty, its recall
# measures the floor, and hard negatives mined from it are near duplicates of the query only.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @orama/orama@3.1.18 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { create, insert, search } from '@orama/orama';
const index = create({ schema: { id: 'string', vector: 'vector[2]' } });
const vectors = { same: [1, 0], near: [10, 0.5], half: [0.7, 0.714], across: [0, 1], zero: [0, 0], opposite: [-1, 0] };
for (const [id, vector] of Object.entries(vectors)) insert(index, { id, vector });
const run = async (more) => {
  const { hits } = await search(index, { mode: 'vector', vector: { value: [1, 0], property: 'vector' }, limit: 10, ...more });
  return hits.map(({ document }) => document.id).join(' ');
};
const found = { 'limit 10': await run({}), 'and similarity 0': await run({ similarity: 0 }), 'and similarity -1': await run({ similarity: -1 }) };
console.log(found);
const expected = {
  'limit 10': 'same near',
  'and similarity 0': 'same near half across',
  'and similarity -1': 'same near half across opposite',
};
for (const [name, ids] of Object.entries(expected)) if (found[name] !== ids) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs
