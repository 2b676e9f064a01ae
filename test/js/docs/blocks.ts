// The code blocks of the documentation: which there are, and how each is to be run.
//
// A comment in the line before a block says more about it:
//   <!-- continues -->          runs together with the block before it
//   <!-- not run: reason -->    is complete, but not run; the reason is required
//   <!-- part of a file: which -->    is neither run nor checked by itself
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(__dirname, '../../..');

export type Language = 'js' | 'ts' | 'sh';

export interface Block {
  /** `docs/guide/ranks.md:12` */
  place: string;
  language: Language;
  code: string;
  continues: boolean;
  /** Why it is not run; '' if it is. */
  notRun: string;
  /** Whether it is some lines of a file, which mean nothing alone. */
  isPart: boolean;
}

const languages: Record<string, Language> = {
  js: 'js',
  mjs: 'js',
  javascript: 'js',
  ts: 'ts',
  typescript: 'ts',
  sh: 'sh',
  bash: 'sh',
  shell: 'sh',
};

/** Every file whose blocks are run. */
export function documents(): string[] {
  const inside = (dir: string): string[] =>
    readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory()
        ? inside(`${dir}/${entry.name}`)
        : entry.name.endsWith('.md')
          ? [`${dir}/${entry.name}`]
          : [],
    );
  const top = ['README.md', 'CONTRIBUTING.md'].filter((name) => existsSync(join(root, name)));
  return [...top, ...inside('docs')].sort();
}

export function blocksOf(file: string): Block[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^( *)(```+)(\w*)/.exec(lines[i]);
    if (fence === null) continue;
    const [, indent, ticks, word] = fence;
    const end = lines.findIndex((line, k) => k > i && line.trimEnd() === indent + ticks);
    if (end < 0) throw new Error(`${file}:${i + 1}: the block does not end`);
    const language = languages[word];
    if (language !== undefined) {
      const code = lines.slice(i + 1, end).map((line) => line.slice(indent.length));
      blocks.push({
        place: `${file}:${i + 1}`,
        language,
        code: code.join('\n'),
        ...comments(lines, i, file),
      });
    }
    i = end;
  }
  return blocks;
}

function comments(lines: string[], fence: number, file: string) {
  const result = { continues: false, notRun: '', isPart: false };
  for (let i = fence - 1; i >= 0; i--) {
    const found = /^\s*<!-- (continues|not run|part of a file)(?:: (.+?))? -->\s*$/.exec(lines[i]);
    if (found === null) break;
    const [, what, value] = found;
    if (what === 'continues') result.continues = true;
    else if (value === undefined) throw new Error(`${file}:${i + 1}: "${what}" needs a value`);
    else Object.assign(result, { notRun: value, isPart: what === 'part of a file' });
  }
  return result;
}

/** Blocks that run together, as one text each. */
export function programs(blocks: readonly Block[]): Block[] {
  const out: Block[] = [];
  for (const block of blocks) {
    const last = out.at(-1);
    if (!block.continues) out.push({ ...block });
    else if (last === undefined || last.language !== block.language || last.notRun !== '')
      throw new Error(`${block.place} continues nothing`);
    else last.code += `\n${block.code}`;
  }
  return out;
}

/** Commands of a shell block that a test may run: this package's own and Node. Others, npm above all, are for the reader. */
export function foreignCommands(block: Block): string[] {
  const lines = block.code.replace(/\\\n/g, ' ').split('\n');
  return lines.filter((line) => !/^\s*(#.*|(CKL_\w+=\S+ )*((npx )?ckl-loss|node) [^;&|`$]*)?$/.test(line));
}
