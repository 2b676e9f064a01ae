// Makes Parquet files for the tests of their readers.
interface Writer {
  parquetWriteBuffer(options: {
    columnData: readonly Column[];
    rowGroupSize?: number;
    schema?: readonly object[];
  }): ArrayBuffer;
}

export interface Column {
  name: string;
  data: readonly unknown[];
  type?: string;
}

/** A package that is an ES module, which CommonJS loads by its name alone. */
export async function load<T>(name: string): Promise<T> {
  return (await import(name)) as T;
}

/** A Parquet file with these columns, each value by its type in JavaScript: bigint is INT64. */
export async function parquetOf(
  columns: Readonly<Record<string, readonly unknown[]>>,
  options: { rowGroupSize?: number; schema?: readonly object[] } = {},
  ofColumns: { offsetIndex?: boolean } = {},
): Promise<Buffer> {
  const { parquetWriteBuffer } = await load<Writer>('hyparquet-writer');
  const columnData = Object.entries(columns).map(([name, data]) => ({ name, data, ...ofColumns }));
  return Buffer.from(parquetWriteBuffer({ columnData, ...options }));
}
