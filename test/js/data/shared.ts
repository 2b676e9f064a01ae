// Where the real collections lie that some tests read: ../shared/data next to the repository, in this project's own checks.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../../../shared/data');

/** Whether they are there; tests that need them are skipped, by name, where they are not. */
export const haveShared = existsSync(root);

/** A path below ../shared/data. */
export const shared = (...parts: string[]): string => join(root, ...parts);
