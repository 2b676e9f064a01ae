#!/usr/bin/env bash
# okapibm25 1.4.1 counts a query term wherever its letters occur, and reads the term as a regular expression: the query "cat" scores a document
# about concatenation higher than one in which the word cat stands, and the query "c++" throws a SyntaxError.
# A good guess fails because BM25 is defined over terms, and the package splits documents into words for their lengths; small examples whose
# words do not contain one another give the usual values. As a first stage or as hard negatives such a ranking is another one.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund okapibm25@1.4.1 >/dev/null 2>&1
cat >find.mjs <<'JS'
import okapi from 'okapibm25';
const bm25 = okapi.default ?? okapi;
const documents = ['concatenate concatenated strings', 'a cat sat', 'dogs only here'];
const scores = bm25(documents, ['cat']);
let thrown = 'nothing';
try {
  bm25(['c++ code', 'c code'], ['c++']);
} catch (error) {
  thrown = error.name;
}
const found = { 'no word is cat, yet it leads': scores[0] > scores[1] && scores[1] > 0, 'without its letters': scores[2], 'c++ throws': thrown };
const expected = { 'no word is cat, yet it leads': true, 'without its letters': 0, 'c++ throws': 'SyntaxError' };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
