// Machine code for rows of tables: weighted sums of rows, multiples added to rows, dot products, Adam.
import * as w from './wasm.js';
import { get, Locals, range, set, type Code, type Kernel } from './wasm.js';

const { I32, F32, V128 } = w;

/** Numbers that the loops below take at a time: eight times four, which is what the processor's registers hold. */
const BLOCK = 8;

/** Runs a body for every column of four numbers, in blocks of eight and then one by one; `column` counts bytes. */
function byColumns(column: number, widthBytes: number, body: (columns: number) => Code): Code {
  const loop = (columns: number, limit: Code): Code => {
    const step = [...body(columns), ...w.increase(column, w.constant(16 * columns))];
    return w.runIfBelow(get(column), limit, w.repeat(column, limit, step));
  };
  // So many bytes of a row as are whole blocks.
  const whole = w.and(get(widthBytes), w.constant(-16 * BLOCK));
  return [...set(column, w.constant(0)), ...loop(BLOCK, whole), ...loop(1, get(widthBytes))];
}

/** The address of row `rows[i]` of a table, at a column. */
const rowAt = (table: number, at: number, widthBytes: number, column: number): Code =>
  w.add(w.add(get(table), w.multiply(w.loadInteger(get(at)), get(widthBytes))), get(column));

/** out[k] += Σ_i factors[i] · table[rows[i]][k], summed in the order of i. */
function sumRows(): Kernel {
  const l = new Locals({ table: I32, rows: I32, rowsEnd: I32, factors: I32, out: I32, widthBytes: I32 });
  const { table, rows, rowsEnd, factors, out, widthBytes } = l.parameters;
  const [column, at, factorAt, row] = range(4).map(() => l.local(I32));
  const factor = l.local(V128);
  const sums = range(BLOCK).map(() => l.local(V128));
  const block = (columns: number): Code => {
    const own = sums.slice(0, columns);
    const place = w.add(get(out), get(column));
    return [
      ...own.flatMap((sum, c) => set(sum, w.loadFour(place, 16 * c))),
      ...set(at, get(rows)),
      ...set(factorAt, get(factors)),
      ...w.repeat(at, get(rowsEnd), [
        ...set(row, rowAt(table, at, widthBytes, column)),
        ...set(factor, w.loadOneFourTimes(get(factorAt))),
        ...own.flatMap((sum, c) =>
          set(sum, w.addFour(get(sum), w.multiplyFour(get(factor), w.loadFour(get(row), 16 * c)))),
        ),
        ...w.increase(at, w.constant(4)),
        ...w.increase(factorAt, w.constant(4)),
      ]),
      ...own.flatMap((sum, c) => w.storeFour(place, get(sum), 16 * c)),
    ];
  };
  return l.kernel(w.runIfBelow(get(rows), get(rowsEnd), byColumns(column, widthBytes, block)));
}

/** table[rows[i]][k] += factors[i] · from[k]. */
function addToRows(): Kernel {
  const l = new Locals({ table: I32, rows: I32, rowsEnd: I32, factors: I32, from: I32, widthBytes: I32 });
  const { table, rows, rowsEnd, factors, from, widthBytes } = l.parameters;
  const [column, at, factorAt, row] = range(4).map(() => l.local(I32));
  const factor = l.local(V128);
  const given = range(BLOCK).map(() => l.local(V128));
  const block = (columns: number): Code => {
    const own = given.slice(0, columns);
    return [
      ...own.flatMap((value, c) => set(value, w.loadFour(w.add(get(from), get(column)), 16 * c))),
      ...set(at, get(rows)),
      ...set(factorAt, get(factors)),
      ...w.repeat(at, get(rowsEnd), [
        ...set(row, rowAt(table, at, widthBytes, column)),
        ...set(factor, w.loadOneFourTimes(get(factorAt))),
        ...own.flatMap((value, c) =>
          w.storeFour(
            get(row),
            w.addFour(w.loadFour(get(row), 16 * c), w.multiplyFour(get(factor), get(value))),
            16 * c,
          ),
        ),
        ...w.increase(at, w.constant(4)),
        ...w.increase(factorAt, w.constant(4)),
      ]),
    ];
  };
  return l.kernel(w.runIfBelow(get(rows), get(rowsEnd), byColumns(column, widthBytes, block)));
}

/** out[i] = Σ_k a[rows[i]][k] · b[rows[i]][k]. */
function dotRows(): Kernel {
  const l = new Locals({ a: I32, b: I32, rows: I32, rowsEnd: I32, out: I32, widthBytes: I32 });
  const { a, b, rows, rowsEnd, out, widthBytes } = l.parameters;
  const [column, offset] = range(2).map(() => l.local(I32));
  const sum = l.local(V128);
  const of = (table: number) => w.loadFour(w.add(get(table), w.add(get(offset), get(column))));
  const each = [
    ...set(offset, w.multiply(w.loadInteger(get(rows)), get(widthBytes))),
    ...set(sum, w.zeros),
    ...set(column, w.constant(0)),
    ...w.repeat(column, get(widthBytes), [
      ...set(sum, w.addFour(get(sum), w.multiplyFour(of(a), of(b)))),
      ...w.increase(column, w.constant(16)),
    ]),
    ...w.storeOne(get(out), w.sumOfFour(sum)),
    ...w.increase(out, w.constant(4)),
    ...w.increase(rows, w.constant(4)),
  ];
  return l.kernel(w.runIfBelow(get(rows), get(rowsEnd), w.repeat(rows, get(rowsEnd), each)));
}

/** Decay of Adam's running means of the gradient and of its square, and what keeps it from dividing by 0. */
export const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/**
 * One step of Adam for some rows of a table, whose gradient is then 0. `rate` is the learning rate over the correction of the first moment,
 * `correction` the inverse of the second's.
 */
function adam(): Kernel {
  const l = new Locals({
    ...{ parameters: I32, gradient: I32, first: I32, second: I32, rows: I32, rowsEnd: I32, widthBytes: I32 },
    ...{ rate: F32, correction: F32 },
  });
  const { parameters, gradient, first, second, rows, rowsEnd, widthBytes, rate, correction } = l.parameters;
  const [at, end] = range(2).map(() => l.local(I32));
  const [g, m, v] = range(3).map(() => l.local(V128));
  const of = (table: number) => w.add(get(table), get(at));
  const mix = (old: Code, beta: number, fresh: Code) =>
    w.addFour(w.multiplyFour(w.fourOf(beta), old), w.multiplyFour(w.fourOf(1 - beta), fresh));
  const step = w.divideFour(
    w.multiplyFour(w.four(get(rate)), get(m)),
    w.addFour(w.rootFour(w.multiplyFour(get(v), w.four(get(correction)))), w.fourOf(EPSILON)),
  );
  const each = [
    ...set(at, w.multiply(w.loadInteger(get(rows)), get(widthBytes))),
    ...set(end, w.add(get(at), get(widthBytes))),
    ...w.repeat(at, get(end), [
      ...set(g, w.loadFour(of(gradient))),
      ...set(m, mix(w.loadFour(of(first)), BETA1, get(g))),
      ...set(v, mix(w.loadFour(of(second)), BETA2, w.multiplyFour(get(g), get(g)))),
      ...w.storeFour(of(first), get(m)),
      ...w.storeFour(of(second), get(v)),
      ...w.storeFour(of(parameters), w.subtractFour(w.loadFour(of(parameters)), step)),
      ...w.storeFour(of(gradient), w.zeros),
      ...w.increase(at, w.constant(16)),
    ]),
    ...w.increase(rows, w.constant(4)),
  ];
  return l.kernel(w.runIfBelow(get(rows), get(rowsEnd), w.repeat(rows, get(rowsEnd), each)));
}

export const rowKernels = { sumRows: sumRows(), addToRows: addToRows(), dotRows: dotRows(), adam: adam() };
