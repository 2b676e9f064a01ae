// The table of bad inputs for errors.test.ts: what is wrong, and what the error must be. A line a case, so that it can be read as a table.
import { randomBatch } from './helpers';

export const good = () => randomBatch({ seed: 21, queries: 2, docs: 4 });

/** What is wrong, which loss is asked, what the batch gets, which options, and what the error must be. */
export type BadCase = [
  what: string,
  loss: string,
  batch: object,
  options: object,
  kind: typeof TypeError | typeof RangeError,
  code: string,
  message: RegExp,
];

/** A Proxy that refuses everything. */
export function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

export function detached<T extends Float32Array | Uint8Array | Uint16Array | Int32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  return array;
}
const resizable = (bytes: number) =>
  new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(bytes, {
    maxByteLength: 2 * bytes,
  });
const shared = (bytes: number) => new SharedArrayBuffer(bytes) as unknown as ArrayBuffer;
export const at = (array: Float32Array | Uint8Array, i: number, value: number) => {
  const copy = array.slice();
  copy[i] = value;
  return copy;
};
export const { student, teacher, labels } = good();
const wide = new Float32Array(64);
wide.set(student);

// prettier-ignore
export const bad: BadCase[] = [
  // the batch and its arrays
  ['a student of doubles', 'kl', { student: new Float64Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /student is a Float64Array; it must be a Float32Array/],
  ['a plain array for a student', 'kl', { student: [1, 2, 3] }, {}, TypeError, 'ERR_CKL_TYPE', /student is \[ 1, 2, 3 \]/],
  ['no student', 'kl', { student: undefined }, {}, TypeError, 'ERR_CKL_TYPE', /student is missing/],
  ['a null student', 'kl', { student: null }, {}, TypeError, 'ERR_CKL_TYPE', /student is null/],
  ['no teacher', 'ckl', { teacher: undefined }, {}, TypeError, 'ERR_CKL_TYPE', /teacher is missing; ckl compares/],
  ['a teacher of bytes', 'nll', { teacher: new Uint8Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /teacher is a Uint8Array/],
  ['no labels', 'kl', { labels: undefined }, {}, TypeError, 'ERR_CKL_TYPE', /labels is missing; it must be a Uint8Array/],
  ['signed labels', 'kl', { labels: new Int8Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /labels is an Int8Array/],
  ['clamped labels', 'kl', { labels: new Uint8ClampedArray(8) }, {}, TypeError, 'ERR_CKL_TYPE', /Uint8ClampedArray/],
  ['halves without dtype', 'kl', { student: new Uint16Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /say how to read it with the option dtype/],
  ['halves with dtype float32', 'kl', { teacher: new Uint16Array(8) }, { dtype: 'float32' }, TypeError, 'ERR_CKL_TYPE', /teacher is a Uint16Array/],
  ['ranks of doubles', 'ckl', { ranks: new Float64Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /ranks is a Float64Array; it must be a Uint8Array, /],
  ['signed 16-bit ranks', 'ckl', { ranks: new Int16Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /ranks is an Int16Array/],
  ['beta of doubles', 'ckl', { beta: new Float64Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /beta is a Float64Array/],
  ['relevance of bytes', 'lambdaMrr', { relevance: new Uint8Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /relevance/],
  ['weights in a list', 'kl', { weights: [1, 1] }, {}, TypeError, 'ERR_CKL_TYPE', /weights is \[ 1, 1 \]/],
  ['grad of doubles', 'kl', { grad: new Float64Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /grad is a Float64Array/],
  ['perQuery of doubles', 'kl', { perQuery: new Float64Array(2) }, {}, TypeError, 'ERR_CKL_TYPE', /perQuery is a Float64Array/],
  ['offsets of the wrong type', 'kl', { shape: undefined, offsets: new Uint32Array(3) }, {}, TypeError, 'ERR_CKL_TYPE', /offsets is a Uint32Array; it must be an Int32Array/],
  ['a misspelt input', 'ckl', { rank: new Uint8Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /batch\.rank is unknown \(did you mean "ranks"\?\)/],
  ['an option in the batch', 'ckl', { gamma: 5 }, {}, TypeError, 'ERR_CKL_TYPE', /batch\.gamma is unknown/],
  ['teacherGrad of another type', 'kl', { teacherGrad: new Uint16Array(8) }, { dtype: 'float16' }, TypeError, 'ERR_CKL_TYPE', /both must hold the same type/],
  ['teacherGrad for nll', 'nll', { teacherGrad: new Float32Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /nll does not read the teacher/],
  // shapes and lengths
  ['no shape', 'kl', { shape: undefined }, {}, TypeError, 'ERR_CKL_SHAPE', /shape is missing; give shape: \[queries, documents\], or offsets/],
  ['a number for a shape', 'kl', { shape: 8 }, {}, TypeError, 'ERR_CKL_SHAPE', /shape is 8/],
  ['a shape of one number', 'kl', { shape: [8] }, {}, RangeError, 'ERR_CKL_SHAPE', /shape is \[ 8 \]/],
  ['a shape of three', 'kl', { shape: [2, 2, 2] }, {}, RangeError, 'ERR_CKL_SHAPE', /shape is \[ 2, 2, 2 \]/],
  ['a fractional shape', 'kl', { shape: [2, 4.5] }, {}, RangeError, 'ERR_CKL_SHAPE', /4\.5/],
  ['a negative shape', 'kl', { shape: [-2, 4] }, {}, RangeError, 'ERR_CKL_SHAPE', /-2/],
  ['a NaN shape', 'kl', { shape: [NaN, 4] }, {}, RangeError, 'ERR_CKL_SHAPE', /NaN/],
  ['a shape of text', 'kl', { shape: ['2', '4'] }, {}, RangeError, 'ERR_CKL_SHAPE', /'2', '4'/],
  ['an enormous shape', 'kl', { shape: [2 ** 40, 2 ** 12] }, {}, RangeError, 'ERR_CKL_SHAPE', /student has 8 elements/],
  ['shape and offsets', 'kl', { offsets: Int32Array.of(0, 4, 8) }, {}, TypeError, 'ERR_CKL_SHAPE', /shape and offsets are both given/],
  ['rowStride and offsets', 'kl', { shape: undefined, rowStride: 4, offsets: Int32Array.of(0, 4, 8) }, {}, TypeError, 'ERR_CKL_SHAPE', /rowStride and offsets/],
  ['rowStride below documents', 'kl', { rowStride: 3 }, {}, RangeError, 'ERR_CKL_SHAPE', /rowStride is 3; .* at least the 4 documents/],
  ['a fractional rowStride', 'kl', { rowStride: 4.5 }, {}, RangeError, 'ERR_CKL_SHAPE', /rowStride is 4\.5/],
  ['a rowStride past the end', 'kl', { rowStride: 5 }, {}, RangeError, 'ERR_CKL_SHAPE', /student has 8 elements; shape \[2, 4\] with rowStride 5 needs at least 9/],
  ['a student too short', 'kl', { student: new Float32Array(7) }, {}, RangeError, 'ERR_CKL_SHAPE', /student has 7 elements; shape \[2, 4\] needs 8/],
  ['a student too long', 'kl', { student: new Float32Array(9) }, {}, RangeError, 'ERR_CKL_SHAPE', /student has 9 elements/],
  ['a teacher too short', 'kl', { teacher: new Float32Array(4) }, {}, RangeError, 'ERR_CKL_SHAPE', /teacher has 4 elements/],
  ['labels too short', 'kl', { labels: new Uint8Array(7) }, {}, RangeError, 'ERR_CKL_SHAPE', /labels has 7 elements/],
  ['ranks too short', 'ckl', { ranks: new Uint8Array(7).fill(1) }, {}, RangeError, 'ERR_CKL_SHAPE', /ranks has 7/],
  ['beta too long', 'ckl', { beta: new Float32Array(9) }, {}, RangeError, 'ERR_CKL_SHAPE', /beta has 9/],
  ['relevance too short', 'lambdaMrr', { relevance: new Float32Array(1) }, {}, RangeError, 'ERR_CKL_SHAPE', /relevance has 1/],
  ['weights of each document', 'kl', { weights: new Float32Array(8) }, {}, RangeError, 'ERR_CKL_SHAPE', /weights has 8 elements; shape \[2, 4\] needs 2/],
  ['grad too short', 'kl', { grad: new Float32Array(7) }, {}, RangeError, 'ERR_CKL_SHAPE', /grad has 7 elements; .* at least 8/],
  ['perQuery too short', 'kl', { perQuery: new Float32Array(1) }, {}, RangeError, 'ERR_CKL_SHAPE', /perQuery has 1/],
  ['teacherGrad too short', 'kl', { teacherGrad: new Float32Array(1) }, {}, RangeError, 'ERR_CKL_SHAPE', /teacherGrad has 1/],
  // offsets
  ['empty offsets', 'kl', { shape: undefined, offsets: new Int32Array(0) }, {}, RangeError, 'ERR_CKL_OFFSETS', /offsets is empty/],
  ['descending offsets', 'kl', { shape: undefined, offsets: Int32Array.of(5, 4, 8) }, {}, RangeError, 'ERR_CKL_OFFSETS', /offsets\[1\] is 4; offsets are positions/],
  ['a negative offset', 'kl', { shape: undefined, offsets: Int32Array.of(-1, 4, 8) }, {}, RangeError, 'ERR_CKL_OFFSETS', /offsets\[0\] is -1/],
  ['a negative last offset', 'kl', { shape: undefined, offsets: Int32Array.of(0, -4) }, {}, RangeError, 'ERR_CKL_OFFSETS', /offsets\[1\] is -4/],
  ['offsets past the end', 'kl', { shape: undefined, offsets: Int32Array.of(0, 4, 9) }, {}, RangeError, 'ERR_CKL_SHAPE', /student has 8 elements; offsets \(2 queries, up to position 9\) needs at least 9/],
  ['an inner offset past the end', 'kl', { shape: undefined, offsets: Int32Array.of(0, 12, 8) }, {}, RangeError, 'ERR_CKL_OFFSETS', /offsets/],
  // values
  ['a label of 7', 'kl', { labels: at(labels, 6, 7) }, {}, RangeError, 'ERR_CKL_LABEL', /labels at query 1, document 2, is 7; a label is 1 \(positive\), 0/],
  ['a label of 254', 'nll', { labels: at(labels, 0, 254) }, {}, RangeError, 'ERR_CKL_LABEL', /query 0, document 0, is 254/],
  ['a rank of 0', 'ckl', { ranks: at(new Uint8Array(8).fill(3), 5, 0) }, {}, RangeError, 'ERR_CKL_RANK', /ranks at query 1, document 1, is 0; a rank is 1 or more/],
  ['a NaN rank', 'lambdaMrr', { ranks: at(new Float32Array(8).fill(3), 1, NaN) }, {}, RangeError, 'ERR_CKL_RANK', /query 0, document 1, is NaN/],
  ['a rank of one half', 'ckl', { ranks: at(new Float32Array(8).fill(3), 1, 0.5) }, {}, RangeError, 'ERR_CKL_RANK', /is 0\.5/],
  ['a negative rank', 'ckl', { ranks: Int32Array.of(1, 2, 3, 4, 1, 2, -3, 4) }, {}, RangeError, 'ERR_CKL_RANK', /query 1, document 2, is -3/],
  ['gamma - beta below 1', 'ckl', { labels: new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0]), beta: at(new Float32Array(8), 7, 4.5) }, {}, RangeError, 'ERR_CKL_BETA', /beta at query 1, document 3, is 4\.5; gamma - beta must be at least 1/],
  ['a NaN beta', 'ckl', { labels: new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0]), beta: at(new Float32Array(8), 1, NaN) }, {}, RangeError, 'ERR_CKL_BETA', /query 0, document 1, is NaN/],
  ['a negative weight', 'kl', { weights: Float32Array.of(1, -1) }, {}, RangeError, 'ERR_CKL_WEIGHT', /weights\[1\] is -1; a query weight is finite and at least 0/],
  ['a NaN weight', 'marginMse', { weights: Float32Array.of(NaN, 1) }, {}, RangeError, 'ERR_CKL_WEIGHT', /weights\[0\] is NaN/],
  ['an infinite weight', 'kl', { weights: Float32Array.of(1, Infinity) }, {}, RangeError, 'ERR_CKL_WEIGHT', /weights\[1\] is Infinity/],
  ['a NaN relevance', 'lambdaMrr', { relevance: at(new Float32Array(8), 6, NaN) }, {}, RangeError, 'ERR_CKL_RELEVANCE', /relevance at query 1, document 2, is NaN/],
  ['an infinite relevance', 'lambdaMrr', { relevance: at(new Float32Array(8), 1, -Infinity) }, {}, RangeError, 'ERR_CKL_RELEVANCE', /is -Infinity/],
  // memory
  ['a detached student', 'kl', { student: detached(student.slice()) }, {}, TypeError, 'ERR_CKL_BUFFER', /student is detached/],
  ['a detached teacher', 'kl', { teacher: detached(teacher.slice()) }, {}, TypeError, 'ERR_CKL_BUFFER', /teacher is detached/],
  ['detached labels', 'kl', { labels: detached(labels.slice()) }, {}, TypeError, 'ERR_CKL_BUFFER', /labels is detached/],
  ['detached weights', 'kl', { weights: detached(new Float32Array(2)) }, {}, TypeError, 'ERR_CKL_BUFFER', /weights is detached/],
  ['a detached grad', 'kl', { grad: detached(new Float32Array(8)) }, {}, TypeError, 'ERR_CKL_BUFFER', /grad is detached/],
  ['detached offsets', 'kl', { shape: undefined, offsets: detached(Int32Array.of(0, 4, 8)) }, {}, TypeError, 'ERR_CKL_BUFFER', /offsets is detached/],
  ['a detached array for no documents', 'kl', { student: detached(new Float32Array(1)), teacher: new Float32Array(0), labels: new Uint8Array(0), shape: [0, 4] }, {}, TypeError, 'ERR_CKL_BUFFER', /student is detached/],
  ['a resizable student', 'kl', { student: new Float32Array(resizable(32)) }, {}, TypeError, 'ERR_CKL_BUFFER', /student lies in a resizable ArrayBuffer/],
  ['resizable labels', 'kl', { labels: new Uint8Array(resizable(8)) }, {}, TypeError, 'ERR_CKL_BUFFER', /labels lies in a resizable/],
  ['a resizable perQuery', 'kl', { perQuery: new Float32Array(resizable(8)) }, {}, TypeError, 'ERR_CKL_BUFFER', /perQuery lies in a resizable/],
  ['a shared teacher', 'kl', { teacher: new Float32Array(shared(32)) }, {}, TypeError, 'ERR_CKL_BUFFER', /teacher lies in a SharedArrayBuffer/],
  ['shared ranks', 'ckl', { ranks: new Uint8Array(shared(8)).fill(1) }, {}, TypeError, 'ERR_CKL_BUFFER', /ranks lies in a SharedArrayBuffer/],
  ['a shared grad', 'kl', { grad: new Float32Array(shared(32)) }, {}, TypeError, 'ERR_CKL_BUFFER', /grad lies in a SharedArrayBuffer/],
  // overlap
  ['grad one element into the student', 'kl', { student: wide.subarray(0, 8), grad: wide.subarray(1, 9) }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and student share memory/],
  ['grad over the teacher', 'kl', { teacher, grad: teacher }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and teacher share memory/],
  ['grad over beta', 'ckl', { beta: wide.subarray(16, 24), grad: wide.subarray(20, 28) }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and beta/],
  ['grad over the weights', 'kl', { weights: wide.subarray(30, 32), grad: wide.subarray(24, 32) }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and weights/],
  ['grad over perQuery', 'kl', { perQuery: wide.subarray(30, 32), grad: wide.subarray(24, 32) }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and perQuery/],
  ['perQuery over the student', 'kl', { student: wide.subarray(0, 8), perQuery: wide.subarray(0, 2) }, {}, RangeError, 'ERR_CKL_OVERLAP', /perQuery and student/],
  ['grad over the labels, as bytes', 'kl', { labels: new Uint8Array(wide.buffer, 128, 8).fill(1), grad: wide.subarray(32, 40) }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and labels/],
  ['grad over the offsets', 'kl', { shape: undefined, ...overOffsets() }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and offsets/],
  ['teacherGrad over the teacher', 'kl', { teacher, teacherGrad: teacher }, {}, RangeError, 'ERR_CKL_OVERLAP', /teacherGrad and teacher/],
  ['teacherGrad over grad', 'kl', { grad: wide.subarray(0, 8), teacherGrad: wide.subarray(4, 12) }, {}, RangeError, 'ERR_CKL_OVERLAP', /grad and teacherGrad/],
  ['grad over the student as another type', 'kl', { student: wide.subarray(0, 8), grad: new Uint16Array(wide.buffer, 0, 8) }, { dtype: 'float16' }, RangeError, 'ERR_CKL_OVERLAP', /grad and student/],
  // options
  ['gamma below 1', 'ckl', {}, { gamma: 0.5 }, RangeError, 'ERR_CKL_OPTION', /gamma is 0\.5; it must be finite and at least 1/],
  ['an infinite gamma', 'ckl', {}, { gamma: Infinity }, RangeError, 'ERR_CKL_OPTION', /gamma is Infinity/],
  ['a gamma beyond float32', 'ckl', {}, { gamma: 1e39 }, RangeError, 'ERR_CKL_OPTION', /gamma is 1e\+39/],
  ['a NaN gamma', 'ckl', {}, { gamma: NaN }, RangeError, 'ERR_CKL_OPTION', /gamma is NaN/],
  ['gamma as text', 'ckl', {}, { gamma: '5' }, TypeError, 'ERR_CKL_OPTION', /gamma is '5'; it must be a number/],
  ['alpha above gamma - 1', 'ckl', {}, { gamma: 2, alpha: 1.5 }, RangeError, 'ERR_CKL_OPTION', /alpha is 1\.5; it must be from 0 to gamma - 1 \(gamma is 2\)/],
  ['a negative alpha', 'ckl', {}, { alpha: -0.1 }, RangeError, 'ERR_CKL_OPTION', /alpha is -0\.1/],
  ['detachWeights that is a number', 'ckl', {}, { detachWeights: 1 }, TypeError, 'ERR_CKL_OPTION', /detachWeights is 1; it must be a boolean/],
  ['detachWeights of bkl', 'bkl', {}, { detachWeights: true }, TypeError, 'ERR_CKL_OPTION', /bkl takes no option detachWeights/],
  ['a negative negativeWeight', 'bkl', {}, { negativeWeight: -0.5 }, RangeError, 'ERR_CKL_OPTION', /negativeWeight is -0\.5; it must be finite and at least 0/],
  ['a negativeWeight beyond float32', 'bkl', {}, { negativeWeight: 1e39 }, RangeError, 'ERR_CKL_OPTION', /negativeWeight is 1e\+39/],
  ['a negativeWeight as text', 'bkl', {}, { negativeWeight: '1' }, TypeError, 'ERR_CKL_OPTION', /negativeWeight is '1'; it must be a number/],
  ['negativeWeight of ckl', 'ckl', {}, { negativeWeight: 1 }, TypeError, 'ERR_CKL_OPTION', /ckl takes no option negativeWeight/],
  ['a beta of 0', 'jsd', {}, { beta: 0 }, RangeError, 'ERR_CKL_OPTION', /beta is 0; it must be between 0 and 1/],
  ['a beta of 1', 'jsd', {}, { beta: 1 }, RangeError, 'ERR_CKL_OPTION', /beta is 1; it must be between 0 and 1/],
  ['a beta that is 1 in float32', 'jsd', {}, { beta: 1 - 1e-12 }, RangeError, 'ERR_CKL_OPTION', /beta is 0\.9+; it must be between/],
  ['a NaN beta of jsd', 'jsd', {}, { beta: NaN }, RangeError, 'ERR_CKL_OPTION', /beta is NaN/],
  ['an array for jsd\'s beta', 'jsd', {}, { beta: new Float32Array(8) }, TypeError, 'ERR_CKL_OPTION', /beta is .*; it must be a number/],
  ['the option beta for ckl', 'ckl', {}, { beta: 0.5 }, TypeError, 'ERR_CKL_OPTION', /ckl takes no option beta/],
  ['a k of 0', 'lambdaNdcg', {}, { k: 0 }, RangeError, 'ERR_CKL_OPTION', /k is 0; it must be a whole number, at least 1/],
  ['a fractional k', 'lambdaNdcg', {}, { k: 2.5 }, RangeError, 'ERR_CKL_OPTION', /k is 2\.5; it must be a whole number/],
  ['an infinite k', 'lambdaNdcg', {}, { k: Infinity }, RangeError, 'ERR_CKL_OPTION', /k is Infinity/],
  ['a negative mu', 'lambdaNdcg', {}, { mu: -1 }, RangeError, 'ERR_CKL_OPTION', /mu is -1; it must be finite and at least 0/],
  ['a steepness of 0', 'adrMse', {}, { steepness: 0 }, RangeError, 'ERR_CKL_OPTION', /steepness is 0; it must be finite and greater than 0/],
  ['an infinite steepness', 'adrMse', {}, { steepness: Infinity }, RangeError, 'ERR_CKL_OPTION', /steepness is Infinity/],
  ['neither relevance nor teacher', 'rankNet', { teacher: undefined }, {}, TypeError, 'ERR_CKL_TYPE', /relevance and teacher are missing; rankNet takes the order/],
  ['neither for listMle', 'listMle', { teacher: null, relevance: null }, {}, TypeError, 'ERR_CKL_TYPE', /relevance and teacher are missing; listMle/],
  ['a NaN relevance of lambdaNdcg', 'lambdaNdcg', { relevance: at(new Float32Array(8), 6, NaN) }, {}, RangeError, 'ERR_CKL_RELEVANCE', /relevance at query 1, document 2, is NaN/],
  ['teacherGrad of adrMse', 'adrMse', {}, { teacherGrad: true }, TypeError, 'ERR_CKL_OPTION', /adrMse only orders documents by the teacher, so it has no teacherGrad/],
  ['teacherGrad for listMle', 'listMle', { teacherGrad: new Float32Array(8) }, {}, TypeError, 'ERR_CKL_TYPE', /listMle only orders documents by the teacher/],
  ['pairMean for listMle', 'listMle', {}, { pairMean: 'batch' }, TypeError, 'ERR_CKL_OPTION', /listMle takes no option pairMean/],
  ['a negative lambda', 'bkl', {}, { lambda: -1 }, RangeError, 'ERR_CKL_OPTION', /lambda is -1/],
  ['an infinite nllWeight', 'klLogL', {}, { nllWeight: Infinity }, RangeError, 'ERR_CKL_OPTION', /nllWeight is Infinity/],
  ['a temperature of 0', 'kl', {}, { studentTemperature: 0 }, RangeError, 'ERR_CKL_OPTION', /studentTemperature is 0; it must be finite and greater than 0/],
  ['an infinite temperature', 'kl', {}, { teacherTemperature: Infinity }, RangeError, 'ERR_CKL_OPTION', /teacherTemperature is Infinity/],
  ['a NaN gradScale', 'kl', {}, { gradScale: NaN }, RangeError, 'ERR_CKL_OPTION', /gradScale is NaN/],
  ['an unknown reduction', 'kl', {}, { reduction: 'average' }, RangeError, 'ERR_CKL_OPTION', /reduction is 'average'; it must be mean, sum or none/],
  ['a reduction that is no text', 'kl', {}, { reduction: 1 }, TypeError, 'ERR_CKL_OPTION', /reduction is 1/],
  ['an unknown dtype', 'kl', {}, { dtype: 'bf16' }, RangeError, 'ERR_CKL_OPTION', /dtype is 'bf16'/],
  ['diagnostics that is no boolean', 'kl', {}, { diagnostics: 1 }, TypeError, 'ERR_CKL_OPTION', /diagnostics is 1; it must be a boolean/],
  ['teacherGrad that is no array', 'kl', {}, { teacherGrad: 'yes' }, TypeError, 'ERR_CKL_OPTION', /teacherGrad is 'yes'/],
  ['teacherGrad of nll', 'nll', {}, { teacherGrad: true }, TypeError, 'ERR_CKL_OPTION', /nll does not read the teacher/],
  ['a misspelt option', 'ckl', {}, { gama: 5 }, TypeError, 'ERR_CKL_OPTION', /ckl takes no option gama \(did you mean "gamma"\?\); it takes gamma, alpha, detachWeights, studentTemperature/],
  ['gamma for kl', 'kl', {}, { gamma: 5 }, TypeError, 'ERR_CKL_OPTION', /kl takes no option gamma; it takes studentTemperature/],
  ['lambda for ckl', 'ckl', {}, { lambda: 1 }, TypeError, 'ERR_CKL_OPTION', /ckl takes no option lambda/],
  ['pairMean for marginMse', 'marginMse', {}, { pairMean: 'batch' }, TypeError, 'ERR_CKL_OPTION', /marginMse takes no option pairMean/],
  ['an unknown pairMean', 'lambdaMrr', {}, { pairMean: 'all' }, RangeError, 'ERR_CKL_OPTION', /pairMean is 'all'; it must be query or batch/],
  ['pairMean batch with sum', 'lambdaMrr', {}, { pairMean: 'batch', reduction: 'sum' }, RangeError, 'ERR_CKL_OPTION', /pairMean is 'batch' and reduction is 'sum'/],
  ['fractional threads', 'kl', {}, { threads: 1.5 }, RangeError, 'ERR_CKL_OPTION', /threads is 1\.5/],
  ['negative threads', 'kl', {}, { threads: -1 }, RangeError, 'ERR_CKL_OPTION', /threads is -1/],
  ['options that are no object', 'kl', {}, 5 as never, TypeError, 'ERR_CKL_OPTION', /options is 5; it must be an object/],
  ['null options', 'kl', {}, null as never, TypeError, 'ERR_CKL_OPTION', /options is null/],
  // backends
  ['an unknown backend', 'kl', {}, { backend: 'gpu' }, RangeError, 'ERR_CKL_BACKEND', /backend is 'gpu' .*; it must be auto, cpu or cuda/],
  ['an unknown instruction set', 'kl', {}, { cpuTarget: 'avx1024' }, RangeError, 'ERR_CKL_BACKEND', /cpuTarget is 'avx1024'.*this machine can run /],
];

function overOffsets() {
  const memory = new ArrayBuffer(64);
  const offsets = new Int32Array(memory, 0, 3);
  offsets.set([0, 4, 8]);
  return { offsets, grad: new Float32Array(memory, 8, 8) };
}
