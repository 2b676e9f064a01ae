// What the documentation copies from elsewhere agrees with its source: figures with bench/results, the tree of CONTRIBUTING with the folders.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
// @ts-expect-error a plain script
import { filled, pages } from '../../../bench/tables.mjs';
import { root } from './blocks';

const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('figures', () => {
  it.each(pages as string[])('of %s are those of bench/results (node bench/tables.mjs)', (page) => {
    expect(read(page)).toBe(filled(page));
    expect(read(page)).toContain('<!-- figures: ');
  });
});

describe('the tree in CONTRIBUTING.md', () => {
  const tree = read('CONTRIBUTING.md').split('```')[1];
  const named = [...tree.matchAll(/^([a-z]+)\/(?:([a-z]+)\/)?\s/gm)].map(([, top, sub]) =>
    sub ? `${top}/${sub}` : top,
  );
  const folders = (inside: string) =>
    readdirSync(join(root, inside), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  const ignored = read('.gitignore')
    .split('\n')
    .map((line) => line.replaceAll('/', ''));

  it('names every folder of the repository', () => {
    const tops = folders('.').filter((name) => !ignored.includes(name) && name !== 'src');
    for (const name of tops) expect(named, name).toContain(name);
    for (const name of folders('src')) expect(named, name).toContain(`src/${name}`);
  });

  it('names no folder that is gone', () => {
    const there = [...folders('.'), ...folders('src').map((name) => `src/${name}`)];
    for (const name of named) expect(there, name).toContain(name);
  });

  it('names the folders of test', () => {
    const text = /^test\/[^]*?(?=^bench)/m.exec(tree)![0];
    for (const name of folders('test')) if (name !== 'fixtures') expect(text, name).toContain(`${name}/`);
  });
});

describe('docs/architecture.md', () => {
  it('names files and folders that exist', () => {
    const named = [...read('docs/architecture.md').matchAll(/`((?:lib|src|cuda|test)\/[\w./-]+|cuda)`/g)];
    expect(named.length).toBeGreaterThan(30);
    for (const [, path] of named) expect(existsSync(join(root, path)), path).toBe(true);
  });
});
