// How refine names a student and a collection, in its output and in its model cards.
import type { RefineResult } from '../../refine/job.js';

export const ADAPTER_TITLE = 'Adapter of frozen vectors';

/** How large a collection is; an adapter counts no words. */
export const textsOf = ({ documents, words }: Pick<RefineResult['data'], 'documents' | 'words'>): string =>
  words === 0 ? `${documents} documents` : `${documents} documents, ${words} words`;
