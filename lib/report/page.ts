// Composes the report.
import type { SavedComparison } from '../cli/compare.js';
import { resultTable } from './tables.js';
import type { Plotting } from './plotting.js';

export function renderPage(saved: SavedComparison, _plotting: Plotting): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Losses compared on ${saved.data.name}</title></head><body>
<h1>Losses compared</h1>
${saved.tables.map((table) => resultTable(table, saved)).join('\n')}
</body></html>
`;
}
