// Writes teacher scores as Parquet with an explicit schema, a row group at a time.
import { loadWriter } from '../parquet/library.js';
import type { Binary } from './form.js';
import type { IdType, IdTypes } from './scored.js';

type Row = Record<string, unknown>;

const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
const idElement = (type: IdType): object => (type === 'number' ? { type: 'INT64' } : TEXT);
const SCORE = { type: 'DOUBLE' };

const flat = (name: string, element: object): object[] => [{ name, repetition_type: 'OPTIONAL', ...element }];

/** A list as the format has it since 2.0. */
const listOf = (name: string, element: object): object[] => [
  {
    name,
    repetition_type: 'OPTIONAL',
    converted_type: 'LIST',
    logical_type: { type: 'LIST' },
    num_children: 1,
  },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', repetition_type: 'OPTIONAL', ...element },
];

/** INT64 accepts only bigints. */
const exact = (id: string | number): string | bigint => (typeof id === 'number' ? BigInt(id) : id);

/**
 * @param columns the elements of each column's schema, by its name
 * @param rowsInGroup number of rows in memory
 */
function encoder(
  columns: (types: IdTypes) => Readonly<Record<string, object[]>>,
  rowsInGroup: number,
): Binary['encode'] {
  return async function* (packed, types) {
    const { ByteWriter, ParquetWriter } = await loadWriter();
    const writer = new ByteWriter();
    let parquet: InstanceType<typeof ParquetWriter> | undefined;
    let rows: Row[] = [];
    const group = async (): Promise<Uint8Array> => {
      const schema = columns(types() ?? { query: 'text', documents: 'text' });
      const names = Object.keys(schema);
      parquet ??= new ParquetWriter({
        writer,
        schema: [{ name: 'root', num_children: names.length }, ...Object.values(schema).flat()],
        createdBy: 'ckl-loss',
      });
      const columnData = names.map((name) => ({ name, data: rows.map((row) => row[name]) }));
      await parquet.write({ columnData, rowGroupSize: Math.max(1, rows.length) });
      rows = [];
      return taken();
    };
    const taken = (): Uint8Array => {
      const bytes = writer.getBytes().slice();
      writer.index = 0;
      return bytes;
    };
    for await (const row of packed) {
      rows.push(row as Row);
      if (rows.length === rowsInGroup) yield await group();
    }
    if (rows.length > 0 || parquet === undefined) yield await group();
    await parquet!.finish();
    yield taken();
  };
}

/** PyLate's columns, one list per row. */
export const parquetLists: Binary = {
  compressed: true,
  pack: ({ qid, docs }, { id }) => [
    {
      query_id: exact(id(qid, 'query')),
      document_ids: docs.map(({ docid }) => exact(id(docid, 'documents'))),
      scores: docs.map(({ score }) => score),
    },
  ],
  encode: encoder(
    ({ query, documents }) => ({
      query_id: flat('query_id', idElement(query)),
      document_ids: listOf('document_ids', idElement(documents)),
      scores: listOf('scores', SCORE),
    }),
    1 << 10,
  ),
};

/** One scored pair per row. */
export const parquetRows: Binary = {
  compressed: true,
  pack: ({ qid, docs }, { id }) =>
    docs.map(({ docid, score }) => ({
      qid: exact(id(qid, 'query')),
      docno: exact(id(docid, 'documents')),
      score,
    })),
  encode: encoder(
    ({ query, documents }) => ({
      qid: flat('qid', idElement(query)),
      docno: flat('docno', idElement(documents)),
      score: flat('score', SCORE),
    }),
    1 << 16,
  ),
};
