// What is measured on a GPU: shapes, types, variants of the losses; and the figures to reach.

/** Batches whose time is that of starting them. Their inputs stay in the cache, as those of a model that just made them. */
const latency = [
  [32, 8],
  [64, 50],
  [1024, 8],
  [4096, 32],
  [1, 262144],
];
const throughput = [
  ...[16, 32, 64].map((docs) => [4194304 / docs, docs]),
  ...[
    [65536, 50],
    [32768, 128],
    [32768, 256],
    [32768, 1024],
    [32768, 4096],
    [8192, 1000],
    [8192, 1001],
  ],
  ...[
    [8192, 5000],
    [2048, 20000],
    [8192, 16384],
    [4096, 32768],
    [4096, 65536],
    [2048, 131072],
    [1024, 262144],
  ],
];
export const shapes = [...latency, ...throughput];
/** A few that stand for the rest. */
export const quickShapes = [
  [64, 50],
  [65536, 64],
  [32768, 1024],
  [4096, 32768],
  [1024, 262144],
];
/** Fresh ranks of longer rows take seconds a run. */
export const longestFresh = 32768;
/** For kernels on the host: whether the program works. */
export const emulatedShapes = [
  [32, 8],
  [64, 50],
  [2, 1500],
];

export const dtypes = { float32: 4, bfloat16: 2 };

/** ranks: 'none' (they are not read), 'given' (uint16), 'fresh' (those of the scores). */
export const variants = [
  { name: 'γ=5', loss: 'ckl', gamma: 5, alpha: 0, ranks: 'none' },
  { name: 'γ=2.3', loss: 'ckl', gamma: 2.3, alpha: 0, ranks: 'none' },
  { name: 'γ=5, ranks given', loss: 'ckl', gamma: 5, alpha: 1, ranks: 'given' },
  { name: 'γ=2.3, ranks given', loss: 'ckl', gamma: 2.3, alpha: 1, ranks: 'given' },
  { name: 'γ=5, fresh ranks', loss: 'ckl', gamma: 5, alpha: 1, ranks: 'fresh' },
  { name: 'γ=2.3, fresh ranks', loss: 'ckl', gamma: 2.3, alpha: 1, ranks: 'fresh' },
  { name: 'kl', loss: 'kl', gamma: 1, alpha: 0, ranks: 'none' },
];

/** Options of ckl-loss for a variant. */
export const optionsOf = ({ loss, gamma, alpha }) => (loss === 'kl' ? {} : { gamma, alpha });

/** The least that can be moved: two scores and a label in, a gradient out; ranks where they are given. */
export const bytesOf = ([queries, docs], dtype, { ranks }) =>
  queries * docs * (3 * dtypes[dtype] + 1 + (ranks === 'given' ? 2 : 0));

/** Batches that are rotated through, so that together they are larger than any GPU's cache. */
export const setsOf = (shape, dtype, variant, emulated = false) =>
  emulated ? 2 : Math.max(1, Math.min(64, Math.ceil((192 * 2 ** 20) / bytesOf(shape, dtype, variant))));

export const isLatency = ([queries, docs]) => latency.some(([q, d]) => q === queries && d === docs);

/** The fraction of a copy's speed to reach; null where a copy says nothing. */
export function fractionToReach(shape, dtype, { ranks }) {
  const [, docs] = shape;
  if (isLatency(shape) || ranks === 'fresh') return null;
  const [long, middle, short, shortest] =
    dtype === 'float32' ? [0.95, 0.9, 0.8, 0.7] : [0.9, 0.85, 0.75, 0.6];
  if (docs >= 8192) return long;
  if (docs >= 1024) return middle;
  return docs >= 32 ? short : shortest;
}

/** How many times as long each peer has to take. */
export const ratiosToReach = { triton: 1, compile: 2, eager: 5 };
/** Up to this many documents, ranks in the kernel may cost this many times the plain loss. */
export const freshRanks = { docs: 64, most: 1.5 };
