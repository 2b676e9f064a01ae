// The report of a comparison: one HTML file with tables, figures and what they support.
import type { SavedComparison } from '../compare/saved.js';
import { renderPage } from './page.js';
import type { Plotting } from './plotting.js';

export { loadPlotting, PlottingMissingError, type Plotting } from './plotting.js';

/** The whole page. The same comparison gives the same bytes. */
export function renderReport(saved: SavedComparison, plotting: Plotting): string {
  return renderPage(saved, plotting);
}
