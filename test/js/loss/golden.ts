// All golden cases.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type GoldenCase, parseGolden } from '../../../lib/lab/cli/doctor/golden';

export const goldenCases: readonly GoldenCase[] = parseGolden(
  gunzipSync(readFileSync(join(__dirname, '../../fixtures/golden.jsonl.gz'))).toString(),
);
