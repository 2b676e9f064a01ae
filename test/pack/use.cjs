// What a user's first script does, with require.
const assert = require('node:assert');
const { ckl, backends } = require('ckl-loss');

const batch = {
  student: Float32Array.of(1, 0.5, -1, 0, 2, 1),
  teacher: Float32Array.of(3, 0, -1, 1, 0, 2),
  labels: Uint8Array.of(1, 0, 0, 0, 0, 1),
  shape: [2, 3],
};
const { loss, grad, counted } = ckl(batch, { gamma: 5, alpha: 1 });
assert(Number.isFinite(loss));
assert.strictEqual(grad.length, 6);
assert.strictEqual(counted, 2);
assert(Math.abs(grad[0] + grad[1] + grad[2]) < 1e-6);
assert(backends().cpu);
