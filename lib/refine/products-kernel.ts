// The machine code of late interaction's inner loops: WebAssembly with 128-bit vectors, assembled here, five times as fast as JavaScript.

type Code = number[];

const I32 = 0x7f;
const V128 = 0x7b;
/** A block without a result. */
const EMPTY = 0x40;

/** A whole number in LEB128, as the format has it. */
function leb(value: number): Code {
  const out: Code = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    // The sign bit of the last byte must be clear: constants are signed.
    if (rest < 0x40) return [...out, low];
    out.push(low | 0x80);
  }
}

const counted = (items: readonly Code[]): Code => [...leb(items.length), ...items.flat()];
const sized = (code: Code): Code => [...leb(code.length), ...code];
const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))];
const text = (name: string): Code => sized([...Buffer.from(name)]);

const get = (local: number): Code => [0x20, ...leb(local)];
const set = (local: number, value: Code): Code => [...value, 0x21, ...leb(local)];
const constant = (value: number): Code => [0x41, ...leb(value)];
const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
const multiply = (a: Code, b: Code): Code => [...a, ...b, 0x6c];
const increase = (local: number, by: Code): Code => set(local, add(get(local), by));
/** Runs the body until the local reaches the limit; at least once. */
const repeat = (local: number, limit: Code, body: Code): Code => [
  ...[0x03, EMPTY, ...body],
  ...[...get(local), ...limit, 0x49],
  ...[0x0d, 0, 0x0b],
];
const runIfBelow = (a: Code, b: Code, body: Code): Code => [...a, ...b, 0x49, 0x04, EMPTY, ...body, 0x0b];
const loadInteger = (address: Code, offset: number): Code => [...address, 0x28, 2, ...leb(offset)];
const loadFour = (address: Code): Code => [...address, 0xfd, 0x00, 2, 0];
const loadOneFourTimes = (address: Code): Code => [...address, 0xfd, 0x09, 2, 0];
const storeFour = (address: Code, value: Code): Code => [...address, ...value, 0xfd, 0x0b, 2, 0];
const zeros: Code = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];
const addFour = (a: Code, b: Code): Code => [...a, ...b, 0xfd, ...leb(0xe4)];
const largerFour = (a: Code, b: Code): Code => [...a, ...b, 0xfd, ...leb(0xe9)];
const multiplyFour = (a: Code, b: Code): Code => [...a, ...b, 0xfd, ...leb(0xe6)];

/**
 * The function `products(table, few, chosen, out, chosenEnd, rowBytes, widthBytes)`, all addresses and sizes in bytes:
 * out[i][t] = Σ_k table[chosen[i]][k] · few[k][t], rounded to float32 after each operation and summed in the order of k.
 *
 * `few` stands column by column, each `rowBytes` long, so that four of its rows are one vector; four chosen rows share each of these loads.
 * The counts of both, and so `rowBytes` / 4, are multiples of four and not 0.
 */
function products(): Code {
  const [table, few, chosen, out, chosenEnd, rowBytes, widthBytes] = [0, 1, 2, 3, 4, 5, 6];
  const [column, columnAt, outAt, k] = [7, 8, 9, 10];
  const rows = [11, 12, 13, 14];
  const [sums, four] = [[15, 16, 17, 18], 19];
  const step = [
    ...set(four, loadFour(get(columnAt))),
    ...rows.flatMap((row, r) =>
      set(sums[r], addFour(get(sums[r]), multiplyFour(loadOneFourTimes(add(get(row), get(k))), get(four)))),
    ),
    ...increase(columnAt, get(rowBytes)),
    ...increase(k, constant(4)),
  ];
  const block = [
    ...sums.flatMap((sum) => set(sum, zeros)),
    ...set(columnAt, add(get(few), get(column))),
    ...set(k, constant(0)),
    ...repeat(k, get(widthBytes), step),
    ...set(outAt, add(get(out), get(column))),
    ...sums.flatMap((sum) => [...storeFour(get(outAt), get(sum)), ...increase(outAt, get(rowBytes))]),
    ...increase(column, constant(16)),
  ];
  const fourRows = [
    ...rows.flatMap((row, r) =>
      set(row, add(get(table), multiply(loadInteger(get(chosen), 4 * r), get(widthBytes)))),
    ),
    ...set(column, constant(0)),
    ...repeat(column, get(rowBytes), block),
    ...increase(out, multiply(get(rowBytes), constant(4))),
    ...increase(chosen, constant(16)),
  ];
  const locals = counted([
    [8, I32],
    [5, V128],
  ]);
  return [...locals, ...repeat(chosen, get(chosenEnd), fourRows), 0x0b];
}

/**
 * The function `matches(worth, places, factors, ends, endsEnd, rowBytes, out)`, all in bytes: for each document d, whose places and factors end
 * where ends[d] says, counted in documents' words, out[d][t] = max(0, max_i factors[i] · worth[places[i]][t]). There is a document.
 */
function matches(): Code {
  const [worth, places, factors, ends, endsEnd, rowBytes, out] = [0, 1, 2, 3, 4, 5, 6];
  const [first, column, at, limit, factorAt] = [7, 8, 9, 10, 11];
  const best = 12;
  const row = add(get(worth), multiply(loadInteger(get(at), 0), get(rowBytes)));
  const word = [
    ...set(
      best,
      largerFour(get(best), multiplyFour(loadOneFourTimes(get(factorAt)), loadFour(add(row, get(column))))),
    ),
    ...increase(factorAt, constant(4)),
    ...increase(at, constant(4)),
  ];
  const block = [
    ...set(best, zeros),
    ...set(at, get(first)),
    // As far into the factors as the place is into the places.
    ...set(factorAt, add(get(factors), [...get(first), ...get(places), 0x6b])),
    ...runIfBelow(get(at), get(limit), repeat(at, get(limit), word)),
    ...storeFour(add(get(out), get(column)), get(best)),
    ...increase(column, constant(16)),
  ];
  const document = [
    ...set(limit, add(get(places), multiply(loadInteger(get(ends), 0), constant(4)))),
    ...set(column, constant(0)),
    ...repeat(column, get(rowBytes), block),
    ...set(first, get(limit)),
    ...increase(out, get(rowBytes)),
    ...increase(ends, constant(4)),
  ];
  const locals = counted([
    [5, I32],
    [1, V128],
  ]);
  return [...locals, ...set(first, get(places)), ...repeat(ends, get(endsEnd), document), 0x0b];
}

/** The module; it imports its memory as `env.memory` and exports `products` and `matches`. */
export function assemble(): Uint8Array<ArrayBuffer> {
  const parameters = new Array<Code>(7).fill([I32]);
  return Uint8Array.from([
    ...[0, ...Buffer.from('asm'), 1, 0, 0, 0],
    ...section(1, [[0x60, ...counted(parameters), 0]]),
    ...section(2, [[...text('env'), ...text('memory'), 2, 0, 0]]),
    ...section(3, [[0], [0]]),
    ...section(7, [
      [...text('products'), 0, 0],
      [...text('matches'), 0, 1],
    ]),
    ...section(10, [sized(products()), sized(matches())]),
  ]);
}
