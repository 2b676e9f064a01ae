// Parts that code blocks of the documentation run after (<!-- with: NAME -->).
// ---- api
import * as everything from 'ckl-loss';
const {
  ckl,
  kl,
  klAsync,
  nll,
  klLogL,
  marginMse,
  lambdaMrr,
  combine,
  prepare,
  ranks,
  rankBias,
  RankTracker,
  backends,
} = everything;
// ---- batch
const [queries, docs] = [4, 16];
const batch = {
  student: Float32Array.from({ length: queries * docs }, (_, i) => 3 * Math.sin(i * 1.7)),
  teacher: Float32Array.from({ length: queries * docs }, (_, i) => 3 * Math.sin(i * 2.3)),
  labels: Uint8Array.from({ length: queries * docs }, (_, i) => (i % docs === 5 ? 1 : 0)),
  shape: [queries, docs],
};
const { student, teacher, labels, shape } = batch;
