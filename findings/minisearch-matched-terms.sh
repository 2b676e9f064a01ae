#!/usr/bin/env bash
# minisearch 7.2.0 multiplies the sum of a document's BM25+ scores by the number of query terms that it holds: with the terms' own scores at
# 1.097 each, a document that holds both has 4.388 and not 2.194.
# A good guess fails because its documentation says BM25+, which is a sum over terms, and queries of one term agree with it. Documents with more
# different terms of the query are moved up, the more so the longer the query: as a BM25 baseline, as a first stage or as teacher scores
# the numbers are another ranking's. (That a term given twice counts double is BM25 again, and not this factor.)
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund minisearch@7.2.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import MiniSearch from 'minisearch';
const index = new MiniSearch({ fields: ['text'] });
['the red fox', 'red red red car', 'blue car on the road', 'a fox and a dog and a cat'].forEach((text, id) => index.add({ id, text }));
const score = (query) => index.search(query).find(({ id }) => id === 0).score;
const sum = score('red') + score('fox'), both = score('red fox');
const three = score('the red fox') / (score('the') + score('red') + score('fox'));
const found = { red: score('red'), fox: score('fox'), 'red fox': both, 'over the sum': both / sum, 'with three terms': three };
console.log(found);
if (Math.abs(both / sum - 2) > 1e-9 || Math.abs(three - 3) > 1e-9) throw new Error('the factor is another now');
JS
node find.mjs
