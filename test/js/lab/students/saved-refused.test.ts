// What is wrong with the folder of a saved student, or with the arguments of its methods, is reported.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeWholeFolder } from '../../../../lib/data/whole-folder';
import { load, type LoadedStudent, ModelError } from '../../../../lib/lab/students/index';
import { scratch } from '../../data/files';
import { beir, moved, product, WIDTH } from './moved-student';

const files = scratch();

describe('a folder that is no student', () => {
  const dir = join(files.dir, 'good');
  const bad = join(files.dir, 'bad');
  beforeAll(async () => writeWholeFolder(dir, moved('two-stage', 'sparse').files()));

  /** What loading says after a change of the folder. */
  async function fault(change: (at: (name: string) => string) => void): Promise<string> {
    rmSync(bad, { recursive: true, force: true });
    cpSync(dir, bad, { recursive: true });
    change((name) => join(bad, name));
    const error: unknown = await load(bad).catch((thrown: unknown) => thrown);
    if (!(error instanceof ModelError)) throw new Error(`no ModelError: ${String(error)}`);
    expect(error.code).toBe('ERR_CKL_MODEL');
    expect(error.file.startsWith(bad)).toBe(true);
    return `${error.fault}: ${error.message.replaceAll(`${bad}`, '')}`;
  }
  const config = (change: (config: Record<string, unknown>) => object) => (at: (name: string) => string) => {
    const file = at('config.json');
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  };

  it.each(['config.json', 'vocabulary.txt', 'model.safetensors'])('for lack of %s', async (name) => {
    expect(await fault((at) => rmSync(at(name)))).toContain(`missing: /${name}: it cannot be read`);
  });

  it('for one bit', async () => {
    for (const name of ['vocabulary.txt', 'model.safetensors']) {
      const said = await fault((at) => {
        const bytes = readFileSync(at(name));
        bytes[bytes.length >> 1] ^= 1;
        writeFileSync(at(name), bytes);
      });
      expect(said).toBe(`damaged: /${name}: its SHA-256 is not the one in config.json`);
    }
    expect(await fault((at) => writeFileSync(at('config.json'), '{"format":'))).toContain(
      'damaged: /config.json: it is not JSON',
    );
  });

  it('for another version', async () => {
    const said = await fault(config((all) => ({ ...all, format: 'ckl-loss student 2' })));
    expect(said).toMatch(
      /^version: \/config\.json: it has version "2" of the format, and ckl-loss .* reads version 1$/,
    );
    expect(await fault(config((all) => ({ ...all, format: 'other' })))).toContain(
      'shape: /config.json: format is not',
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['student is not one of', { student: 'dance' }],
    ['width is not a number', { width: '16' }],
    ['its width is 18, not a multiple of 4', { width: 18 }],
    ['tensor "vectors" is Float32Array [1175, 16] and not Float32Array [1175, 20]', { width: 20 }],
    ['it has no tensor "dense.vectors"', { student: 'dense' }],
    ['belongs to no part of the student', { student: 'multi' }],
    ['firstStage is not one of', { firstStage: 'bm26' }],
    ['it reranks 0 candidates', { candidates: 0 }],
    ['frequency does not count 3 documents', { collection: { documents: 3, length: 9 } }],
    ['collection is not an object', { collection: 3 }],
    ['sha256 is not an object', { sha256: null }],
  ])('for a wrong shape: %s', async (said, change) => {
    const found = await fault(config((all) => ({ ...all, ...change })));
    expect(found).toMatch(/^shape: /);
    expect(found).toContain(said);
  });

  it('for no folder', async () => {
    await expect(load(join(files.dir, 'nowhere'))).rejects.toThrow(
      /nowhere\/config\.json: it cannot be read/,
    );
  });
});

describe('arguments', () => {
  let student: LoadedStudent;
  beforeAll(async () => {
    const dir = join(files.dir, 'arguments');
    await writeWholeFolder(dir, moved('dense').files());
    student = await load(dir);
  });
  const bad = (value: unknown) => value as never;

  it('are checked', () => {
    const documents = [{ id: 'a', text: 'x' }];
    const calls: [() => unknown, string, string][] = [
      [() => student.encodeQueries(bad('x')), 'ERR_CKL_TYPE', 'texts is an array, not string'],
      [() => student.encodeQueries(bad([1])), 'ERR_CKL_TYPE', 'texts[0] is a string, not number'],
      [() => student.encodeDocuments(bad([{}])), 'ERR_CKL_TYPE', 'documents[0] or its text is a string'],
      [() => student.score(bad(null), []), 'ERR_CKL_TYPE', 'query is a string, not null'],
      [() => student.search(documents, [], 0), 'ERR_CKL_OPTION', 'k is a whole number of at least 1, not 0'],
      [() => student.search([...documents, ...documents], [], 1), 'ERR_CKL_OPTION', 'corpus[1].id is "a"'],
      [() => student.search(documents, bad([{ text: 'x' }]), 1), 'ERR_CKL_TYPE', 'queries[0].id is a string'],
      [
        () => student.prepare(documents, { statistics: bad('own') }),
        'ERR_CKL_OPTION',
        'statistics is corpus or model',
      ],
    ];
    for (const [call, code, message] of calls) {
      try {
        call();
        expect.fail(message);
      } catch (error) {
        expect(error).toMatchObject({ code });
        expect((error as Error).message).toContain(message);
      }
    }
  });

  it('may be empty, or unknown words', () => {
    expect(student.search([], [{ id: 'q', text: 'x' }], 5)).toEqual(new Map([['q', new Map()]]));
    expect(student.score('x', [])).toHaveLength(0);
    expect([...student.score('qqqq zzzz', ['text', { title: 'a', text: 'b' }])]).toEqual([0, 0]);
    expect(student.encodeQueries([])).toEqual({
      kind: 'vectors',
      width: WIDTH,
      vectors: new Float32Array(0),
    });
  });

  it('of a search leave out the document of the same id, and take statistics of the training', () => {
    const documents = [...beir.corpus.values()].slice(0, 50);
    const [{ id, text }] = documents;
    const [own] = student.search(documents, [{ id, text }], 3).get(id)!.keys();
    expect(own).toBe(id);
    const others = student.search(documents, [{ id, text }], 3, { ignoreIdenticalIds: true }).get(id)!;
    expect(others.size).toBe(3);
    expect(others.has(id)).toBe(false);
    const [encoded] = [student.encodeDocuments([documents[0]])];
    const query = student.encodeQueries([text]);
    const found = student.search(documents, [{ id, text }], 1, { statistics: 'model' }).get(id)!.get(id)!;
    expect(found).toBeCloseTo(product(query, encoded, 0), 5);
  });
});

describe('the folder', () => {
  it('is written whole, and never over another', async () => {
    const dir = join(files.dir, 'taken');
    await writeWholeFolder(dir, { a: '1' });
    await expect(writeWholeFolder(dir, { a: '2' })).rejects.toMatchObject({ code: 'ERR_CKL_OUTPUT' });
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('1');
    await expect(writeWholeFolder(join(dir, 'a'), {})).rejects.toThrow('it exists and is not a folder');
    await expect(writeWholeFolder(join(files.dir, 'no/where'), {})).rejects.toThrow('there is no folder');
    const half = join(files.dir, 'half');
    await expect(writeWholeFolder(half, { 'x/y': '1', 'x/y/z': '2' })).rejects.toMatchObject({
      code: 'ERR_CKL_OUTPUT',
    });
    expect(existsSync(half)).toBe(false);
  });
});
