// A list that is read by index: an array, or an object that keeps its elements in compact memory and creates
// them on demand.

export interface Sequence<T> extends Iterable<T> {
  readonly length: number;
  at(place: number): T | undefined;
  slice(first?: number, end?: number): readonly T[];
}

/** Ids that know their places. */
interface Placed {
  placeOf(id: string): number;
}

/** Finds the place of an id, -1 if it is not there. */
export function placesOf(ids: Sequence<string> | (Sequence<string> & Placed)): (id: string) => number {
  if ('placeOf' in ids) return (id) => ids.placeOf(id);
  const places = new Map<string, number>();
  let place = 0;
  for (const id of ids) places.set(id, place++);
  return (id) => places.get(id) ?? -1;
}
