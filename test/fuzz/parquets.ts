// Makes the Parquet files that the readers' fuzzer damages: lists as PyLate has them, or a pair a row, in one row group or several.
import type { ScoredList } from '../../lib/data/index';
import type { Random } from './random';

interface Writer {
  parquetWriteBuffer(options: object): ArrayBuffer;
}

/** A package that is an ES module, loaded by its name alone. */
const load = async (name: string): Promise<Writer> => (await import(name)) as Writer;

export async function parquetOf(lists: readonly ScoredList[], random: Random): Promise<Buffer> {
  const { parquetWriteBuffer } = await load('hyparquet-writer');
  const rows = lists.flatMap(({ qid, docs }) => docs.map((doc) => ({ qid, ...doc })));
  const options = {
    codec: random.pick(['SNAPPY', 'UNCOMPRESSED']),
    rowGroupSize: random.pick([1, 2, 1000]),
    pageSize: random.pick([1, 100, 1_000_000]),
  };
  const column = (name: string, data: unknown[], type?: string) => ({ name, data, ...(type && { type }) });
  const pairs = [
    column(
      'qid',
      rows.map(({ qid }) => qid),
      'STRING',
    ),
    column(
      'docno',
      rows.map(({ docid }) => docid),
      'STRING',
    ),
    column(
      'score',
      rows.map(({ score }) => score),
      'DOUBLE',
    ),
  ];
  const printed = [
    column(
      'query_id',
      lists.map(({ qid }) => qid),
      'STRING',
    ),
    column(
      'document_ids',
      lists.map(({ docs }) => JSON.stringify(docs.map(({ docid }) => docid))),
      'STRING',
    ),
    column(
      'scores',
      lists.map(({ docs }) => JSON.stringify(docs.map(({ score }) => score))),
      'STRING',
    ),
  ];
  const list = (name: string, element: object) => [
    { name, converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', ...element },
  ];
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
  const nested = {
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'query_id', repetition_type: 'OPTIONAL', ...text },
      ...list('document_ids', text),
      ...list('scores', { type: 'DOUBLE' }),
    ],
    columnData: [
      column(
        'query_id',
        lists.map(({ qid }) => qid),
      ),
      column(
        'document_ids',
        lists.map(({ docs }) => docs.map(({ docid }) => docid)),
      ),
      column(
        'scores',
        lists.map(({ docs }) => docs.map(({ score }) => score)),
      ),
    ],
  };
  const laid = random.pick([{ columnData: pairs }, { columnData: printed }, nested]);
  return Buffer.from(parquetWriteBuffer({ ...options, ...laid }));
}
