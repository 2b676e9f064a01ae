// The links of the Markdown files in the tarball: each leads to a file of the tarball, or into folders that only the repository has.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const root = join(__dirname, '../../..');
const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
/** What npm packs besides. */
const ALWAYS = ['README.md', 'LICENSE', 'package.json'];
/** Measurements, fixtures and what is for contributors: large, and of no use without the sources' tools. */
const REPOSITORY_ONLY = /^(bench|test|findings|\.github|CONTRIBUTING\.md$)/;

const packed = (path: string): boolean =>
  [...files, ...ALWAYS].some((entry) => {
    const pattern = entry.replace(/[.+]/g, '\\$&').replace(/\*/g, '[^/]*');
    return new RegExp(`^${pattern}(/|$)`).test(path);
  });

const pages = [
  ...readdirSync(root),
  ...['docs', 'cuda'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  ),
]
  .filter((path) => path.endsWith('.md') && packed(path))
  .sort();

it('packs the guides, the reference and the examples', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/losses.md', 'docs/guide/README.md']));
  expect(packed('examples/tfjs.mjs')).toBe(true);
  expect(packed('examples/sample/corpus.jsonl')).toBe(true);
});

it.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/```.*?```/gs, '');
  const targets = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, target]) =>
    normalize(join(dirname(page), target)).replace(/\/$/, ''),
  );
  const broken = targets.filter(
    (target) => !existsSync(join(root, target)) || !(packed(target) || REPOSITORY_ONLY.test(target)),
  );
  expect(broken).toEqual([]);
});
