// Reads lines of pairs (a positive and a negative) as bytes: split into columns, uncommon ones into strings.
import { Columns } from './columns.js';
import { CutLines } from './cut-lines.js';
import { encodeIds } from './ids.js';
import { decimal } from './number.js';
import { newPairLine, type PairForm, type PairLine } from './pair-lists.js';

export abstract class PairLines extends CutLines<Columns> {
  private readonly width: number;
  private readonly values: Float64Array;
  private readonly one: PairLine;

  /** @param readNumbers false where they do not matter */
  constructor(
    private readonly form: PairForm,
    maxLineBytes: number,
    private readonly readNumbers = true,
  ) {
    super(new Columns(false), maxLineBytes);
    const { numbers } = form.columns;
    this.width = 3 + numbers.length;
    this.values = new Float64Array(numbers.length);
    this.one = newPairLine(this.values);
  }

  protected readColumns(bytes: Buffer): boolean {
    const { count, gaps, starts, ends } = this.cut;
    const { query, positive, negative, numbers } = this.form.columns;
    if (count !== this.width || gaps) return false;
    for (let i = 0; this.readNumbers && i < numbers.length; i++) {
      const value = decimal(bytes, starts[numbers[i]], ends[numbers[i]], false);
      if (Number.isNaN(value)) return false;
      this.values[i] = value;
    }
    this.query(bytes, starts[query], ends[query]);
    const { one } = this;
    one.line = this.lines;
    one.bytes = one.negativeBytes = bytes;
    one.start = starts[positive];
    one.end = ends[positive];
    one.negativeStart = starts[negative];
    one.negativeEnd = ends[negative];
    one.numbers = this.values;
    this.pair(one);
    return true;
  }

  protected readText(line: string): void {
    const { qid, positive, negative, numbers } = this.form.parse(line);
    const query = encodeIds(qid);
    this.query(query.bytes, 0, query.middle);
    const ids = encodeIds(positive, negative);
    this.pair({
      ...{ line: this.lines, bytes: ids.bytes, start: 0, end: ids.middle },
      ...{ negativeBytes: ids.bytes, negativeStart: ids.middle, negativeEnd: ids.bytes.length },
      numbers,
    });
  }

  protected abstract query(bytes: Uint8Array, start: number, end: number): void;
  /** Both documents of a line, whose query came before. @throws BadLine */
  protected abstract pair(one: PairLine): void;
}
