// Machine code of late interaction and of expansion: products of a few vectors with many, and what is made of them.
import * as w from './wasm.js';
import { get, Locals, range, set, type Code, type Kernel } from './wasm.js';

const { I32, F32, V128 } = w;

/**
 * out[i][t] = Σ_k table[chosen[i]][k] · few[k][t], rounded to float32 after each operation and summed in the order of k.
 *
 * `few` stands column by column, each `rowBytes` long, so that four of its rows are one vector; four chosen rows share each of these loads,
 * and eight sums go on at a time. The counts of both, and so `rowBytes` / 4, are multiples of four.
 */
function products(): Kernel {
  const l = new Locals({
    ...{ table: I32, few: I32, chosen: I32, chosenEnd: I32, out: I32, rowBytes: I32, widthBytes: I32 },
  });
  const { table, few, chosen, chosenEnd, out, rowBytes, widthBytes } = l.parameters;
  const [column, columnAt, outAt, k, limit] = range(5).map(() => l.local(I32));
  const rows = range(4).map(() => l.local(I32));
  const sums = rows.map(() => range(2).map(() => l.local(V128)));
  const given = range(2).map(() => l.local(V128));
  const number = l.local(V128);
  const block = (columns: number): Code => {
    const own = sums.map((row) => row.slice(0, columns));
    return [
      ...own.flat().flatMap((sum) => set(sum, w.zeros)),
      ...set(columnAt, w.add(get(few), get(column))),
      ...set(k, w.constant(0)),
      ...w.repeat(k, get(widthBytes), [
        ...given.slice(0, columns).flatMap((value, c) => set(value, w.loadFour(get(columnAt), 16 * c))),
        ...rows.flatMap((row, r) => [
          ...set(number, w.loadOneFourTimes(w.add(get(row), get(k)))),
          ...own[r].flatMap((sum, c) =>
            set(sum, w.addFour(get(sum), w.multiplyFour(get(number), get(given[c])))),
          ),
        ]),
        ...w.increase(columnAt, get(rowBytes)),
        ...w.increase(k, w.constant(4)),
      ]),
      ...set(outAt, w.add(get(out), get(column))),
      ...own.flatMap((row) => [
        ...row.flatMap((sum, c) => w.storeFour(get(outAt), get(sum), 16 * c)),
        ...w.increase(outAt, get(rowBytes)),
      ]),
      ...w.increase(column, w.constant(16 * columns)),
    ];
  };
  const columnsInBlocks = (columns: number): Code => [
    ...set(limit, w.and(get(rowBytes), w.constant(-16 * columns))),
    ...w.runIfBelow(get(column), get(limit), w.repeat(column, get(limit), block(columns))),
  ];
  const fourRows = [
    ...rows.flatMap((row, r) =>
      set(row, w.add(get(table), w.multiply(w.loadInteger(get(chosen), 4 * r), get(widthBytes)))),
    ),
    ...set(column, w.constant(0)),
    ...columnsInBlocks(2),
    ...columnsInBlocks(1),
    ...w.increase(out, w.multiply(get(rowBytes), w.constant(4))),
    ...w.increase(chosen, w.constant(16)),
  ];
  return l.kernel(w.runIfBelow(get(chosen), get(chosenEnd), w.repeat(chosen, get(chosenEnd), fourRows)));
}

/** Turns cosines into what a match is worth, in place: strengths[u] · max(0, cosines[u][t])², one strength a row. */
function worth(): Kernel {
  const l = new Locals({ cosines: I32, cosinesEnd: I32, strengths: I32, rowBytes: I32 });
  const { cosines, cosinesEnd, strengths, rowBytes } = l.parameters;
  const end = l.local(I32);
  const [strength, cosine] = range(2).map(() => l.local(V128));
  const row = [
    ...set(end, w.add(get(cosines), get(rowBytes))),
    ...set(strength, w.loadOneFourTimes(get(strengths))),
    ...w.increase(strengths, w.constant(4)),
    ...w.repeat(cosines, get(end), [
      ...set(cosine, w.largerFour(w.loadFour(get(cosines)), w.zeros)),
      ...w.storeFour(get(cosines), w.multiplyFour(get(strength), w.multiplyFour(get(cosine), get(cosine)))),
      ...w.increase(cosines, w.constant(16)),
    ]),
  ];
  return l.kernel(w.runIfBelow(get(cosines), get(cosinesEnd), w.repeat(cosines, get(cosinesEnd), row)));
}

/**
 * For each document d, whose places and factors end where ends[d] says, counted in documents' words:
 * values[d][t] = max(0, max_i factors[i] · worth[places[i]][t]), and if `which` is asked for, which[d][t] = the first such i counted from the
 * document's first word, -1 where the maximum is 0.
 */
function matches(withIndex: boolean): Kernel {
  const l = new Locals({
    ...{ worth: I32, places: I32, factors: I32, ends: I32, endsEnd: I32, rowBytes: I32, values: I32 },
    ...(withIndex && { which: I32 }),
  } as Record<'worth' | 'places' | 'factors' | 'ends' | 'endsEnd' | 'rowBytes' | 'values' | 'which', number>);
  const { worth, places, factors, ends, endsEnd, rowBytes, values, which } = l.parameters;
  const [first, column, at, limit, factorAt] = range(5).map(() => l.local(I32));
  const [best, value, index, mask] = range(4).map(() => l.local(V128));
  const row = w.add(get(worth), w.multiply(w.loadInteger(get(at)), get(rowBytes)));
  const found = w.multiplyFour(w.loadOneFourTimes(get(factorAt)), w.loadFour(w.add(row, get(column))));
  const place = [...w.subtract(get(at), get(first)), ...w.constant(2), 0x76];
  const word = [
    ...(withIndex
      ? [
          ...set(value, found),
          ...set(mask, w.aboveFour(get(value), get(best))),
          ...set(best, w.choose(get(value), get(best), get(mask))),
          ...set(index, w.choose(w.fourIntegers(place), get(index), get(mask))),
        ]
      : set(best, w.largerFour(get(best), found))),
    ...w.increase(factorAt, w.constant(4)),
    ...w.increase(at, w.constant(4)),
  ];
  const block = [
    ...set(best, w.zeros),
    ...(withIndex ? set(index, w.fourIntegers(w.constant(-1))) : []),
    ...set(at, get(first)),
    // As far into the factors as the place is into the places.
    ...set(factorAt, w.add(get(factors), w.subtract(get(first), get(places)))),
    ...w.runIfBelow(get(at), get(limit), w.repeat(at, get(limit), word)),
    ...w.storeFour(w.add(get(values), get(column)), get(best)),
    ...(withIndex ? w.storeFour(w.add(get(which), get(column)), get(index)) : []),
    ...w.increase(column, w.constant(16)),
  ];
  const document = [
    ...set(limit, w.add(get(places), w.multiply(w.loadInteger(get(ends)), w.constant(4)))),
    ...set(column, w.constant(0)),
    ...w.repeat(column, get(rowBytes), block),
    ...set(first, get(limit)),
    ...w.increase(values, get(rowBytes)),
    ...(withIndex ? w.increase(which, get(rowBytes)) : []),
    ...w.increase(ends, w.constant(4)),
  ];
  return l.kernel([
    ...set(first, get(places)),
    ...w.runIfBelow(get(ends), get(endsEnd), w.repeat(ends, get(endsEnd), document)),
  ]);
}

/** out[j] = Σ_t strengths[t] · (max(0, cosines[j][t] - tau) · slope)². */
function expansions(): Kernel {
  const l = new Locals({
    ...{ cosines: I32, cosinesEnd: I32, strengths: I32, rowBytes: I32, out: I32, tau: F32, slope: F32 },
  });
  const { cosines, cosinesEnd, strengths, rowBytes, out, tau, slope } = l.parameters;
  const [end, strengthAt] = range(2).map(() => l.local(I32));
  const [sum, over] = range(2).map(() => l.local(V128));
  const row = [
    ...set(end, w.add(get(cosines), get(rowBytes))),
    ...set(strengthAt, get(strengths)),
    ...set(sum, w.zeros),
    ...w.repeat(cosines, get(end), [
      ...set(over, w.largerFour(w.subtractFour(w.loadFour(get(cosines)), w.four(get(tau))), w.zeros)),
      ...set(over, w.multiplyFour(get(over), w.four(get(slope)))),
      ...set(
        sum,
        w.addFour(
          get(sum),
          w.multiplyFour(w.loadFour(get(strengthAt)), w.multiplyFour(get(over), get(over))),
        ),
      ),
      ...w.increase(cosines, w.constant(16)),
      ...w.increase(strengthAt, w.constant(16)),
    ]),
    ...w.storeOne(get(out), w.sumOfFour(sum)),
    ...w.increase(out, w.constant(4)),
  ];
  return l.kernel(w.runIfBelow(get(cosines), get(cosinesEnd), w.repeat(cosines, get(cosinesEnd), row)));
}

export const matchKernels = {
  products: products(),
  worth: worth(),
  matches: matches(false),
  bestMatches: matches(true),
  expansions: expansions(),
};
