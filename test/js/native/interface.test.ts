// The hash by which an addon of another version is recognised changes with the declarations of its interface.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { addonInterface } from '../../../lib/native/interface';
import { native } from '../../../lib/native/native';

const root = join(__dirname, '../../..');
const files = ['codes', 'fields', 'mpi', 'native', 'nccl', 'scoring', 'tables'];

/** Types, enumerations and tables, without comments and in one layout: what both sides must agree on. */
function declarationsOf(text: string): string {
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.ES2022);
  const printer = ts.createPrinter({ removeComments: true });
  return source.statements
    .filter(isDeclaration)
    .map((statement) => printer.printNode(ts.EmitHint.Unspecified, statement, source))
    .join('\n');
}

function isDeclaration(statement: ts.Statement): boolean {
  if (!ts.isVariableStatement(statement))
    return (
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isEnumDeclaration(statement)
    );
  return statement.declarationList.declarations.some(({ initializer }) => {
    const value = initializer && ts.isAsExpression(initializer) ? initializer.expression : initializer;
    return value && (ts.isArrayLiteralExpression(value) || ts.isObjectLiteralExpression(value));
  });
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

describe('the hash of the interface', () => {
  it('is that of the declarations, in TypeScript, in C++ and in the addon', () => {
    const declarations = files.map((name) =>
      declarationsOf(readFileSync(join(root, `lib/native/${name}.ts`), 'utf8')),
    );
    const expected = hash(declarations.join('\n'));
    const hint = `the interface has changed: put ${expected} into lib/native/interface.ts and src/addon/interface.h`;
    expect(addonInterface, hint).toBe(expected);
    expect(readFileSync(join(root, 'src/addon/interface.h'), 'utf8'), hint).toContain(`"${expected}"`);
    expect(native.interface).toBe(expected);
  });

  it('depends on places, types and names, not on comments or functions', () => {
    const text =
      'const enum Place { a = 0, b = 1 }\ninterface Call { run(x: number): void }\nconst names = [1];';
    const printed = declarationsOf(text);
    expect(declarationsOf(`// Why.\n${text}\nfunction f() {}\nconst loaded = load();`)).toBe(printed);
    expect(declarationsOf(text.replace('b = 1', 'b = 2'))).not.toBe(printed);
    expect(declarationsOf(text.replace('x: number', 'x: string'))).not.toBe(printed);
    expect(declarationsOf(text.replace('[1]', '[2]'))).not.toBe(printed);
  });
});
