// Finds tfjs-core, an optional peer: programs that import ckl-loss/tfjs have their own tfjs.
import { createRequire } from 'node:module';
import type * as Tfjs from '@tensorflow/tfjs-core';

/** `ckl-loss/tfjs` was imported, but tfjs is not installed. */
export class TfjsMissingError extends Error {
  readonly code = 'ERR_CKL_TFJS';

  constructor(cause: unknown) {
    super(
      'ckl-loss/tfjs needs @tensorflow/tfjs-core, which @tensorflow/tfjs and @tensorflow/tfjs-node include',
      { cause },
    );
  }
}

/** @throws TfjsMissingError */
function load(): typeof Tfjs {
  try {
    return createRequire(__filename)('@tensorflow/tfjs-core') as typeof Tfjs;
  } catch (error) {
    throw new TfjsMissingError(error);
  }
}

/** The program's tfjs-core. */
export const tf = load();
