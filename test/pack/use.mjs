// The same with import, and that both forms give one module.
import assert from 'node:assert';
import { createRequire } from 'node:module';
import { kl, ckl } from 'ckl-loss';
import * as metrics from 'ckl-loss/metrics';
import * as data from 'ckl-loss/data';
import { devices } from 'ckl-loss/cuda';

assert.strictEqual(createRequire(import.meta.url)('ckl-loss').ckl, ckl);
const { loss } = kl({
  student: Float32Array.of(1, 2),
  teacher: Float32Array.of(1, 2),
  labels: Uint8Array.of(1, 0),
  shape: [1, 2],
});
assert(Math.abs(loss) < 1e-6);
try {
  assert(devices().length > 0);
} catch (error) {
  assert.strictEqual(error.code, 'ERR_CKL_BACKEND');
}
assert(Object.keys(metrics).length > 0 && Object.keys(data).length > 0);
