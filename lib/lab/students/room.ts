// Reusable arrays that grow on demand instead of being reallocated.

/** Room for numbers: the contents are arbitrary, and the array is reused by the next call. */
class Room<A extends Float32Array | Float64Array | Int32Array> {
  private held: A;

  constructor(private readonly make: (length: number) => A) {
    this.held = make(0);
  }

  /** An array of at least that length. */
  of(length: number): A {
    if (this.held.length < length) this.held = this.make(Math.max(length, 2 * this.held.length));
    return this.held;
  }

  /** The same, but keeps the existing contents at the beginning. */
  grown(length: number): A {
    const { held } = this;
    const room = this.of(length);
    if (room !== held) room.set(held);
    return room;
  }
}

export const floatRoom = () => new Room((length) => new Float32Array(length));
export const doubleRoom = () => new Room((length) => new Float64Array(length));
export const integerRoom = () => new Room((length) => new Int32Array(length));
export type FloatRoom = ReturnType<typeof floatRoom>;
export type DoubleRoom = ReturnType<typeof doubleRoom>;
export type IntegerRoom = ReturnType<typeof integerRoom>;
