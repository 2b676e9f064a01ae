// Loads the packages that read and write Parquet. They are optional peers: the parts in use are typed here,
// so that nothing else depends on them.
import { PackageMissingError } from '../errors.js';

/** A file as hyparquet reads it, by pieces from anywhere. */
export interface RandomAccess {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

/** A column: an element of the schema with its children. */
export interface SchemaTree {
  readonly element: {
    readonly name: string;
    readonly type?: string;
    readonly converted_type?: string;
    readonly logical_type?: { readonly type: string };
    readonly repetition_type?: string;
  };
  readonly children: readonly SchemaTree[];
}

/** The footer of a file, which describes its contents. */
export interface Metadata {
  readonly row_groups: readonly {
    readonly num_rows: bigint;
    readonly columns: readonly {
      readonly meta_data?: { readonly codec: string };
      readonly offset_index_offset?: bigint;
    }[];
  }[];
}

export interface Parsers {
  stringFromBytes(bytes: Uint8Array | undefined): unknown;
  jsonFromBytes(bytes: Uint8Array | undefined): unknown;
}

interface Reader {
  parquetMetadataAsync(file: RandomAccess, options: { geoparquet: boolean }): Promise<Metadata>;
  parquetSchema(metadata: Metadata): SchemaTree;
  parquetReadObjects(options: {
    file: RandomAccess;
    metadata: Metadata;
    columns?: readonly string[];
    rowStart: number;
    rowEnd: number;
    useOffsetIndex: boolean;
    compressors?: object;
    parsers: Parsers;
  }): Promise<Record<string, unknown>[]>;
}

/** Bytes to write; `index` is their number, and may be reset to 0 once they are taken. */
interface ByteWriter {
  index: number;
  getBytes(): Uint8Array;
}

interface Writer {
  ByteWriter: new () => ByteWriter;
  ParquetWriter: new (options: { writer: ByteWriter; schema: readonly object[]; createdBy: string }) => {
    write(group: {
      columnData: readonly { name: string; data: readonly unknown[] }[];
      rowGroupSize: number;
    }): void | Promise<void>;
    finish(): void | Promise<void>;
  };
}

/** @throws PackageMissingError */
export const loadWriter = (): Promise<Writer> => load<Writer>('hyparquet-writer', 'to write Parquet files');

/** @throws PackageMissingError */
export const loadReader = (): Promise<Reader> => load<Reader>('hyparquet', 'to read Parquet files');

/** @throws PackageMissingError */
export async function loadCompressors(codec: string): Promise<object> {
  const { compressors } = await load<{ compressors: object }>(
    'hyparquet-compressors',
    `to read Parquet files with ${codec} compression`,
  );
  return compressors;
}

/** The packages are ES modules, and this is CommonJS. */
async function load<T>(name: string, why: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (error) {
    throw new PackageMissingError(name, why, error);
  }
}
