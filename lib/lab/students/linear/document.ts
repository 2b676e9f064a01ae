// A document prepared for matching: the positions of each word, in the title and in the whole document.
import { words } from '../words/text.js';

export class PreparedDocument {
  /** Word -> its positions, ascending; the title comes first. */
  readonly positions = new Map<string, number[]>();
  readonly title: ReadonlySet<string>;
  readonly length: number;
  readonly all: readonly string[];

  constructor(title: string, text: string) {
    const titleWords = words(title);
    // Some collections repeat the title at the start of the text; counting it twice would favour short texts.
    const body = words(text);
    const repeated = titleWords.length > 0 && titleWords.every((word, i) => body[i] === word);
    this.all = repeated ? body : [...titleWords, ...body];
    this.title = new Set(titleWords);
    this.length = this.all.length;
    this.all.forEach((word, position) => {
      const found = this.positions.get(word);
      if (found) found.push(position);
      else this.positions.set(word, [position]);
    });
  }

  count(word: string): number {
    return this.positions.get(word)?.length ?? 0;
  }
}
