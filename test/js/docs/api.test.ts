// The API reference shows what can be called as functions, with their arguments: typedoc does so for constants that are tagged @function.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { losses } from '../../../lib/index';
import { root } from './blocks';

const { entryPoints, tsconfig } = JSON.parse(readFileSync(join(root, 'typedoc.json'), 'utf8')) as {
  entryPoints: string[];
  tsconfig: string;
};
const config = ts.getParsedCommandLineOfConfigFile(join(root, tsconfig), {}, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: (problem) => {
    throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
  },
} as ts.ParseConfigFileHost)!;

/** The exported constants that can be called: those with the tag, and those without. */
function callables(): Record<'tagged' | 'untagged', string[]> {
  const program = ts.createProgram(
    entryPoints.map((path) => join(root, path)),
    config.options,
  );
  const checker = program.getTypeChecker();
  const found = { tagged: [] as string[], untagged: [] as string[] };
  for (const path of entryPoints) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, path))!)!;
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const declared = symbol.valueDeclaration;
      if (!declared || !ts.isVariableDeclaration(declared)) continue;
      if (checker.getTypeOfSymbol(symbol).getCallSignatures().length === 0) continue;
      const tags = symbol.getJsDocTags(checker).map(({ name }) => name);
      found[tags.includes('function') ? 'tagged' : 'untagged'].push(exported.name);
    }
  }
  return found;
}

it('shows every loss, plain and asynchronous, and every op with its arguments', () => {
  const { tagged, untagged } = callables();
  expect(untagged).toEqual([]);
  const names = Object.keys(losses).flatMap((name) => [name, `${name}Async`, `${name}Loss`]);
  expect(tagged.sort()).toEqual(names.sort());
});
