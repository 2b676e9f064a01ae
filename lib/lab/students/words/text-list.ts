// Texts concatenated in flat arrays, as the native tables take them.
import { floatRoom, integerRoom } from '../room.js';
import type { Bag } from './bags.js';

/** Room that is reused from list to list. */
export class TextList {
  count = 0;
  /** Words of all texts together. */
  size = 0;
  private readonly idRoom = integerRoom();
  private readonly factorRoom = floatRoom();
  private readonly offsetRoom = integerRoom();

  /** Forgets the texts. */
  clear(): void {
    this.count = 0;
    this.size = 0;
  }

  add({ words, weights }: Pick<Bag, 'words' | 'weights'>): void {
    const { size, count } = this;
    this.size = size + words.length;
    this.idRoom.grown(this.size).set(words, size);
    this.factorRoom.grown(this.size).set(weights, size);
    const offsets = this.offsetRoom.grown(count + 2);
    offsets[0] = 0;
    offsets[count + 1] = this.size;
    this.count = count + 1;
  }

  /** The words of all texts; behind `size` of them there is room. */
  get ids(): Int32Array {
    return this.idRoom.of(this.size);
  }

  get factors(): Float32Array {
    return this.factorRoom.of(this.size);
  }

  get offsets(): Int32Array {
    return this.offsetRoom.of(this.count + 1).subarray(0, this.count + 1);
  }
}
