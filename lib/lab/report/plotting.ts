// Loads the plotting library, which is an optional peer: reports need it, losses do not.
// An import type: the module is ES, this file CommonJS.
// eslint-disable-next-line @typescript-eslint/consistent-type-imports
type Plot = typeof import('@observablehq/plot', { with: { 'resolution-mode': 'import' } });

/** The library, and a document for it to draw in. */
export interface Plotting {
  Plot: Plot;
  /** What Plot takes as its option `document`. */
  document: object;
}

/** The packages that draw reports are not installed, or cannot be loaded. */
export class PlottingMissingError extends Error {
  readonly code = 'ERR_CKL_PLOTTING';

  constructor(cause: unknown) {
    super(
      'an HTML report needs the packages @observablehq/plot and linkedom: npm install @observablehq/plot linkedom',
      { cause },
    );
  }
}

/** @throws PlottingMissingError */
export async function loadPlotting(): Promise<Plotting> {
  try {
    const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
    return { Plot, document: parseHTML('<!doctype html><html><body></body></html>').document };
  } catch (error) {
    throw new PlottingMissingError(error);
  }
}
